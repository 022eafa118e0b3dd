"""Students' runs: choose the subset, distil, score, end as one row each."""

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from carto_helpers import models, selection
from carto_helpers.config import PhaseConfig, StudentRun
from carto_helpers.engine import n_side_by_side
from carto_helpers.memory import footprint, n_that_fit, peak_bytes
from carto_helpers.provenance import provenance, score_columns
from carto_helpers.records import save_tensors
from carto_helpers.scoring import scores
from carto_helpers.starts import Start, initialise
from carto_helpers.training import Training, evaluate
from carto_helpers.workbench import Workbench


def train_students(bench: Workbench, runs: Sequence[StudentRun]) -> None:
    """Train the runs that are not recorded, each ending as one row.

    As many at once as the engine says, each in a process of its own. A run that another process
    has under way is left to it. If one fails, those under way finish, and no other starts.
    """
    if not runs:
        return
    n_processes = _n_at_once(bench, runs)
    one_by_one = (train_student(bench, run) for run in runs)
    lines = one_by_one if n_processes == 1 else _in_processes(bench, runs, n_processes)
    with tqdm(total=len(runs), unit="student", disable=None) as bar:
        for line in lines:
            bar.write(line)
            bar.update()


def _n_at_once(bench: Workbench, runs: Sequence[StudentRun]) -> int:
    """Return how many runs to train at once, and say it: what the engine wants and memory allows.

    Raises
    ------
    MemoryError
        If not even one fits.
    """
    spec, train = bench.network("student"), bench.dataset.train
    engine = bench.engine(spec, "student")
    network = initialise(spec, Start(label="scratch"), train, seed=0)
    n_images = len(train) + len(bench.dataset.test)
    batch_size = bench.config.batch_size
    need = footprint(network, train.images, n_images=n_images, batch_size=batch_size)
    n_wanted = n_side_by_side(engine, len(runs))
    n = n_that_fit(need, engine, n_wanted)
    less = f" (memory allows no {n_wanted})" if n < n_wanted else ""
    tqdm.write(
        f"{spec.name} runs on {engine}, {n} at once{less}, each with up to "
        f"{need.a_process / 1e9:.2f} GB"
    )
    return n


def _in_processes(bench: Workbench, runs: Sequence[StudentRun], n: int) -> Iterator[str]:
    pool = ProcessPoolExecutor(
        n, get_context("spawn"), initializer=_set_up, initargs=(bench.config,)
    )
    try:
        for done in as_completed([pool.submit(_train_here, run) for run in runs]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


_HERE: dict[str, Workbench] = {}  # a worker process's own bench


def _set_up(config: PhaseConfig) -> None:
    torch.set_num_threads(1)
    _HERE["bench"] = Workbench(config)


def _train_here(run: StudentRun) -> str:
    return train_student(_HERE["bench"], run)


def train_student(bench: Workbench, run: StudentRun) -> str:
    """Train one student unless it is recorded; return a line that says what came out."""
    started = f"student {run.network} on {run.subset.label()} of {run.dataset}, "
    with bench.results.claim(run.key()):
        if run.key() in set(bench.results.students()["key"]):
            return f"{started}seed {run.student_seed}: recorded meanwhile"
        row = _train(bench, run)
        bench.results.append_student(row)
    return (
        f"{started}seed {run.student_seed}: macro F1 {row['test_macro_f1']:.4f} test, "
        f"{row['seconds']:.0f} s, {peak_bytes(json.loads(row['engine'])['device']) / 1e9:.2f} GB"
    )


def subset_index(bench: Workbench, run: StudentRun) -> np.ndarray:
    """Return the subset of a run: sorted positions in the training split, (n,)."""
    record = bench.results.dynamics(run.teacher_key)
    return selection.select(
        run.subset, scores(record.p_gold, record.is_right), seed=run.subset_seed
    )


def _train(bench: Workbench, run: StudentRun) -> dict[str, Any]:
    """Train one student, keep its weights, return its row."""
    spec = models.resolve(run.network, role="student")
    engine = bench.engine(spec, "student")
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
    is_quiet = True if parent_process() else None  # beside others, one bar counts the runs
    n_steps = n_epochs * training.n_steps
    with tqdm(total=n_steps, unit="step", disable=is_quiet, leave=False) as bar:
        for epoch in range(1, n_epochs + 1):
            bar.set_description(f"{run.subset.label()}, epoch {epoch}/{n_epochs}")
            training.run_epoch(bar)
