"""Shares of runs as the tasks of one SLURM job array, through submitit."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

Cluster = Literal["slurm", "local", "debug"]  # the last two are submitit's own, to try things
MINUTES = 240  # of a task, unless `slurm` says time=...


def check_submitit() -> None:
    """Raise unless submitit is installed.

    Raises
    ------
    ModuleNotFoundError
        If it is not.
    """
    if find_spec("submitit") is None:
        raise ModuleNotFoundError(
            "expected the package submitit for executor 'slurm', got none; "
            'pip install "carto_helpers[cluster]", or pass executor="here"'
        )


def sbatch_options(options: Sequence[str]) -> dict[str, str | bool]:
    """Return options of sbatch, given as on its command line, by submitit's names for them.

    Requeueing is on unless they say `no-requeue`: a task whose node dies or that is preempted
    begins again, and the record says what is left to do.

    Examples
    --------
    >>> sbatch_options(["partition=gpu", "gpus-per-node=1", "exclusive"])
    {'requeue': True, 'partition': 'gpu', 'gpus_per_node': '1', 'exclusive': True}
    """
    found: dict[str, str | bool] = {"requeue": True}
    for option in options:
        name, _, value = option.lstrip("-").partition("=")
        found[name.replace("-", "_")] = value or True
    if "no_requeue" in found:
        del found["requeue"]
    return found


def run_as_array(
    tasks: Sequence[Callable[[], int]],
    folder: Path,
    *,
    options: Mapping[str, str | bool],
    n_at_once: int,
    n_cpus: int,
    cluster: Cluster = "slurm",
) -> list[int]:
    """Submit `tasks` as one job array, wait for all of them, return what they return.

    Parameters
    ----------
    tasks
        What to call, each in a task of its own; one with a method `checkpoint` is submitted again
        when it is preempted or out of time.
    folder
        Where submitit keeps scripts, logs and results; all nodes must see it.
    options
        As from `sbatch_options`.
    n_at_once
        Tasks at a time.
    n_cpus
        CPU cores a task, unless `options` say it.
    cluster
        Where: SLURM, or processes of this machine.

    Raises
    ------
    RuntimeError
        If a task cannot be submitted or fails; its log is named.
    """
    import submitit

    executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
    executor.update_parameters(
        name="carto",
        timeout_min=MINUTES,
        cpus_per_task=n_cpus,
        slurm_array_parallelism=n_at_once,
        slurm_additional_parameters=dict(options),
    )
    with executor.batch():
        jobs = [executor.submit(task) for task in tasks]
    ids = jobs[0].job_id.partition("_")[0]
    print(f"{len(jobs)} tasks submitted, job {ids}; scripts and logs in {folder}", flush=True)
    return [_result(job) for job in jobs]


def _result(job: Any) -> int:
    return int(job.result())
