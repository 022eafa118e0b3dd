"""Promise 1: killed at any moment, started again, a run ends as an undisturbed one."""

import functools
import os
import random
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from carto_helpers.records import Results
from torture import job
from torture.job import Job, differences, finish, rows, two_at_once
from torture.promise import Outcome

_SAME = "rows equal an undisturbed run's but for the times; none twice, none missing, no half file"
_SECONDS_OF_A_SLOW_WRITE = 0.5
_ON_TWO = ["--architecture", "mobilenet", "--epochs", "1"]


def measure_moments(folder: Path, *, n: int) -> Iterator[Outcome]:
    """Yield the outcome of kills at moments spread over the run."""
    seconds = max(two_at_once(lambda i: _seconds(folder / f"undisturbed{i}"), 2))
    reference = rows(folder / "undisturbed0")
    yield at_moments(folder, reference, seconds, n)


def measure_writes(folder: Path, *, n: int | None) -> Iterator[Outcome]:
    """Yield the outcome of kills inside writes: n of them, or all."""
    finish(folder / "undisturbed")
    yield in_writes(folder, rows(folder / "undisturbed"), n)


def measure_stops(folder: Path, *, n_pools: int) -> Iterator[Outcome]:
    """Yield the outcomes of the two signals that ask, and of a command killed with its workers."""
    finish(folder / "undisturbed")
    reference = rows(folder / "undisturbed")
    yield asked_to_stop(folder, reference, signal.SIGTERM)
    yield asked_to_stop(folder, reference, signal.SIGINT)
    yield pools(folder, n_pools)


def at_moments(folder: Path, reference: pd.DataFrame, seconds: float, n: int) -> Outcome:
    """Kill at one moment in each n-th part of the run, start again."""
    draw = random.Random(0)
    moments = [(i + draw.random()) / n * seconds for i in range(n)]

    def trial(i: int) -> str:
        results, moment = folder / f"moment{i}", moments[i]
        while not Job(results).kill_after(moment):
            results, moment = folder / f"{results.name}x", 0.9 * moment  # it had ended: earlier
        finish(results)
        problem = differences(results, reference)
        return problem and f"killed after {moment:.2f} s: {problem}"

    return Outcome(
        promise=_SAME,
        harm=f"SIGKILL at moments spread evenly over a run of {seconds:.1f} s",
        n=n,
        broken=[problem for problem in two_at_once(trial, n) if problem],
    )


def _seconds(results: Path) -> float:
    begun_at = finish(results).begun_at
    return time.monotonic() - begun_at


def in_writes(folder: Path, reference: pd.DataFrame, n: int | None) -> Outcome:
    """Kill in every write (or in n of them): half written, flushed, renamed."""
    counted = folder / "counted"
    Job(folder / "counting", functools.partial(count_flushes, counted)).status()
    n_flushes = len(counted.read_text())
    harms = [(k, half) for k in range(1, n_flushes + 1) for half in (True, False)]
    harms = harms if n is None else random.Random(1).sample(harms, n)

    def trial(i: int) -> str | None:
        k, half = harms[i]
        results = folder / f"write{k}{'half' if half else 'whole'}"
        harmed = Job(results, functools.partial(die_at_flush, k, half=half))
        if harmed.status() != -signal.SIGKILL:
            return None  # half of a folder cannot be: it is killed there once, as a whole
        finish(results)
        problem = differences(results, reference)
        return problem and f"killed at flush {k}, half: {half}: {problem}"

    found = [problem for problem in two_at_once(trial, len(harms)) if problem is not None]
    return Outcome(
        promise=_SAME,
        harm="SIGKILL inside a write: half the file there, all of it, or just renamed",
        n=len(found),
        broken=[problem for problem in found if problem],
    )


def count_flushes(target: Path) -> None:
    """Note each flush of the process that calls it."""
    real = os.fsync

    def counting(number: int) -> None:
        with target.open("a") as file:
            file.write(".")
        real(number)

    os.fsync = counting


def die_at_flush(k: int, *, half: bool) -> None:
    """Let the process that calls it kill itself at its k-th flush, with half of the file gone."""
    real, seen = os.fsync, []

    def dying(number: int) -> None:
        seen.append(number)
        if len(seen) == k:
            status = os.fstat(number)
            if half and stat.S_ISDIR(status.st_mode):
                return
            if half:
                os.ftruncate(number, status.st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        real(number)

    os.fsync = dying


def asked_to_stop(folder: Path, reference: pd.DataFrame, number: int) -> Outcome:
    """Send SIGTERM or SIGINT during a write of each kind; the file must be whole afterwards."""
    name, broken = signal.Signals(number).name, []
    kinds = ("checkpoints", "dynamics", "logits", "weights", "teachers.csv", "students.csv")
    for i, kind in enumerate(kinds):
        results = folder / f"{name}{i}"
        asked = Job(results, functools.partial(slow_writes, kind, results / "slow"))
        while asked.status(0.02) is None and not (results / "slow").exists():
            pass
        asked.signal(number)
        status, said = asked.status(), asked.said("err")
        wanted = (130, "interrupted") if number == signal.SIGINT else (143, "stopped")
        if status != wanted[0] or f"carto: {wanted[1]}; the same command goes on" not in said:
            broken.append(f"{kind}: status {status}, {said}")
        elif not _is_written(results, kind):
            broken.append(f"{kind}: the write was not finished")
        (results / "slow").unlink(missing_ok=True)
        finish(results)
        if problem := differences(results, reference):
            broken.append(f"{kind}: {problem}")
    return Outcome(
        promise="the current write is finished, and one line says how to go on",
        harm=f"{name} during a write of each kind of file",
        n=len(kinds),
        broken=broken,
    )


def slow_writes(kind: str, flag: Path) -> None:
    """Let writes of one kind take long in the process that calls it, and raise a flag meanwhile."""
    real = os.fsync

    def slow(number: int) -> None:
        if kind in str(Path(f"/proc/self/fd/{number}").readlink()):
            flag.touch()
            time.sleep(_SECONDS_OF_A_SLOW_WRITE)
        real(number)

    os.fsync = slow


def _is_written(results: Path, kind: str) -> bool:
    if kind.endswith(".csv"):
        return len(getattr(Results(results), kind.removesuffix(".csv"))()) > 0
    return len([p for p in (results / kind).iterdir() if not p.name.startswith(".")]) > 0


def pools(folder: Path, n: int) -> Outcome:
    """Kill a command whose students run in processes of their own; those must end with it."""
    arguments = [*job.ARGUMENTS, *_ON_TWO]
    whole = Job(folder / "pool", arguments=arguments, threads=2)
    whole.status()
    seconds, reference = time.monotonic() - whole.begun_at, rows(folder / "pool")
    broken = []
    for i in range(n):
        results = folder / f"pool{i}"
        harmed = Job(results, arguments=arguments, threads=2)
        harmed.kill_after(seconds * (i + 1) / (n + 1))
        deadline = time.monotonic() + 10
        while Results(results).under_way() and time.monotonic() < deadline:
            time.sleep(0.1)
        if claimed := Results(results).under_way():
            broken.append(f"still claimed: {claimed}")
        Job(results, arguments=arguments, threads=2).status()
        if problem := differences(results, reference):
            broken.append(problem)
    return Outcome(
        promise=_SAME + "; the students' processes end with it",
        harm="SIGKILL of a command whose students run in two processes",
        n=n,
        broken=broken,
    )
