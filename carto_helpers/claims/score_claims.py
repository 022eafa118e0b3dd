"""The paper's claims about students' scores: a cell in, a finding out, paired over seeds."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from carto_helpers.claims.claim_cells import (
    CHOSEN,
    HIGH_CORRECTNESS,
    MIXES,
    RANDOM,
    WHOLE,
    Cell,
    Means,
)
from carto_helpers.claims.claim_readings import (
    random_ranks,
    read_above,
    read_closest,
    read_gains,
    read_rank,
    read_shares,
    short,
)
from carto_helpers.claims.verdicts import (
    CONTRADICTED,
    DOES_NOT,
    HOLDS,
    NOT_SHOWN,
    Finding,
    decide,
    decide_any,
)
from carto_helpers.metrics import Interval, confidence_interval
from carto_helpers.paired import Paired, paired_comparison
from carto_helpers.printed_numbers import signed

COMPETITIVE = 0.95  # our reading of the word: this part of the score on all the data
TOO_FEW = "fewer than 3 seeds of a side"


def random_beats_rankings(found: Cell) -> Finding:
    """Test: random above each of the 11 subsets that training dynamics choose (table 3)."""
    return _beats_each(found, CHOSEN)


def random_beats_mixes(found: Cell) -> Finding:
    """Test: random above each of the 7 mixes (table 4)."""
    return _beats_each(found, MIXES)


def a_mix_beats_random(found: Cell) -> Finding:
    """Test: at least one of the 7 mixes above random (table 4's exceptions)."""
    compared = {}
    for mix in MIXES:
        if (table := found.by_seed((mix, RANDOM))) is not None:
            compared[short(mix)] = paired_comparison(*table.T)
    return _finding(found, decide_any, compared, len(MIXES), read_above(MIXES))


def high_correctness_comes_closest(found: Cell) -> Finding:
    """Test: high-correctness nearer to random's score than each of the 10 others (table 3).

    The difference is how much further from random's score the other subset's lies, seed by seed.
    """
    others = [name for name in CHOSEN if name != HIGH_CORRECTNESS]
    compared = {}
    for other in others:
        if (table := found.by_seed((RANDOM, HIGH_CORRECTNESS, other))) is not None:
            random, high, rest = table.T
            compared[short(other)] = paired_comparison(abs(rest - random), abs(high - random))
    return _finding(found, decide, compared, len(others), read_closest)


def random_is_median(found: Cell) -> Finding:
    """Test: random in the middle of the eight 33 % subsets of table 4.

    It holds if the mean scores put random fourth or fifth, and the 95 % interval of random minus
    the others' median, paired over seeds, holds 0.
    """
    table = found.by_seed((RANDOM, *MIXES))  # (n, 8)
    if table is None:
        return _finding(found, decide, {}, 1, read_rank)
    interval = confidence_interval(table[:, 0] - np.median(table[:, 1:], axis=1))
    first, last = random_ranks(found.means(), MIXES)
    is_median = first <= 5 and last >= 4 and interval.low <= 0 <= interval.high
    return Finding(
        dataset=found.dataset,
        subject=found.student,
        verdict=HOLDS if is_median else DOES_NOT,
        reason="" if is_median else _why_not_median(interval),
        reading=read_rank(found.means()),
        paper=read_rank(found.paper),
        statistic=f"random minus the median: {signed(interval.mean)}",
        n=interval.n,
        low=interval.low,
        high=interval.high,
    )


def returns_diminish(found: Cell) -> Finding:
    """Test: the step from 10 to 55 % of the data gains more than that from 55 to 100 % (table 5).

    Both steps are as wide; the difference of the two gains is taken seed by seed.
    """
    compared = {}
    if (table := found.by_seed(("10% random", "55% random", WHOLE))) is not None:
        small, half, whole = table.T
        compared["first gain minus second"] = paired_comparison(half - small, whole - half)
    return _finding(found, decide, compared, 1, read_gains)


def a_fraction_is_competitive(found: Cell) -> Finding:
    """Test: 55 % of the data, at random, above `COMPETITIVE` of the score on all (table 5)."""
    compared = {}
    if (table := found.by_seed(("55% random", WHOLE))) is not None:
        half, whole = table.T
        name = f"55 % of the data minus {COMPETITIVE} × all"
        compared[name] = paired_comparison(half, COMPETITIVE * whole)
    return _finding(found, decide, compared, 1, read_shares)


def _why_not_median(interval: Interval) -> str:
    return NOT_SHOWN if interval.low <= 0 <= interval.high else CONTRADICTED


def _beats_each(found: Cell, others: Sequence[str]) -> Finding:
    compared = {}
    for other in others:
        if (table := found.by_seed((RANDOM, other))) is not None:
            compared[short(other)] = paired_comparison(*table.T)
    return _finding(found, decide, compared, len(others), read_above(others))


def _finding(
    found: Cell,
    rule: Callable[..., Finding],
    compared: dict[str, Paired],
    n_planned: int,
    read: Callable[[Means], str],
) -> Finding:
    reading = read(found.means()) if compared else TOO_FEW
    place = {"dataset": found.dataset, "subject": found.student, "reading": reading}
    return replace(rule(compared, n_planned=n_planned, **place), paper=read(found.paper))
