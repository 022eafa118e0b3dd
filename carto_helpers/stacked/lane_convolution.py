"""Convolutions of many networks at once, as batched matrix products.

A stack of K networks keeps the activations of one layer as (K·C, B, H, W): a lane's channels
first, then the batch, so that a 1×1 convolution of all lanes is one batched product with nothing
copied, and batch norm's channels lie together. Larger kernels gather their pixels first, as
`torch.nn.functional.unfold` does, once forward and once more backward instead of keeping them:
cuBLAS is fast on every such product, grouped convolutions of cuDNN are fast on some.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def convolve(
    x: Float[Tensor, "GC B H W"], weight: Float[Tensor, "G D C R S"], stride: int
) -> Float[Tensor, "GD B h w"]:
    """Return G convolutions, each of its own channels with its own weights; no padding.

    Parameters
    ----------
    x
        (G·C, B, H, W): a group is a lane, or a lane's channel in a depthwise convolution.
    weight
        (G, D, C, R, S), each R × S kernel from C channels to D.
    stride
        In both directions.
    """
    n_groups, depth, channels, height, width = weight.shape
    if height == width == 1:
        return _pointwise(x[..., ::stride, ::stride], weight[..., 0, 0])
    if channels == depth == 1 and x.is_cuda:
        return depthwise(x, weight, stride)
    grouped = x.reshape(n_groups, channels, *x.shape[1:])
    found: Tensor = _Gathered.apply(grouped, weight, stride)  # type: ignore[no-untyped-call]
    return found.flatten(0, 1)


def _pointwise(
    x: Float[Tensor, "GC B H W"], weight: Float[Tensor, "G D C"]
) -> Float[Tensor, "GD B H W"]:
    n_groups, depth, channels = weight.shape
    product = torch.bmm(weight, x.reshape(n_groups, channels, -1))  # (G, D, B·H·W)
    return product.view(n_groups * depth, *x.shape[1:])


def depthwise(
    x: Float[Tensor, "G B H W"], weight: Float[Tensor, "G 1 1 R S"], stride: int
) -> Float[Tensor, "G B h w"]:
    """Return what `convolve` does for one channel a group, by PyTorch's own depthwise kernel.

    The batch takes the place of a third dimension of length B that the kernel does not span, so
    that nothing is copied. On a CPU PyTorch goes through the groups one by one here, in float64.
    """
    return functional.conv3d(x[None], weight, stride=(1, stride, stride), groups=len(x))[0]


def _gather(
    x: Float[Tensor, "G C B H W"], height: int, width: int, stride: int
) -> Float[Tensor, "G C R S B h w"]:
    """Return a view: for each place in a kernel, what lies under it."""
    windows = x.unfold(3, height, stride).unfold(4, width, stride)  # (G, C, B, h, w, R, S)
    return windows.permute(0, 1, 5, 6, 2, 3, 4)


class _Gathered(torch.autograd.Function):
    """A convolution as gather and product; backward gathers again and keeps nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        windows = _gather(x, weight.shape[3], weight.shape[4], stride)
        columns = windows.reshape(len(x), weight[0, 0].numel(), -1)  # (G, C·R·S, B·h·w)
        product = torch.bmm(weight.flatten(2), columns)
        return product.view(*weight.shape[:2], *windows.shape[4:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        windows = _gather(x, weight.shape[3], weight.shape[4], ctx.stride)
        columns = windows.reshape(len(x), weight[0, 0].numel(), -1)
        flat = gradient.flatten(2)  # (G, D, B·h·w)
        of_weight = torch.bmm(flat, columns.mT).view_as(weight)
        if not ctx.needs_input_grad[0]:
            return None, of_weight, None
        of_windows = torch.bmm(weight.flatten(2).mT, flat).view_as(windows)
        return _scatter(of_windows, x, ctx.stride), of_weight, None


def _scatter(windows: Tensor, like: Tensor, stride: int) -> Tensor:
    """Return the gradient of `_gather`: each pixel's sum over the windows it lies in."""
    found = torch.zeros_like(like)
    for row in range(windows.shape[2]):
        for column in range(windows.shape[3]):
            _gather_one(found, windows, row, column, stride).add_(windows[:, :, row, column])
    return found


def _gather_one(x: Tensor, windows: Tensor, row: int, column: int, stride: int) -> Tensor:
    height, width = windows.shape[5:]
    rows = slice(row, row + stride * (height - 1) + 1, stride)
    return x[..., rows, slice(column, column + stride * (width - 1) + 1, stride)]
