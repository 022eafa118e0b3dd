"""Tests of a claim: paired over seeds, corrected for their number; shares and ranks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carto_helpers.metrics import Interval, confidence_interval

LEVEL = 0.05  # a difference is shown where its corrected p value is at most this
LEAST_ROWS = 3  # of each side of a test; with fewer nothing is said


class Paired(NamedTuple):
    """A mean difference, the ends of its interval, its test statistic, n and p value.

    `letter` says which statistic it is: Student's t over pairs, or z over examples.
    """

    difference: float
    low: float
    high: float
    statistic: float
    n: int
    p: float
    letter: str = "t"


def paired_comparison(
    first: Sequence[float] | Float[np.ndarray, " n"],
    second: Sequence[float] | Float[np.ndarray, " n"],
    level: float = 0.95,
) -> Paired:
    r"""Return by how much `first` exceeds `second`, pair by pair, with the paired t test.

    Parameters
    ----------
    first, second
        One score a seed, (n,), n ≥ 2; the same seed at the same place.
    level
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Paired
        `difference`, `low`, `high` in the scores' unit, `statistic` (t), `n` and the two-sided
        `p`. Differences without spread have t ±inf and p 0, or 0 and 1 if all are 0.

    Raises
    ------
    ValueError
        If the lengths differ, there are fewer than two pairs, or a score is NaN or infinite.

    Notes
    -----
    With the differences d and their sample standard deviation s (n − 1 below the line):

    .. math:: t = \frac{\bar{d} \sqrt{n}}{s}

    Examples
    --------
    >>> found = paired_comparison([0.50, 0.52, 0.54], [0.40, 0.43, 0.43])
    >>> f"{found.difference:.2f}, t = {found.statistic:.1f}, p = {found.p:.4f}"
    '0.10, t = 17.3, p = 0.0033'
    """
    from scipy.special import stdtr  # 0.1 s that only pages need

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(
            f"`first` and `second` must hold the same two or more seeds, got shapes {a.shape} "
            f"and {b.shape}; pass the scores of seeds that both have"
        )
    differences = (a - b).round(12)  # equal differences stay equal in binary
    mean, low, high, n = confidence_interval(differences, level)
    t = _ratio(mean, float(differences.std(ddof=1)) / n**0.5)
    return Paired(mean, low, high, t, n, float(2 * stdtr(n - 1, -abs(t))))


def paired_or_single(
    first: Sequence[float] | Float[np.ndarray, " n"],
    second: Sequence[float] | Float[np.ndarray, " n"],
) -> Paired:
    """Return `paired_comparison`, and of a single pair its difference alone, the rest NaN.

    Raises
    ------
    ValueError
        If the lengths differ, there is no pair, or one of several scores is NaN or infinite.

    Examples
    --------
    >>> paired_or_single([0.75], [0.5])[:2]
    (0.25, nan)
    """
    if len(first) == len(second) == 1:
        return Paired(round(float(first[0] - second[0]), 12), np.nan, np.nan, np.nan, 1, np.nan)
    return paired_comparison(first, second)


def _ratio(difference: float, error: float) -> float:
    """Return a difference in standard errors; ±inf where there is no error but a difference."""
    if error > 0:
        return difference / error
    return float(np.copysign(np.inf, difference)) if difference else 0.0


def subset_contrast(
    first: Float[np.ndarray, " N"],
    second: Float[np.ndarray, " N"],
    level: float = 0.95,
) -> Paired:
    r"""Return by how much the mean of one subset's values exceeds another's, over examples.

    The subsets may share examples; what they share is counted in the standard error.

    Parameters
    ----------
    first, second
        One value an example of the training split, (N,), NaN where it is not in the subset.
    level
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Paired
        `statistic` is z, `n` the size of the smaller subset, `p` two-sided.

    Raises
    ------
    ValueError
        If the lengths differ, or a subset holds fewer than two examples.

    Notes
    -----
    With the subsets A and B, their sizes and means, and indicators of membership, the difference
    of the means has, to first order, the standard error of the sum of

    .. math:: z_i = 1_A(i) \frac{a_i - \bar{a}}{n_A} - 1_B(i) \frac{b_i - \bar{b}}{n_B}

    Examples
    --------
    >>> found = subset_contrast(np.array([1.0, 3.0, np.nan]), np.array([np.nan, 3.0, 5.0]))
    >>> found.difference, found.n, round(found.p, 3)
    (-2.0, 2, 0.102)
    """
    from scipy.special import ndtr, ndtri

    sizes = [int(np.count_nonzero(~np.isnan(values))) for values in (first, second)]
    if first.shape != second.shape or min(sizes) < 2:
        raise ValueError(
            f"two subsets of one training split must hold two examples each, got {sizes} of "
            f"{first.shape} and {second.shape}; pass NaN where an example is not in a subset"
        )
    a, b = (np.nan_to_num(v - np.nanmean(v)) / np.sum(~np.isnan(v)) for v in (first, second))
    error = float(np.linalg.norm(a - b))
    difference = float(np.nanmean(first) - np.nanmean(second))
    z = _ratio(difference, error)
    half = float(ndtri((1 + level) / 2)) * error
    p = float(2 * ndtr(-abs(z)))
    return Paired(difference, difference - half, difference + half, z, min(sizes), p, "z")


def holm(p_values: Sequence[float], n_comparisons: int | None = None) -> list[float]:
    """Return p values corrected for the number of comparisons, by Holm's step-down rule.

    Parameters
    ----------
    p_values
        One a comparison, in [0, 1].
    n_comparisons
        How many were planned, at least `len(p_values)` (the default); those without runs count.

    Returns
    -------
    list
        Corrected p values in the given order, each in [p, 1].

    Raises
    ------
    ValueError
        If a p value lies outside [0, 1], or fewer comparisons were planned than made.

    Notes
    -----
    Holm (1979), Scandinavian Journal of Statistics 6. The smallest p of m is multiplied by m, the
    next by m − 1 and so on; none may be smaller than the one before it.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    m = len(p) if n_comparisons is None else n_comparisons
    if m < len(p) or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            f"`p_values` must be at most `n_comparisons` numbers in [0, 1], got {p.tolist()} "
            f"for {m}; pass every comparison once"
        )
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * (m - np.arange(len(p))))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(raised, 1)
    return [float(value) for value in corrected]


