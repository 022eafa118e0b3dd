"""Scores: scikit-learn and SciPy as oracles, laws of macro F1, intervals over seeds."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score

from carto_helpers import metrics
from carto_helpers.metrics import accuracy, confidence_interval, macro_f1

CLASSES = st.integers(0, 4)
PAIRS = st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=40).map(np.array)


@settings(deadline=None)
@given(PAIRS, st.integers(5, 8))
def test_macro_f1_agrees_with_scikit_learn(pairs, n_classes) -> None:
    predictions, labels = pairs.T
    expected = f1_score(
        labels, predictions, labels=range(n_classes), average="macro", zero_division=0
    )
    assert macro_f1(predictions, labels, n_classes) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(PAIRS)
def test_accuracy_agrees_with_scikit_learn(pairs) -> None:
    predictions, labels = pairs.T
    assert accuracy(predictions, labels) == pytest.approx(accuracy_score(labels, predictions))


@settings(deadline=None)
@given(PAIRS, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_neither_the_examples_order_nor_the_classes_names_count(pairs, names, random) -> None:
    order = random.sample(range(len(pairs)), len(pairs))
    renamed = np.array(names)[pairs[order]].T
    for score in (accuracy, lambda p, y: macro_f1(p, y, 5)):
        assert score(*renamed) == pytest.approx(score(*pairs.T), abs=1e-12)


@settings(deadline=None)
@given(PAIRS)
def test_macro_f1_does_not_tell_predictions_from_labels(pairs) -> None:
    predictions, labels = pairs.T
    assert macro_f1(predictions, labels, 5) == macro_f1(labels, predictions, 5)


def test_perfect_predictions_score_1_and_wrong_ones_0() -> None:
    labels = np.arange(10) % 3
    assert accuracy(labels, labels) == macro_f1(labels, labels, 3) == 1
    assert accuracy((labels + 1) % 3, labels) == macro_f1((labels + 1) % 3, labels, 3) == 0


def test_a_class_that_nothing_has_counts_as_0() -> None:
    labels = np.array([0, 1])
    assert macro_f1(labels, labels, 4) == 0.5


def test_macro_f1_of_one_answer_for_all_is_what_chance_gives() -> None:
    """Balanced classes, always the same answer: F1 of 2/(C + 1) for one class in C."""
    labels = np.arange(100) % 10
    assert macro_f1(np.zeros(100, dtype=int), labels, 10) == pytest.approx(2 / 11 / 10)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8])
def test_every_kind_of_integer_is_counted(dtype) -> None:
    labels = (np.arange(300) % 100).astype(dtype)
    assert macro_f1(labels, labels, 100) == 1


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_the_interval_agrees_with_scipys_student_t(values, level) -> None:
    found = confidence_interval(values, level)
    scale = np.std(values, ddof=1) / math.sqrt(len(values))
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * scale
    assert found.mean == pytest.approx(np.mean(values))
    assert found.high - found.mean == pytest.approx(half, rel=1e-6, abs=1e-12)
    assert found.mean - found.low == pytest.approx(half, rel=1e-6, abs=1e-12)
    assert found.n == len(values)


def test_three_seeds_have_the_textbooks_quantile() -> None:
    low, high = confidence_interval([1.0, 2.0, 3.0])[1:3]
    assert (high - low) / 2 * math.sqrt(3) == pytest.approx(4.302653, abs=1e-6)


def test_the_interval_covers_the_mean_as_often_as_its_level_says() -> None:
    draw = np.random.default_rng(0)
    found = [confidence_interval(draw.normal(size=3)) for _ in range(2_000)]
    coverage = np.mean([interval.low <= 0 <= interval.high for interval in found])
    assert coverage == pytest.approx(0.95, abs=0.015)


def test_a_higher_level_gives_a_wider_interval() -> None:
    values = np.array([0.61, 0.63, 0.66])
    narrow, wide = (confidence_interval(values, level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_one_run_has_a_mean_and_no_interval() -> None:
    found = confidence_interval([0.5])
    assert found.mean == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.n == 1


def test_equal_runs_have_an_interval_of_no_width() -> None:
    assert confidence_interval([0.5, 0.5, 0.5])[:3] == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("classes", [np.array([0, 3]), np.array([-1, 0])])
def test_classes_outside_those_there_are_are_refused(classes) -> None:
    labels = np.array([0, 1])
    with pytest.raises(ValueError, match="`predictions` must lie in 0 … 2, got"):
        macro_f1(classes, labels, 3)
    with pytest.raises(ValueError, match="`labels` must lie in 0 … 2, got"):
        macro_f1(labels, classes, 3)


@pytest.mark.parametrize("score", [accuracy, lambda p, y: macro_f1(p, y, 3)])
def test_no_examples_are_refused(score) -> None:
    nothing = np.zeros(0, dtype=int)
    with pytest.raises(ValueError, match=r"not empty, got shapes \(0,\) and \(0,\)"):
        score(nothing, nothing)


def test_lengths_that_differ_are_refused() -> None:
    """Tests check shapes at every call, so what a user meets is called directly."""
    with pytest.raises(ValueError, match=r"as long as each other.*got shapes \(2,\) and \(3,\)"):
        metrics._check_lengths(np.zeros(2, dtype=int), np.zeros(3, dtype=int))
    with pytest.raises(ValueError, match=r"got shapes \(3,\) and \(2,\)"):
        metrics._check_lengths(np.zeros(3, dtype=int), np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match=r"got shapes \(2, 2\) and \(2, 2\)"):
        metrics._check_lengths(np.zeros((2, 2), dtype=int), np.zeros((2, 2), dtype=int))


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [0.5, math.inf]])
def test_an_interval_of_no_run_or_a_failed_one_is_refused(values) -> None:
    with pytest.raises(ValueError, match="`values` must be one finite score a run, got"):
        confidence_interval(np.array(values))


@pytest.mark.parametrize("scores", [np.zeros((2, 2)), np.array(0.5)])
def test_an_interval_is_of_one_row_of_scores(scores: np.ndarray) -> None:
    with pytest.raises(ValueError, match="`values` must be one finite score a run, got"):
        metrics._check_scores(scores, 0.95)


def test_a_class_far_outside_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`predictions` must lie in 0 … 2, got 0 to 4"):
        macro_f1(np.array([0, 4]), np.array([0, 1]), 3)


@pytest.mark.parametrize("level", [-0.5, 0.0, 1.0, 95.0, math.nan])
def test_a_level_outside_0_to_1_is_refused(level) -> None:
    with pytest.raises(ValueError, match=r"`level` must lie in \(0, 1\), got .*; pass 0.95"):
        confidence_interval([0.1, 0.2], level)


def test_scores_are_taken_without_torch() -> None:
    code = "import sys, carto_helpers.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
