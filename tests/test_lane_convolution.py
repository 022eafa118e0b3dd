"""Convolutions as products: values and gradients against PyTorch's own, in every form used."""

import pytest
import torch
from torch.nn import functional

from carto_helpers.stacked.lane_convolution import convolve, depthwise

B = 3


def plain(x: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
    """One convolution a group, on images as PyTorch holds them."""
    groups = x.reshape(len(weight), -1, *x.shape[1:]).transpose(1, 2)  # (G, B, C, H, W)
    pairs = zip(groups, weight, strict=True)
    return torch.cat([functional.conv2d(i, w, stride=stride).transpose(0, 1) for i, w in pairs])


def assert_same(ours: torch.Tensor, theirs: torch.Tensor, inputs: tuple[torch.Tensor, ...]) -> None:
    """Values and the inputs' gradients."""
    torch.testing.assert_close(ours, theirs)
    toward = torch.randn_like(theirs)
    mine, others = (torch.autograd.grad(values, inputs, toward) for values in (ours, theirs))
    torch.testing.assert_close(mine, others)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 5), (3, 2)])
@pytest.mark.parametrize(("groups", "depth", "channels"), [(2, 4, 3), (6, 1, 1)])
def test_values_and_gradients_are_those_of_plain_convolutions(
    stride: int, kernel: tuple[int, int], groups: int, depth: int, channels: int
) -> None:
    x = torch.randn(groups * channels, B, 7, 8, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(groups, depth, channels, *kernel, dtype=torch.float64, requires_grad=True)
    assert_same(convolve(x, weight, stride), plain(x, weight, stride), (x, weight))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_the_gpus_depthwise_form_equals_the_cpus(stride: int, size: int) -> None:
    """In values and gradients."""
    x = torch.randn(6, B, 7, 7, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(6, 1, 1, size, size, dtype=torch.float64, requires_grad=True)
    assert_same(depthwise(x, weight, stride), convolve(x, weight, stride), (x, weight))


def test_images_need_no_gradient() -> None:
    weight = torch.randn(2, 4, 3, 3, 3, requires_grad=True)
    convolve(torch.randn(6, B, 5, 5), weight, 1).sum().backward()
    assert weight.grad is not None
