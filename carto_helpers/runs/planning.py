"""What a phase will do before it does it: runs that are missing, time, disk."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from carto_helpers import data, models
from carto_helpers.config import Recipe, SubsetSpec, TeacherRun, subset_size
from carto_helpers.engine import Engine, n_side_by_side
from carto_helpers.runs.starts import Start, initialise
from carto_helpers.runs.workbench import Workbench
from carto_helpers.training import Training

_CALIBRATION_STEPS = 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The runs of a phase that are recorded and missing, and what the missing ones will take."""

    phase: str
    dataset: str
    folder: str
    n_recorded: int
    n_missing_teachers: int
    n_missing_students: int
    seconds: float
    n_bytes: int

    @property
    def title(self) -> str:
        """What is planned, in a few words."""
        return f"{self.phase} on {self.dataset}"

    def __str__(self) -> str:
        """Say it in one line."""
        missing = [
            f"{n} {noun}{'s' * (n != 1)}"
            for n, noun in (
                (self.n_missing_teachers, "teacher"),
                (self.n_missing_students, "student"),
            )
            if n
        ]
        head = f"{self.title}: {self.n_recorded} runs recorded in {self.folder}"
        if not missing:
            return f"{head}, none missing"
        return (
            f"{head}, missing {' and '.join(missing)}; "
            f"about {duration(self.seconds)} and {self.n_bytes / 1e6:.0f} MB of disk"
        )


def duration(seconds: float) -> str:
    """Return a length of time in words.

    Examples
    --------
    >>> duration(42.0), duration(600.0), duration(9_000.0)
    ('42 s', '10 min', '2 h 30 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def make_plan(
    phase: str,
    bench: Workbench,
    *,
    n_recorded: int,
    teachers: Sequence[TeacherRun] = (),
    subsets: Sequence[SubsetSpec] = (),
) -> Plan:
    """Return the plan of the missing `teachers`, and of one student for each of `subsets`.

    Time comes from recorded runs of the same network on the same device, else from a few timed
    steps.
    """
    n_train = len(bench.split.train) if teachers or subsets else 0
    seconds = n_bytes = 0.0
    for teacher in teachers:
        spec = models.resolve(teacher.network, role="teacher")
        seconds += n_train * teacher.recipe.epochs * _pace(bench, spec, "teacher", teacher.recipe)
        n_bytes += 3 * _weight_bytes(bench, spec)  # weights, and Adam's state in the checkpoint
    if subsets:
        spec, recipe = bench.network("student"), bench.config.student_recipe
        n_examples = sum(subset_size(subset.fraction, n_train) for subset in subsets)
        pace = _pace(bench, spec, "student", recipe)
        n_at_once = n_side_by_side(bench.engine(spec, "student"), len(subsets))
        seconds += n_examples * recipe.epochs * pace / n_at_once
        n_bytes += len(subsets) * _weight_bytes(bench, spec)
    return Plan(
        phase=phase,
        dataset=data.dataset_name(bench.config.dataset),
        folder=bench.config.results,
        n_recorded=n_recorded,
        n_missing_teachers=len(teachers),
        n_missing_students=len(subsets),
        seconds=seconds,
        n_bytes=int(n_bytes),
    )


def _weight_bytes(bench: Workbench, spec: models.NetworkSpec) -> int:
    train = bench.dataset.train
    return 4 * models.count_parameters(
        spec, n_classes=len(train.classes), n_channels=train.images.shape[1]
    )


def _pace(bench: Workbench, spec: models.NetworkSpec, role: str, recipe: Recipe) -> float:
    """Return seconds an example and epoch."""
    rows = bench.results.teachers() if role == "teacher" else bench.results.students()
    engine = bench.engine(spec, role)
    is_so_run = [Engine.from_json(text).alone() == engine for text in rows["engine"]]
    rows = rows[
        (rows["network"] == spec.name)
        & pd.Series(is_so_run, index=rows.index, dtype=bool)
        & (rows["fingerprint"] == bench.dataset.fingerprint)
    ]
    if len(rows):
        epochs = rows["recipe"].map(lambda text: json.loads(text)["epochs"])
        return float((rows["seconds"] / (rows["n_train"] * epochs)).median())
    return _measured_pace(bench, spec, engine, recipe)


def _measured_pace(
    bench: Workbench, spec: models.NetworkSpec, engine: Engine, recipe: Recipe
) -> float:
    bench.footprint(spec)  # raises where the network takes no such images
    train = bench.dataset.train
    resident = bench.resident(engine)["train"]
    index = np.arange(min(len(resident), _CALIBRATION_STEPS * recipe.batch_size))
    network = initialise(spec, Start(label="scratch"), train, seed=0)
    # the teacher's logits cost next to nothing, and no learning rate may spoil the timing
    alone = replace(recipe, hard_weight=1.0, learning_rate=1e-6, epochs=1_000)  # a long training
    training = Training(network, resident, index, recipe=alone, seed=0, engine=engine)
    training.run_epoch()  # warm up
    started = time.monotonic()
    training.run_epoch()
    return (time.monotonic() - started) / len(index)
