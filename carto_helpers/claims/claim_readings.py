"""What mean scores by subset say of a claim, in words: of our rows and of the paper's tables alike.

Each function takes means by subset ("33% random") and returns a phrase, "" where they do not hold
what it needs.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from carto_helpers.claims.claim_cells import (
    CHOSEN,
    HIGH_CORRECTNESS,
    MIXES,
    RANDOM,
    SIZES,
    WHOLE,
    Means,
)
from carto_helpers.printed_numbers import number, signed


def read_above(others: Sequence[str]) -> Callable[[Means], str]:
    """Return the reading of how many of `others` random lies above.

    Examples
    --------
    >>> read_above(["33% a", "33% b"])({"33% random": 0.5, "33% a": 0.6, "33% b": 0.4})
    "random's mean is above 1 of 2 others; the best of the others, a, is 0.100 above it"
    """

    def read(means: Means) -> str:
        known = [name for name in others if name in means]
        if RANDOM not in means or not known:
            return ""
        n_below = sum(means[name] < means[RANDOM] for name in known)
        best = max(known, key=lambda name: means[name])
        gap = means[best] - means[RANDOM]
        side = "above" if gap > 0 else "below"
        if len(known) == 1:
            return f"{short(best)}, the only other that is known, is {abs(gap):.3f} {side} random"
        n_above = "all" if n_below == len(known) else f"{n_below} of"
        return (
            f"random's mean is above {n_above} {len(known)} others; the best of the others, "
            f"{short(best)}, is {abs(gap):.3f} {side} it"
        )

    return read


def read_closest(means: Means) -> str:
    """Return which place high-correctness has by its distance from random's score."""
    if RANDOM not in means or HIGH_CORRECTNESS not in means:
        return ""
    distance = {name: abs(means[name] - means[RANDOM]) for name in CHOSEN if name in means}
    order = sorted(distance, key=lambda name: distance[name])
    place = 1 + order.index(HIGH_CORRECTNESS)
    return (
        f"high-correctness: {place} of {len(order)} by distance from random "
        f"({number(distance[HIGH_CORRECTNESS], 3)}); nearest: {short(order[0])}"
    )


def read_rank(means: Means) -> str:
    """Return which place random has among the mixes, best first."""
    if RANDOM not in means or not any(name in means for name in MIXES):
        return ""
    first, last = random_ranks(means, MIXES)
    n = 1 + sum(name in means for name in MIXES)
    return f"random: {first}{f' to {last} (tied)' if last > first else ''} of {n}, best first"


def random_ranks(means: Means, others: Sequence[str]) -> tuple[int, int]:
    """Return the first and the last place that random may have among others; apart by ties only.

    Examples
    --------
    >>> random_ranks({"33% random": 0.5, "a": 0.6, "b": 0.5}, ["a", "b"])
    (2, 3)
    """
    n_above = sum(means[name] > means[RANDOM] for name in others if name in means)
    n_equal = sum(means[name] == means[RANDOM] for name in others if name in means)
    return n_above + 1, n_above + n_equal + 1


def read_gains(means: Means) -> str:
    """Return what the steps from 10 to 55 % and from 55 to 100 % of the data gain."""
    steps = pairwise(("10% random", "55% random", WHOLE))
    return "; ".join(
        f"{first.partition('%')[0]} → {second.partition('%')[0]} %: "
        f"{signed(means[second] - means[first])}"
        for first, second in steps
        if first in means and second in means
    )


def read_shares(means: Means) -> str:
    """Return the part of the score on all the data that each random size reaches."""
    if WHOLE not in means or not any(name in means for name in SIZES):
        return ""
    shares = {name: means[name] / means[WHOLE] for name in SIZES if name in means}
    listed = [f"{name.partition('%')[0]} %: {share:.0%}" for name, share in shares.items()]
    return f"of the score on all data: {', '.join(listed)}"


def short(name: str) -> str:
    """Return a subset's name without the size that all of them have."""
    return name.removeprefix("33% ")
