"""Runs in a process of their own, one student or a stack: peak memory beside the stated bound."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks import floors
from benchmarks.material import BATCH_SIZE, N_CLASSES, N_TRAIN, SHAPE, student
from benchmarks.measuring import Comparison
from benchmarks.students import N_A_PHASE
from carto_helpers import models
from carto_helpers.config import Recipe
from carto_helpers.engine import Engine, choose_engine
from carto_helpers.images.image_set import ImageSet
from carto_helpers.memory import (
    footprint,
    free_bytes,
    keep_freed,
    n_lanes_that_fit,
    peak_bytes,
)
from carto_helpers.records import save_tensors
from carto_helpers.stacked.stacked_training import StackedTraining
from carto_helpers.training import Training, TrainingData, predict

N_IMAGES = 60_000  # CIFAR-10, both splits
N_STEPS = 5


def measure(families: tuple[str, ...], *, device: str, with_stacks: bool) -> Iterator[Comparison]:
    """Yield each student's peak, alone and in a stack; the ratio is the bound over the peak.

    It is to be at least 1. A stack is of as many of a phase's students as fit on a GPU, where it is
    used, and of four on a CPU.
    """
    n_lanes = N_A_PHASE if device.startswith("cuda") else 4
    for most, family in product((1, n_lanes) if with_stacks else (1,), families):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            weighed = pool.submit(_weigh, family, device, most).result()
        name = models.resolve(family, role="student").name
        yield Comparison(
            section="Memory of a run",
            what=f"{f'stack of {weighed.n}: ' * (most > 1)}{name}, CIFAR-10's size, batch 32",
            unit="GB",
            ours=[weighed.peak / 1e9],
            baseline_name="the bound of `memory.footprint`",
            baseline=[weighed.bound / 1e9],
            floor=weighed.least / 1e9,
            floor_from="all images and logits once; trained weights, gradients, Adam's two moments",
            note=f"{weighed.free / 1e9:.1f} GB were free on {device}; the process took "
            f"{weighed.host / 1e9:.2f} GB of the host",
        )


class Weighed(NamedTuple):
    """What a job of `n` students at once took and may take, in bytes."""

    n: int
    peak: float
    least: float  # of the peak
    bound: float
    host: float  # the process's peak, whatever the device
    free: float  # before it began


def _weigh(family: str, device: str, most: int) -> Weighed:
    """Train students of made images, evaluate one and write its weights.

    A worker also loads a data set and the teacher's record.
    """
    keep_freed()
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (N_IMAGES, *SHAPE), generator=draw, dtype=torch.uint8)
    labels = torch.arange(N_IMAGES) % N_CLASSES
    classes = tuple(map(str, range(N_CLASSES)))
    images = ImageSet(name="cifar10", images=pixels, labels=labels, classes=classes)
    engine = choose_engine(models.resolve(family, role="student").name, device, role="student")
    torch.set_num_threads(engine.threads)
    need = footprint(student(family, images), pixels, n_images=N_IMAGES, batch_size=BATCH_SIZE)
    n, free = n_lanes_that_fit(need, engine, most) if most > 1 else 1, free_bytes(engine.device)
    order = torch.randperm(N_IMAGES, generator=draw)
    train, rest = order.split([N_TRAIN, N_IMAGES - N_TRAIN])
    logits = torch.zeros(N_TRAIN, N_CLASSES, dtype=torch.float16)
    resident = TrainingData(pixels[train], labels[train], engine, logits)
    other = TrainingData(pixels[rest], labels[rest], engine)
    trained = _train(family, images, resident, engine, n)
    predict(trained, other, engine)
    with TemporaryDirectory() as folder:
        save_tensors(Path(folder) / "weights.safetensors", trained.state_dict(), {})
    peak, host = peak_bytes(engine.device), peak_bytes("cpu")
    lanes = need.lane * n if most > 1 else 0.0
    bound = need.a_process if engine.device == "cpu" else need.data + need.a_run
    weights = sum(p.numel() for p in floors.least(student(family, images), SHAPE).parameters())
    return Weighed(
        n=n,
        peak=peak,
        least=pixels.nbytes + labels.nbytes + logits.nbytes + 16 * n * weights,
        bound=bound + lanes,
        host=host,
        free=free,
    )


def _train(
    family: str, images: ImageSet, resident: TrainingData, engine: Engine, n: int
) -> nn.Module:
    """Return one student after a few steps, alone or in a stack of `n`."""
    index = np.arange(N_STEPS * BATCH_SIZE)
    engine = engine.of_stack(n) if n > 1 else engine
    networks = [student(family, images, seed) for seed in range(n)]
    recipe = Recipe(epochs=1 if n > 1 else 1_000)  # of which one is run: a long one is replayed
    trainings = [
        Training(network, resident, index, recipe=recipe, seed=seed, engine=engine)
        for seed, network in enumerate(networks)
    ]
    if n == 1:
        trainings[0].run_epoch()
    else:
        list(StackedTraining(trainings, n).run())
    return networks[0]
