"""Students an hour: ours beside the authors' loop and beside a plain one."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks import floors
from benchmarks.eager_loop import EagerLoop, best_layout
from benchmarks.material import BATCH_SIZE, SHAPE, STEPS_A_STUDENT, Material, student
from benchmarks.measuring import Comparison, in_turns
from carto_helpers import models
from carto_helpers.config import Recipe
from carto_helpers.engine import Engine, choose_engine, n_side_by_side
from carto_helpers.images.image_set import ImageSet
from carto_helpers.memory import footprint, keep_freed, n_lanes_that_fit
from carto_helpers.stacked.stacked_training import StackedTraining
from carto_helpers.training import Training, TrainingData

N_A_PHASE = 39  # students of phase 1: 13 subsets, 3 seeds
N_WARM = 20  # steps
_HERE: dict[str, Any] = {}  # what a worker process is set up with


def _set_up(images: ImageSet, logits: Tensor, barrier: Any) -> None:
    keep_freed()
    torch.set_num_threads(1)
    _HERE.update(images=images, logits=logits, barrier=barrier)


def _train_here(family: str, engine: Engine, n_steps: int) -> float:
    resident = _resident(_HERE["images"], _HERE["logits"], engine)
    network = student(family, _HERE["images"])
    return _seconds(network, resident, engine, n_steps, _HERE["barrier"])


def _resident(images: ImageSet, logits: Tensor, engine: Engine) -> TrainingData:
    return TrainingData(images.images, images.labels, engine, logits)


def _seconds(
    network: nn.Module, resident: TrainingData, engine: Engine, n_steps: int, barrier: Any = None
) -> float:
    """Return how long `n_steps` of our steps take after as many, in which a step is recorded."""
    index = np.arange(n_steps * BATCH_SIZE) % len(resident)
    training = Training(network, resident, index, recipe=Recipe(), seed=0, engine=engine)
    training.run_epoch()
    if barrier is not None:
        barrier.wait()
    floors.synchronise(engine.device)
    started = time.perf_counter()
    training.run_epoch()
    floors.synchronise(engine.device)
    return time.perf_counter() - started


class _Clock(tqdm):  # type: ignore[type-arg]  # it counts nothing
    """A progress bar that shows nothing and notes when the warm-up is over."""

    def __init__(self, device: str, n_students: int) -> None:
        super().__init__(disable=True)
        self._device, self._n_left, self.started = device, float(N_WARM * n_students), 0.0

    def update(self, n: float | None = 1) -> None:
        """Count `n` students' steps."""
        self._n_left -= n or 0
        if self._n_left == 0:
            floors.synchronise(self._device)
            self.started = time.perf_counter()


class Stacked:
    """Our training as `train_students` runs it on a GPU: students of a phase as one network."""

    def __init__(self, material: Material, family: str, device: str) -> None:
        self._material, self._family = material, family
        self.name = models.resolve(family, role="student").name
        chosen = choose_engine(self.name, device, role="student")
        need = footprint(
            student(family, material.images),
            material.images.images,
            n_images=len(material.images),
            batch_size=BATCH_SIZE,
        )
        self.n_at_once = n_lanes_that_fit(need, chosen, N_A_PHASE)
        self.engine = chosen.of_stack(self.n_at_once)
        self._resident = _resident(material.images, material.teacher_logits, chosen)

    def seconds(self, n_steps: int) -> float:
        """Return seconds for `n_steps` of one student: wall time over the students at once."""
        index = np.arange((n_steps + N_WARM) * BATCH_SIZE) % len(self._resident)
        trainings = (self._training(seed, index) for seed in range(self.n_at_once))
        clock = _Clock(self.engine.device, self.n_at_once)
        for _ in StackedTraining(trainings, self.n_at_once).run(clock):
            floors.synchronise(self.engine.device)
        return (time.perf_counter() - clock.started) / self.n_at_once

    def _training(self, seed: int, index: np.ndarray) -> Training:
        network, recipe = student(self._family, self._material.images, seed), Recipe(epochs=1)
        return Training(
            network, self._resident, index, recipe=recipe, seed=seed, engine=self.engine
        )

    def close(self) -> None:
        """Nothing is left open."""


