"""On a real SLURM of one node: the rows of an undisturbed run, though the node dies in mid-run."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import made_slurm
import pandas as pd
import pytest
import torch
from made_runs import make_folder, tiny_config
from made_slurm import Slurm, ask, wait_for

from carto_helpers import experiments
from carto_helpers.config import PhaseConfig
from carto_helpers.records import Results, load_tensors

pytestmark = pytest.mark.slow
FRACTIONS = (0.5, 0.8, 1.0)
PHASE = """
import sys
import torch
from pathlib import Path
from carto_helpers import experiments
from carto_helpers.config import PhaseConfig
torch.set_num_threads(1)
experiments.phase3(eval(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    missing = made_slurm.what_is_missing()
    if missing:
        pytest.skip(f"no SLURM on this machine: {', '.join(missing)} missing")
    if importlib.util.find_spec("submitit") is None:
        pytest.skip("submitit is not installed")
    with made_slurm.slurm() as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> PhaseConfig:
    """A record whose students were trained one after another in this process."""
    folder = make_folder(tmp_path_factory.mktemp("images") / "noise", n_train=200)
    results = tmp_path_factory.mktemp("record") / "results"
    config = tiny_config(folder, results, fractions=FRACTIONS, epochs=25)
    experiments.phase3(config)
    return config


def same_teacher(config: PhaseConfig, results: Path) -> PhaseConfig:
    """Return a record with the teacher alone, whose students go to SLURM."""
    shutil.copytree(config.results, results)
    for name in ("students.csv", "students.csv.sha256"):
        (results / name).unlink()
    shutil.rmtree(results / "weights")
    return replace(config, results=str(results), executor="slurm", slurm=("time=10",))


def submit(config: PhaseConfig) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PHASE, repr(config)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ),
    )  # fmt: skip


def assert_same_rows(disturbed: PhaseConfig, undisturbed: PhaseConfig) -> None:
    frames = [
        Results(config.results)
        .students()
        .sort_values("key", ignore_index=True)
        .drop(columns=["seconds", "finished_at"])
        for config in (disturbed, undisturbed)
    ]
    assert len(frames[0]) == len(FRACTIONS)
    pd.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)
    for key in frames[0]["key"]:
        weights, expected = (
            load_tensors(Results(config.results).weights_path(key))
            for config in (disturbed, undisturbed)
        )
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_job_array_leaves_the_rows_of_one_process(
    cluster: Slurm, undisturbed: PhaseConfig, tmp_path: Path
) -> None:
    config = same_teacher(undisturbed, tmp_path / "r")
    command = submit(config)
    said, _ = command.communicate(timeout=300)
    assert command.returncode == 0, said
    assert "3 tasks submitted" in said
    assert_same_rows(config, undisturbed)


def test_a_node_that_dies_in_mid_run_costs_no_row(
    cluster: Slurm, undisturbed: PhaseConfig, tmp_path: Path
) -> None:
    config = same_teacher(undisturbed, tmp_path / "r")
    command, results = submit(config), Results(config.results)
    wait_for(lambda: _under_way(results), seconds=120)
    cluster.kill_node()
    n_before = len(results.students())
    assert n_before < len(FRACTIONS)
    wait_for(lambda: not _under_way(results))  # the system freed the claims
    cluster.start_node()
    said, _ = command.communicate(timeout=500)
    log = (cluster.folder / "slurmctld.log").read_text()
    print(said, log)  # `pytest -rP` shows it
    assert command.returncode == 0, said
    assert "equeue" in log
    assert_same_rows(config, undisturbed)


def test_a_preempted_task_is_requeued(
    cluster: Slurm, undisturbed: PhaseConfig, tmp_path: Path
) -> None:
    config = replace(same_teacher(undisturbed, tmp_path / "r"), workers=1)
    command, results = submit(config), Results(config.results)
    wait_for(lambda: _under_way(results), seconds=120)
    job = ask("squeue", "--noheader", "--states=R", "--format=%A").split()[0]
    ask("scontrol", "requeue", job)
    said, _ = command.communicate(timeout=500)
    assert command.returncode == 0, said
    assert_same_rows(config, undisturbed)


def _under_way(results: Results) -> list[str]:
    return [key for key in results.under_way() if not key.startswith("plan-")]
