"""Cells that other seeds would explain, and seeds that score alike everywhere."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from carto_helpers.findings.chance import (
    count_table,
    counted,
    is_beyond,
    read_counts,
    seed_effects,
    seed_table,
)
from carto_helpers.findings.differences import told
from carto_helpers.metrics import confidence_interval

RUNS = [0.50, 0.52, 0.54]


def made_table(*papers: float, mark: str = "differs", student: str = "mobilenet") -> pd.DataFrame:
    """Return cells with our three `RUNS` and these values of the paper."""
    mean, low, high, n = confidence_interval(RUNS)
    return pd.DataFrame({
        "dataset": "mnist", "student": student, "mark": mark, "low": low, "high": high, "n": n,
        "difference": [mean - paper for paper in papers],
    })  # fmt: skip


def test_the_papers_value_lies_beyond_where_a_prediction_interval_ends() -> None:
    half = t.ppf(0.975, 2) * np.std(RUNS, ddof=1) * np.sqrt(1 / 3 + 1 / 3)
    table = made_table(0.52 - half * 0.999, 0.52 - half * 1.001, 0.52 + half * 1.001)
    assert is_beyond(table).tolist() == [False, True, True]
    assert not is_beyond(table.assign(mark="agrees")).any()
    assert is_beyond(table, n_other=1000).all()  # a mean of so many is nearly a truth


def test_one_run_and_a_cell_without_one_are_never_beyond() -> None:
    table = made_table(0.1, mark="one seed").assign(low=np.nan, high=np.nan, n=1)
    assert not is_beyond(table).any()


def test_prediction_intervals_hold_what_they_promise() -> None:
    draw = np.random.default_rng(0)
    n_beyond = 0
    for runs, paper in zip(draw.normal(size=(2000, 3)), draw.normal(size=(2000, 3)), strict=True):
        mean, low, high, n = confidence_interval(runs)
        mark = "agrees" if low <= paper.mean() <= high else "differs"
        cell = {"mark": mark, "difference": mean - paper.mean(), "low": low, "high": high, "n": n}
        n_beyond += int(is_beyond(pd.DataFrame([cell])).sum())
    assert 70 <= n_beyond <= 130  # of 2000, 5 %, within three standard errors


def test_cells_are_counted_by_table_and_student() -> None:
    table = pd.concat([
        made_table(0.4, 0.6),
        made_table(0.515, mark="agrees", student="resnet"),
        made_table(np.nan, mark="not in the paper", student="resnet"),
    ])  # fmt: skip
    counts = counted({"5": table})
    assert counts.drop(columns="mean_difference").to_numpy().tolist() == [
        ["5", "mnist", "mobilenet", 2, 2, 2, 1], ["5", "mnist", "resnet", 1, 0, 0, 1],
    ]  # fmt: skip
    assert counts["mean_difference"].tolist() == pytest.approx([0.02, 0.005])
    assert "Of 3 cells that can be compared 2 differ." in read_counts(counts)
    assert "**2** would lie outside" in read_counts(counts)
    assert (
        told(count_table(counts)).splitlines()[-1]
        == "| 5 | mnist | resnet | 1 | 0 | 0 | 1 | +0.005 |"
    )
    assert read_counts(counted({"5": table[:0]})).startswith("**No cell")


def made_students(scores: np.ndarray) -> pd.DataFrame:
    """Return rows of one student, (subsets, seeds), and of a random subset that is left out."""
    rows = [
        {"dataset": "mnist", "student": "mobilenet", "rule": f"rule-{i}", "fraction": 0.33,
         "hard": 0.0, "ambiguous": 0.0, "easy": 0.0, "student_seed": seed, "test_macro_f1": score}
        for i, found in enumerate(scores) for seed, score in enumerate(found)
    ]  # fmt: skip
    left_out = rows[0] | {"rule": "random", "test_macro_f1": 9.0}
    return pd.DataFrame([*rows, left_out])


def test_an_effect_of_seeds_is_that_of_an_analysis_of_variance() -> None:
    # By hand: rows and columns have means 2, 3, 4 and 2, 3, 4 about 3; residuals ±1 and 0.
    scores = np.array([[1.0, 2.0, 3.0], [3.0, 3.0, 3.0], [2.0, 4.0, 6.0]])
    found = seed_effects(made_students(scores))
    assert found[["subsets", "seeds"]].to_numpy().tolist() == [[3, 3]]
    assert found["ratio"].iloc[0] == pytest.approx(3 * 2 * 2 / 4)
    assert found["p"].iloc[0] == pytest.approx(0.16)  # F of 2 and 4: (1 + 3 / 2)^-2
    assert (
        told(seed_table(found)).splitlines()[-1] == "| mnist | mobilenet | 3 | 3 | 3.00 | 0.160 |"
    )


def test_seeds_that_some_subset_lacks_are_left_out_and_too_few_tell_nothing() -> None:
    scores = np.array([[1.0, 2.0, 3.0], [3.0, 3.0, 3.0], [2.0, 4.0, 6.0]])
    students = made_students(scores)
    more = students.iloc[[0]].assign(student_seed=7, test_macro_f1=5.0)
    assert seed_effects(pd.concat([students, more])).equals(seed_effects(students))
    assert seed_effects(made_students(scores[:2])).empty
    assert seed_effects(made_students(scores[:, :1])).empty


def test_seeds_that_shift_all_subsets_alike_leave_nothing() -> None:
    found = seed_effects(made_students(np.array([[1.0, 2.0], [2.0, 3.0], [4.0, 5.0]])))
    assert (found["ratio"].iloc[0], found["p"].iloc[0]) == (np.inf, 0.0)
