"""Resolve the dependencies again into two files of constraints; called by `make constraints`.

One resolution for every platform and Python from 3.11. torch and torchvision belong together; the
CUDA packages among the results are harmless as constraints.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS = "torch==2.13.0\ntorchvision==0.28.0\n"
HEADER = "# Exact versions for `pip install -c`; made by `make constraints` from pyproject.toml.\n"
LOWEST = (
    "# The lowest versions that pyproject.toml allows, for `make matrix`; by `make constraints`.\n"
)


def main() -> None:
    """Run uv and write both files."""
    _resolve("constraints.txt", HEADER, "highest", PINS + "timm==1.0.31\n")
    _resolve("constraints-lowest.txt", LOWEST, "lowest-direct", PINS)


def _resolve(name: str, header: str, resolution: str, pins: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--no-header"]
    command += ["--no-annotate", "--python-version", "3.11", "--extra", "dev"]
    command += ["--resolution", resolution, "--constraint", "-", "pyproject.toml"]
    done = subprocess.run(
        command, input=pins, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    (ROOT / name).write_text(header + done.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
