"""Promise 4: two and eight processes on one results folder lose no row and do no run twice."""

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from carto_helpers.records import Results
from torture import job
from torture.job import Job, differences, finish, rows
from torture.promise import Outcome

_MORE = ["--seeds", "4"]


def measure(folder: Path, *, n_repeats: int, sizes: tuple[int, ...]) -> Iterator[Outcome]:
    """Yield an outcome for each number of processes, and one for a claim whose holder died."""
    arguments = [*job.ARGUMENTS, *_MORE]
    Job(folder / "alone", arguments=arguments).status()
    reference = rows(folder / "alone")
    for n in sizes:
        yield at_once(folder, reference, n, n_repeats, arguments=arguments)
    yield taken_over(folder, n_repeats)


def at_once(
    folder: Path,
    reference: pd.DataFrame,
    n: int,
    n_repeats: int,
    *,
    arguments: Sequence[str] | None = None,
) -> Outcome:
    """Run one job in n processes at once."""
    broken = []
    for i in range(n_repeats):
        results = folder / f"by{n}-{i}"
        jobs = [Job(results, arguments=arguments) for _ in range(n)]
        if any(statuses := [one.status() for one in jobs]):
            broken.append(f"exit statuses {statuses}: {[one.said('err') for one in jobs]}")
        if problem := differences(results, reference):
            broken.append(problem)
        lines = [line for one in jobs for line in (one.said() + one.said("err")).splitlines()]
        n_trained = sum(": macro F1" in line or "learning rate" in line for line in lines)
        if n_trained != len(reference):
            broken.append(f"{n_trained} runs were trained for {len(reference)} rows")
    return Outcome(
        promise="no row lost, none twice, no run trained twice",
        harm=f"{n} processes started at once on one results folder, {len(reference)} runs",
        n=n_repeats,
        broken=broken,
    )


def taken_over(folder: Path, n_repeats: int) -> Outcome:
    """Kill a process that holds a claim while another waits for it."""
    finish(folder / "lone")
    reference, broken = rows(folder / "lone"), []
    for i in range(n_repeats):
        results = folder / f"dead{i}"
        first = Job(results)
        while not Results(results).under_way() and first.status(0.02) is None:
            pass
        second = Job(results)
        time.sleep(0.5 * i / n_repeats)
        if not first.signal(signal.SIGKILL):
            broken.append("the first process had ended")
        if second.status() != 0:
            broken.append(second.said("err"))
        if problem := differences(results, reference):
            broken.append(problem)
    return Outcome(
        promise="the claim of a process that died is taken over, its run trained",
        harm="SIGKILL of a process that holds a claim while a second one waits",
        n=n_repeats,
        broken=broken,
    )
