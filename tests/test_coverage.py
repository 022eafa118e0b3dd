"""What is recorded of the paper: every cell planned once, runs counted where they belong."""

from pathlib import Path

import pandas as pd
from made_runs import student_row, teacher_row

from carto_helpers.config import Recipe
from carto_helpers.records import Results
from carto_helpers.report.coverage import COLUMNS, coverage

TAUGHT = Recipe(hard_weight=1.0).to_json()


def made_results(folder: Path) -> Results:
    results = Results(folder)
    for key, start in (("t", "scratch"), ("u", "cifar100:x")):
        row = teacher_row(key=key, dataset="cifar10", split_seed=0, recipe=TAUGHT, start=start)
        results.append_teacher(row | {"val_macro_f1": 0.9 if key == "t" else 0.1, "seconds": 3600})
    for i, (rule, fraction, seed) in enumerate(
        [("all", 1.0, 0), ("random", 0.33, 0), ("random", 0.33, 1), ("random", 0.33, 7),
         ("low-confidence", 0.33, 0), ("random", 0.1, 0)]
    ):  # fmt: skip
        row = student_row(key=str(i), dataset="cifar10", teacher_key="t", rule=rule, seconds=360)
        row |= {"fraction": fraction, "student_seed": seed, "hard": 0.0, "easy": 0.0}
        results.append_student(row | {"ambiguous": 0.0})
    return results


def cell(table: pd.DataFrame, phase: str, who: str) -> dict[str, object]:
    rows = table[
        (table["dataset"] == "cifar10") & (table["phase"] == phase) & (table["who"] == who)
    ]
    assert len(rows) == 1
    return dict(rows.iloc[0])


def test_runs_are_counted_in_every_phase_that_they_belong_to(tmp_path: Path) -> None:
    table = coverage(made_results(tmp_path))
    assert list(table) == list(COLUMNS)
    done = {p: cell(table, p, "mobilenet")["done"] for p in ("phase1", "phase2", "phase3")}
    assert done == {"phase1": 4, "phase2": 3, "phase3": 4}  # seed 7 is none of three
    assert cell(table, "phase1", "mobilenet")["hours"] == 0.4
    assert cell(table, "phase1", "resnet")["done"] == 0


def test_teachers_are_counted_by_their_start(tmp_path: Path) -> None:
    table = coverage(made_results(tmp_path))
    for start in ("scratch", "cifar100"):
        row = cell(table, "teacher", f"resnet from {start}")
        assert (row["done"], row["planned"], row["hours"]) == (1, 2, 1.0)


def test_every_table_is_planned_with_its_seeds(tmp_path: Path) -> None:
    table = coverage(Results(tmp_path), seeds=5)
    phases = table[table["phase"] != "teacher"]
    assert not phases["done"].any()
    assert set(phases["planned"] / 5) == {13, 9, 7}
    assert len(phases) == 3 * 3 * 3
