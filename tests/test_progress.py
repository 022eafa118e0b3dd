"""What runs can be watched: done, left, time to go; a dead process is not."""

import re
import subprocess
import sys
from pathlib import Path

import torch
from made_runs import teacher_row

from carto_helpers.records import Results, save_tensors
from carto_helpers.runs.progress import announced, progress


def test_a_running_command_tells_what_is_done_and_left(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with announced(results, "phase1 on digits", ["a", "b", "c"], seconds=600.0):
        assert progress(results) == ["phase1 on digits: 0 of 3 done, 3 left, about 10 min to go"]
        results.append_teacher(teacher_row(key="a"))
        (line,) = progress(results)
        assert re.fullmatch(r"phase1 on digits: 1 of 3 done, 2 left, about \d+ s to go", line)
    assert progress(results) == []
    assert not list((tmp_path / ".claims").glob("plan-*"))


def test_a_claimed_run_tells_its_epoch(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with results.claim("k"):
        assert progress(results) == ["  k: under way"]
        begun = {"epochs_done": "3", "epochs": "10"}
        save_tensors(results.checkpoint_path("k"), {"x": torch.zeros(1)}, begun)
        assert progress(results) == ["  k: epoch 3 of 10 done"]


def test_a_killed_command_is_no_longer_under_way(tmp_path: Path) -> None:
    code = (
        "import os, sys; from carto_helpers.runs.progress import announced;"
        "from carto_helpers.records import Results\n"
        "with announced(Results(sys.argv[1]), 'x', ['a'], 1.0): os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert list((tmp_path / ".claims").glob("plan-*.json"))
    assert progress(Results(tmp_path)) == []


def test_a_dead_commands_plan_is_removed_and_a_damaged_one_named(tmp_path: Path) -> None:
    results = Results(tmp_path)
    (tmp_path / ".claims").mkdir()
    dead = tmp_path / ".claims" / "plan-dead.json"
    dead.write_text("{}")
    with announced(results, "phase1", ["a"], seconds=1.0):
        assert not dead.exists()
        (plan,) = (tmp_path / ".claims").glob("plan-*.json")
        plan.write_text("{")
        (line,) = progress(results)
        assert f"{plan} is damaged" in line
