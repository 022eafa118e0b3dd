"""A run of pytest in a process of its own: how many tests there were, and which failed."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from torture.page import ROOT


def tested(python: str | Path, arguments: Sequence[str], log: Path) -> tuple[int, list[str]]:
    """Run pytest; return how many tests passed or failed, and what failed.

    Parameters
    ----------
    python
        The interpreter of the environment.
    arguments
        Of pytest.
    log
        A file for what it prints.
    """
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", *arguments],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout + done.stderr)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode and not failed:
        failed = [f"pytest ended with status {done.returncode}; see {log}"]
    return int(passed[1] if passed else 0) + len(failed), failed
