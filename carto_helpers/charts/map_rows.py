"""The rows of a data map that a page carries: a seeded sample as points, images for some."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from carto_helpers.comparison import require_columns
from carto_helpers.selection import METRICS

MAX_ROWS = 5_000  # Altair's own limit of embedded rows, on purpose
MAX_IMAGES = 2_500  # so that a page stays light
SMALL_POINTS, SMALL_IMAGES = 500, 250  # of a map beside which a full one stands elsewhere
MAP_COLUMNS = ("index", "class", *METRICS, "region")


class MapCounts(NamedTuple):
    """How many examples a data map shows, and how."""

    all: int
    points: int
    images: int


def sample_for_map(
    frame: pd.DataFrame, n: int = 4000, seed: int = 0, *, most_images: int = MAX_IMAGES
) -> pd.DataFrame:
    """Return the rows that are drawn as points: a seeded sample, in the frame's order.

    Rows that have an image come first, so that hovering shows one as often as can be; the images
    should therefore be a random sample themselves. The rest are drawn uniformly.

    Parameters
    ----------
    frame
        The data map's rows.
    n
        At most this many; at most 5,000.
    seed
        Of the draw.
    most_images
        So many rows keep their image.

    Raises
    ------
    ValueError
        If `n` is not between 1 and 5,000.
    """
    if not 1 <= n <= MAX_ROWS:
        raise ValueError(
            f"`n` must lie in 1 … {MAX_ROWS}, got {n}; more points than that belong to the density"
        )
    order = np.random.default_rng(seed).permutation(len(frame))
    has_image = _images(frame).ne("").to_numpy()[order]
    pictured, bare = order[has_image], order[~has_image]
    kept, dropped = pictured[:most_images], pictured[most_images:]
    chosen = np.concatenate([kept, bare, dropped])[:n]
    without = np.isin(np.sort(chosen), dropped)
    sample = frame.iloc[np.sort(chosen)]
    return sample.assign(image=sample["image"].mask(without, "")) if without.any() else sample


def _images(frame: pd.DataFrame) -> pd.Series:
    if "image" not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    return frame["image"].astype(object).where(frame["image"].notna(), "")


def small_sample(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return the rows that `small_map` draws as points: few, most of them with their image."""
    return sample_for_map(frame, SMALL_POINTS, seed, most_images=SMALL_IMAGES)


def map_counts(frame: pd.DataFrame, n: int = 4000, seed: int = 0) -> MapCounts:
    """Return how many examples `data_map` shows as density, as points and with an image."""
    return _counts(frame, sample_for_map(frame, n, seed))


def _counts(frame: pd.DataFrame, sample: pd.DataFrame) -> MapCounts:
    return MapCounts(len(frame), len(sample), int(_images(sample).ne("").sum()))


def map_caption(frame: pd.DataFrame, n: int = 4000, seed: int = 0) -> str:
    """Return the sentences that state what a data map shows of how many examples."""
    if frame.empty:
        return "Not run."
    return _caption(map_counts(frame, n, seed)) + (
        " What is saved as CSV comes from all examples, not from the sample."
    )


def small_caption(frame: pd.DataFrame, seed: int = 0) -> str:
    """Return the sentences that state what `small_map` shows of how many examples."""
    return _caption(_counts(frame, small_sample(frame, seed))) if len(frame) else "Not run."


def _caption(counts: MapCounts) -> str:
    return (
        f"Density and pale bars: all {counts.all:,} training examples. Points and the bars in "
        f"front: a seeded sample of {counts.points:,}, {counts.images:,} of them with their "
        "image. Lines: how far each region, the third nearest to its anchor, reaches; dotted: the "
        "most variability that a mean allows."
    )


def embedded(sample: pd.DataFrame, subsets: np.ndarray) -> pd.DataFrame:
    """Return the few short columns that the page has to carry.

    Parameters
    ----------
    sample
        Rows of a data map.
    subsets
        From `map_subsets.membership`, of these rows.

    Returns
    -------
    DataFrame
        `MAP_COLUMNS` and subsets; thumbnail, where any row has an image; history ("0,.12 1,.35"),
        where the probabilities of the epochs are there.
    """
    require_columns(sample, MAP_COLUMNS, "frame")
    rows = sample[list(MAP_COLUMNS)].reset_index(drop=True)
    rows["class"] = rows["class"].astype(str)
    rows[list(METRICS)] = rows[list(METRICS)].astype(float).round(4)
    rows["subsets"] = subsets
    images = _images(sample).reset_index(drop=True)
    if images.ne("").any():
        rows["thumbnail"] = images
    if "p_gold" in sample:
        rows["history"] = [_history(values) for values in sample["p_gold"]]
    return rows


def _history(values: object) -> str:
    """Return "epoch,probability" pairs: read as text, and drawn as a line, by the tooltip."""
    if not np.iterable(values):
        return ""
    return " ".join(f"{epoch},{p:.2f}".replace(",0.", ",.") for epoch, p in enumerate(values))
