"""A teacher's run: train, record every example after every epoch, end as one row."""

import dataclasses
import math
import time
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from carto_helpers import models
from carto_helpers.config import TeacherRun
from carto_helpers.data import encode_thumbnails
from carto_helpers.engine import Engine
from carto_helpers.memory import check_fits
from carto_helpers.recording import epoch_quantities, half_logits, stack_epochs
from carto_helpers.records import DamagedFileError, load_metadata, load_tensors, save_tensors
from carto_helpers.runs.provenance import provenance, run_facts, score_columns
from carto_helpers.runs.starts import initialise
from carto_helpers.runs.workbench import Workbench
from carto_helpers.training import Training, evaluate, predict, tracked_scores

N_THUMBNAILS = 2_500  # images of a data set that a record holds
CHECKPOINT_SHARE = 0.1  # of the time, at most; an epoch that is soon done again is not worth more


def train_teacher(bench: Workbench, run: TeacherRun) -> "pd.Series[Any]":
    """Train one teacher, keep its dynamics, logits and weights; return its row.

    A run that another process has under way is waited for, and one that was interrupted goes on
    after its last finished epoch (or the one before, where writing a checkpoint takes long beside
    an epoch). A checkpoint that is damaged is named, and the run begins again.

    Raises
    ------
    MemoryError
        If it would not fit; no epoch is begun.
    """
    with bench.results.claim(run.key()):
        if run.key() not in set(bench.results.teachers()["key"]):
            bench.results.clear(run.key())
            bench.results.append_teacher(_train(bench, run))
            bench.results.checkpoint_path(run.key()).unlink(missing_ok=True)
    return bench.results.teacher(run.key())


def _train(bench: Workbench, run: TeacherRun) -> dict[str, Any]:
    spec = models.resolve(run.network, role="teacher")
    checkpoint = _checkpoint(bench, run)
    engine = _engine(bench, run, spec)
    print(f"teacher {run.network} on {run.dataset} runs on {engine}", flush=True)
    splits, need = bench.resident(engine), bench.footprint(spec)
    # a checkpoint is laid out once more, and once as a file: 24 bytes a parameter to 16
    check_fits(need.a_run + 1.5 * need.network, engine)
    lesson = Lesson(bench, run, spec, engine)
    if checkpoint:
        lesson.go_on(checkpoint)
    lesson.finish()
    training, when = lesson.training, lesson.training.when
    val, test = (
        evaluate(training.network, splits[name], engine, when=when) for name in ("val", "test")
    )
    training.tracker.log(tracked_scores(val, test), training.epochs_done)
    training.tracker.finish()
    print(
        f"teacher {run.network} on {run.dataset}, start {run.start}, learning rate "
        f"{run.recipe.learning_rate:g}: macro F1 {val.macro_f1:.4f} validation, "
        f"{test.macro_f1:.4f} test, {lesson.seconds:.0f} s",
        flush=True,
    )
    found = {
        "n_train": len(splits["train"]),
        "n_val": len(splits["val"]),
        "val_chance": _own_chance(bench),
        "seconds": round(lesson.seconds, 2),
        "dynamics_seconds": round(lesson.dynamics_seconds, 2),
        **score_columns(val, test),
    }
    identity = {"key": run.key(), **dataclasses.asdict(run), "recipe": run.recipe.to_json()}
    return identity | found | _save(bench, run, lesson) | provenance(engine)


def _own_chance(bench: Workbench) -> float:
    """Return the largest class's share of a validation split of one's own, NaN of a drawn one."""
    if not bench.dataset.n_validation:
        return math.nan
    labels = bench.dataset.train.labels[bench.split.validation]
    return int(labels.bincount().max()) / len(labels)


def _checkpoint(bench: Workbench, run: TeacherRun) -> dict[str, Tensor] | None:
    """Return the state of an interrupted run, or None; one that is not this run's is removed."""
    path = bench.results.checkpoint_path(run.key())
    if not path.exists():
        return None
    with suppress(DamagedFileError):
        state = load_tensors(path)
        if load_metadata(path).get("key") == run.key():
            return state
    tqdm.write(f"{path} is damaged or another run's; the run begins again")
    path.unlink()
    return None


def _engine(bench: Workbench, run: TeacherRun, spec: models.NetworkSpec) -> Engine:
    """Return the engine that an interrupted run began with, else this machine's."""
    path, chosen = bench.results.checkpoint_path(run.key()), bench.engine(spec, "teacher")
    begun = load_metadata(path).get("engine") if path.exists() else None
    if begun is None:
        return chosen
    engine = Engine.from_json(begun)
    if engine.device.partition(":")[0] != chosen.device.partition(":")[0]:
        raise ValueError(
            f"{path} must go on on {engine.device}, where it began, got {chosen.device}; "
            f"pass device={engine.device!r}, or delete the file to begin again"
        )
    return dataclasses.replace(engine, device=chosen.device)  # its number may be another


