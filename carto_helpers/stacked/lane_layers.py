"""Layers of many networks at once: what stands in a stack where one network has its layer.

Activations are (K·C, B, H, W): K lanes of C channels each. Layers that treat every plane or pixel
alone (ReLU, pooling) work on them unchanged; here are the others. A lane's batch may be shorter
than the step's: what lies behind it counts in no statistic, and the loss gives it no gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from carto_helpers.networks.originals import FixedSamePadding
from carto_helpers.networks.small_maps import ProductConv2d
from carto_helpers.networks.trimmed import TrimmedConv2d
from carto_helpers.stacked.lane_convolution import convolve


@dataclass(kw_only=True)
class Lanes:
    """What the layers of a stack are told before a step.

    Attributes
    ----------
    n
        Number of lanes, K.
    valid
        1 for an example of a lane's batch and 0 behind it, (K, B); None where all are full.
    draw
        Returns a layer's masks, (K, …, B), when its turn comes: what a layer multiplies by.
    """

    n: int
    valid: Float[Tensor, "K B"] | None = None
    draw: "Callable[[Dropper], Tensor] | None" = None

    def masks(self, layer: "Dropper") -> Tensor:
        """Return the masks of a layer, newly drawn."""
        if self.draw is None:
            raise RuntimeError("expected a way to draw masks, got none; set `draw` before a step")
        return self.draw(layer)


class LaneConvolution(nn.Module):
    """A convolution a lane; (K, D, C / groups, R, S) weights."""

    weight: nn.Parameter

    def __init__(self, like: nn.Conv2d, lanes: Lanes) -> None:
        super().__init__()
        self._like, self._lanes = [like], lanes  # in a list: no module of this one
        self.bias: nn.Parameter | None = None

    def forward(self, x: Float[Tensor, "KC B H W"]) -> Float[Tensor, "KD B h w"]:
        """Pad, convolve, add the bias."""
        like = self._like[0]
        groups = self._lanes.n * like.groups
        weight = self.weight.reshape(
            groups, like.out_channels // like.groups, *like.weight[0].shape
        )
        found = convolve(self._padded(x), weight, like.stride[0])
        return found if self.bias is None else found + self.bias.reshape(-1, 1, 1, 1)

    def _padded(self, x: Tensor) -> Tensor:
        like = self._like[0]
        if isinstance(like, ProductConv2d | FixedSamePadding):
            (top, bottom), (left, right) = like.sides((x.shape[2], x.shape[3]))
        else:
            top, left = (int(n) for n in like.padding)
            bottom, right = top, left
        sides = left, right, top, bottom
        return functional.pad(x, sides) if any(sides) else x


class LaneProduct(nn.Module):
    """A trimmed convolution a lane (`networks.trimmed`); (K, D, T, C) weights."""

    weight: nn.Parameter

    def __init__(self, like: TrimmedConv2d, lanes: Lanes) -> None:
        super().__init__()
        self._outputs, self._lanes = like.outputs, lanes
        self._seen = like.seen()
        self.bias: nn.Parameter | None = None

    def forward(self, x: Float[Tensor, "KC B H W"]) -> Float[Tensor, "KD B h w"]:
        """Multiply each output's taps with all pixels, add the bias."""
        n, n_batch, (height, width) = self._lanes.n, x.shape[1], self._outputs
        taps = self.weight if self._seen is None else self.weight.index_select(2, self._seen)
        taps = taps.reshape(n, taps.shape[1] * height * width, -1)  # (K, D·h·w, H·W·C)
        columns = x.reshape(n, -1, n_batch, x.shape[2] * x.shape[3]).permute(0, 3, 1, 2)
        found = torch.bmm(taps, columns.reshape(n, -1, n_batch))  # (K, D·h·w, B)
        found = found.view(-1, height, width, n_batch).permute(0, 3, 1, 2).contiguous()
        return found if self.bias is None else found + self.bias.reshape(-1, 1, 1, 1)


