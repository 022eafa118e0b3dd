"""Students' runs as one network: the rows of one by one, each claimed and trained once."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from made_runs import make_folder, tiny_config

from carto_helpers import experiments
from carto_helpers.config import StudentRun, SubsetSpec
from carto_helpers.records import Results, load_tensors
from carto_helpers.runs import distilling
from carto_helpers.runs.stacked_runs import can_stack, train_stacked
from carto_helpers.runs.student_run import train_student
from carto_helpers.runs.workbench import Workbench

SIZES = (0.3, 0.5, 1.0)
HOW = ["seconds", "finished_at", "engine"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("images") / "noise")


@pytest.fixture
def bench(folder: Path, tmp_path: Path) -> Workbench:
    config = tiny_config(folder, tmp_path, learning_rate=1e-4)
    experiments.teachers(config)
    return Workbench(config)


def made_runs(bench: Workbench, seeds: Sequence[int] = (0,)) -> list[StudentRun]:
    teacher = bench.chosen_teacher()
    assert teacher is not None
    subsets = [SubsetSpec(rule="random", fraction=size) for size in SIZES]
    return [bench.student_run(teacher, subset, seed) for seed in seeds for subset in subsets]


def test_stacked_rows_are_those_of_one_by_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, results = [], []
    for name in ("alone", "stacked"):
        monkeypatch.setattr(distilling, "can_stack", lambda _, way=name: way == "stacked")
        config = tiny_config(folder, tmp_path / name, fractions=SIZES, seeds=2, learning_rate=1e-4)
        experiments.phase3(config)
        results.append(Results(tmp_path / name))
        frames.append(results[-1].students().sort_values("key", ignore_index=True))
    alone, stacked = frames
    assert len(alone) == len(SIZES) * 2
    pd.testing.assert_frame_equal(alone.drop(columns=HOW), stacked.drop(columns=HOW))
    assert alone["train_loss"].between(0, 10).all()
    assert {json.loads(engine)["stacked"] for engine in alone["engine"]} == {1}
    assert {json.loads(engine)["stacked"] for engine in stacked["engine"]} == {6}
    for key in alone["key"]:
        one, other = (load_tensors(r.weights_path(key)) for r in results)
        assert all((one[n].float() - other[n].float()).abs().max() < 1e-3 for n in one)


def test_a_run_under_way_elsewhere_is_left_to_it_and_looked_at_last(bench: Workbench) -> None:
    busy, first, done = made_runs(bench)
    train_student(bench, done)
    claim = bench.results.claim(busy.key())
    claim.acquire()
    lines = train_stacked(bench, [busy, first, done])
    assert first.subset.label() in next(lines)
    claim.release()
    assert [("recorded meanwhile" in line) for line in lines] == [False, True]
    keys = bench.results.students()["key"].tolist()
    assert sorted(keys) == sorted(run.key() for run in (busy, first, done))


def test_what_shares_no_recipe_is_stacked_apart(folder: Path, bench: Workbench) -> None:
    other = Workbench(
        tiny_config(folder, bench.results.folder, learning_rate=1e-4, temperature=3.0)
    )
    runs = [*made_runs(bench), *made_runs(other)]
    assert len(list(train_stacked(bench, runs))) == len(runs)
    assert bench.results.students()["recipe"].nunique() == 2


def test_a_cpu_stacks_nothing(bench: Workbench) -> None:
    assert not can_stack(bench)
