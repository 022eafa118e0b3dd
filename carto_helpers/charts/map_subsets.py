"""The subsets that a data map can light up, and all examples packed for the page's script."""

import base64
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64

from carto_helpers.comparison import require_columns
from carto_helpers.config import SubsetSpec
from carto_helpers.selection import ANCHORS, METRICS, PHASE1_RULES, scaled_mixes, select

SCALE = 10_000  # packed statistics are whole ten-thousandths, as exact as the embedded rows
PACKED = ("index", "class", "confidence", "variability", "correctness", "subsets")


def shown_subsets(n_total: int, fraction: float) -> list[SubsetSpec]:
    """Return the subsets that can be lit up: regions first, then the other rules, then the mixes.

    Parameters
    ----------
    n_total
        How many examples there are. Of a handful, a subset may hold none: it is left out.
    fraction
        Of the training split that a subset holds.

    Examples
    --------
    >>> [subset.label() for subset in shown_subsets(1000, 0.33)][2:5]
    ['33% hard-to-learn', '33% random', '33% low-forgetfulness']
    >>> len(shown_subsets(1000, 0.33)), len(shown_subsets(10, 0.33)), len(shown_subsets(3, 0.33))
    (19, 16, 0)
    """
    rules = [*ANCHORS, *(rule for rule in PHASE1_RULES if rule not in ANCHORS)]
    all_of_them = [SubsetSpec(rule=rule, fraction=fraction) for rule in rules]
    all_of_them += scaled_mixes(fraction)
    return [subset for subset in all_of_them if _smallest_part(subset) * n_total >= 1]


def _smallest_part(subset: SubsetSpec) -> float:
    shares = (subset.fraction, subset.hard, subset.ambiguous, subset.easy)
    return min(share for share in shares if share > 0)


def membership(frame: pd.DataFrame, fraction: float) -> Int64[np.ndarray, " N"]:
    """Return for each example the subsets that it belongs to, as bits.

    Parameters
    ----------
    frame
        The four statistics of all examples, in the order of the training split: ties in a score
        go to the smaller position. The random subset is that of seed 0.
    fraction
        Of the training split that a subset holds.

    Returns
    -------
    ndarray
        (N,), bit k set where the example is in `shown_subsets(N, fraction)[k]`.
    """
    require_columns(frame, METRICS, "frame")
    scores = {name: frame[name].to_numpy(dtype=float) for name in METRICS}
    bits = np.zeros(len(frame), dtype=np.int64)
    for k, subset in enumerate(shown_subsets(len(frame), fraction)):
        bits[select(subset, scores, seed=0)] |= 1 << k
    return bits


def packed(frame: pd.DataFrame, subsets: Int64[np.ndarray, " N"]) -> dict[str, Any]:
    """Return every example's index, class, place and subsets, in few bytes.

    The points of a map are a sample; what is searched for and saved is not. A row would take a
    hundred bytes, this takes about fifteen.

    Parameters
    ----------
    frame
        All rows of a data map.
    subsets
        From `membership`.

    Returns
    -------
    dict
        classes (list of str), scale, and for each of `PACKED` its dtype and its numbers, little
        endian, as base64; the statistics in units of 1 / scale, class as a position in classes.
    """
    names = frame["class"].astype(str)
    classes = sorted(set(names))
    numbers = {"index": frame["index"], "class": pd.Categorical(names, classes).codes}
    for name in ("confidence", "variability", "correctness"):
        numbers[name] = np.rint(SCALE * frame[name].to_numpy(dtype=float).round(4))
    columns = {name: _column(numbers.get(name, subsets)) for name in PACKED}
    return {"classes": classes, "scale": SCALE, **columns}


def _column(values: Any) -> dict[str, str]:
    """Return whole numbers from 0 up as the smallest unsigned type that holds them."""
    numbers = np.asarray(values).astype(np.int64)
    kind = np.min_scalar_type(max(int(numbers.max(initial=0)), 0)).newbyteorder("<")
    text = base64.b64encode(numbers.astype(kind).tobytes()).decode()
    return {"dtype": kind.name, "base64": text}
