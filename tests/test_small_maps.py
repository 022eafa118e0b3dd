"""Convolutions over small maps: the same numbers, parameters and gradients as PyTorch's."""

import copy
from unittest import mock

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from carto_helpers import models
from carto_helpers.networks import small_maps
from carto_helpers.networks.small_maps import ProductConv2d, as_products, is_eligible


@given(
    kernel=st.sampled_from([(1, 1), (3, 3), (3, 1), (5, 5), (7, 7)]),
    n=st.integers(1, 2),
    is_depthwise=st.booleans(),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    has_bias=st.booleans(),
    layout=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
@mock.patch.object(small_maps, "_LEAST_CHANNELS_GATHERED", 1)
def test_output_and_gradients_are_the_convolutions(
    kernel: tuple[int, int],
    n: int,
    is_depthwise: bool,
    height: int,
    width: int,
    stride: tuple[int, int],
    has_bias: bool,
    layout: torch.memory_format,
) -> None:
    assume(is_depthwise or kernel in {(1, 1), (3, 3)})
    torch.manual_seed(0)
    padding = (kernel[0] // 2, kernel[1] // 2)
    n_outputs, groups = (3, 3) if is_depthwise else (5, 1)
    plain = nn.Conv2d(
        3, n_outputs, kernel, stride, padding=padding, groups=groups, bias=has_bias
    ).double()
    assert is_eligible(plain)
    plain.to(memory_format=layout)  # type: ignore[call-overload]  # as documented
    ours = ProductConv2d(copy.deepcopy(plain))
    images = torch.randn(n, 3, height, width, dtype=torch.float64).to(memory_format=layout)
    found = []
    for network in (plain, ours):
        pixels = images.clone().requires_grad_()
        output = network(pixels)
        (output * torch.arange(output.numel()).view(output.shape)).sum().backward()
        found.append([output, pixels.grad, *(p.grad for p in network.parameters())])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, 5, padding=2),
        nn.Conv2d(4, 4, 3, padding=1, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv1d(4, 4, 1),
        nn.utils.spectral_norm(nn.Conv2d(4, 4, 1)),
        ProductConv2d(nn.Conv2d(4, 4, 1)),
    ],
)
def test_other_convolutions_stay(module: nn.Module) -> None:
    assert not is_eligible(module)
    assert as_products(nn.Sequential(module))[0] is module  # type: ignore[index]  # a Sequential


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenetv2_035", "tf_efficientnet_b0"])
def test_parameters_names_and_order_stay(name: str) -> None:
    network = models.create(models.resolve(name, role="student"), n_classes=3, n_channels=1)
    before = dict(network.named_parameters())
    names = list(network.state_dict())
    assert as_products(network) is network
    assert any(isinstance(module, ProductConv2d) for module in network.modules())
    assert list(network.state_dict()) == names
    after = dict(network.named_parameters())
    assert list(after) == list(before)
    assert all(after[name] is parameter for name, parameter in before.items())
