"""One mutant's tests in a process that has imported what they need, but nothing of ours."""

import os
import sys
from pathlib import Path

import pandas as pd  # noqa: F401 - imported once, for all processes that are forked
import pytest
import scipy.stats  # noqa: F401
import sklearn.metrics  # noqa: F401
import torch


def run(folder: Path, module: str) -> None:
    """End with pytest's status for the tests and examples of a module, as it is in `folder`."""
    if "carto_helpers" in sys.modules:
        raise RuntimeError(
            "expected the package not to be imported yet, got it: no mutant is tried"
        )
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(folder / "tests")]
    torch.set_num_threads(1)
    files = [f"tests/test_{module}.py", f"carto_helpers/{module}.py"]
    flags = ["-x", "-q", "--doctest-modules", "-p", "no:cacheprovider", "-p", "no:xdist"]
    sys.exit(int(pytest.main([*flags, *files])))
