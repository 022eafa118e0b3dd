"""Convolutions over maps of a few pixels as products, which a CPU computes faster.

A convolution's kernel must be laid out anew for each step, as its optimiser has changed it, and
most of its taps meet padding. Where a map has one to sixteen pixels (the last stages of a network
on images of 32 × 32) that takes longer than the sums. A matrix product takes the kernel as it lies,
or the taps that meet pixels. A tap that meets none has a gradient of zero, so that Adam without
weight decay never moves it: it need not be kept, clipped or stepped, which for ResNet-18 is three
fifths of all weights.
"""

from collections import defaultdict
from functools import lru_cache
from typing import Any, TypeGuard, cast

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from carto_helpers.networks.originals import FixedSamePadding

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

    kernel: Tensor  # once it is trimmed: (O, C, 3, 3), of which the taps that are not met count

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
        self._pixels: tuple[int, int] | None = None  # of the maps that it is trimmed for
        self._met: list[
            int
        ] = []  # the taps that meet them: `weight` then holds no other, (O, T, C)

    def trim(self, pixels: tuple[int, int]) -> None:
        """Leave in `weight` only the taps that meet pixels of maps of this size, where that gains.

        What it computes and its state stay; maps of other sizes are refused from then on.
        """
        size = self.output_size(pixels)
        is_small = size[0] * size[1] <= _MOST_PIXELS[3] and self._sees_all(pixels, size)
        if self.kernel_size != (3, 3) or self.groups > 1 or not is_small:
            return
        self._pixels = pixels
        taps = self._taps_of_all(pixels, size)
        self._met = sorted(set(taps))
        self._seen = [self._met.index(tap) for tap in taps]
        self.register_buffer("kernel", self.weight.detach(), persistent=False)
        self.weight = nn.Parameter(self.met(self.kernel))

    @property
    def is_trimmed(self) -> bool:
        """Whether `weight` holds only the taps that meet pixels."""
        return self._pixels is not None

    def seen(self, device: torch.device) -> Int64[Tensor, " hwHW"] | None:
        """Return with which tap of `weight` each output sees each pixel; None for one output."""
        return torch.tensor(self._seen, device=device) if len(self._seen) > len(self._met) else None

    def met(self, kernel: Float[Tensor, "O C 3 3"]) -> Float[Tensor, "O T C"]:
        """Return what a tensor like the kernel holds of the taps that meet pixels."""
        return kernel.flatten(2)[:, :, self._met].transpose(1, 2).contiguous()

    def whole(
        self, met: Float[Tensor, "O T C"], kernel: Float[Tensor, "O C 3 3"]
    ) -> Float[Tensor, "O C 3 3"]:
        """Return a tensor like the kernel, with `met` in the place of the taps that meet pixels."""
        found = kernel.clone(memory_format=torch.contiguous_format)
        found.flatten(2)[:, :, self._met] = met.transpose(1, 2)
        return found

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, *others: Any) -> None:
        super()._save_to_state_dict(destination, prefix, *others)
        if self.is_trimmed:
            destination[f"{prefix}weight"] = self.whole(self.weight.detach(), self.kernel)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        name = f"{prefix}weight"
        if self.is_trimmed and name in state_dict:
            self.kernel.copy_(state_dict[name])
            state_dict[name] = self.met(self.kernel)
        super()._load_from_state_dict(state_dict, prefix, *others)

    def forward(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O h w"]:  # noqa: A002
        """Return what `nn.Conv2d` returns, but for the order of its sums.

        Raises
        ------
        ValueError
            If it is trimmed for maps of another size.
        """
        pixels = (input.shape[2], input.shape[3])
        size = self.output_size(pixels)
        n_pixels = size[0] * size[1]
        if self.is_trimmed:
            return self._trimmed(input, size)
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
            return self._own_sides(pixels[0]), self._own_sides(pixels[1])
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

    def _trimmed(
        self,
        input: Float[Tensor, "N C H W"],  # noqa: A002
        size: tuple[int, int],
    ) -> Float[Tensor, "N O h w"]:
        if tuple(input.shape[2:]) != self._pixels:
            raise ValueError(
                f"expected maps of {self._pixels} pixels, got {tuple(input.shape[2:])}; "
                "load the network's state into a new one for other sizes"
            )
        taps = self.weight
        if (seen := self.seen(input.device)) is not None:
            taps = taps.index_select(1, seen)  # (O, h·w·H·W, C)
        taps = taps.reshape(self.out_channels * size[0] * size[1], -1)  # (O·h·w, H·W·C)
        found = functional.linear(input.permute(0, 2, 3, 1).flatten(1), taps)
        found = found.view(len(input), self.out_channels, *size)
        return found if self.bias is None else found + self.bias[:, None, None]

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
    """Put `ProductConv2d` in the place of every eligible convolution within; return the network.

    Its state, the names in it and their order stay, and so does what it computes.

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
    for convolution, sizes in _map_sizes(network, images).items():
        if len(sizes) == 1:
            convolution.trim(next(iter(sizes)))
    return network


def trimmed_convolutions(network: nn.Module) -> dict[int, ProductConv2d]:
    """Return the trimmed convolutions by their weight's place among the network's parameters."""
    places = {id(parameter): at for at, parameter in enumerate(network.parameters())}
    return {places[id(found.weight)]: found for found in _products(network) if found.is_trimmed}


def _replace(network: nn.Module) -> None:
    for name, child in network.named_children():
        if is_eligible(child):
            setattr(network, name, ProductConv2d(child))
        else:
            _replace(child)


def _products(network: nn.Module) -> list[ProductConv2d]:
    return [module for module in network.modules() if isinstance(module, ProductConv2d)]


def _map_sizes(
    network: nn.Module, images: Float[Tensor, "N C H W"]
) -> dict[ProductConv2d, set[tuple[int, int]]]:
    """Return the sizes of the maps that each convolution takes when the network sees images."""
    sizes: dict[ProductConv2d, set[tuple[int, int]]] = defaultdict(set)

    def keep(convolution: ProductConv2d, inputs: tuple[Tensor, ...]) -> None:
        sizes[convolution].add((inputs[0].shape[2], inputs[0].shape[3]))

    hooks = [found.register_forward_pre_hook(keep) for found in _products(network)]
    was_training = network.training
    with torch.no_grad():
        network.eval()(images)  # running statistics stay
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return sizes
