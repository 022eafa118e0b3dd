"""Rows of a record with their marks: the dynamics decide, and a damaged record hides nothing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_folder, student_row, teacher_row, tiny_config

from carto_helpers import config, experiments, tables
from carto_helpers.experiments import status, status_facts
from carto_helpers.findings.doubted_rows import doubt_lines, with_doubts
from carto_helpers.findings.readings import results_table
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results, published
from carto_helpers.runs import provenance

N = 40
CLASSES = ("cat", "dog", "owl", "rat")
SCORES = dict.fromkeys(("val_accuracy", "val_macro_f1", "test_accuracy", "test_macro_f1"), 0.9)


def made_record(
    folder: Path, *, is_right: bool = True, classes: tuple[str, ...] = CLASSES, **student: object
) -> Results:
    """Write a teacher that finds owls hard, and a student of the easiest half."""
    labels = np.arange(N) % 4
    p = np.repeat(np.where(labels == 2, 0.6, 0.9)[:, None], 3, axis=1).astype(np.float32)
    arrays = {"p_gold": p, "is_right": np.full(p.shape, is_right)}
    record = DynamicsRecord(index=np.arange(N), labels=labels, classes=classes, quantities=arrays)
    results = Results(folder)
    sha = results.save_dynamics("t", record)
    facts = {"dataset": "cifar10", "dynamics_sha256": sha} | SCORES
    results.append_teacher(teacher_row(key="t", **facts))
    chosen = {
        "rule": "high-confidence",
        "fraction": 0.5,
        "hard": 0.0,
        "ambiguous": 0.0,
        "easy": 0.0,
    }
    results.append_student(student_row(key="s", teacher_key="t", **(facts | chosen | student)))
    return results


def test_a_subset_that_lost_a_class_is_marked_in_status_and_tables(tmp_path: Path) -> None:
    results = made_record(tmp_path)
    rows = with_doubts(results, results.students())
    assert rows["doubts"].tolist() == [("class lost: owl",)]
    facts = status_facts(results)
    assert facts["teachers"][0]["doubts"] == ""
    assert facts["students"][0]["doubts"] == "class lost: owl"
    assert "  class lost: owl: s" in status(results).splitlines()
    assert "Class lost: the subset holds no image of a class." in status(results)


def test_a_class_that_the_split_left_out_is_lost_to_every_subset(tmp_path: Path) -> None:
    results = made_record(tmp_path, classes=(*CLASSES, "yak"), rule="all", fraction=1.0)
    assert with_doubts(results, results.students())["doubts"].tolist() == [("class lost: yak",)]


def test_students_that_diverge_are_marked_and_their_teacher_is_not(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "noise")
    settings = tiny_config(folder, tmp_path / "results", fractions=(1.0,), seeds=2)
    for rate in (1e-3, 30.0):
        experiments.phase3(dataclasses.replace(settings, learning_rate=rate))
    rows = with_doubts(Results(settings.results), Results(settings.results).students())
    assert rows["train_loss"].gt(100).tolist() == [False, False, True, True]
    assert ["diverged" in marks for marks in rows["doubts"]] == [False, False, True, True]


def test_a_student_of_a_later_version_than_its_teachers_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "noise")
    settings = tiny_config(folder, tmp_path / "results", fractions=(1.0,), epochs=1)
    experiments.teachers(settings)
    for module in (config, provenance):
        monkeypatch.setattr(module, "METHOD_VERSION", 2)
    phase = experiments.phase3(settings)
    assert phase is not None and "mixed versions" in phase.students["doubts"].iloc[0]


def test_a_page_shows_the_mark_and_what_it_means(tmp_path: Path) -> None:
    results = made_record(tmp_path, fraction=0.33)
    rows = with_doubts(results, results.students())
    table = tables.table3(tables.summary(rows), published("table3_phase1"), datasets=["cifar10"])
    marked = table[table["n"] > 0]
    assert marked["doubts"].tolist() == ["class lost: owl"]
    html = tables.show(table, caption="Subsets.").to_html()
    assert "class lost: owl" in html and "Class lost: the subset holds no image" in html
    assert "; class lost: owl |" in results_table(table)
    assert results_table(table).endswith("Class lost: the subset holds no image of a class.")


@pytest.mark.parametrize(
    ("mark", "changed", "others"),
    [
        ("diverged", {"test_macro_f1": 2.0}, []),
        ("at chance", {"val_accuracy": 0.25}, [{}, {}]),
        ("mixed versions", {"method_version": 2, "rule": "low-confidence"}, [{}]),
        ("mixed data", {"fingerprint": "other"}, [{}]),
        ("mixed data", {"dynamics_sha256": "other", "rule": "low-confidence"}, []),
        ("unchecked", {"teacher_key": "gone"}, [{}]),
    ],
)
def test_every_doubt_stands_on_its_row_and_on_the_page(
    tmp_path: Path, mark: str, changed: dict, others: list[dict]
) -> None:
    results = made_record(tmp_path, fraction=0.33)
    row = results.students().iloc[0].to_dict()
    results.append_student(row | {"key": "wrong", "student_seed": 9} | changed)
    for i, other in enumerate(others):
        results.append_student(row | {"key": str(i), "student_seed": i} | other)
    rows = with_doubts(results, results.students())
    assert mark in rows.set_index("key")["doubts"]["wrong"]
    table = tables.table3(tables.summary(rows), published("table3_phase1"), datasets=["cifar10"])
    html = tables.show(table, caption="Subsets.").to_html()
    assert mark in html and f"{mark.capitalize()}: " in html
    assert any(line.startswith(f"  {mark}: ") for line in doubt_lines(results))


def test_a_page_without_a_doubt_has_no_such_column(tmp_path: Path) -> None:
    results = made_record(tmp_path, rule="random", fraction=1.0)
    rows = with_doubts(results, results.students())
    table = tables.table5(tables.summary(rows), published("table5_phase3"), datasets=["cifar10"])
    assert "doubts" in table and "doubts" not in tables.printed(table)
    assert "ubt" not in results_table(table)
    assert doubt_lines(results) == []


def test_a_teachers_mark_stands_in_its_tables(tmp_path: Path) -> None:
    results = made_record(tmp_path, is_right=False)
    rows = with_doubts(results, results.teachers())
    for table in (
        tables.teacher_grid(rows),
        tables.table2(rows, published("table2_teachers"), datasets=["cifar10"]),
    ):
        assert table["doubts"].tolist() == ["other dynamics"]
        assert "Other dynamics: the row" in tables.show(table, caption="Teachers.").to_html()


@pytest.mark.parametrize("content", [b"", b"PAR1", None])
def test_damaged_or_missing_dynamics_are_unchecked_and_stop_nothing(
    tmp_path: Path, content: bytes | None
) -> None:
    results = made_record(tmp_path)
    path = tmp_path / "dynamics" / "t.parquet"
    path.unlink() if content is None else path.write_bytes(content)
    for rows in (results.teachers(), results.students()):
        assert with_doubts(results, rows)["doubts"].tolist() == [("unchecked",)]
    assert "  unchecked: t, s" in doubt_lines(results)


def test_a_seeds_subset_is_its_own(tmp_path: Path) -> None:
    """Of two images a class of four at least two are lost, and not always the same."""
    results = made_record(tmp_path, rule="random", fraction=0.05)
    for seed in range(2, 9):
        row = results.students().iloc[0].to_dict() | {"key": str(seed), "subset_seed": seed}
        results.append_student(row)
    marks = with_doubts(results, results.students())["doubts"]
    assert marks.nunique() > 1 and marks.map(lambda found: found[0].count(",") >= 1).all()


def test_nothing_recorded_has_no_doubts(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert with_doubts(results, results.students()).empty
    assert status_facts(results)["students"] == status_facts(results)["teachers"] == []
    assert "doubts" in with_doubts(results, results.teachers())
    assert doubt_lines(results) == []


def test_a_subset_of_ones_own_that_is_gone_is_unchecked_and_stops_nothing(tmp_path: Path) -> None:
    results = made_record(tmp_path, rule="own:0123456789abcdef", fraction=0.5)
    assert with_doubts(results, results.students())["doubts"].tolist() == [("unchecked",)]
    assert "  unchecked: s" in status(results).splitlines()
