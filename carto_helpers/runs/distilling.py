"""Students' runs: many at once, in processes of their own or as one network."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context

import torch
from tqdm import tqdm

from carto_helpers.config import PhaseConfig, StudentRun
from carto_helpers.engine import n_side_by_side
from carto_helpers.memory import keep_freed, n_that_fit
from carto_helpers.runs.stacked_runs import can_stack, train_stacked
from carto_helpers.runs.student_run import train_student, train_unless_elsewhere
from carto_helpers.runs.workbench import Workbench
from carto_helpers.storage.durable import end_with_parent


def train_students(bench: Workbench, runs: Sequence[StudentRun]) -> None:
    """Train the runs that are not recorded, each ending as one row.

    On a GPU as many as fit train as one network (`stacked_training`), if its layers allow it; else
    as many at once as the engine says, each in a process of its own. A run that another process
    has under way is left to it. If one fails, those under way finish, and no other starts.
    """
    if not runs:
        return
    lines = train_stacked(bench, runs) if can_stack(bench) else _apart(bench, runs)
    with tqdm(total=len(runs), unit="student", disable=None) as bar:
        for line in lines:
            bar.write(line)
            bar.update()


def _apart(bench: Workbench, runs: Sequence[StudentRun]) -> Iterator[str]:
    """Yield a line a run; those that other processes have under way are looked at last."""
    n_processes = _n_at_once(bench, runs)
    alone = n_processes == 1
    lines = _one_by_one(bench, runs) if alone else _in_processes(bench, runs, n_processes)
    elsewhere = []
    for run, line in lines:
        if line is None:
            elsewhere.append(run)
        else:
            yield line
    for run in elsewhere:
        yield train_student(bench, run)


def _n_at_once(bench: Workbench, runs: Sequence[StudentRun]) -> int:
    """Return how many runs to train at once, and say it: what the engine wants and memory allows.

    Raises
    ------
    MemoryError
        If not even one fits.
    """
    spec = bench.network("student")
    engine = bench.engine(spec, "student")
    need = bench.footprint(spec)
    n_wanted = n_side_by_side(engine, len(runs))
    n = n_that_fit(need, engine, n_wanted)
    less = f" (memory allows no {n_wanted})" if n < n_wanted else ""
    tqdm.write(
        f"{spec.name} runs on {engine}, {n} at once{less}, each with up to "
        f"{need.a_process / 1e9:.2f} GB"
    )
    return n


_Lines = Iterator[tuple[StudentRun, str | None]]


def _one_by_one(bench: Workbench, runs: Sequence[StudentRun]) -> _Lines:
    for run in runs:
        yield run, train_unless_elsewhere(bench, run)


def _in_processes(bench: Workbench, runs: Sequence[StudentRun], n: int) -> _Lines:
    others = set(active_children())
    n_threads = bench.engine(bench.network("student"), "student").threads
    pool = ProcessPoolExecutor(
        n, get_context("spawn"), initializer=_set_up, initargs=(bench.config, n_threads)
    )
    try:
        started = {pool.submit(_train_here, run): run for run in runs}
        for done in as_completed(started):
            yield started[done], done.result()
    except KeyboardInterrupt:
        for process in set(active_children()) - others:
            process.terminate()  # which lets it finish the file it writes
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_HERE: dict[str, Workbench] = {}  # a worker process's own bench


def _set_up(config: PhaseConfig, n_threads: int) -> None:
    """Give a worker process its bench, and the threads that its engine has."""
    end_with_parent()
    keep_freed()
    torch.set_num_threads(n_threads)
    _HERE["bench"] = Workbench(config)


def _train_here(run: StudentRun) -> str | None:
    return train_unless_elsewhere(_HERE["bench"], run)
