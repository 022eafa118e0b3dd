"""A student's run in a process of its own: its peak memory beside the stated bound."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch

from benchmarks.material import BATCH_SIZE, N_CLASSES, N_TRAIN, SHAPE, student
from benchmarks.measuring import Comparison
from carto_helpers import models
from carto_helpers.config import Recipe
from carto_helpers.engine import choose_engine
from carto_helpers.images.image_set import ImageSet
from carto_helpers.memory import footprint, free_bytes, peak_bytes
from carto_helpers.training import Training, TrainingData, predict

N_IMAGES = 60_000  # CIFAR-10, both splits
N_STEPS = 5


def measure(families: tuple[str, ...], *, device: str) -> Iterator[Comparison]:
    """Yield each student's peak; the ratio is the bound over the peak, to be at least 1."""
    for family in families:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            peak, bound = pool.submit(_peak_and_bound, family, device).result()
        yield Comparison(
            section="Memory of one student's run",
            what=f"{models.resolve(family, role='student').name}, CIFAR-10's size, batch 32",
            unit="GB",
            ours=[peak / 1e9],
            baseline_name="the bound of `memory.footprint`",
            baseline=[bound / 1e9],
            goal="bound not exceeded",
            note=f"{free_bytes(device) / 1e9:.1f} GB are free on {device}",
        )


def _peak_and_bound(family: str, device: str) -> tuple[float, float]:
    """Train and evaluate as a worker process does, with made images; return bytes."""
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (N_IMAGES, *SHAPE), generator=draw, dtype=torch.uint8)
    labels = torch.arange(N_IMAGES) % N_CLASSES
    classes = tuple(map(str, range(N_CLASSES)))
    images = ImageSet(name="cifar10", images=pixels, labels=labels, classes=classes)
    engine = choose_engine(models.resolve(family, role="student").name, device, role="student")
    torch.set_num_threads(engine.threads)
    order = torch.randperm(N_IMAGES, generator=draw)
    train, rest = order.split([N_TRAIN, N_IMAGES - N_TRAIN])
    logits = torch.zeros(N_TRAIN, N_CLASSES, dtype=torch.float16)
    resident = TrainingData(pixels[train], labels[train], engine, logits)
    other = TrainingData(pixels[rest], labels[rest], engine)
    network = student(family, images)
    need = footprint(network, pixels, n_images=N_IMAGES, batch_size=BATCH_SIZE)
    index = np.arange(N_STEPS * BATCH_SIZE)
    Training(network, resident, index, recipe=Recipe(), seed=0, engine=engine).run_epoch()
    predict(network, other, engine)
    if engine.device == "cpu":
        return peak_bytes("cpu"), need.a_process
    return peak_bytes(engine.device), need.data + need.a_run