def _save(bench: Workbench, run: TeacherRun, lesson: "Lesson") -> dict[str, str]:
    results, key, dataset = bench.results, run.key(), bench.dataset
    record = stack_epochs(bench.split.train, lesson.labels, dataset.train.classes, lesson.epochs)
    digests = {
        "dynamics_sha256": results.save_dynamics(key, record),
        "logits_sha256": results.save_logits(key, half_logits(lesson.logits).cpu()),
    }
    save_tensors(
        results.weights_path(key),
        lesson.training.network.state_dict(),
        run_facts(run),
    )
    if not _has_thumbnails(bench, run):
        index = np.sort(bench.split.train[:N_THUMBNAILS])  # the split is shuffled: a random sample
        images = encode_thumbnails(dataset.train.images[index])
        results.save_thumbnails(run.dataset, run.fingerprint, index, images)
    return digests


def _has_thumbnails(bench: Workbench, run: TeacherRun) -> bool:
    try:
        return bool(bench.results.thumbnails(run.dataset, run.fingerprint))
    except DamagedFileError as error:
        tqdm.write(f"{error}: it is made again")
        return False


class Lesson:
    """A teacher in training and what is recorded of it, epoch by epoch."""

    def __init__(
        self, bench: Workbench, run: TeacherRun, spec: models.NetworkSpec, engine: Engine
    ) -> None:
        self._path = bench.results.checkpoint_path(run.key())
        self._engine, self._run = engine, run
        self._data = bench.resident(engine)["train"]
        self.labels = self._data.labels.cpu().numpy()
        self.epochs: list[dict[str, Tensor]] = []
        self.logits = torch.empty(0)
        self.seconds = self.dynamics_seconds = 0.0
        self.training = Training(
            initialise(spec, bench.start_of(run, spec), bench.dataset.train, seed=run.teacher_seed),
            self._data,
            np.arange(len(self._data)),
            recipe=run.recipe,
            seed=run.teacher_seed,
            engine=engine,
        )
        self.training.tracker = bench.tracker(run)

    def finish(self) -> None:
        """Train and record the epochs that are left."""
        n_epochs, n_steps = self._run.recipe.epochs, self.training.n_steps
        done, saved_at, save_seconds = self.training.epochs_done, time.monotonic(), 0.0
        with tqdm(
            total=n_epochs * n_steps, initial=done * n_steps, unit="step", disable=None
        ) as bar:
            for epoch in range(done + 1, n_epochs + 1):
                bar.set_description(f"teacher {self._run.network}, epoch {epoch}/{n_epochs}")
                self._epoch(bar)
                if time.monotonic() - saved_at >= save_seconds / CHECKPOINT_SHARE:
                    save_seconds = self._save(epoch, n_epochs)
                    saved_at = time.monotonic()
        if not len(self.logits):  # nothing was left to train
            self.logits = predict(
                self.training.network, self._data, self._engine, when=self.training.when
            )

    def _save(self, epoch: int, n_epochs: int) -> float:
        """Write a checkpoint; return how many seconds that took."""
        started = time.monotonic()
        begun = {"key": self._run.key(), "engine": self._engine.to_json()}
        begun |= {"epochs_done": str(epoch)}
        save_tensors(self._path, self._state(), begun | {"epochs": str(n_epochs)})
        return time.monotonic() - started

    def _epoch(self, bar: "tqdm[Any]") -> None:
        started = time.monotonic()
        self.training.run_epoch(bar)
        trained = time.monotonic()
        self.logits = predict(
            self.training.network, self._data, self._engine, when=self.training.when
        )
        quantities = epoch_quantities(self.logits, self._data.labels)
        self.epochs.append({name: array.cpu() for name, array in quantities.items()})
        means = {f"dynamics/{name}": float(a.float().mean()) for name, a in self.epochs[-1].items()}
        self.training.tracker.log(means, self.training.epochs_done)
        finished = time.monotonic()
        self.dynamics_seconds += finished - trained
        self.seconds += finished - started

    def _state(self) -> dict[str, Tensor]:
        recorded = {
            f"epoch.{i}.{name}": array
            for i, epoch in enumerate(self.epochs)
            for name, array in epoch.items()
        }
        clock = torch.tensor([self.seconds, self.dynamics_seconds], dtype=torch.float64)
        return self.training.state() | recorded | {"clock": clock}

    def go_on(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self.training.restore(state)
        self.seconds, self.dynamics_seconds = state["clock"].tolist()
        self.epochs = [{} for _ in range(self.training.epochs_done)]
        for name, array in state.items():
            if name.startswith("epoch."):
                _, i, quantity = name.split(".")
                self.epochs[int(i)][quantity] = array
        tqdm.write(f"going on after epoch {self.training.epochs_done} of {self._path}")
