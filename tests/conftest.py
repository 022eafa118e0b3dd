"""What every test has: checked shapes, one thread, a cache of its own, the rule on skips."""

import os
import shutil
import tempfile

import hypothesis
import jaxtyping
import pandas as pd
import pytest
import skip_policy
import tqdm

hypothesis.settings.register_profile("carto", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("carto")

# The hook evaluates annotations such as "pd.Series[Any]"; older versions cannot be subscripted.
for kind in (pd.Series, tqdm.tqdm):
    if not hasattr(kind, "__class_getitem__"):
        kind.__class_getitem__ = classmethod(lambda cls, _: cls)
jaxtyping.install_import_hook("carto_helpers", "beartype.beartype")  # before its first import

# What a machine has cached, or switched on, must not decide what a test sees. Workers of xdist
# inherit the folder from the process that started them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="carto-tests-")
os.environ["OMP_NUM_THREADS"] = "1"

import torch  # noqa: E402 - after OMP_NUM_THREADS

torch.set_num_threads(1)


def pytest_configure(config):
    import built_book  # the package is imported under the hook above

    config.pluginmanager.register(skip_policy, "skip_policy")
    config.pluginmanager.register(built_book, "built_book")


def pytest_unconfigure(config):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True)
def _global_state():
    """Leave torch's random state as it was: no test may depend on the one before it."""
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


@pytest.fixture
def replayed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a training of any length replay its steps, if its engine does."""
    monkeypatch.setattr("carto_helpers.training._LEAST_REPLAYED", 0)
