"""Cells and marks: what may be averaged, how the paper's tables are read, when values agree."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_frames import RANDOM, made_students

from carto_helpers.comparison import (
    CELL,
    MARKS,
    check_one_setting,
    has_papers_start,
    mark,
    printed_digits,
    published_scores,
    require_columns,
    summary,
)
from carto_helpers.config import STUDENT_COLUMNS


def test_summary_is_the_mean_and_students_t_interval() -> None:
    """Three runs: 4.303 standard errors either side."""
    row = summary(made_students([RANDOM])).iloc[0]
    half = 4.302653 * 0.01 / np.sqrt(3)
    assert (row["mean"], row["n"]) == (pytest.approx(0.45), 3)
    assert (row["low"], row["high"]) == (pytest.approx(0.45 - half), pytest.approx(0.45 + half))


def test_summary_of_one_run_has_no_interval() -> None:
    """One seed says nothing of the spread."""
    row = summary(made_students([RANDOM], seeds=1)).iloc[0]
    assert row["n"] == 1 and np.isnan(row["low"]) and np.isnan(row["high"])


@pytest.mark.parametrize(
    "changed",
    [{"start": "paper"}, {"dynamics_sha256": "bb"}, {"recipe": "{}"}, {"method_version": 2}],
)
def test_summary_never_averages_over_settings(changed: dict[str, object]) -> None:
    """Another start, teacher, recipe or method is another group."""
    both = pd.concat([made_students([RANDOM]), made_students([RANDOM], **changed)])
    assert list(summary(both)["n"]) == [3, 3]


def test_summary_of_nothing_is_empty() -> None:
    """With or without columns."""
    assert summary(pd.DataFrame()).empty
    assert summary(pd.DataFrame(columns=list(STUDENT_COLUMNS))).empty


def test_summary_counts_a_run_once() -> None:
    """A copied row would narrow the interval."""
    rows = made_students([RANDOM])
    with pytest.raises(ValueError, match="`students` must hold each run once"):
        summary(pd.concat([rows, rows.head(1)]))


def test_summary_needs_the_score() -> None:
    """The missing column is named."""
    with pytest.raises(ValueError, match="must have the column test_f1, got key"):
        summary(made_students([RANDOM]), score="test_f1")


def test_a_cell_with_two_teachers_is_refused() -> None:
    """The caller chooses which rows to show."""
    both = pd.concat([made_students([RANDOM]), made_students([RANDOM], dynamics_sha256="bb")])
    with pytest.raises(ValueError, match="2 groups that differ in dynamics_sha256 for cifar10"):
        check_one_setting(summary(both))


@pytest.mark.parametrize(
    ("printed", "digits"),
    [("0.280", 3), (0.28, 3), ("0.22", 2), (0.100017, 6), (2.846e-4, 7), ("1", 0)],
)
def test_printed_digits(printed: object, digits: int) -> None:
    """Text as it stands; numbers have lost their last zeros."""
    assert printed_digits(printed) == digits


def test_published_reads_the_three_tables() -> None:
    """Rules, mixes and sizes become the cells our rows have."""
    third = pd.DataFrame(
        {"dataset": "cifar10", "train_data": ["100% train", "33% low-confidence"],
         "student": "resnet", "score": ["0.774", "0.522"]}
    )  # fmt: skip
    assert list(published_scores(third)["rule"]) == ["all", "low-confidence"]
    mix = {"hard_percent": 16.5, "ambiguous_percent": 0, "easy_percent": 16.5, "train_data": "mix"}
    fourth = third.head(1).assign(**mix)
    assert tuple(published_scores(fourth).iloc[0][list(CELL)][2:]) == ("mix", 0.33, 0.165, 0, 0.165)
    fifth = pd.DataFrame(
        {
            "dataset": "mnist",
            "random_percent": [1, 100],
            "student": "resnet",
            "score": [0.7807, 0.9874],
        }
    )
    cells = published_scores(fifth)
    assert list(zip(cells["rule"], cells["fraction"], strict=True)) == [
        ("random", 0.01),
        ("all", 1),
    ]
    assert list(cells["digits"]) == [4, 4]
    assert published_scores(pd.DataFrame()).empty


def test_published_refuses_what_it_cannot_read() -> None:
    """Another table, or another wording."""
    frame = pd.DataFrame({"dataset": ["x"], "student": ["y"], "score": [0.1]})
    with pytest.raises(ValueError, match="`published` must have the column train_data"):
        published_scores(frame)
    with pytest.raises(ValueError, match="`train_data` must read '33% random'"):
        published_scores(frame.assign(train_data="a third"))


@pytest.mark.parametrize(
    ("paper", "word"),
    [(0.4495, "agrees"), (0.4494, "differs"), (0.4705, "agrees"), (0.4706, "differs")],
)
def test_mark_widens_the_interval_by_half_a_printed_unit(paper: float, word: str) -> None:
    """[0.450, 0.470] with three decimals reaches from 0.4495 to 0.4705, both included."""
    assert mark(n=3, low=0.45, high=0.47, paper=paper, digits=3, is_same_start=True) == word


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"n": 0}, "not run"),
        ({"paper": float("nan")}, "not in the paper"),
        ({"is_same_start": False}, "other start"),
        ({"n": 1, "low": float("nan"), "high": float("nan")}, "one seed"),
    ],
)
def test_mark_says_why_there_is_no_verdict(changed: dict[str, Any], word: str) -> None:
    """Each reason has its word."""
    same = {"n": 3, "low": 0.4, "high": 0.5, "paper": 0.45, "digits": 3, "is_same_start": True}
    assert mark(**(same | changed)) == word
    assert word in MARKS


def test_only_efficientnet_started_from_imagenet_in_the_paper() -> None:
    """Scratch is another start for it alone."""
    assert has_papers_start("scratch", "mobilenet") and has_papers_start("paper", "efficientnet")
    assert not has_papers_start("scratch", "efficientnet_b0")
    assert not has_papers_start("file:ab12", "resnet")


def test_require_columns_names_what_is_missing() -> None:
    """And what is there."""
    with pytest.raises(ValueError, match="`rows` must have the column b, got a; pass the frame"):
        require_columns(pd.DataFrame({"a": [1]}), ("a", "b"), "rows")
