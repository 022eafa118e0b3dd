"""A job of seconds in a process of its own: a teacher and three students on the digits.

Processes are forked from one that has imported what they need, so that a moment of the run is a
moment of its work, not of Python's start. Each runs the command line, as a user's does.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from PIL import Image

from carto_helpers import data
from carto_helpers.__main__ import main
from carto_helpers.models import resolve
from carto_helpers.records import Results

# What the processes need is imported once, before they are forked: timm, torchvision, the digits.
# On one thread: a process forked from one whose OpenMP has threads waits for them for ever.
_N_THREADS = torch.get_num_threads()
torch.set_num_threads(1)
resolve("test_resnet", role="teacher")
data.load("digits")
torch.set_num_threads(_N_THREADS)

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["torture.job"])
TIMES = ["seconds", "dynamics_seconds", "finished_at"]
ARGUMENTS = (
    "phase3 --dataset digits --teacher test_resnet --architecture test_resnet --epochs 2 "
    "--batch-size 64 --device cpu --fractions 0.05 0.1 0.15"
).split()

# The same on forty small images, with which the networks take a second instead of five.
_SMALL = {"digits": "", "0.05": "0.25", "0.1": "0.5", "0.15": "0.75"}

Before = Callable[[], Any]
Found = TypeVar("Found")


def nothing() -> None:
    """Do no harm."""


def small_arguments(folder: Path) -> list[str]:
    """Return the job's arguments for images that are made in `folder`, bright and dark noise."""
    draw = np.random.default_rng(0)
    for i in range(52):
        name, low = (("bright", 100), ("dark", 0))[i % 2]
        pixels = draw.integers(low, low + 155, (16, 16), dtype=np.uint8)
        path = folder / ("train" if i < 40 else "test") / name / f"{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return [_SMALL.get(word, word) or str(folder) for word in ARGUMENTS]


class Job:
    """One process that runs a command line on a results folder.

    Parameters
    ----------
    results
        The record's folder.
    before
        Called in the process before the command: it arranges the harm. A module's function, or a
        `functools.partial` of one.
    arguments
        Of the command line, without `--results`; default: the job, as `ARGUMENTS` has it then.
    threads
        torch's; with two, students of depthwise networks run in processes of their own.
    said
        The folder for what it prints; default: beside `results`.
    """

    def __init__(
        self,
        results: Path,
        before: Before = nothing,
        *,
        arguments: Sequence[str] | None = None,
        threads: int = 1,
        said: Path | None = None,
    ) -> None:
        where = said or results.parent
        where.mkdir(parents=True, exist_ok=True)
        self._said = where / f"{results.name}.{time.monotonic_ns()}.said"
        self._begun = CONTEXT.Event()
        command = [*(arguments or ARGUMENTS), "--results", str(results)]
        self._process = CONTEXT.Process(
            target=_work, args=(command, str(self._said), before, threads, self._begun)
        )
        self._process.start()
        if not self._begun.wait(600):
            raise RuntimeError(f"expected a process to begin, got none; see {self._said}.err")
        self.begun_at = time.monotonic()

    def signal(self, number: int) -> bool:
        """Send a signal; return whether the process was still there to get it."""
        self._process.join(0)
        if self._process.exitcode is not None or self._process.pid is None:
            return False
        os.kill(self._process.pid, number)
        return True

    def kill_after(self, seconds: float) -> bool:
        """Kill it at a moment of its run; return whether it was still at work."""
        self._process.join(max(0.0, self.begun_at + seconds - time.monotonic()))
        return self.signal(signal.SIGKILL) and self.status() == -signal.SIGKILL

    def status(self, timeout: float = 1_200.0) -> int | None:
        """Wait for the end; return the exit status, negative after a signal, None if none came."""
        self._process.join(timeout)
        return self._process.exitcode

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid or 0

    def said(self, where: str = "out") -> str:
        """Return what it wrote to stdout ("out") or stderr ("err")."""
        return Path(f"{self._said}.{where}").read_text(errors="replace")


def _work(command: list[str], said: str, before: Before, threads: int, begun: Any) -> None:
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(f"{said}.{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(file, number)
        os.close(file)
    sys.stdout, sys.stderr = (open(n, "w", buffering=1, closefd=False) for n in (1, 2))  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    torch.set_num_threads(threads)
    begun.set()
    before()
    sys.exit(main(command))


def two_at_once(trial: Callable[[int], Found], n: int) -> list[Found]:
    """Return what `trial` makes of 0 … n − 1, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(trial, range(n)))


def dataset() -> str:
    """Return what the job runs on."""
    return ARGUMENTS[list(ARGUMENTS).index("--dataset") + 1]


def finish(results: Path) -> Job:
    """Run the job to its end."""
    job = Job(results)
    job.status()
    return job


def rows(results: Path) -> pd.DataFrame:
    """Return all rows of a record by key, without the times."""
    record = Results(results)
    tables = [record.teachers(), record.students()]
    frame = pd.concat([table.drop(columns=TIMES, errors="ignore") for table in tables])
    return frame.sort_values("key", ignore_index=True)


def differences(results: Path, reference: pd.DataFrame) -> str:
    """Return "" if a record has the rows of an undisturbed run, its files and nothing else."""
    try:
        found = rows(results)
        pd.testing.assert_frame_equal(found, reference, check_exact=True)
        record = Results(results)
        if record.unsealed():
            return f"without checksum: {', '.join(path.name for path in record.unsealed())}"
        for key in record.teachers()["key"]:
            record.dynamics(key)
            record.logits(key)
    except (AssertionError, ValueError, OSError) as error:
        return " ".join(str(error).split())
    halves = [path.name for path in results.rglob(".*.*") if len(path.suffix) == 33]
    return f"left behind: {', '.join(halves)}" if halves else ""
