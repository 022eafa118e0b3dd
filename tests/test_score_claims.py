"""Claims about scores, on made rows whose verdict is known."""

import numpy as np
import pytest
import scipy.stats
from made_cells import made_cell

from carto_helpers.claims import score_claims as claims
from carto_helpers.claims.claim_cells import CHOSEN, HIGH_CORRECTNESS, MIXES, RANDOM, WHOLE
from carto_helpers.claims.verdicts import DOES_NOT, HOLDS, UNKNOWN

LOW_MIXES = dict.fromkeys(MIXES, 0.4)
ABOVE = (
    "random's mean is above {} of {} others; the best of the others, high-correctness, "
    "is {} above it"
)
STEPS = np.linspace(-0.03, 0.04, 7)  # three below random, three above, one at 0.005


def test_random_above_every_ranking_holds() -> None:
    found = claims.random_beats_rankings(made_cell({RANDOM: 0.5} | dict.fromkeys(CHOSEN, 0.4)))
    assert found.verdict == HOLDS
    assert found.n == 5
    assert found.p < 0.05
    assert found.reading.startswith("random's mean is above all 11 others; the best of the others")


def test_one_ranking_above_random_does_not_hold() -> None:
    scores = {RANDOM: 0.5} | dict.fromkeys(CHOSEN, 0.4) | {HIGH_CORRECTNESS: 0.526}
    found = claims.random_beats_rankings(made_cell(scores))
    assert found.verdict == DOES_NOT
    assert found.statistic.startswith("high-correctness: −0.026, t = ")
    assert found.reading == ABOVE.format(10, 11, "0.026")


def test_where_one_other_is_known_it_is_told_alone() -> None:
    read = claims.read_above(CHOSEN)
    said = read({RANDOM: 0.5, HIGH_CORRECTNESS: 0.503, "25% random": 0.6})
    assert said == "high-correctness, the only other that is known, is 0.003 above random"


def test_the_p_value_is_scipys_times_the_number_of_comparisons() -> None:
    cell = made_cell({RANDOM: 0.41} | dict.fromkeys(CHOSEN, 0.4), spread=0.003)
    p = [
        float(scipy.stats.ttest_rel(cell.scores[RANDOM], cell.scores[name]).pvalue)
        for name in CHOSEN
    ]
    corrected = np.maximum.accumulate(np.sort(p) * np.arange(11, 0, -1)).max()
    assert claims.random_beats_rankings(cell).p == pytest.approx(min(1, corrected))


def test_a_spread_as_wide_as_the_gap_does_not_hold() -> None:
    cell = made_cell({RANDOM: 0.401} | dict.fromkeys(CHOSEN, 0.4), spread=0.05, n=3)
    assert claims.random_beats_rankings(cell).verdict == DOES_NOT


@pytest.mark.parametrize(
    "test",
    [
        claims.random_beats_rankings,
        claims.random_beats_mixes,
        claims.a_mix_beats_random,
        claims.high_correctness_comes_closest,
        claims.random_is_median,
        claims.returns_diminish,
        claims.a_fraction_is_competitive,
    ],
)
def test_two_seeds_say_nothing(test) -> None:
    names = (RANDOM, WHOLE, *CHOSEN, *MIXES, "10% random", "55% random")
    for cell in (made_cell(dict.fromkeys(names, 0.5), n=2), made_cell({})):
        found = test(cell)
        assert found.verdict == UNKNOWN
        assert found.reading == "fewer than 3 seeds of a side"


def test_a_missing_ranking_leaves_it_unknown_unless_another_is_above() -> None:
    some = {RANDOM: 0.5} | dict.fromkeys(CHOSEN[:5], 0.4)
    assert claims.random_beats_rankings(made_cell(some)).verdict == UNKNOWN
    assert claims.random_beats_rankings(made_cell(some | {CHOSEN[0]: 0.6})).verdict == DOES_NOT


def test_mixes_below_random_hold_and_are_no_exception() -> None:
    cell = made_cell({RANDOM: 0.5} | LOW_MIXES)
    assert claims.random_beats_mixes(cell).verdict == HOLDS
    assert claims.a_mix_beats_random(cell).verdict == DOES_NOT


def test_one_mix_above_random_is_an_exception() -> None:
    cell = made_cell({RANDOM: 0.5} | LOW_MIXES | {MIXES[3]: 0.6})
    assert claims.random_beats_mixes(cell).verdict == DOES_NOT
    found = claims.a_mix_beats_random(cell)
    assert found.verdict == HOLDS
    assert found.statistic.startswith(f"{MIXES[3]}: +0.100")


def test_high_correctness_nearest_to_random_holds_from_either_side() -> None:
    for near in (0.49, 0.51):
        scores = {RANDOM: 0.5} | dict.fromkeys(CHOSEN, 0.4) | {HIGH_CORRECTNESS: near}
        assert claims.high_correctness_comes_closest(made_cell(scores)).verdict == HOLDS
    found = claims.high_correctness_comes_closest(made_cell(scores | {CHOSEN[0]: 0.5}))
    assert found.verdict == DOES_NOT
    assert "high-correctness: 2 of 11 by distance from random (0.010)" in found.reading


def test_random_in_the_middle_is_the_median() -> None:
    means = {RANDOM: 0.981} | dict(zip(MIXES, 0.98 + STEPS / 10, strict=True))
    found = claims.random_is_median(made_cell(means, spread=0.002))
    assert found.verdict == HOLDS
    assert found.low < 0 < found.high
    assert np.isnan(found.p)


@pytest.mark.parametrize("random", [0.9, 0.999])
def test_random_at_an_end_is_not_the_median(random) -> None:
    means = {RANDOM: random} | dict(zip(MIXES, 0.95 + STEPS, strict=True))
    found = claims.random_is_median(made_cell(means))
    assert found.verdict == DOES_NOT
    assert found.reading == f"random: {8 if random == 0.9 else 1} of 8, best first"


def test_a_smaller_second_step_is_a_diminishing_return() -> None:
    concave = {"10% random": 0.3, "55% random": 0.5, WHOLE: 0.55}
    found = claims.returns_diminish(made_cell(concave))
    assert found.verdict == HOLDS
    assert found.reading == "10 → 55 %: +0.200; 55 → 100 %: +0.050"
    straight = concave | {WHOLE: 0.7}
    assert claims.returns_diminish(made_cell(straight)).verdict == DOES_NOT


@pytest.mark.parametrize(("half", "verdict"), [(0.97, HOLDS), (0.93, DOES_NOT)])
def test_competitive_is_95_percent_of_the_whole(half, verdict) -> None:
    cell = made_cell({"55% random": half * 0.8, WHOLE: 0.8})
    found = claims.a_fraction_is_competitive(cell)
    assert found.verdict == verdict
    assert f"55 %: {half:.0%}" in found.reading


def test_the_papers_own_numbers_are_read_alike() -> None:
    paper = {RANDOM: 0.469, HIGH_CORRECTNESS: 0.4955, CHOSEN[0]: 0.4363}
    found = claims.random_beats_rankings(made_cell({}, paper=paper))
    assert found.paper == ABOVE.format(1, 2, "0.027")
