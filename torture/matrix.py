"""`python -m torture.matrix`: the tests with the lowest allowed and the newest dependencies."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from torture import page
from torture.promise import Outcome
from torture.tested import tested

FILES = {"lowest": "constraints-lowest.txt", "newest": "constraints.txt"}


def main() -> int:
    """Make an environment for each file of constraints and run the tests in it."""
    parser = argparse.ArgumentParser(prog="python -m torture.matrix", description=__doc__)
    parser.add_argument("tests", nargs="*", default=["tests"], help="default: all")
    parser.add_argument("--only", choices=FILES, help="one of the two")
    arguments = parser.parse_args()
    is_kept = True
    for name in [arguments.only] if arguments.only else FILES:
        started = time.monotonic()
        outcome = measure(name, arguments.tests)
        page.write(f"matrix {name}", [outcome], time.monotonic() - started, page.ROOT)
        is_kept &= outcome.is_kept
    return int(not is_kept)


def measure(name: str, tests: list[str]) -> Outcome:
    """Return what the tests say in the environment of one file."""
    folder = page.ROOT / "build" / "matrix" / name
    folder.mkdir(parents=True, exist_ok=True)
    python = _environment(folder / "venv", FILES[name])
    n, failed = tested(python, ["-n", "2", *tests], folder / "pytest.txt")
    print(f"{name}: {len(failed)} of {n} failed", *failed, sep="\n", flush=True)
    return Outcome(
        promise="the tests pass",
        harm=f"{name} dependencies ({FILES[name]}; torch and torchvision pinned), Python "
        f"{sys.version_info.major}.{sys.version_info.minor}",
        n=n,
        broken=failed,
    )


def _environment(folder: Path, constraints: str) -> Path:
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--no-compile",
             "--disable-pip-version-check", "--constraint", constraints, "torch",
             "--editable", ".[dev]"],
            cwd=page.ROOT, check=True,
        )  # fmt: skip
        (folder / ".ready").touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
