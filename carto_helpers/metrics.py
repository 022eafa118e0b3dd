"""Scores of a trained network, and their mean with an interval over seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Interval(NamedTuple):
    """A mean over `n` runs and the ends of its confidence interval (NaN for one run)."""

    mean: float
    low: float
    high: float
    n: int


def accuracy(predictions: Int[np.ndarray, " N"], labels: Int[np.ndarray, " N"]) -> float:
    """Return the fraction of the examples that are classified right.

    Parameters
    ----------
    predictions
        Predicted classes, (N,).
    labels
        Gold labels, (N,).

    Returns
    -------
    float
        In [0, 1], best 1.

    Raises
    ------
    ValueError
        If there is no example, or the lengths differ.

    Examples
    --------
    >>> accuracy(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]))
    0.75
    """
    _check_lengths(predictions, labels)
    return float((predictions == labels).mean())


def macro_f1(
    predictions: Int[np.ndarray, " N"], labels: Int[np.ndarray, " N"], n_classes: int
) -> float:
    r"""Return macro F1, the paper's score: F1 of each class, averaged over all the classes.

    Every class counts the same, however many examples it has. A class that is neither among the
    labels nor predicted counts as 0, as in scikit-learn with ``labels=range(C)``.

    Parameters
    ----------
    predictions
        Predicted classes, (N,), in 0 … C − 1.
    labels
        Gold labels, (N,), in 0 … C − 1.
    n_classes
        C.

    Returns
    -------
    float
        In [0, 1], best 1.

    Raises
    ------
    ValueError
        If there is no example, the lengths differ, or a class lies outside 0 … C − 1.

    Notes
    -----
    With the true positives, false positives and false negatives of class c:

    .. math:: \frac{1}{C} \sum_{c=0}^{C-1} \frac{2 TP_c}{2 TP_c + FP_c + FN_c}

    Examples
    --------
    >>> macro_f1(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), n_classes=2)  # 4/5 and 2/3
    0.7333333333333334
    """
    _check_lengths(predictions, labels)
    _check_classes(predictions, n_classes, "predictions")
    _check_classes(labels, n_classes, "labels")
    n_right = np.bincount(labels[predictions == labels], minlength=n_classes)  # (C,), TP
    n_labelled = np.bincount(labels, minlength=n_classes)  # (C,), TP + FN
    n_predicted = np.bincount(predictions, minlength=n_classes)  # (C,), TP + FP
    f1 = 2 * n_right / np.maximum(n_labelled + n_predicted, 1)
    return float(f1.mean())


def confidence_interval(
    values: Sequence[float] | Float[np.ndarray, " n"], level: float = 0.95
) -> Interval:
    r"""Return the mean of runs that differ in their seed, with Student's t interval.

    Parameters
    ----------
    values
        One score a run, (n,), n ≥ 1.
    level
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        `mean`, `low`, `high` and `n`; `low` and `high` are NaN for one run, which has no spread.

    Raises
    ------
    ValueError
        If there is no value, one is NaN or infinite, or `level` lies outside (0, 1).

    Notes
    -----
    With the sample standard deviation s (n − 1 in its denominator) and the quantile t of
    Student's distribution with n − 1 degrees of freedom at (1 + level) / 2:

    .. math:: \bar{x} \pm t_{n-1} \frac{s}{\sqrt{n}}

    For scores near 0 or 1 the interval may reach beyond them.

    Examples
    --------
    >>> mean, low, high, n = confidence_interval([0.60, 0.62, 0.64])
    >>> f"{mean:.3f}, {low:.3f} to {high:.3f}, n = {n}"
    '0.620, 0.570 to 0.670, n = 3'
    """
    from scipy.special import stdtrit  # 0.1 s that only tables and figures need

    scores = np.asarray(values, dtype=np.float64)
    _check_scores(scores, level)
    n, mean = len(scores), float(scores.mean())
    if n == 1:
        return Interval(mean, float("nan"), float("nan"), n)
    half = float(stdtrit(n - 1, (1 + level) / 2) * scores.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def _check_lengths(predictions: np.ndarray, labels: np.ndarray) -> None:
    if predictions.shape != labels.shape or predictions.ndim != 1 or not len(labels):
        raise ValueError(
            f"`predictions` and `labels` must be as long as each other and not empty, got shapes "
            f"{predictions.shape} and {labels.shape}; pass one class an example"
        )


def _check_classes(classes: np.ndarray, n_classes: int, name: str) -> None:
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high >= n_classes:
        raise ValueError(
            f"`{name}` must lie in 0 … {n_classes - 1}, got {low} to {high}; "
            "pass the number of classes that the labels were made for"
        )


def _check_scores(scores: np.ndarray, level: float) -> None:
    if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
        raise ValueError(
            f"`values` must be one finite score a run, got {scores.tolist()}; leave failed runs out"
        )
    if not 0 < level < 1:
        raise ValueError(f"`level` must lie in (0, 1), got {level!r}; pass 0.95 for 95 %")
