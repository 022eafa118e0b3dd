"""Trackers get what the record gets, and are asked for by name."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_runs import make_folder, tiny_config

from carto_helpers import experiments, tracking
from carto_helpers.records import Results
from carto_helpers.runs import workbench
from carto_helpers.tracking import NoTracker, Tracker, check_tracker, open_tracker


class Kept:
    """A tracker of one's own: the protocol asks for nothing more."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.is_finished = False

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        assert not self.is_finished
        self.logged.append((step, dict(metrics)))

    def finish(self) -> None:
        self.is_finished = True

    def values(self, name: str) -> dict[int, float]:
        return {step: metrics[name] for step, metrics in self.logged if name in metrics}


def test_a_tracker_gets_each_epochs_loss_and_the_rows_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, Kept] = {}
    monkeypatch.setattr(
        workbench, "open_tracker", lambda _, __, key, ___: kept.setdefault(key, Kept())
    )
    folder = make_folder(tmp_path / "noise")
    result = experiments.phase3(tiny_config(folder, tmp_path / "r", fractions=(0.5,)))
    assert result is not None
    results = Results(tmp_path / "r")
    rows = [results.teachers().iloc[0], result.students.iloc[0]]
    assert set(kept) == {row["key"] for row in rows}
    for row in rows:
        tracker = kept[row["key"]]
        assert tracker.is_finished
        assert list(tracker.values("train/loss")) == [1, 2]
        assert tracker.values("test/macro_f1") == {2: row["test_macro_f1"]}
        assert tracker.values("val/accuracy") == {2: row["val_accuracy"]}
    means = kept[rows[0]["key"]].values("dynamics/p_gold")
    p_gold = results.dynamics(rows[0]["key"]).p_gold
    assert list(means.values()) == pytest.approx(p_gold.mean(0).tolist(), abs=1e-6)


def test_by_default_nothing_is_tracked(tmp_path: Path) -> None:
    config = tiny_config("digits", tmp_path)
    tracker: Tracker = open_tracker(config.tracker, tmp_path / "t", "k", {})
    tracker.log({"loss": 1.0}, step=1)
    tracker.finish()
    assert isinstance(tracker, NoTracker)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_tracker_that_is_not_installed_names_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=rf"carto_helpers\[{name}\]"):
        check_tracker(name)


def test_tensorboard_reads_back_what_was_logged(tmp_path: Path) -> None:
    _need("tensorboard")
    code = """
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
print([(event.step, event.value) for event in events.Scalars("train/loss")])
"""
    _log_two_epochs("tensorboard", tmp_path)
    assert _run(code, str(tmp_path / "tensorboard" / "k")) == "[(1, 0.5), (2, 0.25)]"


def test_wandb_keeps_a_run_offline_with_its_numbers(tmp_path: Path) -> None:
    _need("wandb")
    _log_two_epochs("wandb", tmp_path, WANDB_MODE="offline", WANDB_SILENT="true")
    (file,) = (tmp_path / "wandb").glob("offline-run-*/run-k.wandb")
    content = file.read_bytes()  # its records are not packed
    assert all(text in content for text in (b"resnet50", b"train/loss", b"0.5", b"0.25"))


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def _log_two_epochs(name: str, folder: Path, **environment: str) -> None:
    """Use a tracker in a process of its own: what its package warns of is not ours."""
    facts = json.dumps({"network": "resnet50", "recipe": {"epochs": 2}})
    code = f"""
from pathlib import Path
from types import SimpleNamespace
from carto_helpers.tracking import open_tracker
tracker = open_tracker({name!r}, Path({str(folder)!r}), "k", {facts})
tracker.log({{"train/loss": 0.5}}, step=1)
tracker.log({{"train/loss": 0.25}}, step=2)
tracker.finish()
"""
    _run(code, **environment)


def _run(code: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_wandb_refuses_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Error(Exception):
        pass

    def init(**_: object) -> None:
        raise Error("no API key")

    settings = SimpleNamespace(settings=SimpleNamespace(project=None))
    fake = SimpleNamespace(Error=Error, init=init, setup=lambda: settings)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setattr(tracking, "find_spec", lambda name: name)
    with pytest.raises(RuntimeError, match="takes no run: no API key; `wandb login`, or set WANDB"):
        open_tracker("wandb", tmp_path, "k", {})
