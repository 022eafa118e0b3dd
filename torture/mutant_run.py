"""One mutant's tests in a process that has imported what they need, but nothing of ours."""

import gc
import os
import resource
import sys
from pathlib import Path

import beartype  # noqa: F401 - imported once, for all processes that are forked
import hypothesis.extra.numpy
import hypothesis.strategies  # noqa: F401
import jaxtyping
import pandas as pd  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import sklearn.metrics  # noqa: F401
import torch
from hypothesis import Phase, settings

_SECONDS = 60  # of a processor, twenty times the whole; who takes longer is killed, so noticed
_FLAGS = [
    "-x", "-q", "--doctest-modules", "--noconftest", "-p", "no:cacheprovider",
    "-p", "_hypothesis_pytestplugin", "--hypothesis-profile=mutants", "-m", "not slow and not gpu",
]  # fmt: skip

gc.freeze()  # pytest and hypothesis collect garbage: not through all that was imported, each time


def run(folder: Path, module: str, *, examples: int) -> None:
    """End with pytest's status for the tests and examples of a module, as it is in `folder`.

    Parameters
    ----------
    folder
        A copy of the repository.
    module
        Its tests are `tests/test_<module>.py`.
    examples
        How many hypothesis draws for a property that does not say.
    """
    if "carto_helpers" in sys.modules:
        raise RuntimeError(
            "expected the package not to be imported yet, got it: no mutant is tried"
        )
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(folder)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path[:0] = [str(folder), str(folder / "tests")]
    torch.set_num_threads(1)
    settings.register_profile(
        "mutants", max_examples=examples, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    jaxtyping.install_import_hook("carto_helpers", "beartype.beartype")
    files = [f"tests/test_{module}.py", f"carto_helpers/{module}.py"]
    sys.exit(int(pytest.main([*_FLAGS, *files])))
