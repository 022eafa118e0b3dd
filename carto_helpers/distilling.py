"""Students' runs: choose the subset, distil, score, end as one row each."""

import dataclasses
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from tqdm import tqdm

from carto_helpers import models, selection
from carto_helpers.config import StudentRun
from carto_helpers.dynamics import scores
from carto_helpers.provenance import provenance, score_columns
from carto_helpers.records import save_tensors
from carto_helpers.starts import initialise
from carto_helpers.training import Training, evaluate
from carto_helpers.workbench import Workbench


def train_students(bench: Workbench, runs: Iterable[StudentRun]) -> None:
    """Train the runs that are not recorded, each ending as one row.

    A run that another process has under way is left to it.
    """
    pending = list(runs)
    for run in tqdm(pending, unit="student", disable=None):
        with bench.results.claim(run.key()):
            if run.key() not in set(bench.results.students()["key"]):
                bench.results.append_student(_train(bench, run))


def subset_index(bench: Workbench, run: StudentRun) -> np.ndarray:
    """Return the subset of a run: sorted positions in the training split, (n,)."""
    record = bench.results.dynamics(run.teacher_key)
    return selection.select(
        run.subset, scores(record.p_gold, record.is_right), seed=run.subset_seed
    )


def _train(bench: Workbench, run: StudentRun) -> dict[str, Any]:
    """Train one student, keep its weights, return its row."""
    spec = models.resolve(run.network, role="student")
    engine = bench.engine(spec)
    splits = bench.resident(engine, run.teacher_key)
    index = subset_index(bench, run)
    started = time.monotonic()
    training = Training(
        initialise(spec, bench.start("student", spec), bench.dataset.train, seed=run.student_seed),
        splits["train"],
        index,
        recipe=run.recipe,
        seed=run.student_seed,
        engine=engine,
    )
    _run_epochs(training, run)
    val, test = (evaluate(training.network, splits[name], engine) for name in ("val", "test"))
    seconds = time.monotonic() - started
    tqdm.write(
        f"student {run.network} on {run.subset.label()} of {run.dataset}, seed "
        f"{run.student_seed}: macro F1 {test.macro_f1:.4f} test, {seconds:.0f} s"
    )
    save_tensors(
        bench.results.weights_path(run.key()),
        training.network.state_dict(),
        {"network": run.network, "dataset": run.dataset, "fingerprint": run.fingerprint},
    )
    found = {"n_train": len(index), "seconds": round(seconds, 2), **score_columns(val, test)}
    return _identity(run) | found | provenance(engine)


def _identity(run: StudentRun) -> dict[str, Any]:
    """Return the columns that say which run it is."""
    fields = dataclasses.asdict(run)
    subset = fields.pop("subset")
    return {"key": run.key(), **fields, **subset, "recipe": run.recipe.to_json()}


def _run_epochs(training: Training, run: StudentRun) -> None:
    n_epochs = run.recipe.epochs
    with tqdm(total=n_epochs * training.n_steps, unit="step", disable=None, leave=False) as bar:
        for epoch in range(1, n_epochs + 1):
            bar.set_description(f"{run.subset.label()}, epoch {epoch}/{n_epochs}")
            training.run_epoch(bar)
