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
from carto_helpers.networks.originals import FixedSamePadding
from carto_helpers.networks.small_maps import (
    ProductConv2d,
    as_products,
    is_eligible,
)
from carto_helpers.networks.trimmed import TrimmedConv2d, trimmed_convolutions


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
    images = torch.randn(n, 3, height, width, dtype=torch.float64).to(memory_format=layout)
    ours = as_products(nn.Sequential(copy.deepcopy(plain)), images)
    found = []
    for network in (plain, ours):
        pixels = images.clone().requires_grad_()
        output = network(pixels)
        (output * torch.arange(output.numel()).view(output.shape)).sum().backward()
        found.append([output, pixels.grad, *whole_gradients(network)])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (5, 3), (4, 2)])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_fixed_padding_is_kept(
    kernel: int, stride: int, size: int, layout: torch.memory_format
) -> None:
    """EfficientNet's: a pixel more behind than before, made for another size of image."""
    torch.manual_seed(0)
    plain = FixedSamePadding(nn.Conv2d(3, 3, kernel, stride, groups=3), 14).double()
    plain.to(memory_format=layout)  # type: ignore[call-overload]  # as documented
    images = torch.randn(2, 3, size, size, dtype=torch.float64).to(memory_format=layout)
    ours = as_products(nn.Sequential(copy.deepcopy(plain)), images)
    assert isinstance(ours[0], ProductConv2d)  # type: ignore[index]  # a Sequential
    found = []
    for network in (plain, ours):
        pixels = images.clone().requires_grad_()
        output = network(pixels)
        (output * torch.arange(output.numel()).view(output.shape)).sum().backward()
        found.append([output, pixels.grad, *(p.grad for p in network.parameters())])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.eval()(images), plain(images))


def whole_gradients(network: nn.Module) -> list[torch.Tensor]:
    """Return each parameter's gradient; of a tap that is not trained it is zero."""
    found = []
    trimmed = trimmed_convolutions(network)
    for at, parameter in enumerate(network.parameters()):
        assert parameter.grad is not None
        grad = parameter.grad
        if at in trimmed:
            grad = trimmed[at].whole(grad, torch.zeros_like(trimmed[at].kernel))
        found.append(grad)
    return found


@pytest.mark.parametrize(
    ("pixels", "stride", "n_taps"),
    [
        ((1, 1), 1, 1),
        ((1, 2), 1, 3),
        ((2, 1), 2, 2),
        ((2, 2), 1, 9),
        ((2, 2), 2, 4),
        ((3, 3), 1, None),  # a corner does not see the other side
        ((3, 3), 2, None),
        ((4, 4), 2, None),
    ],
)
def test_only_taps_that_meet_pixels_are_kept(
    pixels: tuple[int, int], stride: int, n_taps: int | None
) -> None:
    network = nn.Sequential(nn.Conv2d(2, 5, 3, stride, padding=1))
    as_products(network, torch.zeros(1, 2, *pixels))
    shape = (5, 2, 3, 3) if n_taps is None else (5, n_taps, 2)
    assert tuple(network[0].weight.shape) == shape
    assert list(trimmed_convolutions(network)) == ([] if n_taps is None else [0])


def test_the_state_is_the_whole_kernels_before_and_after_steps() -> None:
    torch.manual_seed(0)
    images = torch.randn(8, 3, 2, 2)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, 2, padding=1), nn.Conv2d(4, 4, 3, padding=1))
    ours = as_products(copy.deepcopy(plain), images)
    assert list(trimmed_convolutions(ours)) == [0, 2]
    assert_same(ours, plain, rtol=0)
    for network in (plain, ours):
        adam = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(5):
            adam.zero_grad()
            network(images).square().sum().backward()
            adam.step()
    assert_same(ours, plain, rtol=1e-4)
    other = as_products(
        nn.Sequential(nn.Conv2d(3, 4, 3, 2, padding=1), nn.Conv2d(4, 4, 3, padding=1)), images
    )
    other.load_state_dict(ours.state_dict())
    assert_same(other, ours, rtol=0)
    assert torch.equal(other(images), ours(images))


def assert_same(ours: nn.Module, plain: nn.Module, *, rtol: float) -> None:
    state = ours.state_dict()
    assert list(state) == list(plain.state_dict())
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(state[name], tensor, rtol=rtol, atol=rtol)


