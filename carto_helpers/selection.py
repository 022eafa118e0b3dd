"""Selection rules: the scores of every example become the sorted positions of a subset.

Positions count from 0 in the training split, which is a seeded shuffle. Every rule returns exactly
the asked number of unique positions, and ties go to the smaller position. With ten epochs
correctness takes eleven values, so ties decide most of its subsets; in the order of a folder
sorted by class they would go to the first classes, in the shuffle they go to none.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64

from carto_helpers.config import SubsetSpec, subset_size

METRICS = ("confidence", "variability", "correctness", "forgetfulness")
RANKINGS = tuple(f"{end}-{metric}" for metric in METRICS for end in ("low", "high"))
ANCHORS = {
    "easy-to-learn": (0.0, 1.0),
    "ambiguous": (1.0, 0.5),
    "hard-to-learn": (0.0, 0.0),
}  # (variability, confidence), as in the authors' code; no variability exceeds 0.5
RULES = ("all", "random", *RANKINGS, *ANCHORS, "mix")

PHASE1_RULES = (
    "random", "low-forgetfulness", "high-forgetfulness", "low-correctness", "high-correctness",
    "low-variability", "high-variability", "low-confidence", "high-confidence", "ambiguous",
    "easy-to-learn", "hard-to-learn",
)  # in the order of table 3  # fmt: skip
PHASE2_MIXES = (
    (0.165, 0.165, 0.0),
    (0.165, 0.0, 0.165),
    (0.0, 0.165, 0.165),
    (0.14, 0.14, 0.05),
    (0.14, 0.05, 0.14),
    (0.05, 0.14, 0.14),
    (0.11, 0.11, 0.11),
)  # shares of hard, ambiguous and easy examples, in the order of table 4


class Mix(NamedTuple):
    """A mix of regions, and the size of each part before their union is taken."""

    positions: Int64[np.ndarray, " n"]
    n_hard: int
    n_ambiguous: int
    n_easy: int
    n_filled: int


def select(
    spec: SubsetSpec, scores: Mapping[str, Float[np.ndarray, " N"]], *, seed: int
) -> Int64[np.ndarray, " n"]:
    """Return the subset that `spec` names.

    Parameters
    ----------
    spec
        Rule, fraction and shares.
    scores
        `METRICS` by name, each (N,).
    seed
        Of the rule "random"; no other rule draws.

    Returns
    -------
    ndarray
        Sorted unique positions, exactly `subset_size(spec.fraction, N)` of them.

    Raises
    ------
    ValueError
        If the rule is unknown (the valid ones are listed), a score is missing or NaN, or the
        rule "all" is asked for less than everything.

    Examples
    --------
    >>> scores = {"confidence": np.array([0.9, 0.1, 0.5]), "variability": np.zeros(3)}
    >>> select(SubsetSpec(rule="low-confidence", fraction=0.67), scores, seed=0)
    array([1, 2])
    """
    if spec.rule not in RULES:
        raise ValueError(f"unknown rule {spec.rule!r}; valid rules: {', '.join(RULES)}")
    n_total = len(next(iter(scores.values())))
    n = subset_size(spec.fraction, n_total)
    if spec.rule == "all":
        if n != n_total:
            raise ValueError(f"rule 'all' takes fraction 1, got {spec.fraction}; pass 1.0")
        return np.arange(n_total)
    if spec.rule == "random":
        return random_subset(n_total, n, seed)
    if spec.rule == "mix":
        return mix(scores, spec).positions
    if spec.rule in ANCHORS:
        return region(scores, spec.rule, n)
    end, _, metric = spec.rule.partition("-")
    return lowest(_score(scores, metric), n) if end == "low" else highest(_score(scores, metric), n)


def lowest(score: Float[np.ndarray, " N"], n: int) -> Int64[np.ndarray, " n"]:
    """Return the positions of the `n` smallest scores, sorted; ties go to the smaller position.

    Examples
    --------
    >>> lowest(np.array([0.5, 0.1, 0.5, 0.5]), 2)
    array([0, 1])
    """
    _check_count(n, len(score))
    last = np.partition(score, n - 1)[n - 1]
    is_in = score < last
    ties = np.flatnonzero(score == last)
    is_in[ties[: n - np.count_nonzero(is_in)]] = True
    return np.flatnonzero(is_in)


def highest(score: Float[np.ndarray, " N"], n: int) -> Int64[np.ndarray, " n"]:
    """Return the positions of the `n` largest scores, sorted; ties go to the smaller position.

    Examples
    --------
    >>> highest(np.array([0.5, 0.1, 0.5, 0.5]), 2)
    array([0, 2])
    """
    return lowest(-score, n)


def random_subset(n_total: int, n: int, seed: int) -> Int64[np.ndarray, " n"]:
    """Return `n` of `n_total` positions at random, sorted; one seed gives one subset."""
    _check_count(n, n_total)
    draw = np.random.Generator(np.random.PCG64(seed))
    return np.sort(draw.choice(n_total, size=n, replace=False))


def region(
    scores: Mapping[str, Float[np.ndarray, " N"]], name: str, n: int
) -> Int64[np.ndarray, " n"]:
    """Return the `n` examples nearest to a region's anchor on the data map.

    Parameters
    ----------
    scores
        Confidence and variability, each (N,).
    name
        "easy-to-learn", anchored at (variability, confidence) = (0, 1), "ambiguous" at (1, 0.5) or
        "hard-to-learn" at (0, 0).
    n
        In 1 … N. Regions may overlap.
    """
    return lowest(_squared_distance(scores, name), n)


def mix(scores: Mapping[str, Float[np.ndarray, " N"]], spec: SubsetSpec) -> Mix:
    """Return a mix of the three regions.

    The parts are `spec.hard`, `spec.ambiguous` and `spec.easy` of the split, and the subset is
    their union. Where they overlap it is too small; then the hard and the ambiguous part, where
    they have a share, grow by one common count, the largest whose union does not exceed the asked
    size, as the authors did by hand. What is still missing is filled with the next hard example,
    else the next ambiguous, else easy ones. The easy part is taken as asked.

    Raises
    ------
    ValueError
        If no share is positive, or the shares exceed the subset.
    """
    n_total = len(scores["confidence"])
    n = subset_size(spec.fraction, n_total)
    shares = {"hard-to-learn": spec.hard, "ambiguous": spec.ambiguous, "easy-to-learn": spec.easy}
    counts = {r: subset_size(s, n_total) for r, s in shares.items() if s > 0}
    if not 0 < sum(counts.values()) <= n:
        raise ValueError(
            f"the shares of a mix must add up to more than 0 and at most {spec.fraction}, "
            f"got {spec.hard}, {spec.ambiguous} and {spec.easy}; lower them"
        )
    order = {r: _nearest_first(_squared_distance(scores, r), n) for r in counts}
    needed = _needed_growth(order, counts, n_total)
    growth = n if n == n_total else int(np.partition(needed, n)[n]) - 1
    is_in = needed <= min(growth, n)
    n_missing = n - int(np.count_nonzero(is_in))
    candidates = next(iter(order.values()))
    is_in[candidates[~is_in[candidates]][:n_missing]] = True
    grown = {r: min(c + growth, n) for r, c in counts.items() if r != "easy-to-learn"}
    return Mix(
        positions=np.flatnonzero(is_in),
        n_hard=grown.get("hard-to-learn", 0),
        n_ambiguous=grown.get("ambiguous", 0),
        n_easy=counts.get("easy-to-learn", 0),
        n_filled=n_missing,
    )


def _needed_growth(
    order: Mapping[str, Int64[np.ndarray, " n"]], counts: Mapping[str, int], n_total: int
) -> Int64[np.ndarray, " N"]:
    """Return by how much hard and ambiguous must grow until each example is in the union."""
    needed = np.full(n_total, 2 * n_total)  # more than there are: never in
    for name, positions in order.items():
        if name == "easy-to-learn":
            needed[positions[: counts[name]]] = 0
        else:
            growth = np.maximum(np.arange(1, len(positions) + 1) - counts[name], 0)
            needed[positions] = np.minimum(needed[positions], growth)
    return needed


def _squared_distance(
    scores: Mapping[str, Float[np.ndarray, " N"]], name: str
) -> Float[np.ndarray, " N"]:
    variability, confidence = ANCHORS[name]
    return (_score(scores, "variability") - variability) ** 2 + (
        _score(scores, "confidence") - confidence
    ) ** 2


def _nearest_first(distance: Float[np.ndarray, " N"], n: int) -> Int64[np.ndarray, " n"]:
    """Return the `n` nearest, nearest first; ties go to the smaller position."""
    nearest = lowest(distance, n)
    return nearest[np.argsort(distance[nearest], kind="stable")]


def _score(scores: Mapping[str, Float[np.ndarray, " N"]], name: str) -> Float[np.ndarray, " N"]:
    if name not in scores:
        raise ValueError(f"the rule needs the score {name!r}, got {', '.join(scores)}; compute it")
    score = scores[name]
    if np.isnan(score.sum()):
        raise ValueError(f"`{name}` must hold no NaN, got some; check the dynamics it comes from")
    return score


def _check_count(n: int, n_total: int) -> None:
    if not 1 <= n <= n_total:
        raise ValueError(f"a subset must hold 1 … {n_total} examples, got {n}; pass another count")
