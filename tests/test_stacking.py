"""Networks as one: which may be stacked, what goes in and out of a lane."""

import pytest
import torch
from torch import nn

from carto_helpers import models
from carto_helpers.stacked.stacking import StackedNetwork, obstacles

TINY = models.resolve("test_resnet", role="student")


def made(seed: int, n_classes: int = 4) -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = models.create(TINY, n_classes=n_classes, n_channels=3)
        for _, buffer in network.named_buffers():
            buffer.add_(seed)
        return network


def is_same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_035", "tf_efficientnet_b0", "resnet50"])
def test_the_papers_networks_can_be_stacked(name: str) -> None:
    network = models.create(models.resolve(name, role="student"), n_classes=3, n_channels=1)
    assert obstacles(network) == []


CONV = "Conv2d with 4, 8, kernel_size="


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (nn.Sequential(nn.LayerNorm(4), nn.Dropout()), ["Dropout", "LayerNorm"]),
        (nn.Conv2d(4, 8, 3, groups=2), [f"{CONV}(3, 3), stride=(1, 1), groups=2"]),
        (nn.Conv2d(4, 8, 1, padding="same"), [f"{CONV}(1, 1), stride=(1, 1), padding=same"]),
    ],
)
def test_what_cannot_be_stacked_is_named(network: nn.Module, found: list[str]) -> None:
    assert obstacles(network) == found
    with pytest.raises(ValueError, match="expected layers that can be stacked, got"):
        StackedNetwork([network])


def test_lanes_give_what_their_networks_give() -> None:
    networks = [made(seed) for seed in range(3)]
    images = torch.randn(3, 5, 3, 32, 32)
    found = StackedNetwork(networks)(images)
    for logits, network, own in zip(found, networks, images, strict=True):
        torch.testing.assert_close(logits, network.train()(own), rtol=1e-4, atol=1e-5)


def test_the_networks_are_left_as_they_were() -> None:
    network = made(1)
    StackedNetwork([network])(torch.randn(1, 5, 3, 32, 32))
    assert is_same(network, made(1))


def test_what_is_loaded_is_saved_and_kept() -> None:
    stack, saved = StackedNetwork([made(1), made(2), made(3)]), made(9)
    stack.load(1, made(5))
    stack.keep([2, 1])
    for lane, seed in enumerate((3, 5)):
        stack.save(lane, saved)
        assert is_same(saved, made(seed))
    assert stack(torch.randn(2, 5, 3, 32, 32)).shape == (2, 5, 4)


def test_a_stack_needs_a_network() -> None:
    with pytest.raises(ValueError, match="a stack needs at least one network, got none"):
        StackedNetwork([])


def test_a_stack_has_one_architecture() -> None:
    other = made(0, n_classes=5)
    with pytest.raises(ValueError, match="must have one architecture"):
        StackedNetwork([made(0), other])
    with pytest.raises(ValueError, match="must have one architecture"):
        StackedNetwork([made(0)]).load(0, other)
