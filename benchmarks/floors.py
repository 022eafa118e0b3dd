"""What the machine can do at most: matrix products, copies; and what a training step needs."""

import copy
import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from carto_helpers.config import Recipe
from carto_helpers.networks.small_maps import as_products

_ADAM_FLOATS = 11  # a step reads and writes weight, gradient, two moments: see `step_bytes`


def synchronise(device: str) -> None:
    """Wait until `device` has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def best_seconds(work: Callable[[], object], device: str, n: int = 7) -> float:
    """Return the shortest of `n` runs of `work`, after one to warm up."""
    work()
    seconds = []
    for _ in range(n):
        synchronise(device)
        started = time.perf_counter()
        work()
        synchronise(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


@cache
def matrix_rate(device: str, threads: int, side: int = 2048) -> float:
    """Return the best float32 matrix product of this machine, in FLOP a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    a, b = (torch.randn(side, side, device=device) for _ in range(2))
    seconds = best_seconds(lambda: a @ b, device)
    torch.set_num_threads(before)
    return 2 * side**3 / seconds


@cache
def copy_rate(device: str, n_bytes: int = 1 << 28) -> float:
    """Return the best copy of a large array, in bytes read and written a second."""
    source = torch.zeros(n_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * n_bytes / best_seconds(lambda: target.copy_(source), device)


def step_flops(network: nn.Module, shape: tuple[int, int, int], batch_size: int) -> float:
    """Return the FLOP of one training step (forward and backward), as PyTorch counts them.

    But for convolutions' backward passes, of which PyTorch counts depthwise ones as if every output
    saw every channel.
    """
    images = torch.zeros(batch_size, *shape)
    own = {torch.ops.aten.convolution_backward: _backward_flops}
    with FlopCounterMode(display=False, custom_mapping=own) as counter:
        network(images).sum().backward()
    network.zero_grad()
    return float(counter.get_total_flops())


def _backward_flops(
    gradient: list[int], _: list[int], weight: list[int], *others: Any, **__: Any
) -> int:
    """Return the FLOP of a convolution's gradients, each as many as its forward pass."""
    wanted = others[-1]  # of the input, the weight and the bias
    return 2 * math.prod(gradient) * math.prod(weight[1:]) * sum(wanted[:2])


def step_bytes(network: nn.Module) -> float:
    """Return the least memory traffic of one step's weights and optimiser, in bytes.

    Each parameter's float32 is read forward and backward, its gradient written, read for the norm,
    and read by Adam, which reads and writes the weight and both moments: eleven floats.
    """
    return 4.0 * _ADAM_FLOATS * sum(parameter.numel() for parameter in network.parameters())


def step_floor(network: nn.Module, shape: tuple[int, int, int], device: str) -> float:
    """Return the least seconds of one step of the paper's recipe on this device, all threads."""
    needed = least(network, shape)
    flops = step_flops(needed, shape, Recipe().batch_size)
    rate = matrix_rate(device, torch.get_num_threads())
    return max(flops / rate, step_bytes(needed) / copy_rate(device))


def least(network: nn.Module, shape: tuple[int, int, int]) -> nn.Module:
    """Return a copy without the taps of its kernels that meet no pixel of such images."""
    return as_products(copy.deepcopy(network), torch.zeros(1, *shape)).train()
