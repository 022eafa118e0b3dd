"""Sentences on pages: every number in them is a row's."""

import pandas as pd
from made_runs import student_row, teacher_row

from carto_helpers.findings import readings


def made_table(**means: float) -> pd.DataFrame:
    rows = [
        {"rule": r, "train_data": r, "fraction": f, "mean": m, "n": int(m > 0)}
        for (r, m), f in zip(means.items(), (1.0, 0.33, 0.5, 0.25), strict=False)
    ]
    return pd.DataFrame(rows)


def test_the_best_teacher_is_the_first_row() -> None:
    rows = pd.DataFrame([
        teacher_row(network="resnet50", val_macro_f1=0.5, seconds=200.0, dynamics_seconds=30.0),
        teacher_row(network="other", val_macro_f1=0.25),
    ])  # fmt: skip
    text = readings.read_teachers(rows)
    assert "**resnet50** (start: scratch) is the best of 2 recorded" in text
    assert "macro F1 **0.500**" in text
    assert "15% of its 200 s" in text and "Higher" not in text


def test_a_better_network_than_the_one_that_teaches_is_told() -> None:
    rows = pd.DataFrame([
        teacher_row(network="resnet50", val_macro_f1=0.5),
        teacher_row(network="resnet34", val_macro_f1=0.75),
    ])  # fmt: skip
    text = readings.read_teachers(rows)
    assert "**resnet50** (start: scratch) is shown on this page, of 2 recorded" in text
    assert "Higher on the validation split: resnet34 0.750;" in text and "chooses" not in text


def test_sizes_are_read_in_order() -> None:
    text = readings.read_sizes(made_table(all=0.9, random=0.5))
    assert "From a fraction of 0.33 to 1" in text
    assert "0.33 → 1: +0.400" in text


def test_what_was_not_run_is_said() -> None:
    assert "Not enough" in readings.read_sizes(made_table(all=float("nan"), random=0.5))


def test_no_rows_are_said() -> None:
    assert readings.read_teachers(pd.DataFrame([])) == "**No teacher is recorded yet.**"
    assert readings.read_cost(pd.DataFrame([])) == "No run is recorded yet."


def test_the_cost_is_the_rows() -> None:
    rows = pd.DataFrame([student_row(seconds=30.0), student_row(seconds=90.0)])
    assert "2 recorded runs, 2.0 minutes" in readings.read_cost(rows)
    assert "median 60 s" in readings.read_cost(rows)


def test_filled_cells_and_marks_are_counted() -> None:
    table = pd.DataFrame({"n": [3, 0, 2], "mark": ["differs", "not run", "agrees"]})
    text = readings.read_coverage({"3": table})
    assert "Table 3: **2 of 3 cells** are run, by 5 students" in text
    assert text.endswith("(1 agrees, 1 differs, 1 not run).")


def test_results_are_a_row_a_subset_and_two_columns_a_student_that_was_run() -> None:
    row = {"train_data": "33 % random", "mean": 0.5, "low": 0.4, "high": 0.6, "n": 3,
           "paper": 0.47, "digits": 3}  # fmt: skip
    other = row | {"train_data": "100 % train", "n": 0, "paper": float("nan")}
    unseen = [r | {"student": "resnet", "n": 0} for r in (row, other)]
    table = pd.DataFrame([r | {"student": "mobilenet"} for r in (row, other)] + unseen)
    assert readings.results_table(table).splitlines() == [
        "| subset | mobilenet, ours | mobilenet, paper |",
        "| --- | --- | --- |",
        "| 33 % random | 0.500 (0.400 to 0.600), n = 3 | 0.470 |",
        "| 100 % train | not run | – |",
    ]
    assert readings.results_table(table.assign(n=0)) == ""


def made_examples() -> pd.DataFrame:
    return pd.DataFrame({
        "index": [4, 2, 9], "file": ["b/4.png", "a/2.png", "a/9.png"], "class": ["b", "a", "a"],
        "confidence": [0.2, 0.9, 0.1], "correctness": [0.5, 1.0, 0.0], "forgetfulness": 0.0,
    })  # fmt: skip


def test_the_least_probable_labels_come_first() -> None:
    found = readings.suspicious_table(made_examples(), n=2)
    assert found["index"].tolist() == [9, 4]
    assert found.columns.tolist() == ["index", "file", "class", "confidence", "correctness"]
    assert "file" not in readings.suspicious_table(made_examples().drop(columns="file"))


def test_a_subset_is_told_with_its_rarest_class_and_what_it_lost() -> None:
    frame = made_examples()
    text = readings.read_subset(frame, frame, "a.csv")
    assert text.startswith(
        "`a.csv` names **3 of 3** training images, 1 of the rarest class (b) and"
    )
    assert readings.read_subset(frame.tail(2), frame, "a.csv").endswith("**No image of b.**")


def test_a_student_is_told_beside_its_teacher() -> None:
    teacher, student = pd.Series(teacher_row(test_macro_f1=0.75)), pd.DataFrame([student_row()])
    text = readings.read_student(teacher, student)
    assert "reaches a macro F1 of **0.500** on the test set, its teacher (resnet50, 1 imag" in text
    assert readings.read_student(teacher, student.head(0)) == (
        "**No such student is recorded yet.**"
    )