def share_interval(n_in: int, n: int, level: float = 0.95) -> Interval:
    """Return a share and Wilson's interval.

    Parameters
    ----------
    n_in, n
        How many of how many; 0 ≤ n_in ≤ n, n ≥ 1.
    level
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        `mean` (the share), `low` and `high` in [0, 1], and `n`.

    Raises
    ------
    ValueError
        If the counts are not 0 ≤ n_in ≤ n with n ≥ 1.

    Notes
    -----
    Wilson (1927), Journal of the American Statistical Association 22.

    Examples
    --------
    >>> share, low, high, n = share_interval(90, 100)
    >>> f"{share:.2f}, {low:.3f} to {high:.3f}"
    '0.90, 0.826 to 0.945'
    """
    from scipy.special import ndtri

    if not 0 <= n_in <= n or n < 1:
        raise ValueError(f"a share must be of at least one, got {n_in} of {n}; count both again")
    z = float(ndtri((1 + level) / 2))
    share = n_in / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)), n)


def rank_correlation(
    first: Sequence[float] | Float[np.ndarray, " n"],
    second: Sequence[float] | Float[np.ndarray, " n"],
) -> tuple[float, float]:
    """Return Kendall's τ and its one-sided p value: how rarely chance orders as well or better.

    Parameters
    ----------
    first, second
        Two numbers for each of n ≥ 3 things.

    Returns
    -------
    tuple
        τ in [−1, 1] (1: the same order) and p in [0, 1], exact where there are no ties. Where one
        side is constant, 0 and 1.

    Raises
    ------
    ValueError
        If the lengths differ or there are fewer than three.

    Examples
    --------
    >>> tau, p = rank_correlation([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8])
    >>> round(tau, 3), round(p, 4)  # one order of 24
    (1.0, 0.0417)
    """
    from scipy.stats import kendalltau

    if len(first) != len(second) or len(first) < 3:
        raise ValueError(
            f"a rank correlation needs two lists of the same three or more, got {len(first)} and "
            f"{len(second)}; pass one pair a thing"
        )
    if len(set(map(float, first))) == 1 or len(set(map(float, second))) == 1:
        return 0.0, 1.0
    found = kendalltau(first, second, alternative="greater")
    return float(found.statistic), float(found.pvalue)
