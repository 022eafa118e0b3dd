"""Students' runs: choose the subset, distil, score, end as one row each."""

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from tqdm import tqdm

from carto_helpers import models, selection
from carto_helpers.config import StudentRun
from carto_helpers.dynamics import scores
from carto_helpers.provenance import provenance
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
    return {
        "key": run.key(),
        "dataset": run.dataset,
        "fingerprint": run.fingerprint,
        "teacher_key": run.teacher_key,
        "dynamics_sha256": run.dynamics_sha256,
        "student": run.student,
        "network": run.network,
        "start": run.start,
        "rule": run.subset.rule,
        "fraction": run.subset.fraction,
        "hard": run.subset.hard,
        "ambiguous": run.subset.ambiguous,
        "easy": run.subset.easy,
        "n_train": len(index),
        "split_seed": run.split_seed,
        "teacher_seed": run.teacher_seed,
        "subset_seed": run.subset_seed,
        "student_seed": run.student_seed,
        "recipe": run.recipe.to_json(),
        "val_accuracy": val.accuracy,
        "val_macro_f1": val.macro_f1,
        "test_accuracy": test.accuracy,
        "test_macro_f1": test.macro_f1,
        "seconds": round(seconds, 2),
        **provenance(engine),
    }


def _run_epochs(training: Training, run: StudentRun) -> None:
    n_epochs = run.recipe.epochs
    with tqdm(
        total=n_epochs * training.n_steps, unit="step", disable=None, leave=False
    ) as bar:
        for epoch in range(1, n_epochs + 1):
            bar.set_description(f"{run.subset.label()}, epoch {epoch}/{n_epochs}")
            training.run_epoch(bar)
