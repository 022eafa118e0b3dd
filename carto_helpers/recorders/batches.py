"""One batch of any framework's arrays, checked and on one device."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Numbers: TypeAlias = Tensor | np.ndarray | Sequence[int] | Sequence[Sequence[int | float]]

_TINY = torch.finfo(torch.float32).tiny
_OFF_BY = {torch.bfloat16: 1e-2}  # how far a row of probabilities may be from 1, rounded so
_ELSE_OFF_BY = 1e-3  # in half precision and better


@dataclass(frozen=True)
class Batch:
    """Positions, logits and gold labels of B examples, on the device of the logits."""

    index: Int[Tensor, " B"]
    logits: Float[Tensor, "B C"]
    labels: Int[Tensor, " B"]


def as_batch(index: Numbers, logits: Numbers, labels: Numbers) -> Batch:
    """Return the batch as tensors, on the device of the logits, without waiting for a GPU.

    Raises
    ------
    ValueError
        If `logits` is not (B, C) with at least two classes, or `index` or `labels` is not (B,).
    TypeError
        If `logits` is not floating or `index` or `labels` does not hold whole numbers.
    """
    scores = torch.as_tensor(logits).detach()
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            f"`logits` must have shape (B, C) with C >= 2 classes, got {tuple(scores.shape)}; "
            "for one logit z an example pass torch.stack((torch.zeros_like(z), z), dim=1)"
        )
    if not scores.is_floating_point():
        raise TypeError(f"`logits` must be floating, got {scores.dtype}; pass the network's output")
    return Batch(
        index=_whole(index, "index", scores),
        logits=scores,
        labels=_whole(labels, "labels", scores),
    )


def check_values(batch: Batch, n_examples: int) -> None:
    """Refuse positions outside the split and labels that are no class, where that costs no wait.

    On a GPU both are counted instead and refused at the end of the epoch.

    Raises
    ------
    ValueError
        If there are any, on the CPU.
    """
    if batch.logits.device.type != "cpu" or not len(batch.index):
        return
    limits = (("index", batch.index, n_examples), ("labels", batch.labels, batch.logits.shape[1]))
    for name, values, limit in limits:
        low, high = (int(end) for end in values.aminmax())
        if low < 0 or high >= limit:
            raise ValueError(
                f"`{name}` must lie in 0 … {limit - 1}, got {low} to {high}; {_REMEDIES[name]}"
            )


_REMEDIES = {
    "index": "pass each example's position in the training split (`IndexedDataset` yields it)",
    "labels": "pass the gold label as the number of its logit",
}


def log_probabilities(probabilities: Numbers) -> Float[Tensor, "B C"]:
    """Return logits that have these probabilities; 0 counts as the smallest float32.

    Raises
    ------
    ValueError
        If they are negative or a row does not sum to 1 (told on the CPU only).
    """
    p = torch.as_tensor(probabilities).detach()
    if p.ndim == 2 and p.device.type == "cpu" and len(p):
        off = float((p.double().sum(1) - 1).abs().max())
        if not (off <= _OFF_BY.get(p.dtype, _ELSE_OFF_BY) and float(p.min()) >= 0):
            raise ValueError(
                f"`probabilities` must be at least 0 and sum to 1 in each row, got a smallest of "
                f"{float(p.min()):g} and a row {off:g} off; pass logits to `update` instead"
            )
    return p.float().clamp_min(_TINY).log()


def _whole(values: Numbers, name: str, logits: Tensor) -> Int[Tensor, " B"]:
    """Return whole numbers (B,) in int64 on the device of the logits."""
    tensor = torch.as_tensor(values)
    if tensor.shape != logits.shape[:1]:
        raise ValueError(
            f"`{name}` must have shape ({len(logits)},), one number a row of `logits`, "
            f"got {tuple(tensor.shape)}; flatten it, or pass the logits of the same batch"
        )
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        if tensor.numel():
            raise TypeError(f"`{name}` must hold whole numbers, got {tensor.dtype}; cast it")
        tensor = tensor.long()  # an empty list has no kind
    device = logits.device  # elsewhere than on CUDA a copy must be waited for
    return tensor.to(device, torch.int64, non_blocking=device.type == "cuda")
