"""Convolutions over maps of a few pixels as products, which a CPU computes faster.

A convolution's kernel must be laid out anew for each step, as its optimiser has changed it, and
most of its taps meet padding. Where a map has one to sixteen pixels (the last stages of a network
on images of 32 × 32) that takes longer than the sums. A matrix product takes the kernel as it lies,
or the taps that meet pixels.
"""

from functools import lru_cache
from typing import TypeGuard, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# The most output pixels with which the product was faster in the paper's networks, batch 32, and
# the fewest channels whose pixels are worth gathering: benchmarks/notes.md.
_MOST_PIXELS = {1: 16, 3: 4}
_MOST_PIXELS_DEPTHWISE = 4
_LEAST_CHANNELS_GATHERED = 256


class ProductConv2d(nn.Conv2d):
    """A convolution that is a product where its output has few pixels, with the same parameters.

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

    def forward(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O h w"]:  # noqa: A002
        """Return what `nn.Conv2d` returns, but for the order of its sums."""
        size = self._output_size(input)
        n_pixels, sees_all = size[0] * size[1], self._sees_all(input, size)
        if self.groups > 1:
            # it is the backward pass that gains
            is_small = self.training and sees_all and n_pixels <= _MOST_PIXELS_DEPTHWISE
            return self._depthwise(input, size) if is_small else super().forward(input)
        is_one = n_pixels == 1 and sees_all
        is_gathered = self.kernel_size != (1, 1) and not is_one
        is_narrow = is_gathered and self.in_channels < _LEAST_CHANNELS_GATHERED
        if n_pixels > _MOST_PIXELS[self.kernel_size[0]] or is_narrow:
            return super().forward(input)
        return self._dense(input, size, is_one=is_one)

    def _output_size(self, input: Float[Tensor, "N C H W"]) -> tuple[int, int]:  # noqa: A002
        height, width = (
            (n - 1) // stride + 1  # the padding keeps the size
            for n, stride in zip(input.shape[2:], self.stride, strict=True)
        )
        return height, width

    def _sees_all(
        self,
        input: Float[Tensor, "N C H W"],  # noqa: A002
        size: tuple[int, int],
    ) -> bool:
        """Return whether each output sees each pixel, so that all other taps meet padding."""
        return all(
            n <= kernel // 2 + 1 and stride * (n_outputs - 1) <= kernel // 2
            for n, n_outputs, kernel, stride in zip(
                input.shape[2:], size, self.kernel_size, self.stride, strict=True
            )
        )

    def _depthwise(
        self,
        input: Float[Tensor, "N C H W"],  # noqa: A002
        size: tuple[int, int],
    ) -> Float[Tensor, "N C h w"]:
        seen = _taps_of_all(self.kernel_size, self.stride, tuple(input.shape[2:]), size)
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
        *,
        is_one: bool,
    ) -> Float[Tensor, "N O h w"]:
        taps = self.weight
        if self.kernel_size == (1, 1):
            rows = input[:, :, :: self.stride[0], :: self.stride[1]].permute(0, 2, 3, 1)
            rows = rows.flatten(0, 2)
        elif is_one:
            top, left = (kernel // 2 for kernel in self.kernel_size)
            rows, taps = input.flatten(1), taps[:, :, top:, left:]
            taps = taps[:, :, : input.shape[2], : input.shape[3]]
        else:
            columns = functional.unfold(input, 3, padding=1, stride=self.stride)
            rows = columns.transpose(1, 2).flatten(0, 1)
        found = functional.linear(rows, taps.flatten(1), self.bias)  # (N·h·w, O)
        return found.view(len(input), *size, self.out_channels).permute(0, 3, 1, 2)


@lru_cache
def _taps_of_all(
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pixels: tuple[int, ...],
    outputs: tuple[int, ...],
) -> list[int]:
    """Return which tap of a kernel, in its order, each output sees each pixel of a map with."""
    rows, columns = (
        np.arange(n_pixels) - step * np.arange(n_outputs)[:, None] + size // 2
        for n_pixels, n_outputs, step, size in zip(pixels, outputs, stride, kernel, strict=True)
    )  # (h, H), (w, W)
    taps = rows[:, None, :, None] * kernel[1] + columns[None, :, None, :]  # (h, w, H, W)
    return cast("list[int]", taps.ravel().tolist())


def is_eligible(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Return whether a module is a plain convolution of 1 × 1 or 3 × 3, or a depthwise one.

    Its padding keeps the size of a map, as in all of the paper's networks, and its weights are its
    own, not computed from others as in spectral normalisation.
    """
    if type(module) is not nn.Conv2d or not isinstance(module.weight, nn.Parameter):
        return False
    kernel, has_zeros = module.kernel_size, module.padding_mode == "zeros"
    keeps_size = module.padding == (kernel[0] // 2, kernel[1] // 2)
    is_odd = kernel[0] % 2 == 1 and kernel[1] % 2 == 1
    is_plain = has_zeros and is_odd and keeps_size and module.dilation == (1, 1)
    is_depthwise = module.groups == module.in_channels == module.out_channels > 1
    return is_plain and (is_depthwise or (module.groups == 1 and kernel in {(1, 1), (3, 3)}))


def as_products(network: nn.Module) -> nn.Module:
    """Put `ProductConv2d` in the place of every eligible convolution within; return the network.

    Its parameters, their names and their order stay.

    Examples
    --------
    >>> as_products(nn.Sequential(nn.Conv2d(3, 8, 1)))
    Sequential(
      (0): ProductConv2d(3, 8, kernel_size=(1, 1), stride=(1, 1))
    )
    """
    for name, child in network.named_children():
        if is_eligible(child):
            setattr(network, name, ProductConv2d(child))
        else:
            as_products(child)
    return network
