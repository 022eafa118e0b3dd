"""Plans: what is missing, what it will take."""

import json
from pathlib import Path

import pandas as pd
import pytest
from made_runs import make_folder, student_row, tiny_config

from carto_helpers.__main__ import main
from carto_helpers.config import SubsetSpec
from carto_helpers.runs.planning import Plan, make_plan
from carto_helpers.runs.teaching import train_teacher
from carto_helpers.runs.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tiny_config(make_folder(tmp_path / "noise"), tmp_path / "r"))


def test_a_plan_says_runs_time_and_disk() -> None:
    plan = Plan(
        phase="phase1", dataset="digits", folder="results", n_recorded=2, n_missing_teachers=1,
        n_missing_students=11, seconds=600.0, n_bytes=2_000_000,
    )  # fmt: skip
    assert str(plan) == (
        "phase1 on digits: 2 runs recorded in results, missing 1 teacher and 11 students; "
        "about 10 min and 2 MB of disk"
    )


def test_a_plan_with_nothing_missing_says_so(bench: Workbench) -> None:
    assert str(make_plan("phase2", bench, n_recorded=9)).endswith("none missing")


def test_twice_the_data_takes_twice_the_time(bench: Workbench) -> None:
    run = bench.teacher_run(bench.network("teacher"))
    train_teacher(bench, run)
    rows = bench.results.teachers()
    pace = rows["seconds"].iloc[0] / (32 * 2)
    again = make_plan("teacher", bench, teachers=[run], n_recorded=0)
    assert again.seconds == pytest.approx(pace * 32 * 2)
    assert again.n_bytes > 0


def test_rows_of_before_a_field_of_the_engine_tell_the_time(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.teacher_run(bench.network("teacher"))
    row = train_teacher(bench, run).copy()
    old = json.loads(row["engine"])
    del old["stacked"]
    row["engine"], row["seconds"] = json.dumps(old), 6_400.0
    monkeypatch.setattr(bench.results, "teachers", lambda: row.to_frame().T)
    again = make_plan("teacher", bench, teachers=[run], n_recorded=0)
    assert again.seconds == pytest.approx(6_400)


def test_a_student_of_a_stack_tells_the_time_of_one(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = bench.network("student")
    engine = bench.engine(spec, "student").of_stack(8).to_json()
    row = student_row(
        network=spec.name, engine=engine, fingerprint=bench.dataset.fingerprint, n_train=32,
        recipe=bench.config.student_recipe.to_json(), seconds=6_400.0,
    )  # fmt: skip
    monkeypatch.setattr(bench.results, "students", lambda: pd.DataFrame([row]))
    whole = SubsetSpec(rule="all", fraction=1.0)
    plan = make_plan("phase3", bench, subsets=[whole], n_recorded=0)
    assert plan.seconds == pytest.approx(6_400)


def test_students_are_timed_before_the_first_is_recorded(bench: Workbench) -> None:
    sizes = [SubsetSpec(fraction=0.5), SubsetSpec(rule="all", fraction=1.0)]
    plan = make_plan("phase3", bench, subsets=sizes, n_recorded=0)
    assert plan.n_missing_students == 2
    assert plan.seconds > 0
    assert not bench.results.folder.exists()


def test_a_network_for_images_of_another_size_is_named_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["teacher", "--architectures", "vit_tiny_patch16_224", "--device", "cpu"]
    assert main([*asked, "--results", str(tmp_path / "r"), "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("carto: VisionTransformer does not take images of (1, 32, 32) (")
    assert error.endswith("pass `image_size`, or another network\n")
