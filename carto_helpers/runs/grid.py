"""Where the missing runs are trained: here, on all devices of this machine, or on a cluster.

The rows are the same wherever: a run's seeds decide all that it draws, and its key names them. Two
processes never train one run, since each claims it in the record first.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context
from typing import Any

import torch

from carto_helpers.config import PhaseConfig, StudentRun, TeacherRun
from carto_helpers.engine import Engine, n_side_by_side, resolve_device
from carto_helpers.memory import keep_freed
from carto_helpers.models import resolve
from carto_helpers.runs.cluster import Cluster, run_as_array, sbatch_options
from carto_helpers.runs.distilling import train_students
from carto_helpers.runs.teaching import train_teacher
from carto_helpers.runs.workbench import Workbench
from carto_helpers.storage.durable import end_with_parent

Run = TeacherRun | StudentRun


@dataclass(frozen=True, kw_only=True)
class Share:
    """The runs of one worker: what is sent to another process, which may be another machine.

    `config` holds the worker's device, and the record's folder in full; `threads` is how many its
    engine has.
    """

    config: PhaseConfig
    runs: tuple[Run, ...]
    threads: int

    def __call__(self) -> int:
        """Train the runs that are not recorded; return how many the share holds."""
        keep_freed()
        torch.set_num_threads(self.threads)
        _train(Workbench(self.config), self.runs)
        return len(self.runs)

    def checkpoint(self) -> Any:
        """Return what submitit is to submit again: the same, since the record knows the rest."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def train_runs(bench: Workbench, runs: Sequence[Run]) -> None:
    """Train the runs that are not recorded where `executor` says, each ending as one row.

    `here` trains in this process and beside it as the engine says; `pool` has one worker a device
    of this machine; `slurm` sends a job array to a cluster. Runs are teachers or students.

    Raises
    ------
    RuntimeError
        If a run has left no row although its worker has ended well.
    """
    executor = bench.config.executor
    if executor == "here" or not runs:
        _train(bench, runs)
        return
    if executor == "pool":
        for line in _in_pool(bench, runs):
            print(line, flush=True)
    else:
        train_on_cluster(bench, runs)
    recorded = {*bench.results.teachers()["key"], *bench.results.students()["key"]}
    missing = [run.key() for run in runs if run.key() not in recorded]
    if missing:
        raise RuntimeError(
            f"expected {len(runs)} rows in {bench.results.folder}, got {len(missing)} fewer "
            f"({', '.join(missing)}); do all workers see that folder? Give the command again"
        )


def _train(bench: Workbench, runs: Sequence[Run]) -> None:
    for run in runs:
        if isinstance(run, TeacherRun):
            train_teacher(bench, run)
    train_students(bench, [run for run in runs if isinstance(run, StudentRun)])


def train_on_cluster(bench: Workbench, runs: Sequence[Run], *, cluster: Cluster = "slurm") -> None:
    """Train runs as one job array: a task a run, or `workers` tasks that share them out."""
    config, engine = bench.config, _engine(bench, runs)
    n = min(len(runs), config.workers or len(runs))
    run_as_array(
        make_shares(bench, runs, n, [config.device]),
        bench.results.folder.resolve() / "jobs",
        options=sbatch_options(config.slurm),
        n_at_once=n,
        n_cpus=engine.threads,
        cluster=cluster,
    )


def make_shares(
    bench: Workbench, runs: Sequence[Run], n: int, devices: Sequence[str]
) -> list[Share]:
    """Return `runs` shared out to `n` workers in turn, and to them the devices."""
    folder, threads = str(bench.results.folder.resolve()), _engine(bench, runs).threads
    here = replace(bench.config, executor="here", workers=0, slurm=(), results=folder)
    configs = [replace(here, device=devices[i % len(devices)]) for i in range(n)]
    return [
        Share(config=config, runs=tuple(runs[i::n]), threads=threads)
        for i, config in enumerate(configs)
    ]


def _engine(bench: Workbench, runs: Sequence[Run]) -> Engine:
    role = "teacher" if isinstance(runs[0], TeacherRun) else "student"
    return bench.engine(resolve(runs[0].network, role=role), role)


def device_names(device: str) -> list[str]:
    """Return the devices that `device` means: each GPU of this machine for "cuda" and "auto"."""
    where = resolve_device(device)
    n_gpus = torch.cuda.device_count() if where == "cuda" else 0
    return [f"cuda:{i}" for i in range(n_gpus)] or [where]


def _in_pool(bench: Workbench, runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line a share. A GPU's share trains as one network; a CPU's shares hold a run each."""
    devices, others = device_names(bench.config.device), set(active_children())
    on_gpu = devices[0].startswith("cuda")
    if on_gpu and bench.config.workers > len(devices):
        raise ValueError(
            f"`workers` must be at most the number of GPUs, {len(devices)}, since each trains its "
            f"students together, got {bench.config.workers}; pass 0"
        )
    at_once = len(devices) if on_gpu else n_side_by_side(_engine(bench, runs), len(runs))
    n = min(len(runs), bench.config.workers or at_once)
    shares = make_shares(bench, runs, n if on_gpu else len(runs), devices)
    pool = ProcessPoolExecutor(n, get_context("spawn"), initializer=end_with_parent)
    try:
        started = {pool.submit(share): share for share in shares}
        for done in as_completed(started):
            yield f"{done.result()} of {len(runs)} runs done on {started[done].config.device}"
    except KeyboardInterrupt:
        for process in set(active_children()) - others:
            process.terminate()  # which lets it finish the file it writes
        raise
    finally:
        pool.shutdown(cancel_futures=True)