class Ours:
    """Our training as `train_students` runs it on a CPU: side by side if the engine says so."""

    def __init__(self, material: Material, family: str, device: str) -> None:
        self._material, self._family = material, family
        self.name = models.resolve(family, role="student").name
        self.engine = choose_engine(self.name, device, role="student")
        self.n_at_once = n_side_by_side(self.engine, 100)
        self._pool: ProcessPoolExecutor | None = None
        if self.n_at_once > 1:
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.n_at_once,
                context,
                initializer=_set_up,
                initargs=(
                    material.images,
                    material.teacher_logits,
                    context.Barrier(self.n_at_once),
                ),
            )

    def seconds(self, n_steps: int) -> float:
        """Return seconds for `n_steps` of one student: wall time over the steps of all at once."""
        if self._pool is None:
            images, logits = self._material.images, self._material.teacher_logits
            resident = _resident(images, logits, self.engine)
            return _seconds(student(self._family, images), resident, self.engine, n_steps)
        work = [
            self._pool.submit(_train_here, self._family, self.engine, n_steps)
            for _ in range(self.n_at_once)
        ]
        return max(job.result() for job in work) / self.n_at_once

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.shutdown()


def measure(
    material: Material, families: tuple[str, ...], *, device: str, n_steps: int, n_repeats: int
) -> Iterator[Comparison]:
    """Yield each student's lines: against (a), and against (b)."""
    from benchmarks import authors_loop  # Lightning is an extra of its own

    for family in families:
        n_workers = authors_loop.best_workers(material, family, device, n_repeats)
        layout = best_layout(material, family, device, n_repeats)
        ours = (Stacked if device.startswith("cuda") else Ours)(material, family, device)
        theirs, plain, own = in_turns(
            n_repeats,
            partial(
                authors_loop.seconds,
                material,
                family,
                device,
                n_steps=n_steps,
                n_workers=n_workers,
            ),
            partial(_plain_seconds, material, family, device, layout, n_steps),
            partial(ours.seconds, n_steps),
        )
        ours.close()
        line = _line(ours, student(family, material.images), own, n_steps)
        yield replace(
            line,
            baseline_name=f"(a) Lightning, DataLoader ({n_workers} workers), live teacher",
            baseline=_milliseconds(theirs, n_steps),
        )
        yield replace(
            line,
            baseline_name=f"(b) plain eager loop, {layout}, fused Adam, resident",
            baseline=_milliseconds(plain, n_steps),
        )


def _plain_seconds(
    material: Material, family: str, device: str, layout: str, n_steps: int
) -> float:
    return EagerLoop(material, family, device, layout).seconds(n_steps)


def _milliseconds(seconds: Sequence[float], n_steps: int) -> list[float]:
    return [1e3 * s / n_steps for s in seconds]


def _line(
    ours: Ours | Stacked, network: nn.Module, seconds: list[float], n_steps: int
) -> Comparison:
    """Return what both lines of a student share."""
    engine = ours.engine
    an_hour = 3600 * n_steps / (median(seconds) * STEPS_A_STUDENT)
    return Comparison(
        section="Students",
        what=f"{ours.name}, one step",
        unit="ms",
        ours=_milliseconds(seconds, n_steps),
        floor=1e3 * floors.step_floor(network, SHAPE, engine.device),
        floor_from="the step's FLOP over the measured matrix rate, or its weights' traffic",
        note=f"{engine.layout}, threads {engine.threads}, {ours.n_at_once} at once: "
        f"{an_hour:.1f} students of 33 % an hour"
        + "; recording the step, once a student, is not counted"
        * engine.replayed,
    )
