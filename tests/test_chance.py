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
    """Return cells with our three `RUNS` and these values of the paper, each of its own size."""
    mean, low, high, n = confidence_interval(RUNS)
    return pd.DataFrame({
        "dataset": "mnist", "student": student, "rule": "random",
        "fraction": [0.01 * (i + 1) for i in range(len(papers))],
        "hard": 0.0, "ambiguous": 0.0, "easy": 0.0, "mark": mark, "low": low, "high": high, "n": n,
        "difference": [mean - paper for paper in papers],
    })  # fmt: skip


@pytest.mark.parametrize("n_other", [1, 3])
def test_the_papers_value_lies_beyond_where_a_prediction_interval_ends(n_other: int) -> None:
    half = t.ppf(0.975, 2) * np.std(RUNS, ddof=1) * np.sqrt(1 / 3 + 1 / n_other)
    table = made_table(0.52 - half * 0.999, 0.52 - half * 1.001, 0.52 + half * 1.001)
    assert is_beyond(table, n_other).tolist() == [False, True, True]
    assert not is_beyond(table.assign(mark="agrees"), n_other).any()


def test_one_run_and_a_cell_without_one_are_never_beyond() -> None:
    table = made_table(0.1, mark="one seed").assign(low=np.nan, high=np.nan, n=1)
    assert not is_beyond(table, 3).any()


def test_prediction_intervals_hold_what_they_promise() -> None:
    draw = np.random.default_rng(0)
    n_beyond = n_differ = 0
    for runs, paper in zip(draw.normal(size=(2000, 3)), draw.normal(size=(2000, 3)), strict=True):
        mean, low, high, n = confidence_interval(runs)
        mark = "agrees" if low <= paper.mean() <= high else "differs"
        cell = {"mark": mark, "difference": mean - paper.mean(), "low": low, "high": high, "n": n}
        n_beyond += int(is_beyond(pd.DataFrame([cell]), 3).sum())
        n_differ += mark == "differs"
    assert 70 <= n_beyond <= 130  # of 2000, 5 %, within three standard errors
    assert 2000 / 12 < n_differ < 2000 / 10  # one in eleven, as the page says


def test_cells_are_counted_by_table_and_student_each_mean_once() -> None:
    others = [
        made_table(0.515, mark="agrees", student="resnet"),
        made_table(0.0, np.nan, mark="not in the paper", student="efficientnet"),
        made_table(0.0, mark="other start", student="efficientnet").assign(fraction=0.5),
        made_table(0.0, mark="one seed", student="efficientnet").assign(fraction=0.6),
    ]
    half = t.ppf(0.975, 2) * np.std(RUNS, ddof=1)  # of an interval, times the root of 3
    near = 0.52 + half * (np.sqrt(2 / 3) + np.sqrt(4 / 3)) / 2
    counts = counted({"3": made_table(0.4), "5": pd.concat([made_table(0.4, near), *others])})
    assert counts.drop(columns="mean_difference").to_numpy().tolist() == [
        ["3", "mnist", "mobilenet", 1, 1, 1, 1, 1],
        ["5", "mnist", "mobilenet", 1, 1, 1, 0, 0],
        ["5", "mnist", "resnet", 1, 0, 0, 0, 1],
    ]
    assert counts["mean_difference"].tolist() == pytest.approx([0.12, 0.52 - near, 0.005])
    told_ = read_counts(counts)
    assert "Of 3 cells that can be compared 2 differ. **2** lie outside 95 %" in told_
    assert "**1** outside 95 % of single runs; by chance alone either would be 0." in told_
    assert told(count_table(counts)).splitlines()[-1] == (
        "| 5 | mnist | resnet | 1 | 0 | 0 | 0 | 1 | +0.005 |"
    )
    many = made_table(*[0.52] * 100, mark="agrees")
    assert read_counts(counted({"5": many})).endswith("by chance alone either would be 5.")
    assert read_counts(counted({"5": made_table()})).startswith("**No cell")
    assert read_counts(counted({"5": others[2]})).startswith("**No cell")


def made_students(scores: np.ndarray) -> pd.DataFrame:
    """Return rows of one student, (subsets, seeds), and of a random subset that is left out."""
    rows = [
        {"dataset": "mnist", "student": "mobilenet", "rule": f"rule-{i}", "fraction": 0.33,
         "hard": 0.0, "ambiguous": 0.0, "easy": 0.0, "student_seed": seed, "test_macro_f1": score}
        for i, found in enumerate(scores) for seed, score in enumerate(found)
    ]  # fmt: skip
    left_out = [{"rule": "random"}, {"rule": "own:0a1b", "fraction": 0.2}]
    extra = [rows[i] | changed | {"test_macro_f1": 9.0} for changed in left_out for i in range(2)]
    return pd.DataFrame([*rows, *extra])


def test_an_effect_of_seeds_is_that_of_an_analysis_of_variance() -> None:
    # By hand, four subsets and three seeds: what is left of each row is (0, 0, 0), (1, 0, -1),
    # (0, 1, -1) and (-1, -1, 2), the seeds' means are -1, 0 and 1.
    left = np.array([[0, 0, 0], [1, 0, -1], [0, 1, -1], [-1, -1, 2]])
    scores = np.array([[5.0], [3.0], [7.0], [2.0]]) + np.array([-1, 0, 1]) + left
    found = seed_effects(made_students(scores))
    assert found[["subsets", "seeds"]].to_numpy().tolist() == [[4, 3]]
    ratio = (4 * 2 / 2) / (10 / 6)  # mean squares: of seeds over 2, of what is left over 3 x 2
    assert found["ratio"].iloc[0] == pytest.approx(ratio)
    assert found["p"].iloc[0] == pytest.approx((1 + ratio * 2 / 6) ** -3)  # of 2 and 6 freedoms
    assert (
        told(seed_table(found)).splitlines()[-1] == "| mnist | mobilenet | 4 | 3 | 2.40 | 0.171 |"
    )


def test_seeds_that_some_subset_lacks_are_left_out_and_too_few_tell_nothing() -> None:
    scores = np.array([[1.0, 2.0, 3.0], [3.0, 3.0, 3.0], [2.0, 4.0, 6.0]])
    students = made_students(scores)
    more = students.iloc[[0]].assign(student_seed=7, test_macro_f1=5.0)
    assert seed_effects(pd.concat([students, more])).equals(seed_effects(students))
    assert seed_effects(made_students(scores[:2])).empty
    assert seed_effects(made_students(scores[:, :1])).empty


@pytest.mark.parametrize("shift", [0.1, 1.0])
def test_seeds_that_shift_all_subsets_alike_leave_nothing(shift: float) -> None:
    scores = np.array([[0.1], [0.2], [0.4]]) + np.array([0, shift])
    found = seed_effects(made_students(scores))
    assert (found["ratio"].iloc[0], found["p"].iloc[0]) == (np.inf, 0.0)
    assert told(seed_table(found)).splitlines()[-1].endswith("| ∞ | < 0.001 |")


def test_scores_that_are_all_alike_say_nothing_of_seeds() -> None:
    found = seed_effects(made_students(np.full((3, 2), 0.1)))
    assert found[["ratio", "p"]].isna().all(axis=None)
    assert told(seed_table(found)).splitlines()[-1].endswith("| nan | – |")
