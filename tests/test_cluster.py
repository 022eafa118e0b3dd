"""A job array through submitit: options as sbatch has them, results in order, errors named."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from carto_helpers.runs import cluster
from carto_helpers.runs.cluster import check_submitit, run_as_array, sbatch_options


def test_options_have_sbatchs_names_and_requeue_unless_they_say_not() -> None:
    assert sbatch_options([]) == {"requeue": True}
    assert sbatch_options(["--time=4:00:00", "mem=8G"]) == {
        "requeue": True, "time": "4:00:00", "mem": "8G",
    }  # fmt: skip
    assert sbatch_options(["no-requeue"]) == {"no_requeue": True}
    assert sbatch_options(["comment=a=b"])["comment"] == "a=b"


def test_a_missing_submitit_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r"carto_helpers\[cluster\]"):
        check_submitit()


# submitit's executor within this process leaves its log files open
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_submitit_returns_what_the_tasks_return_in_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _need_submitit()
    tasks = [lambda n=n: n for n in (3, 1, 2)]
    options = sbatch_options([])
    done = run_as_array(tasks, tmp_path, options=options, n_at_once=3, n_cpus=1, cluster="debug")
    assert done == [3, 1, 2]
    said = capsys.readouterr().out
    assert said.startswith("3 tasks submitted, job ")
    assert said.endswith(f"scripts and logs in {tmp_path}\n")


def test_a_submitit_task_that_fails_stops_with_its_error(tmp_path: Path) -> None:
    _need_submitit()
    code = f"""
from pathlib import Path
from carto_helpers.runs.cluster import run_as_array, sbatch_options

def fail() -> int:
    raise FloatingPointError("expected finite losses")

run_as_array([fail], Path({str(tmp_path)!r}), options=sbatch_options([]), n_at_once=1, n_cpus=1,
             cluster="local")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "FailedJobError" in done.stderr
    assert "expected finite losses" in done.stderr


def _need_submitit() -> None:
    if importlib.util.find_spec("submitit") is None:
        pytest.skip("submitit is not installed")
