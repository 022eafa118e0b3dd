"""Convolutions over maps of a few pixels as products, which a CPU computes faster.

A convolution's kernel must be laid out anew for each step, as its optimiser has changed it, and
most of its taps meet padding. Where a map has one to sixteen pixels (the last stages of a network
on images of 32 × 32) that takes longer than the sums. A matrix product takes the kernel as it lies,
or the taps that meet pixels; of 3 × 3 kernels the others are left out altogether (`trimmed`).
"""

from collections import Counter, defaultdict
from functools import lru_cache
from typing import TypeGuard, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from carto_helpers.networks.evaluation import evaluation_mode
from carto_helpers.networks.originals import FixedSamePadding
from carto_helpers.networks.trimmed import TrimmedConv2d

# The most output pixels with which the product was faster in the paper's networks, batch 32, and
# the fewest channels whose pixels are worth gathering: benchmarks/notes.md.
_MOST_PIXELS = {1: 16, 3: 4}
_MOST_PIXELS_DEPTHWISE = 4
_LEAST_CHANNELS_GATHERED = 256


class ProductConv2d(nn.Conv2d):
    """A convolution that is a product where its output has few pixels, with the same state.

    Parameters
    ----------
    convolution
        One for which `is_eligible` holds.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__(
            convolution.in_channels,
            convolution.out_channels,
            convolution.kernel_size,  # type: ignore[arg-type]  # a pair
            convolution.stride,  # type: ignore[arg-type]
            convolution.padding,  # type: ignore[arg-type]
            groups=convolution.groups,
            bias=convolution.bias is not None,
            device="meta",
        )
        self.weight, self.bias = convolution.weight, convolution.bias
        self.training = convolution.training
        self._own_sides = convolution.sides if isinstance(convolution, FixedSamePadding) else None

    def trimmed(self, pixels: tuple[int, int]) -> TrimmedConv2d | None:
        """Return it for maps of this size without the taps that meet no pixel, where that gains."""
        outputs = self.output_size(pixels)
        is_small = outputs[0] * outputs[1] <= _MOST_PIXELS[3] and self._sees_all(pixels, outputs)
        if self.kernel_size != (3, 3) or self.groups > 1 or not is_small:
            return None
        taps = self._taps_of_all(pixels, outputs)
        return TrimmedConv2d(self, pixels=pixels, outputs=outputs, taps=taps)

    def forward(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O h w"]:  # noqa: A002
        """Return what `nn.Conv2d` returns, but for the order of its sums."""
        pixels = (input.shape[2], input.shape[3])
        size = self.output_size(pixels)
        n_pixels = size[0] * size[1]
        if self.groups > 1:
            # it is the backward pass that gains
            is_small = self.training and n_pixels <= _MOST_PIXELS_DEPTHWISE
            is_small = is_small and self._sees_all(pixels, size)
            return self._depthwise(input, size) if is_small else self._as_it_was(input)
        is_gathered = self.kernel_size != (1, 1)
        is_narrow = is_gathered and self.in_channels < _LEAST_CHANNELS_GATHERED
        if n_pixels > _MOST_PIXELS[self.kernel_size[0]] or is_narrow:
            return super().forward(input)
        return self._dense(input, size)

    def sides(self, pixels: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the padding before and after maps of this size, top and bottom first."""
        if self._own_sides is not None:
            return self._own_sides(pixels)
        vertical, horizontal = (kernel // 2 for kernel in self.kernel_size)
        return (vertical, vertical), (horizontal, horizontal)

    def output_size(self, pixels: tuple[int, int]) -> tuple[int, int]:
        """Return the size of its output for maps of this size."""
        height, width = (
            (n + sum(sides) - kernel) // stride + 1
            for n, sides, kernel, stride in zip(
                pixels, self.sides(pixels), self.kernel_size, self.stride, strict=True
            )
        )
        return height, width

    def _sees_all(self, pixels: tuple[int, int], size: tuple[int, int]) -> bool:
        """Return whether each output sees each pixel, so that all other taps meet padding."""
        return all(
            n + before <= kernel and stride * (n_outputs - 1) <= before
            for n, (before, _), n_outputs, kernel, stride in zip(
                pixels, self.sides(pixels), size, self.kernel_size, self.stride, strict=True
            )
        )

    def _taps_of_all(self, pixels: tuple[int, int], size: tuple[int, int]) -> list[int]:
        """Return which tap of the kernel, in its order, each output sees each pixel with."""
        before = tuple(sides[0] for sides in self.sides(pixels))
        return _taps_of_all(self.kernel_size, self.stride, before, pixels, size)

    def _as_it_was(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O h w"]:  # noqa: A002
        if self._own_sides is not None:
            (top, bottom), (left, right) = self.sides((input.shape[2], input.shape[3]))
            input = functional.pad(input, (left, right, top, bottom))  # noqa: A001
        return super().forward(input)

    def _depthwise(
        self,
        input: Float[Tensor, "N C H W"],  # noqa: A002
        size: tuple[int, int],
    ) -> Float[Tensor, "N C h w"]:
        seen = self._taps_of_all((input.shape[2], input.shape[3]), size)
        taps = self.weight.flatten(1).t().index_select(0, torch.tensor(seen, device=input.device))
        taps = taps.view(size[0] * size[1], -1, self.out_channels)  # (h·w, H·W, C)
        pixels = input.permute(0, 2, 3, 1).flatten(1, 2)  # (N, H·W, C)
        found = (pixels[:, None] * taps).sum(2)  # (N, h·w, C)
        if self.bias is not None:
            found = found + self.bias
        return found.view(len(input), *size, self.out_channels).permute(0, 3, 1, 2)

    def _dense(
        self,
        input: Float[Tensor, "N C H W"],  # noqa: A002
        size: tuple[int, int],
    ) -> Float[Tensor, "N O h w"]:
        if self.kernel_size == (1, 1):
            rows = input[:, :, :: self.stride[0], :: self.stride[1]].permute(0, 2, 3, 1)
            rows = rows.flatten(0, 2)
        else:
            columns = functional.unfold(input, 3, padding=1, stride=self.stride)
            rows = columns.transpose(1, 2).flatten(0, 1)
        found = functional.linear(rows, self.weight.flatten(1), self.bias)  # (N·h·w, O)
        return found.view(len(input), *size, self.out_channels).permute(0, 3, 1, 2)


@lru_cache
def _taps_of_all(
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    before: tuple[int, ...],
    pixels: tuple[int, ...],
    outputs: tuple[int, ...],
) -> list[int]:
    """Return which tap of a kernel, in its order, each output sees each pixel of a map with."""
    rows, columns = (
        np.arange(n_pixels) - step * np.arange(n_outputs)[:, None] + padding
        for n_pixels, n_outputs, step, padding in zip(pixels, outputs, stride, before, strict=True)
    )  # (h, H), (w, W)
    taps = rows[:, None, :, None] * kernel[1] + columns[None, :, None, :]  # (h, w, H, W)
    return cast("list[int]", taps.ravel().tolist())


def is_eligible(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Return whether a module is a plain convolution of 1 × 1 or 3 × 3, or a depthwise one.

    Its padding keeps the size of a map, as in all of the paper's networks, or is fixed, of a
    depthwise one; and its weights are its own, not computed from others as in spectral
    normalisation.
    """
    if not isinstance(module, nn.Conv2d) or not isinstance(module.weight, nn.Parameter):
        return False
    is_depthwise = module.groups == module.in_channels == module.out_channels > 1
    if type(module) is FixedSamePadding:
        return is_depthwise
    kernel, has_zeros = module.kernel_size, module.padding_mode == "zeros"
    keeps_size = module.padding == (kernel[0] // 2, kernel[1] // 2)
    is_odd = kernel[0] % 2 == 1 and kernel[1] % 2 == 1
    is_plain = type(module) is nn.Conv2d and has_zeros and module.dilation == (1, 1)
    is_plain = is_plain and is_odd and keeps_size
    return is_plain and (is_depthwise or (module.groups == 1 and kernel in {(1, 1), (3, 3)}))


def as_products(network: nn.Module, images: Float[Tensor, "N C H W"]) -> nn.Module:
    """Put products in the place of eligible convolutions within; return the network.

    Its state, the names in it and their order stay, and so does what it computes. Hooks on the
    convolutions themselves are lost. A kernel that the network holds twice, or runs over maps of
    two sizes, stays whole.

    Parameters
    ----------
    network
        It is changed; of its parameters those of trimmed convolutions are other ones.
    images
        Of the size that it is run on from then on; one is enough.

    Examples
    --------
    >>> as_products(nn.Sequential(nn.Conv2d(3, 8, 1)), torch.zeros(1, 3, 4, 4))
    Sequential(
      (0): ProductConv2d(3, 8, kernel_size=(1, 1), stride=(1, 1))
    )
    """
    _replace(network)
    sizes = _map_sizes(network, images)
    held = Counter(id(p) for _, p in network.named_parameters(remove_duplicate=False))
    for name, module in list(network.named_modules()):
        if len(sizes[module]) == 1 and held[id(module.weight)] == 1:
            trimmed = cast("ProductConv2d", module).trimmed(next(iter(sizes[module])))
            if trimmed is not None:
                parent, _, child = name.rpartition(".")
                setattr(network.get_submodule(parent), child, trimmed)
    return network


def _replace(network: nn.Module) -> None:
    for name, child in network.named_children():
        if is_eligible(child):
            setattr(network, name, ProductConv2d(child))
        else:
            _replace(child)


def _map_sizes(
    network: nn.Module, images: Float[Tensor, "N C H W"]
) -> dict[nn.Module, set[tuple[int, int]]]:
    """Return the sizes of the maps that each convolution takes when the network sees images."""
    sizes: dict[nn.Module, set[tuple[int, int]]] = defaultdict(set)

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
        (maps,) = (*inputs, *named.values())
        sizes[module].add((maps.shape[2], maps.shape[3]))

    hooks = [
        module.register_forward_pre_hook(keep, with_kwargs=True)
        for module in network.modules()
        if isinstance(module, ProductConv2d)
    ]
    try:
        with evaluation_mode(network), torch.no_grad():  # running statistics stay
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return sizes
