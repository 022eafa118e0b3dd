"""Selection rules: the scores of every example become the sorted positions of a subset.

Positions count from 0 in the training split, which is a seeded shuffle. Every rule returns exactly
the asked number of unique positions, and ties go to the smaller position. With ten epochs
correctness takes eleven values, so ties decide most of its subsets; in the order of a folder
sorted by class they would go to the first classes, in the shuffle they go to none.

Sizes come from `config.subset_size`. The rules are linear in N: a sample tells between which two
scores the last one chosen lies, one pass on every core sifts the examples, and only those between
the two are ordered. Likewise a sample tells about how far the parts of a mix grow.
"""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy.typing import ArrayLike

from carto_helpers.blocks import blocks_of, in_stretches
from carto_helpers.config import SubsetSpec, subset_size

METRICS = ("confidence", "variability", "correctness", "forgetfulness")
RANKINGS = tuple(f"{end}-{metric}" for metric in METRICS for end in ("low", "high"))
ANCHORS = {
    "easy-to-learn": (0.0, 1.0),
    "ambiguous": (1.0, 0.5),
    "hard-to-learn": (0.0, 0.0),
}  # (variability, confidence), as in the authors' code; no variability exceeds 0.5
OWN = "own:"  # begins the rule of a subset of one's own; its digest follows
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

_MANY = 1 << 20  # examples from which on sifting is faster than ordering all, and worth a thread
_BLOCK = 1 << 16  # examples at a time: what is computed of them stays in a core's cache
_SAMPLE = 1 << 14  # scores, evenly spaced
_MIX_SAMPLE = 1 << 16  # of a mix, whose growth is ordered to within a few square roots of it
_Columns = Mapping[str, Float[np.ndarray, " N"]]
_Key = Callable[..., Float[np.ndarray, " _"]]  # takes some examples of each column


class Mix(NamedTuple):
    """A mix of regions, and the size of each part before their union is taken."""

    positions: Int64[np.ndarray, " n"]
    n_hard: int
    n_ambiguous: int
    n_easy: int
    n_filled: int


def scaled_mixes(fraction: float) -> list[SubsetSpec]:
    """Return the mixes of table 4 for subsets of any size; the shares keep their proportions.

    Examples
    --------
    >>> scaled_mixes(0.33)[3].label(), scaled_mixes(0.1)[0].label()
    ('mix 14/14/5', 'mix 5/5/0')
    """
    scale = Fraction(str(fraction)) / Fraction("0.33")
    shares = [
        tuple(math.floor(10**6 * Fraction(str(share)) * scale) / 10**6 for share in mix)
        for mix in PHASE2_MIXES
    ]  # rounded down: never more than the whole
    return [
        SubsetSpec(rule="mix", fraction=fraction, hard=hard, ambiguous=ambiguous, easy=easy)
        for hard, ambiguous, easy in shares
    ]


def select(
    spec: SubsetSpec, scores: Mapping[str, Float[np.ndarray, " N"]], *, seed: int
) -> Int64[np.ndarray, " n"]:
    """Return the subset that `spec` names.

    Parameters
    ----------
    spec
        Rule, fraction and shares.
    scores
        `METRICS` by name, each (N,); a table of pandas that has them as columns serves too.
    seed
        Of the rule "random"; no other rule draws.

    Returns
    -------
    ndarray
        Sorted unique positions, exactly `subset_size(spec.fraction, N)` of them.

    Raises
    ------
    ValueError
        If the rule is unknown (the valid ones are listed), a score that it needs is missing or
        holds NaN, scores have different lengths, the rule "all" is asked for less than
        everything, or the shares of a mix do not fit into it.

    Examples
    --------
    >>> scores = {"confidence": np.array([0.9, 0.1, 0.5]), "variability": np.zeros(3)}
    >>> select(SubsetSpec(rule="low-confidence", fraction=0.67), scores, seed=0)
    array([1, 2])
    """
    if spec.rule not in RULES:
        raise ValueError(f"unknown rule {spec.rule!r}; valid rules: {', '.join(RULES)}")
    n_total = _n_examples(scores)
    n = subset_size(spec.fraction, n_total)
    if spec.rule == "all":
        if spec.fraction != 1:
            raise ValueError(f"rule 'all' takes fraction 1, got {spec.fraction}; pass 1.0")
        return np.arange(n_total)
    if spec.rule == "random":
        return random_subset(n_total, n, seed)
    if spec.rule == "mix":
        return mix(scores, spec).positions
    if spec.rule in ANCHORS:
        return region(scores, spec.rule, n)
    end, _, metric = spec.rule.partition("-")
    score = {metric: _score(scores, metric)}
    return _lowest(score, np.positive if end == "low" else np.negative, n)


