"""Verdicts on made comparisons whose verdict is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carto_helpers.claims.verdicts import (
    DOES_NOT,
    HOLDS,
    UNKNOWN,
    Finding,
    decide,
    decide_any,
    overall,
)
from carto_helpers.paired import LEVEL, Paired


def made(difference: float, p: float) -> Paired:
    return Paired(difference, difference - 0.01, difference + 0.01, 100 * difference, 3, p)


def decided(n_planned: int, **compared: Paired) -> Finding:
    return decide(compared, n_planned=n_planned, dataset="d", subject="s", reading="r")


def test_every_difference_shown_to_be_positive_holds() -> None:
    found = decided(2, a=made(0.1, 0.001), b=made(0.2, 0.04))
    assert found.verdict == HOLDS
    assert found.statistic == "b: +0.200, t = 20.0"  # the weakest decides
    assert (found.n, found.p, found.low) == (3, 0.04, pytest.approx(0.19))


def test_one_shown_to_be_negative_does_not_hold_even_where_others_are_missing() -> None:
    found = decided(11, a=made(0.1, 0.001), b=made(-0.2, 0.002))
    assert found.verdict == DOES_NOT
    assert found.statistic.startswith("b: −0.200")


def test_one_that_is_not_shown_does_not_hold() -> None:
    assert decided(2, a=made(0.1, 0.001), b=made(0.2, 0.2)).verdict == DOES_NOT


def test_the_correction_counts_every_planned_comparison() -> None:
    assert decided(1, a=made(0.1, 0.03)).verdict == HOLDS
    assert decided(2, a=made(0.1, 0.03), b=made(0.1, 0.03)).verdict == DOES_NOT
    assert decided(2, a=made(-0.1, 0.03)).verdict == UNKNOWN  # 0.06: not shown either way


def test_it_is_told_where_the_correction_alone_denies() -> None:
    alone = decided(2, a=made(0.1, 0.03), b=made(0.1, 0.04)).reading
    assert alone == "r; uncorrected, each difference passes (the largest p 0.040)"
    assert decided(2, a=made(0.1, 0.03), b=made(0.1, 0.06)).reading == "r"
    assert decided(2, a=made(0.1, 0.03), b=made(-0.1, 0.04)).reading == "r"
    assert decided(2, a=made(0.1, 0.01), b=made(0.1, 0.02)).reading == "r"  # it holds


def test_missing_comparisons_leave_it_unknown() -> None:
    assert decided(2, a=made(0.1, 0.001)).verdict == UNKNOWN
    assert decided(2).verdict == UNKNOWN
    assert decided(2).n == 0


def test_it_is_told_how_many_comparisons_are_shown() -> None:
    found = decided(3, a=made(0.1, 0.001), b=made(0.2, 0.2), c=made(-0.1, 0.001))
    assert (found.n_shown, found.n_against, found.n_made, found.n_asked) == (1, 1, 3, 3)
    assert (decided(3, a=made(0.1, 0.001)).n_made, decided(3).n_made) == (1, 0)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_holds_only_where_all_are_positive_and_below_the_level(pairs) -> None:
    compared = {str(i): made(*pair) for i, pair in enumerate(pairs)}
    found = decided(len(pairs), **compared)
    assert found.verdict in (HOLDS, DOES_NOT)
    if found.verdict == HOLDS:
        assert all(difference >= 0 and p <= LEVEL for difference, p in pairs)


def test_one_shown_is_enough_where_the_claim_says_some() -> None:
    place = {"dataset": "d", "subject": "s", "reading": "r"}
    above, below, unsure = made(0.1, 0.001), made(-0.1, 0.001), made(0.1, 0.3)
    assert decide_any({"a": above, "b": below}, n_planned=2, **place).verdict == HOLDS
    assert decide_any({"a": above}, n_planned=7, **place).verdict == HOLDS
    assert decide_any({"a": unsure, "b": below}, n_planned=2, **place).verdict == DOES_NOT
    assert decide_any({"a": unsure, "b": below}, n_planned=3, **place).verdict == UNKNOWN
    assert decide_any({}, n_planned=3, **place).verdict == UNKNOWN


def test_a_claim_holds_where_it_is_known() -> None:
    assert overall([UNKNOWN, UNKNOWN]) == UNKNOWN
    assert overall([HOLDS, UNKNOWN]) == HOLDS
    assert overall([HOLDS, DOES_NOT, UNKNOWN]) == DOES_NOT