class LaneNorm(nn.Module):
    """Batch norm a lane, with timm's activation behind it; (K, C) weights and statistics."""

    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, like: nn.BatchNorm2d, lanes: Lanes) -> None:
        super().__init__()
        self._lanes, self._eps, self._momentum = lanes, like.eps, like.momentum or 0.0
        act = getattr(like, "act", None)
        self.act = act if isinstance(act, nn.Module) else nn.Identity()

    def forward(self, x: Float[Tensor, "KC B H W"]) -> Float[Tensor, "KC B H W"]:
        """Normalise over each lane's own batch, and move the running statistics."""
        self.num_batches_tracked.add_(1)
        normed = self._full(x) if self._lanes.valid is None else self._masked(x, self._lanes.valid)
        found: Tensor = self.act(normed)
        return found

    def _full(self, x: Tensor) -> Tensor:
        return functional.batch_norm(
            x.reshape(1, len(x), -1),  # (1, K·C, B·H·W)
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.reshape(-1),
            self.bias.reshape(-1),
            training=True,
            momentum=self._momentum,
            eps=self._eps,
        ).view_as(x)

    def _masked(self, x: Tensor, valid: Tensor) -> Tensor:
        lanes = x.reshape(self._lanes.n, -1, *x.shape[1:])  # (K, C, B, H, W)
        counts = valid.sum(1)[:, None] * x.shape[2] * x.shape[3]  # (K, 1)
        is_valid = valid[:, None, :, None, None]
        mean = (lanes * is_valid).sum((2, 3, 4)) / counts  # (K, C)
        centred = lanes - _across(mean)
        variance = (centred.square() * is_valid).sum((2, 3, 4)) / counts
        self._move(mean.detach(), (variance * counts / (counts - 1)).detach())
        scale = self.weight * (variance + self._eps).rsqrt()
        return (centred * _across(scale) + _across(self.bias)).view_as(x)

    def _move(self, mean: Tensor, variance: Tensor) -> None:
        self.running_mean.lerp_(mean, self._momentum)
        self.running_var.lerp_(variance, self._momentum)


def _across(statistic: Float[Tensor, "K C"]) -> Float[Tensor, "K C 1 1 1"]:
    return statistic[:, :, None, None, None]


class LaneLinear(nn.Module):
    """The head of each lane: (K·C, B) features to (K, B, n) logits; (K, n, C) weights."""

    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, like: nn.Linear, lanes: Lanes, drop_rate: float) -> None:
        super().__init__()
        self._lanes = lanes
        self.drop = LaneDropout(drop_rate, like.in_features, lanes) if drop_rate else nn.Identity()

    def forward(self, x: Float[Tensor, "KC B"]) -> Float[Tensor, "K B n"]:
        """Drop out, then map."""
        dropped = self.drop(x.view(self._lanes.n, -1, x.shape[1]))  # (K, C, B)
        return torch.baddbmm(self.bias[:, None], dropped.mT, self.weight.mT)


class LaneDropout(nn.Module):
    """Dropout before the head."""

    def __init__(self, rate: float, n_features: int, lanes: Lanes) -> None:
        super().__init__()
        self.keep, self._n_features, self._lanes = 1 - rate, n_features, lanes

    def shape(self, n: int) -> tuple[int, ...]:
        """Return the shape of a lane's mask for n examples."""
        return self._n_features, n

    def draw(self, n: int, like: Tensor) -> Float[Tensor, "C n"]:
        """Return a lane's mask: what dropout makes of ones, drawn as one network draws it."""
        ones = like.new_ones(n, self._n_features)
        return functional.dropout(ones, 1 - self.keep, training=True).T

    def forward(self, x: Float[Tensor, "K C B"]) -> Float[Tensor, "K C B"]:
        """Multiply by the masks."""
        return x * self._lanes.masks(self)


class LaneDropPath(nn.Module):
    """Drop-connect: a residual branch left out, an example at a time."""

    def __init__(self, like: nn.Module, lanes: Lanes) -> None:
        super().__init__()
        self._like, self._lanes = [like.train()], lanes
        self.keep = 1 - float(like.drop_prob)  # type: ignore[arg-type]  # timm's attribute

    def shape(self, n: int) -> tuple[int, ...]:
        """Return the shape of a lane's mask for n examples."""
        return (n,)

    def draw(self, n: int, like: Tensor) -> Float[Tensor, " n"]:
        """Return a lane's mask: what the layer makes of ones, drawn as one network draws it."""
        mask: Tensor = self._like[0](like.new_ones(n, 1, 1, 1))
        return mask.flatten()

    def forward(self, x: Float[Tensor, "KC B H W"]) -> Float[Tensor, "KC B H W"]:
        """Multiply by the masks."""
        mask = self._lanes.masks(self)[:, None, :, None, None]  # (K, 1, B, 1, 1)
        return (x.view(self._lanes.n, -1, *x.shape[1:]) * mask).view_as(x)


Dropper = LaneDropout | LaneDropPath
