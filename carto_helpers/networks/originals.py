"""What makes timm's networks the authors': their initial weights and their padding."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

InitialWeights = Literal["fan-out", "default"]


def draw_weights(
    network: nn.Module,
    convolutions: InitialWeights,
    *,
    head_std: float | None,
    has_new_stem: bool,
) -> None:
    """Draw all weights as the original's constructor does: layer by layer, then its own rule.

    Draws come from torch's current generator; from the same random state as the original's
    constructor they are the same numbers, but for a new stem. timm's own draws differ: they start
    each residual branch of a ResNet at zero, and MobileNet's depthwise convolutions with C times
    torchvision's variance, C being their channels, as torchvision's fan-out ignores groups.

    Parameters
    ----------
    network
        As timm built it.
    convolutions
        "fan-out": torchvision's N(0, 2 / (C_out k²)); "default": torch's own uniform draw.
    head_std
        Standard deviation of the head's weights, its biases being 0; None for torch's own draw.
    has_new_stem
        Whether the stem is a convolution that the authors put in afterwards, with torch's own
        draw, as they do for other than three channels.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for layer in layers:
        layer.reset_parameters()
    for layer in layers:
        if isinstance(layer, nn.Conv2d) and convolutions == "fan-out":
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear) and head_std is not None:
            nn.init.normal_(layer.weight, 0, head_std)
            nn.init.zeros_(layer.bias)
    if has_new_stem:
        layers[0].reset_parameters()


class FixedSamePadding(nn.Conv2d):
    """A strided convolution with the "same" padding of one image size, whatever comes in.

    efficientnet_pytorch fixes its padding when it is made, for the size a network was designed
    for; timm's follows the input. At 32 pixels they differ in one layer of B4, by which its logits
    differ by more than their own spread (random weights), and in none of B0. An odd side may lose
    a row under the fixed padding (at 28 pixels B0's come to less than a kernel, and the original
    stops): there the padding follows the input, as timm's.

    Parameters
    ----------
    like
        The convolution to replace; its weights are not taken over.
    size
        Side of this layer's input, in pixels, for the image size it was designed for.
    """

    def __init__(self, like: nn.Conv2d, size: int) -> None:
        super().__init__(
            like.in_channels,
            like.out_channels,
            (like.kernel_size[0], like.kernel_size[1]),
            stride=(like.stride[0], like.stride[1]),
            groups=like.groups,
            bias=like.bias is not None,
        )
        self.fixed = self._total(size)

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:  # noqa: A002
        """Pad the bottom and the right by the odd pixel, then convolve."""
        (top, bottom), (left, right) = self.sides((input.shape[2], input.shape[3]))
        return super().forward(functional.pad(input, (left, right, top, bottom)))

    def sides(self, pixels: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the padding before and after maps of this size, top and bottom first."""
        height, width = pixels
        return self._around(height), self._around(width)

    def _around(self, size: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        loses_a_row = (size + self.fixed - kernel) // stride + 1 < -(-size // stride)
        total = self._total(size) if loses_a_row else self.fixed
        return total // 2, total - total // 2

    def _total(self, size: int) -> int:
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max((-(-size // stride) - 1) * stride + kernel - size, 0)


def fix_padding(network: nn.Module, size: int) -> None:
    """Replace strided convolutions, first to last, by ones padded for images of side `size`."""
    strided = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.stride != (1, 1)
    ]
    for name, module in strided:
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, FixedSamePadding(module, size))
        size = -(-size // module.stride[0])
