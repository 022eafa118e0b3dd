"""The four statistics where some epochs miss some examples."""

import numpy as np
from jaxtyping import Bool, Float

from carto_helpers.scoring import scores


def scores_with_gaps(
    p_gold: Float[np.ndarray, "N E"], is_right: Bool[np.ndarray, "N E"]
) -> dict[str, Float[np.ndarray, " N"]]:
    """Return `dynamics.scores`, each example's over the epochs that hold it.

    Parameters
    ----------
    p_gold
        Gold-label probability of each example after each epoch, (N, E), NaN where missing.
    is_right
        Whether the argmax was the gold label, (N, E); of no account where missing.

    Returns
    -------
    dict
        "confidence", "variability", "correctness" and "forgetfulness", each (N,) in float64. The
        slope is over the epochs' own numbers 1 … E; it is 0 where one epoch is all there is.

    Raises
    ------
    ValueError
        If an example is in no epoch, or as `dynamics.scores` has it.
    TypeError
        If `is_right` is not boolean.

    Examples
    --------
    >>> p_gold = np.array([[0.2, np.nan, 0.4]])
    >>> scores_with_gaps(p_gold, np.array([[False, False, True]]))["correctness"]
    array([0.5])
    """
    is_there = ~np.isnan(p_gold)
    if is_there.all():
        return scores(p_gold, is_right)
    n = is_there.sum(1, keepdims=True)  # (N, 1)
    if not n.all():
        raise ValueError(
            f"every example must be in some epoch, got {int((n == 0).sum())} in none; "
            "record more epochs"
        )
    p = np.where(is_there, p_gold, 0).astype(np.float64)
    mean = p.sum(1, keepdims=True) / n
    away = np.where(is_there, p - mean, 0)
    epoch = np.arange(1, p.shape[1] + 1)
    offset = is_there * (epoch - (is_there * epoch).sum(1, keepdims=True) / n)  # (N, E)
    spread = (offset**2).sum(1)
    return {
        "confidence": mean[:, 0],
        "variability": np.sqrt((away**2).sum(1) / n[:, 0]),
        "correctness": (is_right & is_there).sum(1) / n[:, 0],
        "forgetfulness": (offset * p).sum(1) / np.where(spread, spread, 1),
    }
