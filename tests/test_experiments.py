"""Phases on made images: rows that are missing are trained, rows that are there are not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import TINY, make_folder, student_row, teacher_row, tiny_config

from carto_helpers import experiments, models
from carto_helpers.config import PhaseConfig, subset_size
from carto_helpers.records import Results, load_tensors, save_tensors
from carto_helpers.runs.starts import Start, initialise
from carto_helpers.runs.workbench import Workbench
from carto_helpers.selection import METRICS, PHASE1_RULES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("images") / "noise")


@pytest.fixture(scope="module")
def recorded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of all phases."""
    results = tmp_path_factory.mktemp("record") / "results"
    config = tiny_config(folder, results)
    experiments.teachers(config)
    for phase in experiments.PHASES.values():
        phase(config)
    return results


def test_phase1_leaves_a_row_for_the_whole_split_and_each_of_twelve_rules(
    folder: Path, recorded: Path
) -> None:
    result = experiments.phase1(tiny_config(folder, recorded))
    assert result is not None
    assert result.students["rule"].tolist() == ["all", *PHASE1_RULES]
    assert result.students["n_train"].tolist() == [32] + [subset_size(0.4, 32)] * 12
    assert result.students["teacher_key"].unique().tolist() == [result.teacher["key"]]
    assert result.students["test_macro_f1"].between(0, 1).all()


def test_a_second_run_trains_nothing(
    folder: Path, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p: p.stat().st_mtime_ns for p in recorded.rglob("*.csv")}
    experiments.phase2(tiny_config(folder, recorded))
    assert {p: p.stat().st_mtime_ns for p in recorded.rglob("*.csv")} == before
    assert "9 runs recorded" in capsys.readouterr().out


def test_the_phases_as_one_hold_each_run_of_the_three_once(folder: Path, recorded: Path) -> None:
    config = tiny_config(folder, recorded)
    of_three = set()
    for phase in (experiments.phase1, experiments.phase2, experiments.phase3):
        result = phase(config)
        assert result is not None
        of_three.update(result.students["key"])
    together = experiments.phases(config)
    assert together is not None
    assert together.students["key"].is_unique
    assert set(together.students["key"]) == of_three


def test_phases_share_the_random_and_the_whole_runs(folder: Path, recorded: Path) -> None:
    rows = Results(recorded).students()
    assert (rows["rule"] == "all").sum() == 1
    n_phase1, n_mixes, n_sizes = 13, 7, 1
    assert len(rows) == n_phase1 + n_mixes + n_sizes
    assert rows["key"].is_unique


def test_students_of_a_recorded_teacher_need_no_weights_that_it_started_from(
    folder: Path, tmp_path: Path
) -> None:
    config = tiny_config(folder, tmp_path, teacher_start="cifar100")
    bench, spec = Workbench(config), models.resolve(TINY, role="teacher")
    bench.results.append_teacher(teacher_row(key="source", dataset="cifar100", network=TINY))
    source = initialise(spec, Start(label="scratch"), bench.dataset.train, seed=0)
    save_tensors(bench.results.weights_path("source"), source.state_dict(), {"key": "source"})
    experiments.teachers(config)
    bench.results.weights_path("source").unlink()  # a clone of the record has no weights
    result = experiments.phase3(config)
    assert result is not None
    assert result.teacher["start"] == "cifar100:source"
    assert result.students["teacher_key"].unique().tolist() == [result.teacher["key"]]


def test_an_interrupted_phase_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    config = tiny_config(folder, tmp_path)
    whole = experiments.phase3(config)
    assert whole is not None
    Results(tmp_path).forget(whole.students["key"].iloc[-1])
    again = experiments.phase3(config)
    assert again is not None
    drop = ["seconds", "finished_at"]
    pd.testing.assert_frame_equal(
        whole.students.drop(columns=drop), again.students.drop(columns=drop)
    )


def test_two_seeds_differ_in_subset_and_score_and_one_in_none(folder: Path, tmp_path: Path) -> None:
    config = tiny_config(folder, tmp_path / "a", seeds=2, fractions=(0.4,), epochs=3)
    result = experiments.phase3(config)
    assert result is not None
    rows = result.students
    assert rows["student_seed"].tolist() == rows["subset_seed"].tolist() == [0, 1]
    weights = [load_tensors(Results(tmp_path / "a").weights_path(key)) for key in rows["key"]]
    assert not np.array_equal(
        *(np.concatenate([w.numpy().ravel() for w in s.values()]) for s in weights)
    )
    once_more = experiments.phase3(
        tiny_config(folder, tmp_path / "b", seeds=2, fractions=(0.4,), epochs=3)
    )
    assert once_more is not None
    assert once_more.students["test_macro_f1"].tolist() == rows["test_macro_f1"].tolist()
    for key in rows["key"]:
        again = load_tensors(Results(tmp_path / "b").weights_path(key))
        first = load_tensors(Results(tmp_path / "a").weights_path(key))
        assert all(bool((again[name] == first[name]).all()) for name in first)


def test_rows_say_what_made_them(folder: Path, recorded: Path) -> None:
    row = Results(recorded).students().iloc[0]
    assert row["dataset"] == "noise"
    assert json.loads(row["recipe"])["epochs"] == 2
    assert json.loads(row["engine"])["device"] == "cpu"
    assert row["start"] == "scratch"
    assert row["seconds"] > 0


def test_a_record_is_read_without_the_images(recorded: Path) -> None:
    config = tiny_config("./noise", recorded, train=False)
    result = experiments.phase1(config)
    assert result is not None
    assert len(result.students) == 13
    assert len(experiments.teachers(config)) == 1


