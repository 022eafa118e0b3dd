"""Paired tests, Holm's correction, shares and ranks, against SciPy and plain loops."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from carto_helpers.paired import (
    holm,
    paired_comparison,
    rank_correlation,
    share_interval,
    subset_contrast,
)

SCORES = st.lists(st.integers(0, 1000).map(lambda i: i / 1000), min_size=2, max_size=8)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(SCORES, st.integers(0, 2**32 - 1))
def test_paired_t_equals_scipys(scores, seed) -> None:
    a = np.array(scores)
    b = a + np.random.default_rng(seed).normal(0, 0.1, len(a))
    expected = scipy.stats.ttest_rel(a, b)
    found = paired_comparison(a, b)
    bounds = expected.confidence_interval(0.95)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-6, abs=1e-6)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high), abs=1e-6)
    assert found.n == len(a)


def test_swapping_the_sides_turns_the_sign_and_keeps_p() -> None:
    a, b = [0.5, 0.6, 0.65], [0.4, 0.45, 0.6]
    there, back = paired_comparison(a, b), paired_comparison(b, a)
    assert there.difference == pytest.approx(-back.difference)
    assert there.p == pytest.approx(back.p)


def test_differences_without_spread_are_certain_or_none() -> None:
    assert paired_comparison([0.5, 0.6], [0.4, 0.5])[3:6] == (np.inf, 2, 0.0)
    assert paired_comparison([0.4, 0.5], [0.5, 0.6])[3:6] == (-np.inf, 2, 0.0)
    assert paired_comparison([0.5, 0.6], [0.5, 0.6])[3:6] == (0.0, 2, 1.0)


@pytest.mark.parametrize(("a", "b"), [([0.1], [0.2]), ([0.1, 0.2], [0.1, 0.2, 0.3])])
def test_pairs_must_match(a, b) -> None:
    with pytest.raises(ValueError, match="the same two or more seeds, got shapes"):
        paired_comparison(a, b)


def test_apart_subsets_have_welchs_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=400)
    is_in = np.arange(400) < 150
    found = subset_contrast(np.where(is_in, values, np.nan), np.where(is_in, np.nan, values))
    a, b = values[is_in], values[~is_in]
    error = np.sqrt(a.var() / len(a) + b.var() / len(b))
    assert found.statistic == pytest.approx((a.mean() - b.mean()) / error)
    assert found.p == pytest.approx(2 * scipy.stats.norm.sf(abs(found.statistic)))
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * error)
    assert found.n == 150


def test_shared_examples_agree_with_a_bootstrap() -> None:
    draw = np.random.default_rng(1)
    values = draw.exponential(size=300)
    first = np.where(draw.random(300) < 0.6, values, np.nan)
    second = np.where(draw.random(300) < 0.6, values, np.nan)
    again = draw.integers(0, 300, (4000, 300))
    spread = (np.nanmean(first[again], axis=1) - np.nanmean(second[again], axis=1)).std()
    found = subset_contrast(first, second)
    assert found.difference / found.statistic == pytest.approx(spread, rel=0.1)


def test_a_subset_does_not_differ_from_itself() -> None:
    values = np.array([1.0, 2.0, np.nan])
    assert subset_contrast(values, values) == (0.0, 0.0, 0.0, 0.0, 2, 1.0, "z")
    assert subset_contrast(values * 0 + 1, values * 0).p == 0.0


def test_subsets_are_of_one_split() -> None:
    with pytest.raises(ValueError, match=r"must hold two examples each, got \[3, 1\] of"):
        subset_contrast(np.ones(3), np.array([1.0, np.nan, np.nan]))


@given(P_VALUES, st.integers(0, 5))
def test_holm_equals_a_plain_loop(p_values, n_unrun) -> None:
    m, last, expected = len(p_values) + n_unrun, 0.0, {}
    for step, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        last = expected[i] = min(1.0, max(last, (m - step) * p_values[i]))
    assert holm(p_values, m) == pytest.approx([expected[i] for i in range(len(p_values))])


@given(P_VALUES)
def test_holm_lies_between_p_and_bonferroni(p_values) -> None:
    for p, corrected in zip(p_values, holm(p_values), strict=True):
        assert p <= corrected <= min(1.0, p * len(p_values)) + 1e-12


@pytest.mark.parametrize(("p_values", "m"), [([0.5, 1.5], None), ([0.5, 0.5], 1)])
def test_holm_refuses_what_are_no_p_values(p_values, m) -> None:
    with pytest.raises(ValueError, match=r"at most `n_comparisons` numbers in \[0, 1\]"):
        holm(p_values, m)


@given(st.integers(1, 500), st.data())
def test_shares_have_wilsons_interval(n, data) -> None:
    n_in = data.draw(st.integers(0, n))
    bounds = scipy.stats.binomtest(n_in, n).proportion_ci(method="wilson")
    found = share_interval(n_in, n)
    assert found[:3] == pytest.approx((n_in / n, bounds.low, bounds.high), abs=1e-9)


@pytest.mark.parametrize("counts", [(1, 0), (3, 2), (-1, 2)])
def test_a_share_is_of_something(counts) -> None:
    with pytest.raises(ValueError, match="a share must be of at least one, got"):
        share_interval(*counts)


@pytest.mark.parametrize("second", ["1234", "2143", "4321", "1324"])
def test_rank_correlation_counts_the_orders_that_fit_as_well(second) -> None:
    second = [float(digit) for digit in second]

    def tau(order):
        pairs = itertools.combinations(range(4), 2)
        return sum(np.sign(order[j] - order[i]) for i, j in pairs) / 6

    orders = list(itertools.permutations(second))
    expected = sum(tau(order) >= tau(second) - 1e-12 for order in orders) / len(orders)
    assert rank_correlation([1.0, 2.0, 3.0, 4.0], second) == pytest.approx((tau(second), expected))


def test_a_constant_side_has_no_order() -> None:
    assert rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) == (0.0, 1.0)


def test_two_things_have_no_rank_correlation() -> None:
    with pytest.raises(ValueError, match="the same three or more, got 2 and 2"):
        rank_correlation([1.0, 2.0], [1.0, 2.0])
