"""What a training step needs at least, counted by hand."""

import torch
from torch import nn

from benchmarks.floors import least, step_bytes, step_flops

MULTIPLY_AND_ADD = 2


def test_gradients_of_depthwise_convolutions_cost_what_their_forward_pass_does() -> None:
    """Weights' alone of the first layer: images have no gradient."""
    network = nn.Sequential(
        nn.Conv2d(3, 8, 1, bias=False), nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    )
    pixels = 2 * 4 * 5
    first, second = pixels * 3 * 8, pixels * 8 * 9
    expected = MULTIPLY_AND_ADD * (2 * first + 3 * second)
    assert step_flops(network, (3, 4, 5), batch_size=2) == expected


def test_the_least_network_has_the_taps_that_meet_pixels() -> None:
    network = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, bias=False))
    needed = least(network, (4, 1, 1))
    assert step_bytes(network) == 44 * 4 * 6 * 9
    assert step_bytes(needed) == 44 * 4 * 6
    assert step_flops(needed, (4, 1, 1), batch_size=2) == MULTIPLY_AND_ADD * 2 * (2 * 4 * 6)
    assert torch.equal(needed.state_dict()["0.weight"], network.state_dict()["0.weight"])