def test_of_recorded_teachers_the_one_that_taught_comes_first(tmp_path: Path) -> None:
    results = Results(tmp_path)
    facts = {"dataset": "digits", "split_seed": 0, "start": "scratch"}
    for key, score in (("a", 0.5), ("b", 0.9)):
        results.append_teacher(teacher_row(key=key, val_macro_f1=score, **facts))
    results.append_student(student_row(dataset="digits", teacher_key="a"))
    config = PhaseConfig(dataset="digits", results=str(tmp_path), train=False)
    assert experiments.teachers(config)["key"].tolist() == ["a", "b"]


def test_without_training_and_teacher_the_command_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match="expected a recorded teacher .* run `carto teacher"
    ):
        experiments.phase1(tiny_config(folder, tmp_path, train=False))
    with pytest.raises(FileNotFoundError, match="expected a recorded teacher"):
        experiments.teachers(tiny_config(folder, tmp_path, train=False))


def test_a_dry_run_trains_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert experiments.phase1(tiny_config(folder, tmp_path / "r"), dry_run=True) is None
    assert "missing 1 teacher and 13 students; about" in capsys.readouterr().out
    assert not list((tmp_path / "r").rglob("*.csv"))


@pytest.mark.parametrize("rule", ["fraction", "fractions"])
def test_a_subset_that_would_be_empty_leaves_no_row(
    folder: Path, tmp_path: Path, rule: str
) -> None:
    small = {"fraction": 0.001} if rule == "fraction" else {"fractions": (0.001,)}
    phase = experiments.phase1 if rule == "fraction" else experiments.phase3
    with pytest.raises(ValueError, match="a subset must hold at least one example"):
        phase(tiny_config(folder, tmp_path / "r", **small))
    assert not list((tmp_path / "r").rglob("*.csv"))


def test_a_mix_with_an_empty_part_is_refused_before_the_teacher_is_trained(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="must hold at least one example, got fraction 0.0242"):
        experiments.phase2(tiny_config(folder, tmp_path / "r", fraction=0.16))
    assert not list((tmp_path / "r").rglob("*.csv"))


def test_a_diverging_student_leaves_no_row(folder: Path, tmp_path: Path) -> None:
    config = tiny_config(folder, tmp_path, learning_rate=1e30, fractions=(1.0,))
    with pytest.raises(FloatingPointError, match="expected finite losses, got .* in epoch"):
        experiments.phase3(config)
    assert len(Results(tmp_path).students()) == 0
    assert len(Results(tmp_path).teachers()) == 1


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_a_network_that_diverges_in_its_very_last_step_leaves_no_row(
    folder: Path, tmp_path: Path, role: str
) -> None:
    """One step in all: its loss is finite, its logits are not."""
    rate = {"teacher_learning_rate" if role == "teacher" else "learning_rate": 1e30}
    config = tiny_config(folder, tmp_path, epochs=1, batch_size=40, fractions=(1.0,), **rate)
    with pytest.raises(FloatingPointError, match=r"finite logits .* after epoch 1, step 1; try"):
        experiments.phase3(config)
    assert len(Results(tmp_path).students()) == 0
    assert len(Results(tmp_path).teachers()) == (role == "student")


def test_the_map_has_every_example_once_with_its_statistics(recorded: Path) -> None:
    results = Results(recorded)
    frame = experiments.map_frame(results, results.teachers()["key"].iloc[0])
    assert len(frame) == 32
    assert frame["index"].is_unique
    assert frame["image"].str.startswith("data:image/webp;base64,").all()
    assert set(METRICS) < set(frame.columns)
    assert frame["p_gold"].map(len).eq(2).all()
    assert (frame["region"] == "easy-to-learn").sum() == subset_size(0.33, 32)
    assert set(frame["class"]) == {"bright", "dark"}


def test_a_map_of_an_unknown_teacher_is_refused(recorded: Path) -> None:
    with pytest.raises(ValueError, match="no teacher 'nobody' in"):
        experiments.map_frame(Results(recorded), "nobody")


def test_status_says_what_there_is(recorded: Path) -> None:
    text = experiments.status(Results(recorded))
    assert "1 teachers, 21 students" in text
    assert TINY in text
    assert "under way: nothing" in text


def test_status_averages_students_of_one_setting_alone(tmp_path: Path) -> None:
    """Two teachers, two mixes, two rates: no mean over any two of them."""
    results = Results(tmp_path)
    rows = [
        {"teacher_key": "a"}, {"teacher_key": "a", "student_seed": 2, "test_macro_f1": 0.7},
        {"teacher_key": "b", "dynamics_sha256": "b" * 64},
        {"teacher_key": "a", "rule": "mix", "hard": 0.1}, {"teacher_key": "a", "start": "paper"},
        {"teacher_key": "a", "rule": "mix", "easy": 0.1},
    ]  # fmt: skip
    for i, row in enumerate(rows):
        results.append_student(student_row(key=str(i), **row))
    found = experiments.status_facts(results)["students"]
    assert [(row["teacher"], row["subset"], row["count"]) for row in found] == [
        ("a", "50% random", 2), ("b", "50% random", 1), ("a", "mix 10/0/0", 1),
        ("a", "50% random", 1), ("a", "mix 0/0/10", 1),
    ]  # fmt: skip
    assert found[0]["mean"] == pytest.approx(0.6)
    assert "mix 10/0/0" in experiments.status(results)
    assert "recipe" not in experiments.status(results)
    alone = PhaseConfig(hard_weight=1.0).student_recipe.to_json()
    results.append_student(student_row(key="alone", teacher_key="a", recipe=alone))
    lines = experiments.status(results).splitlines()
    assert [line.rstrip().endswith("hard_weight 1") for line in lines].count(True) == 1
    assert [line.rstrip().endswith("paper's") for line in lines].count(True) == 5
