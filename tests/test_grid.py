"""Wherever the runs are trained, the rows are the same; shares hold each run once."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import make_folder, tiny_config

from carto_helpers import experiments
from carto_helpers.config import PhaseConfig, StudentRun
from carto_helpers.records import Results
from carto_helpers.runs import grid
from carto_helpers.runs.grid import Share, device_names, make_shares, train_on_cluster, train_runs
from carto_helpers.runs.workbench import Workbench

DIFFERENT = ["seconds", "finished_at"]  # in rows of one run made twice


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("images") / "noise")


@pytest.fixture(scope="module")
def here(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PhaseConfig:
    """A configuration whose teacher and students are recorded, trained in this process."""
    config = tiny_config(folder, tmp_path_factory.mktemp("record"), fractions=(0.3, 0.5, 1.0))
    experiments.phase3(config)
    return config


def rows(config: PhaseConfig) -> pd.DataFrame:
    found = Results(config.results).students().sort_values("key", ignore_index=True)
    return found.drop(columns=DIFFERENT)


def students(config: PhaseConfig) -> tuple[Workbench, list[StudentRun]]:
    bench = Workbench(config)
    teacher = bench.chosen_teacher()
    subsets = experiments.phase3_subsets(config)
    return bench, [bench.student_run(teacher, subset, 0) for subset in subsets]


def test_a_pool_leaves_the_rows_of_one_process(
    here: PhaseConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pooled = replace(here, results=str(tmp_path), executor="pool", workers=2)
    experiments.teachers(replace(here, results=str(tmp_path)))
    experiments.phase3(pooled)
    pd.testing.assert_frame_equal(rows(pooled), rows(here), check_exact=True)
    assert "1 of 3 runs done on cpu" in capfd.readouterr().out


# submitit's executor within this process leaves its log files open
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_submitit_array_leaves_the_rows_of_one_process(here: PhaseConfig, tmp_path: Path) -> None:
    if importlib.util.find_spec("submitit") is None:
        pytest.skip("submitit is not installed")
    cut = replace(here, results=str(tmp_path), executor="slurm", workers=2)
    experiments.teachers(replace(here, results=str(tmp_path)))
    train_on_cluster(*students(cut), cluster="debug")
    pd.testing.assert_frame_equal(rows(cut), rows(here), check_exact=True)


def test_a_share_that_is_submitted_again_trains_what_is_left(here: PhaseConfig) -> None:
    bench, runs = students(here)
    before = (bench.results.folder / "students.csv").stat().st_mtime_ns
    (share,) = make_shares(bench, runs, 1, ["cpu"])
    assert share() == 3
    assert (bench.results.folder / "students.csv").stat().st_mtime_ns == before


def test_a_preempted_submitit_share_is_submitted_again_as_it_is(here: PhaseConfig) -> None:
    if importlib.util.find_spec("submitit") is None:
        pytest.skip("submitit is not installed")
    (share,) = make_shares(*students(here), 1, ["cpu"])
    assert share.checkpoint().function == share


@settings(max_examples=25)
@given(n=st.integers(1, 9), n_devices=st.integers(1, 4))
def test_shares_hold_each_run_once_and_devices_in_turn(
    here: PhaseConfig, n: int, n_devices: int
) -> None:
    bench, runs = students(here)
    runs = [replace(run, student_seed=seed) for run in runs for seed in range(3)]
    devices = [f"cuda:{i}" for i in range(n_devices)]
    shares = make_shares(bench, runs, n, devices)
    held = [run.key() for share in shares for run in share.runs]
    assert sorted(held) == sorted(run.key() for run in runs)
    assert max(len(s.runs) for s in shares) - min(len(s.runs) for s in shares) <= 1
    assert [share.config.device for share in shares] == [devices[i % n_devices] for i in range(n)]
    assert all(Path(share.config.results).is_absolute() for share in shares)
    assert {share.config.executor for share in shares} == {"here"}


def test_all_gpus_of_the_machine_are_meant_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert device_names("cpu") == ["cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert device_names("auto") == device_names("cuda") == ["cuda:0", "cuda:1", "cuda:2"]
    assert device_names("cuda:1") == ["cuda:1"]


def test_a_worker_that_fails_stops_the_phase_and_leaves_no_row(
    folder: Path, tmp_path: Path
) -> None:
    config = tiny_config(folder, tmp_path, learning_rate=1e30)
    experiments.teachers(config)
    config = replace(config, executor="pool", workers=1)
    with pytest.raises(FloatingPointError, match="expected finite losses"):
        experiments.phase3(config)
    assert len(Results(tmp_path).students()) == 0


def test_workers_that_leave_no_rows_are_noticed(
    here: PhaseConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, runs = students(here)
    elsewhere = Workbench(replace(here, results=str(tmp_path), executor="slurm"))
    sent: list[Any] = []
    monkeypatch.setattr(grid, "run_as_array", lambda tasks, *_, **__: sent.extend(tasks))
    with pytest.raises(RuntimeError, match="expected 3 rows in .*, got 3 fewer"):
        train_runs(elsewhere, runs)
    assert [type(task) for task in sent] == [Share] * 3


def test_more_workers_than_gpus_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would fill the GPU with its own stack."""
    monkeypatch.setattr(grid, "device_names", lambda _: ["cuda:0"])
    bench = Workbench(tiny_config(folder, tmp_path, executor="pool", workers=2))
    with pytest.raises(ValueError, match="at most the number of GPUs, 1, since .* got 2; pass 0"):
        next(grid._in_pool(bench, [bench.teacher_run(bench.network("teacher"))] * 2))
