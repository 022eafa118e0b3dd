"""Convolutions over maps of a few pixels as matrix products, which a CPU computes faster.

A convolution's kernel must be laid out anew for each step, as its optimiser has changed it. Where
a map has one to sixteen pixels (the last stages of a network on images of 32 × 32) that takes
longer than the sums. A product takes the kernel as it lies.
"""

from typing import TypeGuard

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# The most output pixels with which the product was faster: benchmarks/notes.md.
_MOST_PIXELS = {1: 16, 3: 4}


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
            bias=convolution.bias is not None,
            device="meta",
        )
        self.weight, self.bias = convolution.weight, convolution.bias
        self.training = convolution.training

    def forward(self, input: Float[Tensor, "N C H W"]) -> Float[Tensor, "N O h w"]:  # noqa: A002
        """Return what `nn.Conv2d` returns, but for the order of its sums."""
        kernel, (down, right), padding = self.kernel_size[0], self.stride, int(self.padding[0])
        height = (input.shape[2] + 2 * padding - kernel) // down + 1
        width = (input.shape[3] + 2 * padding - kernel) // right + 1
        if height * width > _MOST_PIXELS[kernel]:
            return super().forward(input)
        if kernel == 1:
            rows = input[:, :, ::down, ::right].permute(0, 2, 3, 1).flatten(0, 2)
            taps = self.weight
        elif height * width == 1 and max(input.shape[2:]) <= 2:
            rows = input.flatten(1)
            # all other weights meet the padding
            taps = self.weight[:, :, 1 : 1 + input.shape[2], 1 : 1 + input.shape[3]]
        else:
            columns = functional.unfold(input, kernel, padding=padding, stride=self.stride)
            rows, taps = columns.transpose(1, 2).flatten(0, 1), self.weight
        found = functional.linear(rows, taps.flatten(1), self.bias)  # (N·h·w, O)
        return found.view(len(input), height, width, self.out_channels).permute(0, 3, 1, 2)


def is_eligible(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Return whether a module is a plain convolution of 1 × 1, or of 3 × 3 with padding 1."""
    return (
        type(module) is nn.Conv2d
        and (module.kernel_size, module.padding) in {((1, 1), (0, 0)), ((3, 3), (1, 1))}
        and module.groups == 1
        and module.dilation == (1, 1)
        and module.padding_mode == "zeros"
    )


def as_products(network: nn.Module) -> nn.Module:
    """Put `ProductConv2d` in the place of every convolution that is eligible; return the network.

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
