"""Baseline (b): a plain eager loop on resident images, one student after another.

What a careful user writes without this package: images and the teacher's logits lie on the device,
Adam is fused, and the layout is the faster of the two.
"""

import time
from functools import partial

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from benchmarks.floors import synchronise
from benchmarks.material import BATCH_SIZE, Material, student
from benchmarks.measuring import fastest
from carto_helpers.config import Recipe

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class EagerLoop:
    """A student, its optimiser and everything it reads, on one device."""

    def __init__(self, material: Material, family: str, device: str, layout: str) -> None:
        self._device, self._format = device, LAYOUTS[layout]
        self._network: nn.Module = student(family, material.images).to(device)
        self._network.to(memory_format=self._format)  # type: ignore[call-overload]
        self._images = material.images.images.to(device)
        self._labels = material.images.labels.to(device)
        self._soft = functional.softmax(material.teacher_logits.float(), dim=1).to(device)
        self._optimiser = torch.optim.Adam(
            self._network.parameters(), lr=Recipe().learning_rate, fused=True
        )

    def _step(self, at: torch.Tensor) -> None:
        images = self._images[at].float().div_(255).sub_(0.5).div_(0.5)
        logits = self._network(images.contiguous(memory_format=self._format))
        log_p = functional.log_softmax(logits, dim=1)
        soft = functional.kl_div(log_p, self._soft[at], reduction="batchmean")
        loss = 0.5 * soft + 0.5 * functional.nll_loss(log_p, self._labels[at])
        self._optimiser.zero_grad()
        loss.backward()
        clip_grad_norm_(self._network.parameters(), Recipe().clip_norm)
        self._optimiser.step()

    def seconds(self, n_steps: int, n_warm_up: int = 20) -> float:
        """Return how long `n_steps` steps take after the warm-up."""
        order = torch.randperm(len(self._images)).repeat(
            1 + (n_steps + n_warm_up) * BATCH_SIZE // len(self._images)
        )
        parts = order.to(self._device).split(BATCH_SIZE)
        for at in parts[:n_warm_up]:
            self._step(at)
        synchronise(self._device)
        started = time.perf_counter()
        for at in parts[n_warm_up : n_warm_up + n_steps]:
            self._step(at)
        synchronise(self._device)
        return time.perf_counter() - started


def best_layout(material: Material, family: str, device: str, n_repeats: int) -> str:
    """Return the memory layout with which the loop is fastest here."""
    loops = {name: EagerLoop(material, family, device, name) for name in LAYOUTS}
    return fastest(n_repeats, {name: partial(loop.seconds, 30) for name, loop in loops.items()})