def lowest(score: Float[np.ndarray, " N"], n: int) -> Int64[np.ndarray, " n"]:
    """Return the positions of the `n` smallest scores, sorted; ties go to the smaller position.

    Parameters
    ----------
    score
        One number an example, (N,), without NaN.
    n
        In 1 … N.

    Returns
    -------
    ndarray
        (n,), sorted unique positions in 0 … N − 1.

    Raises
    ------
    ValueError
        If `n` lies outside 1 … N, or `score` holds NaN.

    Examples
    --------
    >>> lowest(np.array([0.5, 0.1, 0.5, 0.5]), 2)
    array([0, 1])
    """
    return _lowest({"score": _floats(score)}, np.positive, n)


def highest(score: Float[np.ndarray, " N"], n: int) -> Int64[np.ndarray, " n"]:
    """Return the positions of the `n` largest scores, sorted; ties go to the smaller position.

    Not the reverse of `lowest`, which would give ties to the larger position.

    Parameters
    ----------
    score
        One number an example, (N,), without NaN.
    n
        In 1 … N.

    Returns
    -------
    ndarray
        (n,), sorted unique positions in 0 … N − 1.

    Raises
    ------
    ValueError
        If `n` lies outside 1 … N, or `score` holds NaN.

    Examples
    --------
    >>> highest(np.array([0.5, 0.1, 0.5, 0.5]), 2)
    array([0, 2])
    """
    return _lowest({"score": _floats(score)}, np.negative, n)


