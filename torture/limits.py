"""Promise 3: no room, no right, no more files, no more memory: one line, and nothing lost."""

import functools
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from carto_helpers.records import Results
from torture.job import Job, differences, finish, rows, two_at_once
from torture.promise import Outcome

_PROMISE = "one line that says what is wrong, exit status not 0, what was finished stays"
_NOBODY = 65534
_IS_ROOT = os.name == "posix" and os.geteuid() == 0


def measure(folder: Path, *, few: bool = False) -> Iterator[Outcome]:
    """Yield an outcome for each kind of limit."""
    finish(folder / "whole")
    reference = rows(folder / "whole")
    every = 4 if few else 1
    yield full_disk(folder, reference, [*range(100, 16_000, 1_200 * every)])
    yield read_only(folder, reference)
    yield another_user(folder, reference)
    yield limited(
        folder, reference, "size of a file", "FSIZE", [*range(5_000, 1_500_000, 200_000 * every)]
    )
    yield limited(folder, reference, "open files", "NOFILE", [*range(3, 40, 4 * every)])
    yield limited(
        folder, reference, "memory", "AS", [*range(0, 1_600_000_000, 200_000_000 * every)]
    )


@contextmanager
def mounted(folder: Path, kilobytes: int) -> Iterator[Path]:
    """Yield a disk of some size, in memory."""
    folder.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def can_mount() -> bool:
    """Return whether this process may mount."""
    return _IS_ROOT and shutil.which("mount") is not None


def full_disk(folder: Path, reference: pd.DataFrame, sizes: list[int]) -> Outcome:
    """Run the job on disks of several sizes, then give them room and run it again."""
    if not can_mount():
        return Outcome(promise=_PROMISE, harm="a full disk", n=0, note="needs root to mount one")

    def trial(i: int) -> str:
        size = sizes[i]
        with mounted(folder / f"disk{size}", size) as disk:
            results = disk / "results"
            job = Job(results, said=folder)
            problem = _complaint(job, results, reference, may_succeed=True)
            _run("mount", "-o", "remount,size=64m", str(disk))
            Job(results, said=folder).status()
            problem = problem or differences(results, reference)
        return problem and f"{size} kB: {problem}"

    return Outcome(
        promise=_PROMISE + "; with room the same command ends as undisturbed",
        harm=f"disks of {sizes[0]} to {sizes[-1]} kB",
        n=len(sizes),
        broken=[problem for problem in two_at_once(trial, len(sizes)) if problem],
    )


def read_only(folder: Path, reference: pd.DataFrame) -> Outcome:
    """Mount a record so that nobody can write: reading goes on, writing says why not."""
    if not can_mount():
        return Outcome(
            promise=_PROMISE, harm="a read-only disk", n=0, note="needs root to mount it"
        )
    broken = []
    with mounted(folder / "fixed", 64_000) as disk:
        results = disk / "results"
        _run("cp", "-r", str(folder / "whole"), str(results))
        Results(results).forget(str(Results(results).students()["key"].iloc[-1]))
        _run("mount", "-o", "remount,ro", str(disk))
        before = rows(results)
        job = Job(results, said=folder)
        if problem := _complaint(job, results, reference):
            broken.append(problem)
        if not rows(results).equals(before):
            broken.append("rows changed")
        status = Job(results, arguments=["status"], said=folder)
        if status.status() != 0 or "1 teachers, 2 students" not in status.said():
            broken.append(f"carto status: {status.said('err')}")
    return Outcome(
        promise=_PROMISE + "; the record can be read", harm="a read-only disk", n=1, broken=broken
    )


def another_user(folder: Path, reference: pd.DataFrame) -> Outcome:
    """Run the job as a user who may read the record and not write it."""
    if not _IS_ROOT:
        return Outcome(promise=_PROMISE, harm="no right", n=0, note="needs root to become another")
    results, said = folder / "theirs", folder / "said"
    shutil.copytree(folder / "whole", results)
    Results(results).forget(str(Results(results).students()["key"].iloc[-1]))
    said.mkdir(mode=0o777)
    said.chmod(0o777)
    for place in [folder]:
        place.chmod(place.stat().st_mode | 0o055)
    job = Job(results, _become_nobody, said=said)
    problem = _complaint(job, results, reference)
    return Outcome(
        promise=_PROMISE,
        harm="a user who may read the record and not write it",
        n=1,
        broken=[problem] if problem else [],
    )


def _become_nobody() -> None:
    os.chdir("/")
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    os.environ["HOME"] = "/nonexistent"
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()


def limited(
    folder: Path, reference: pd.DataFrame, what: str, name: str, values: list[int]
) -> Outcome:
    """Run the job under several limits of one kind, then without."""

    def trial(i: int) -> tuple[str, bool]:
        value, results = values[i], folder / f"{name}{values[i]}"
        job = Job(results, functools.partial(_limit, name, value))
        problem = _complaint(job, results, reference, may_succeed=True)
        finish(results)
        problem = problem or differences(results, reference)
        return problem and f"{value}: {problem}", job.status() != 0

    found = two_at_once(trial, len(values))
    return Outcome(
        promise=_PROMISE + "; without the limit the same command ends as undisturbed",
        harm=f"a limit on {what}, {values[0]} to {values[-1]}",
        n=len(values),
        broken=[problem for problem, _ in found if problem],
        note=f"{sum(refused for _, refused in found)} limits were too low for the job",
    )


def _limit(name: str, value: int) -> None:
    """Limit the process that calls it; memory beyond what it has already."""
    if name == "AS":
        value += int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    kind = getattr(resource, f"RLIMIT_{name}")
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


def _complaint(
    job: Job, results: Path, reference: pd.DataFrame, *, may_succeed: bool = False
) -> str:
    """Return "" if the job ended with one line and left whole rows alone, or did its work."""
    status, said = job.status(), job.said("err")
    if status == 0 and may_succeed:
        return differences(results, reference)
    lines = said.splitlines()
    if status != 2 or len(lines) != 1 or not lines[0].startswith("carto: "):
        return f"exit status {status}, said: {said[-1500:]}"
    kept = rows(results) if results.is_dir() else reference.iloc[:0]
    same = kept.merge(reference.assign(there=1), on=list(reference.columns), how="left")
    return "" if same["there"].notna().all() else f"other rows after: {lines[0]}"
