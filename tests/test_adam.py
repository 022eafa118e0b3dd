"""Adam over lists that are made once takes the steps of PyTorch's own, to the bit."""

import copy

import pytest
import torch
from torch import Tensor, nn

from carto_helpers.adam import Adam


def made_network() -> nn.Sequential:
    """Return layers of several shapes, one in channels_last, and one that gets no gradient."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(5, 2)]
    network = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    network.register_parameter("unused", nn.Parameter(torch.ones(3)))
    return network


def loss_of(network: nn.Module, step: int) -> Tensor:
    draw = torch.Generator().manual_seed(step)
    images = torch.randn(4, 3, 3, 3, generator=draw, dtype=next(network.parameters()).dtype)
    return network(images).square().sum()


@pytest.mark.parametrize("is_fused", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_step_is_pytorchs_to_the_bit(is_fused: bool, dtype: torch.dtype) -> None:
    network = made_network().to(dtype)
    other = copy.deepcopy(network)
    adam = Adam(list(network.parameters()), learning_rate=1e-2, is_fused=is_fused)
    theirs = torch.optim.Adam(other.parameters(), lr=1e-2, fused=is_fused)
    before = [p.detach().clone() for p in network.parameters()]
    for step in range(5):
        for each, optimiser in ((network, adam), (other, theirs)):
            optimiser.zero_grad()
            loss_of(each, step).backward()
            optimiser.step()
    for mine, wanted in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, wanted)
    changed = {
        name for (name, p), old in zip(network.named_parameters(), before, strict=True)
        if not torch.equal(p, old)
    }  # fmt: skip
    assert changed == {name for name, _ in network.named_parameters()} - {"unused"}
    kept = dict(enumerate(adam.moments()))
    for at, state in theirs.state_dict()["state"].items():
        assert all(torch.equal(kept[at][name], tensor) for name, tensor in state.items())


def test_a_parameter_without_a_gradient_begins_when_it_gets_one() -> None:
    late = nn.Parameter(torch.ones(2))
    early = nn.Parameter(torch.ones(2))
    adam = Adam([early, late], learning_rate=0.1, is_fused=True)
    early.grad = torch.ones(2)
    adam.step()
    assert [float(kept["step"]) for kept in adam.moments()] == [1, 0]
    late.grad = torch.ones(2)
    adam.step()
    assert [float(kept["step"]) for kept in adam.moments()] == [2, 1]
    torch.testing.assert_close(late.detach(), torch.full((2,), 0.9))  # a first step is the rate
    adam.zero_grad()
    assert early.grad is None
    assert late.grad is None
    adam.step()  # nothing to do
    assert [float(kept["step"]) for kept in adam.moments()] == [2, 1]


def test_moments_lie_as_their_parameters_do() -> None:
    network = made_network()
    adam = Adam(list(network.parameters()), learning_rate=1e-2, is_fused=True)
    for parameter, kept in zip(network.parameters(), adam.moments(), strict=True):
        assert kept["exp_avg"].stride() == kept["exp_avg_sq"].stride() == parameter.stride()
        assert not kept["exp_avg"].requires_grad


def test_moments_are_made_when_first_needed() -> None:
    parameter = nn.Parameter(torch.ones(2))
    adam = Adam([parameter], learning_rate=0.1, is_fused=True)
    adam.zero_grad()
    assert "_rows" not in vars(adam)  # a stack never needs them