def random_subset(n_total: int, n: int, seed: int) -> Int64[np.ndarray, " n"]:
    """Return `n` of `n_total` positions at random, sorted; one seed gives one subset.

    Parameters
    ----------
    n_total
        N.
    n
        In 1 … N.
    seed
        Of NumPy's PCG64 generator, at least 0.

    Returns
    -------
    ndarray
        (n,), sorted unique positions in 0 … N − 1; every subset of that size is equally likely.

    Raises
    ------
    ValueError
        If `n` lies outside 1 … N, or `seed` is negative.

    Examples
    --------
    >>> random_subset(1_000, 3, seed=0).shape
    (3,)
    """
    _check_count(n, n_total)
    if seed < 0:
        raise ValueError(f"`seed` must not be negative, got {seed}; pass 0")
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
        In 1 … N.

    Returns
    -------
    ndarray
        (n,), sorted unique positions. Regions may overlap.

    Raises
    ------
    ValueError
        If the region is unknown, a score is missing or holds NaN, or `n` lies outside 1 … N.

    Notes
    -----
    Section 2.3.1. The paper draws regions by eye; the anchors and the Euclidean distance are the
    authors' code's. A variability of 1 cannot be reached, since a standard deviation of
    probabilities is at most 0.5: the point only lies beyond the map's most ambiguous corner.

    Examples
    --------
    >>> scores = {"confidence": np.array([0.9, 0.1, 0.5]), "variability": np.array([0, 0, 0.4])}
    >>> [region(scores, name, 1).tolist() for name in ANCHORS]
    [[0], [2], [1]]
    """
    if name not in ANCHORS:
        raise ValueError(f"unknown region {name!r}; valid regions: {', '.join(ANCHORS)}")
    return _lowest(_place(scores), _squared_distance(name), n)


def nearest_anchor(scores: Mapping[str, Float[np.ndarray, " N"]]) -> Int64[np.ndarray, " N"]:
    """Return which of `ANCHORS` each example lies nearest to, as its place in them.

    So each example counts to one region, whose size the map decides; `region` takes as many as are
    asked for, however far they lie.

    Parameters
    ----------
    scores
        Confidence and variability, each (N,).

    Returns
    -------
    ndarray
        (N,), 0 (easy-to-learn), 1 (ambiguous) or 2 (hard-to-learn); ties go to the first.

    Raises
    ------
    ValueError
        If a score is missing or holds NaN, or the two have different lengths.

    Examples
    --------
    >>> scores = {"confidence": np.array([0.9, 0.1, 0.5]), "variability": np.array([0, 0, 0.4])}
    >>> nearest_anchor(scores)
    array([0, 2, 1])
    """
    place = _place(scores)
    for name, column in place.items():
        _check_numbers(column, name)
    distances = [_squared_distance(name)(*place.values()) for name in ANCHORS]
    nearest: np.ndarray = np.argmin(distances, axis=0)
    return nearest


def mix(scores: Mapping[str, Float[np.ndarray, " N"]], spec: SubsetSpec) -> Mix:
    """Return a mix of the three regions.

    The parts are `spec.hard`, `spec.ambiguous` and `spec.easy` of the split, and the subset is
    their union. Where they overlap it is too small; then the hard and the ambiguous part, where
    they have a share, grow by one common count, the largest whose union does not exceed the asked
    size, as the authors did by hand. What is still missing is filled with the next hard example,
    else the next ambiguous, else easy ones. The easy part is taken as asked.

    Parameters
    ----------
    scores
        Confidence and variability, each (N,).
    spec
        Fraction and shares.

    Returns
    -------
    Mix
        The subset, exactly `subset_size(spec.fraction, N)` sorted unique positions, and the sizes
        of its grown parts.

    Raises
    ------
    ValueError
        If no share is positive, the shares exceed the subset, a score is missing or holds NaN, or
        a share is too small for one example.

    Notes
    -----
    Section 3.3.2, phase 2. The union's size grows with the common count, so the largest count that
    fits is an order statistic: each example needs a least growth to be in the union, and the
    (n + 1)th smallest of these is the first that is too much.

    Examples
    --------
    >>> scores = {"confidence": np.linspace(0, 1, 10), "variability": np.zeros(10)}
    >>> mix(scores, SubsetSpec(rule="mix", fraction=0.4, hard=0.2, easy=0.2)).positions
    array([0, 1, 8, 9])
    """
    place = _place(scores)
    n_total = _n_examples(place)
    n = subset_size(spec.fraction, n_total)
    counts = _part_sizes(spec, n_total)
    growth, is_in, n_filled = _union(place, counts, n)
    grown = {r: min(c + growth, n) for r, c in counts.items() if r != "easy-to-learn"}
    return Mix(
        positions=np.flatnonzero(is_in),
        n_hard=grown.get("hard-to-learn", 0),
        n_ambiguous=grown.get("ambiguous", 0),
        n_easy=counts.get("easy-to-learn", 0),
        n_filled=n_filled,
    )


def check_sizes(spec: SubsetSpec, n_total: int) -> None:
    """Raise now for what `select` would refuse when the scores are there.

    Raises
    ------
    ValueError
        If the subset or a part of a mix would be empty, or the parts do not fit into the subset.
    """
    subset_size(spec.fraction, n_total)
    if spec.rule == "mix":
        _part_sizes(spec, n_total)


def _part_sizes(spec: SubsetSpec, n_total: int) -> dict[str, int]:
    """Return how many examples of each region a mix asks for, of those that have a share."""
    shares = {"hard-to-learn": spec.hard, "ambiguous": spec.ambiguous, "easy-to-learn": spec.easy}
    counts = {r: subset_size(s, n_total) for r, s in shares.items() if s > 0}
    if not 0 < sum(counts.values()) <= subset_size(spec.fraction, n_total):
        raise ValueError(
            f"the shares of a mix must add up to more than 0 and at most {spec.fraction}, "
            f"got {spec.hard}, {spec.ambiguous} and {spec.easy}; lower them"
        )
    return counts


class _Union(NamedTuple):
    """By how much the parts of a mix grow, which examples are in it, how many only fill it up."""

    growth: int
    is_in: Bool[np.ndarray, " N"]
    n_filled: int


def _union(place: _Columns, counts: Mapping[str, int], n: int) -> _Union:
    """Return the union of `n` examples, from orders about where a sample's growth ends, or whole.

    What is within the lesser growth is in, whatever its order; what is beyond the larger is not.
    """
    n_total = _n_examples(place)
    grows = any(name != "easy-to-learn" for name in counts)
    if n_total > _MANY and n < n_total and grows:
        low, high = _likely_growth(place, counts, n)
        found = _union_within(place, counts, n, low, high)
        if found is not None:
            return found
    found = _union_within(place, counts, n, 0, n)
    if found is None:
        raise AssertionError("expected the parts of a mix to fit into it")
    return found


def _likely_growth(place: _Columns, counts: Mapping[str, int], n: int) -> tuple[int, int]:
    """Return two counts between which the growth most probably lies, from a sample's."""
    n_total = _n_examples(place)
    sample = {name: column[:: max(n_total // _MIX_SAMPLE, 1)] for name, column in place.items()}
    n_sample = _n_examples(sample)
    scale = n_total / n_sample
    parts = {name: max(int(count / scale), 1) for name, count in counts.items()}
    size = max(int(n / scale), sum(parts.values()))
    has_numbers = not any(np.isnan(column).any() for column in sample.values())
    is_part = size < n_sample and has_numbers  # else the whole is looked through, and tells
    found = _union_within(sample, parts, size, 0, size) if is_part else None
    if found is None:
        return 0, n
    growth = min(found.growth, size)
    margin = 5 * math.sqrt(n_sample)  # ten standard deviations of a median's rank
    return max(int((growth - margin) * scale), 0), min(math.ceil((growth + margin) * scale), n)


def _union_within(
    place: _Columns, counts: Mapping[str, int], n: int, low: int, high: int
) -> _Union | None:
    """Return the union if its parts grow by `low` … `high` - 1, or as far as they can; else None.

    With 0 and `n` it is always found.
    """
    n_total = _n_examples(place)
    order = _orders(place, counts, n, low, high)
    needed = _needed_growth(order, low, n_total)
    growth = n if n == n_total else int(np.partition(needed, n)[n]) - 1
    is_beyond = high < n and growth >= high
    if growth < low or is_beyond:
        return None
    is_in = needed <= min(growth, n)
    n_filled = n - int(np.count_nonzero(is_in))
    _, following = next(iter(order.values()))
    filling = following[~is_in[following]][:n_filled]
    if len(filling) < n_filled:
        return None
    is_in[filling] = True
    return _Union(growth, is_in, n_filled)


_Order = tuple[Int64[np.ndarray, " _"], Int64[np.ndarray, " _"]]  # within `low`, then the next


def _orders(
    place: _Columns, counts: Mapping[str, int], n: int, low: int, high: int
) -> dict[str, _Order]:
    """Return each region's part grown by `low`, in no order, and what it takes next up to `high`.

    No part exceeds `n`. An easy part beside another one neither grows nor fills up.
    """

    def nearest(name: str) -> _Order:
        distance, size = _squared_distance(name), counts[name]
        if name == "easy-to-learn" and len(counts) > 1:
            return _lowest(place, distance, size), np.empty(0, dtype=np.int64)
        positions = _lowest(place, distance, min(size + high, n))
        distances = distance(*(column[positions] for column in place.values()))
        is_within = _first_lowest(distances, min(size + low, n))
        following = positions[~is_within]
        return positions[is_within], following[np.argsort(distances[~is_within], kind="stable")]

    with ThreadPoolExecutor(len(counts)) as pool:  # NumPy sorts on several cores so
        return dict(zip(counts, pool.map(nearest, counts), strict=True))


def _needed_growth(order: Mapping[str, _Order], low: int, n_total: int) -> Int64[np.ndarray, " N"]:
    """Return by how much hard and ambiguous must grow until each example is in the union.

    It is 0 for all that are in by a growth of `low`.
    """
    needed = np.full(n_total, 2 * n_total)  # more than there are: never in
    for name, (within, following) in order.items():
        if name != "easy-to-learn":
            growth = np.arange(low + 1, low + 1 + len(following))
            needed[following] = np.minimum(needed[following], growth)
        needed[within] = 0
    return needed


def _place(scores: _Columns) -> _Columns:
    """Return the two coordinates of each example on the data map, in the order of `ANCHORS`."""
    place = {name: _score(scores, name) for name in ("variability", "confidence")}
    _n_examples(place)  # of one length
    return place


def _squared_distance(region_name: str) -> _Key:
    """Return what computes squared distances from a region's anchor."""
    anchor = ANCHORS[region_name]

    def distance(
        variability: Float[np.ndarray, " _"], confidence: Float[np.ndarray, " _"]
    ) -> Float[np.ndarray, " _"]:
        across, along = variability - anchor[0], confidence - anchor[1]
        across *= across
        along *= along
        across += along
        return across

    return distance


def _lowest(columns: _Columns, key: _Key, n: int) -> Int64[np.ndarray, " n"]:
    """Return the positions of the `n` smallest keys, sorted; ties go to the smaller position."""
    n_total = len(next(iter(columns.values())))
    _check_count(n, n_total)
    is_in = _sifted(columns, key, n) if n_total > _MANY else None
    if is_in is None:  # few, or a sample unlike the whole, or not all numbers
        for name, column in columns.items():
            _check_numbers(column, name)
        is_in = _first_lowest(key(*columns.values()), n)
    return np.flatnonzero(is_in)


def _sifted(columns: _Columns, key: _Key, n: int) -> Bool[np.ndarray, " N"] | None:
    """Return which are the `n` smallest; None if one is NaN or the last not where expected."""

    def keys(rows: slice) -> Float[np.ndarray, " _"]:
        return key(*(column[rows] for column in columns.values()))

    n_total = len(next(iter(columns.values())))
    is_in = np.empty(n_total, dtype=bool)
    low, high = _bracket(keys(slice(None, None, max(n_total // _SAMPLE, 1))), n / n_total)

    def sift(stretch: slice) -> list[tuple[np.ndarray, np.ndarray]]:
        near = []
        for rows in blocks_of(stretch, _BLOCK):
            here = keys(rows)
            is_below = np.less(here, low, out=is_in[rows])
            between = np.flatnonzero((here > high) == is_below)  # neither: a NaN is neither too
            near.append((between + rows.start, here[between]))
        return near

    parts = chain.from_iterable(in_stretches(sift, n_total, _MANY))
    near, near_keys = (np.concatenate(part) for part in zip(*parts, strict=True))
    n_more = n - int(np.count_nonzero(is_in))
    if not 0 < n_more <= len(near) or np.isnan(near_keys.min()):
        return None
    is_in[near[_first_lowest(near_keys, n_more)]] = True
    return is_in


def _bracket(sample: Float[np.ndarray, " _"], share: float) -> tuple[float, float]:
    """Return two scores of the sample between which that of the last one chosen surely lies."""
    n = len(sample)
    margin = 5 * math.sqrt(n * share * (1 - share)) + 1  # five standard deviations of its rank
    first, last = int(share * n - margin), int(share * n + margin)
    ranked = np.partition(sample, (max(first, 0), min(last, n - 1)))
    return (
        float(ranked[first]) if first > 0 else -math.inf,
        float(ranked[last]) if last < n - 1 else math.inf,
    )


def _first_lowest(score: Float[np.ndarray, " M"], n: int) -> Bool[np.ndarray, " M"]:
    """Return which are the `n` smallest; of equal ones the first."""
    last = np.partition(score, n - 1)[n - 1]
    is_in: np.ndarray = score < last
    ties = np.flatnonzero(score == last)
    is_in[ties[: n - np.count_nonzero(is_in)]] = True
    return is_in


def _score(scores: Mapping[str, Float[np.ndarray, " N"]], name: str) -> Float[np.ndarray, " N"]:
    if name not in scores:
        raise ValueError(f"the rule needs the score {name!r}, got {', '.join(scores)}; compute it")
    return _floats(scores[name])


def _floats(score: ArrayLike) -> Float[np.ndarray, " N"]:
    """Return scores as an array of floats, itself if it is one.

    A negated unsigned number is none, and positions in a column of pandas are not its labels.
    """
    array = np.asarray(score)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(float)


def _n_examples(scores: Mapping[str, np.ndarray]) -> int:
    lengths = {len(score) for _, score in scores.items()}  # not values(), which tables hold
    if len(lengths) != 1:
        raise ValueError(
            f"`scores` must be arrays of one length, got lengths {sorted(lengths)}; "
            "take all of them from one teacher"
        )
    return lengths.pop()


def _check_numbers(score: Float[np.ndarray, " _"], name: str) -> None:
    if np.isnan(score.min()):
        raise ValueError(f"`{name}` must hold no NaN, got some; check the dynamics it comes from")


def _check_count(n: int, n_total: int) -> None:
    if not 1 <= n <= n_total:
        raise ValueError(f"a subset must hold 1 … {n_total} examples, got {n}; pass another count")