def test_a_state_is_a_copy_and_a_wrong_one_is_refused() -> None:
    network = as_products(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1)), torch.zeros(1, 2, 1, 1))
    network.state_dict()["0.weight"].zero_()
    assert network.state_dict()["0.weight"].any()
    for shape in ((2, 1, 2), (2, 3, 3)):  # that of the weight itself, and one that could be spread
        wrong = {"0.weight": torch.zeros(shape), "0.bias": torch.zeros(2)}
        with pytest.raises(RuntimeError, match=r"size mismatch for 0.weight: its shape is \(2, "):
            network.load_state_dict(wrong)
    with pytest.raises(RuntimeError, match="Missing key"):
        network.load_state_dict({"0.bias": torch.zeros(2)})


def test_a_trimmed_convolution_refuses_maps_of_another_size() -> None:
    network = as_products(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1)), torch.zeros(1, 2, 1, 1))
    with pytest.raises(ValueError, match=r"expected maps of \(1, 1\) pixels, got \(2, 2\)"):
        network(torch.zeros(1, 2, 2, 2))


class Twice(nn.Module):
    """One convolution over maps of two sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        both = self.convolution(input=images), self.convolution(images[:, :, :1, :1])
        return both[0] + both[1]


class Tied(nn.Sequential):
    """Two convolutions with one kernel."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1))
        self[1].weight = self[0].weight


class Renamed(nn.Sequential):
    """One convolution under two names."""

    def __init__(self) -> None:
        convolution = nn.Conv2d(2, 2, 3, padding=1)
        super().__init__(convolution, nn.Sequential(convolution))


@pytest.mark.parametrize("kind", [Twice, Tied, Renamed])
def test_a_kernel_that_is_used_twice_stays_whole_and_one(kind: type[nn.Module]) -> None:
    network, images = kind(), torch.randn(1, 2, 2, 2)
    expected, n_parameters = network(images), len(list(network.parameters()))
    assert not trimmed_convolutions(as_products(network, images))
    assert len(list(network.parameters())) == n_parameters
    torch.testing.assert_close(network(images), expected)


def test_a_network_of_products_is_taken_again() -> None:
    network, images = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1)), torch.randn(1, 2, 1, 1)
    as_products(network, images)
    trimmed = network[0]
    assert as_products(network, images)[0] is trimmed  # type: ignore[index]  # a Sequential


def test_a_kernel_that_is_not_trained_stays_so() -> None:
    network = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1)).requires_grad_(False)
    as_products(network, torch.zeros(1, 2, 1, 1))
    assert isinstance(network[0], TrimmedConv2d)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_running_statistics_modes_and_hooks_stay_when_sizes_are_looked_for() -> None:
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.BatchNorm2d(2).eval())
    as_products(network, torch.ones(1, 2, 4, 4))
    assert [module.training for module in network.modules()] == [True, True, True, False]
    assert network[1].num_batches_tracked == 0
    assert not network[0]._forward_pre_hooks
    with pytest.raises(RuntimeError, match="shapes"):
        as_products(network, torch.ones(1, 3, 4, 4))
    assert [module.training for module in network.modules()] == [True, True, True, False]
    assert not network[0]._forward_pre_hooks


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, 5, padding=2),
        nn.Conv2d(4, 4, 3, padding=1, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.utils.spectral_norm(nn.Conv2d(4, 4, 1)),
        ProductConv2d(nn.Conv2d(4, 4, 1)),
    ],
)
def test_other_convolutions_stay(module: nn.Module) -> None:
    assert not is_eligible(module)
    network = nn.Sequential(module)
    as_products(network, torch.zeros(1, 4, 5, 5))
    assert network[0] is module


def test_a_convolution_in_one_dimension_stays() -> None:
    assert not is_eligible(nn.Conv1d(4, 4, 1))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenetv2_035", "tf_efficientnet_b0"])
def test_names_shapes_and_order_of_the_state_stay(name: str) -> None:
    network = models.create(models.resolve(name, role="student"), n_classes=3, n_channels=1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    parameters = [name for name, _ in network.named_parameters()]
    assert as_products(network, torch.zeros(1, 1, 32, 32)) is network
    assert any(isinstance(module, ProductConv2d) for module in network.modules())
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert [name for name, _ in network.named_parameters()] == parameters
    assert bool(trimmed_convolutions(network)) == name.startswith("resnet")
