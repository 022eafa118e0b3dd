"""What recording the dynamics adds to a teacher's epoch."""

import copy
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks import floors
from benchmarks.material import BATCH_SIZE, SHAPE, Material
from benchmarks.measuring import Comparison, in_turns
from carto_helpers import models
from carto_helpers.config import Recipe
from carto_helpers.engine import choose_engine
from carto_helpers.recording import epoch_quantities
from carto_helpers.training import Training, TrainingData, predict


def measure(
    material: Material, *, device: str, n_steps: int, n_repeats: int
) -> Iterator[Comparison]:
    """Yield the cost of the evaluation pass beside the training of the same images."""
    engine = choose_engine(models.resolve("resnet", role="teacher").name, device)
    images = material.images
    resident = TrainingData(images.images, images.labels, engine)
    alone = Recipe(hard_weight=1.0)
    network = copy.deepcopy(material.teacher)  # a training changes it to what the engine says

    def train(n: int) -> float:
        index = np.arange(n * BATCH_SIZE) % len(resident)
        lesson = Training(network, resident, index, recipe=alone, seed=0, engine=engine)
        return _timed(lesson.run_epoch, engine.device)

    n_examples = n_steps * BATCH_SIZE
    recorded = TrainingData(images.images[:n_examples], images.labels[:n_examples], engine)

    def look() -> None:
        logits = predict(network, recorded, engine)
        epoch_quantities(logits, recorded.labels)["p_gold"].cpu()

    def record() -> float:
        return _timed(look, engine.device) * (n_examples / len(recorded))

    train(20)
    training, recording = in_turns(n_repeats, partial(train, n_steps), record)
    yield Comparison(
        section="Recording the dynamics",
        what=f"ResNet-50, {n_examples} images once through the evaluation pass",
        unit="s",
        ours=recording,
        baseline_name="training on the same images, batch 32",
        baseline=training,
        floor=floors.step_flops(floors.least(material.teacher, SHAPE), SHAPE, BATCH_SIZE)
        / 3
        * n_steps
        / floors.matrix_rate(engine.device, engine.threads),
        floor_from="the forward pass's FLOP over the measured matrix rate",
    )


def _timed(work: Callable[[], object], device: str) -> float:
    floors.synchronise(device)
    started = time.perf_counter()
    work()
    floors.synchronise(device)
    return time.perf_counter() - started
