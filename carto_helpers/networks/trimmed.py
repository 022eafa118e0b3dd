"""Convolutions over maps of a few pixels, without the taps that only ever meet padding.

Such a tap has a gradient of zero, so that Adam without weight decay never moves it: it need not be
multiplied, kept, clipped or stepped. Of ResNet-18 on images of 32 × 32 these are three fifths of
all weights.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional


class TrimmedConv2d(nn.Module):
    """A convolution over maps of one size, of which every output sees every pixel, as a product.

    Its parameters are those of the taps that meet pixels, `weight` of shape (O, T, C); its state is
    the whole convolution's.

    Parameters
    ----------
    convolution
        Of one group.
    pixels
        Height and width of the maps.
    outputs
        Height and width of what it returns.
    taps
        Which tap of the kernel, in its order, each output sees each pixel with, h·w·H·W of them.
    """

    kernel: Tensor  # the whole one, (O, C, R, S), of which the taps that meet no pixel count

    def __init__(
        self,
        convolution: nn.Conv2d,
        *,
        pixels: tuple[int, int],
        outputs: tuple[int, int],
        taps: Sequence[int],
    ) -> None:
        super().__init__()
        self.out_channels, self._pixels, self.outputs = convolution.out_channels, pixels, outputs
        self._met = sorted(set(taps))
        self._seen = [self._met.index(tap) for tap in taps]
        whole = convolution.weight
        self.register_buffer("kernel", whole.detach(), persistent=False)
        self.weight = nn.Parameter(self.met(self.kernel), whole.requires_grad)
        self.bias = convolution.bias
        self.training = convolution.training

    def met(self, kernel: Float[Tensor, "O C R S"]) -> Float[Tensor, "O T C"]:
        """Return what a tensor like the kernel holds of the taps that meet pixels."""
        return kernel.flatten(2)[:, :, self._met].transpose(1, 2).contiguous()

    def whole(
        self, met: Float[Tensor, "O T C"], others: Float[Tensor, "O C R S"]
    ) -> Float[Tensor, "O C R S"]:
        """Return `others`, a tensor like the kernel, with `met` for the taps that meet pixels."""
        found = others.clone(memory_format=torch.contiguous_format)
        found.flatten(2)[:, :, self._met] = met.transpose(1, 2)
        return found

    def seen(self) -> Int64[Tensor, " hwHW"] | None:
        """Return with which tap of `weight` each output sees each pixel; None for one output."""
        is_each_once = len(self._seen) == len(self._met)
        return None if is_each_once else torch.tensor(self._seen, device=self.weight.device)

    def forward(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O h w"]:  # noqa: A002
        """Return what the convolution returns, but for the order of its sums.

        Raises
        ------
        ValueError
            If the maps have another size.
        """
        if tuple(input.shape[2:]) != self._pixels:
            raise ValueError(
                f"expected maps of {self._pixels} pixels, got {tuple(input.shape[2:])}; "
                "load the network's state into a new one for other sizes"
            )
        seen = self.seen()
        taps = self.weight if seen is None else self.weight.index_select(1, seen)
        taps = taps.reshape(self.out_channels * self.outputs[0] * self.outputs[1], -1)
        found = functional.linear(input.permute(0, 2, 3, 1).flatten(1), taps)  # (N, O·h·w)
        found = found.view(len(input), self.out_channels, *self.outputs)
        return found if self.bias is None else found + self.bias[:, None, None]

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, *others: Any) -> None:
        super()._save_to_state_dict(destination, prefix, *others)
        destination[f"{prefix}weight"] = self.whole(self.weight.detach(), self.kernel)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        name, errors = f"{prefix}weight", others[-1]
        if name in state_dict:
            kernel = state_dict[name].detach()
            if kernel.shape == self.kernel.shape:
                self.kernel.copy_(kernel)
            else:
                shapes = f"{tuple(kernel.shape)}, the convolution's is {tuple(self.kernel.shape)}"
                errors.append(f"size mismatch for {name}: its shape is {shapes}")
            state_dict[name] = self.met(self.kernel)
        super()._load_from_state_dict(state_dict, prefix, *others)


def trimmed_convolutions(network: nn.Module) -> dict[int, TrimmedConv2d]:
    """Return the trimmed convolutions by their weight's place among the network's parameters."""
    places = {id(parameter): at for at, parameter in enumerate(network.parameters())}
    return {
        places[id(module.weight)]: module
        for module in network.modules()
        if isinstance(module, TrimmedConv2d)
    }
