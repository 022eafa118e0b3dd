"""One student's run: choose the subset, distil, score, end as one row."""

import dataclasses
import json
import time
from multiprocessing import parent_process
from typing import Any

import numpy as np
from filelock import Timeout
from tqdm import tqdm

from carto_helpers import models
from carto_helpers.config import StudentRun
from carto_helpers.engine import Engine
from carto_helpers.memory import peak_bytes
from carto_helpers.own_subsets import positions
from carto_helpers.records import save_tensors
from carto_helpers.runs.provenance import provenance, run_facts, score_columns
from carto_helpers.runs.starts import initialise
from carto_helpers.runs.workbench import Workbench
from carto_helpers.training import Training, TrainingData, evaluate, tracked_scores


def train_unless_elsewhere(bench: Workbench, run: StudentRun) -> str | None:
    """Train one student as `train_student` does; None if another process has it under way."""
    claim = bench.results.claim(run.key())
    try:
        claim.acquire(blocking=False)
    except Timeout:
        return None
    try:
        return _train_claimed(bench, run)
    finally:
        claim.release()


def train_student(bench: Workbench, run: StudentRun) -> str:
    """Train one student unless it is recorded; return a line that says what came out.

    A run that another process has under way is waited for.
    """
    with bench.results.claim(run.key()):
        return _train_claimed(bench, run)


def _train_claimed(bench: Workbench, run: StudentRun) -> str:
    if run.key() in set(bench.results.students()["key"]):
        return f"{_name(run)}: recorded meanwhile"
    bench.results.clear(run.key())
    row = _train(bench, run)
    bench.results.append_student(row)
    return outcome(run, row)


def _name(run: StudentRun) -> str:
    subset = f"{run.subset.label()} of {run.dataset}"
    return f"student {run.network} on {subset}, seed {run.student_seed}"


def outcome(run: StudentRun, row: dict[str, Any]) -> str:
    """Return a line that says what came out of a run."""
    peak = peak_bytes(json.loads(row["engine"])["device"])
    return (
        f"{_name(run)}: macro F1 {row['test_macro_f1']:.4f} test, "
        f"{row['seconds']:.0f} s, {peak / 1e9:.2f} GB"
    )


def subset_index(bench: Workbench, run: StudentRun) -> np.ndarray:
    """Return the subset of a run: sorted positions in the training split, (n,)."""
    record = bench.results.dynamics(run.teacher_key)
    return positions(bench.results, record, run.subset, seed=run.subset_seed)


def _train(bench: Workbench, run: StudentRun) -> dict[str, Any]:
    """Train one student, keep its weights, return its row."""
    engine = bench.engine(_spec(run), "student").alone()
    splits = bench.resident(engine, run.teacher_key)
    started = time.monotonic()
    training = begin(bench, run, splits["train"], engine)
    _run_epochs(training, run)
    return finish(bench, run, training, seconds=time.monotonic() - started)


def _spec(run: StudentRun) -> models.NetworkSpec:
    return models.resolve(run.network, role="student")


def begin(bench: Workbench, run: StudentRun, train: TrainingData, engine: Engine) -> Training:
    """Return a run's training, not begun."""
    spec = _spec(run)
    start = bench.start_of(run, spec)
    training = Training(
        initialise(spec, start, bench.dataset.train, seed=run.student_seed),
        train,
        subset_index(bench, run),
        recipe=run.recipe,
        seed=run.student_seed,
        engine=engine,
    )
    training.tracker = bench.tracker(run)
    return training


def finish(
    bench: Workbench, run: StudentRun, training: Training, *, seconds: float
) -> dict[str, Any]:
    """Score a student that is trained, keep its weights, return its row.

    `seconds` is what the training took; the row's are those of the scoring too.
    """
    started, engine = time.monotonic(), training.engine
    splits = bench.resident(engine, run.teacher_key)
    val, test = (
        evaluate(training.network, splits[name], engine, when=training.when)
        for name in ("val", "test")
    )
    seconds += time.monotonic() - started
    training.tracker.log(tracked_scores(val, test), training.epochs_done)
    training.tracker.finish()
    save_tensors(
        bench.results.weights_path(run.key()),
        training.network.state_dict(),
        run_facts(run),
    )
    found = {
        "n_train": training.n_examples,
        "train_loss": training.train_loss,
        "seconds": round(seconds, 2),
    }
    return _identity(run) | found | score_columns(val, test) | provenance(engine)


def _identity(run: StudentRun) -> dict[str, Any]:
    """Return the columns that say which run it is."""
    fields = dataclasses.asdict(run)
    subset = fields.pop("subset")
    return {"key": run.key(), **fields, **subset, "recipe": run.recipe.to_json()}


def _run_epochs(training: Training, run: StudentRun) -> None:
    n_epochs = run.recipe.epochs
    is_quiet = True if parent_process() else None  # beside others, one bar counts the runs
    n_steps = n_epochs * training.n_steps
    with tqdm(total=n_steps, unit="step", disable=is_quiet, leave=False) as bar:
        for epoch in range(1, n_epochs + 1):
            bar.set_description(f"{run.subset.label()}, epoch {epoch}/{n_epochs}")
            training.run_epoch(bar)
