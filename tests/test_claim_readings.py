"""Readings of claims: phrases made from means, empty where these do not suffice."""

import pytest

from carto_helpers.claims import claim_readings as readings
from carto_helpers.claims.claim_cells import CHOSEN, HIGH_CORRECTNESS, MIXES, RANDOM, WHOLE

EVERY = (
    readings.read_above(CHOSEN),
    readings.read_closest,
    readings.read_rank,
    readings.read_gains,
    readings.read_shares,
)


@pytest.mark.parametrize("read", EVERY)
@pytest.mark.parametrize("means", [{}, {RANDOM: 0.5}, {WHOLE: 0.5}, {HIGH_CORRECTNESS: 0.5}])
def test_too_few_means_read_as_nothing(read, means) -> None:
    assert read(means) in ("", "of the score on all data: 33 %: 100%")


def test_ties_widen_the_rank() -> None:
    means = {RANDOM: 0.984} | dict.fromkeys(MIXES, 0.99) | {MIXES[0]: 0.984}
    assert readings.read_rank(means) == "random: 7 to 8 (tied) of 8, best first"
    assert readings.read_rank({RANDOM: 0.5, MIXES[0]: 0.4}) == "random: 1 of 2, best first"


def test_the_nearest_may_lie_above_or_below() -> None:
    means = {RANDOM: 0.5, HIGH_CORRECTNESS: 0.53, CHOSEN[0]: 0.48}
    assert readings.read_closest(means) == (
        "high-correctness: 2 of 2 by distance from random (0.030); nearest: low-forgetfulness"
    )


def test_a_missing_size_leaves_its_step_out() -> None:
    assert readings.read_gains({"55% random": 0.1, WHOLE: 0.15}) == "55 → 100 %: +0.050"


def test_shares_are_of_the_whole() -> None:
    means = {"1% random": 0.1, "55% random": 0.4, WHOLE: 0.5}
    assert readings.read_shares(means) == "of the score on all data: 1 %: 20%, 55 %: 80%"
