"""The shape of a data map: what all examples together look like, however many there are."""

import numpy as np
import pandas as pd

from carto_helpers.comparison import require_columns
from carto_helpers.selection import ANCHORS

# start, stop, step: a histogram's bins, whatever is brushed
BINS = {
    "confidence": (0.0, 1.0, 0.05),
    "variability": (0.0, 0.5, 0.025),
    "correctness": (-0.05, 1.05, 0.1),
}
SLOPE_BINS = 20  # of forgetfulness, whose range depends on the number of epochs
CELLS = (40, 40)  # of the density: variability, confidence


def density(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many examples lie in each cell of the (variability, confidence) plane.

    Parameters
    ----------
    frame
        Columns confidence, in [0, 1], and variability, in [0, 0.5].

    Returns
    -------
    DataFrame
        x, x2 (variability), y, y2 (confidence), count; the cells that hold any, at most 1,600.
    """
    require_columns(frame, ("confidence", "variability"), "frame")
    values = frame[["variability", "confidence"]].to_numpy(dtype=float)
    edges = [np.linspace(0, end, n + 1) for end, n in zip((0.5, 1), CELLS, strict=True)]
    counts, xs, ys = np.histogram2d(values[:, 0], values[:, 1], bins=edges)
    i, j = np.nonzero(counts)
    cells = {"x": xs[i], "x2": xs[i + 1], "y": ys[j], "y2": ys[j + 1]}
    return pd.DataFrame(cells).round(4).assign(count=counts[i, j].astype(int))


def bins(frame: pd.DataFrame, name: str) -> tuple[float, float, float]:
    """Return start, stop and step of one statistic's bins: always the same for one data map.

    Parameters
    ----------
    frame
        The column `name`.
    name
        confidence, variability, correctness or forgetfulness.

    Returns
    -------
    tuple
        Forgetfulness is a slope without fixed bounds: its bins reach equally far on both sides of
        0, up to the steepest example, rounded up to a hundredth.

    Examples
    --------
    >>> bins(pd.DataFrame({"forgetfulness": [-0.02, 0.051]}), "forgetfulness")
    (-0.06, 0.06, 0.006)
    """
    if name in BINS:
        return BINS[name]
    steepest = float(frame[name].astype(float).abs().max())
    end = max(float(np.ceil(round(100 * steepest, 6))), 1.0) / 100
    return -end, end, round(2 * end / SLOPE_BINS, 6)


def histogram(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the share of examples in each of the bins of one statistic.

    Parameters
    ----------
    frame
        The column `name`.
    name
        confidence, variability, correctness or forgetfulness.

    Returns
    -------
    DataFrame
        start, stop and share, in [0, 1], of every bin; the last bin holds its upper edge.
    """
    low, high, step = bins(frame, name)
    n_bins = round((high - low) / step)
    edges = np.round(np.linspace(low, high, n_bins + 1), 6)
    place = np.floor((frame[name].to_numpy(dtype=float) - low) / step + 1e-9).astype(int)
    counts = np.bincount(np.clip(place, 0, n_bins - 1), minlength=n_bins)
    share = np.round(counts / max(len(frame), 1), 6)
    return pd.DataFrame({"start": edges[:-1], "stop": edges[1:], "share": share})


def class_shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the share of examples of each class.

    Parameters
    ----------
    frame
        The column class.

    Returns
    -------
    DataFrame
        class, sorted, and share, in [0, 1].
    """
    shares = frame["class"].astype(str).value_counts(normalize=True).sort_index().round(6)
    return pd.DataFrame({"class": shares.index, "share": shares.to_numpy()})


def bound() -> pd.DataFrame:
    """Return the most variability that a mean of probabilities allows: √(m(1 − m)).

    Returns
    -------
    DataFrame
        x (variability), y (confidence) and order along the half-ellipse.
    """
    mean = np.round(np.linspace(0, 1, 81), 4)
    return pd.DataFrame({"y": mean, "x": np.round(np.sqrt(mean * (1 - mean)), 4), "order": mean})


def reach(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each region's outline: the circle about its anchor through its farthest example.

    Parameters
    ----------
    frame
        Columns variability, confidence, region.

    Returns
    -------
    DataFrame
        region, x (variability), y (confidence) and order along the line, within the plot; none
        for a region without examples.
    """
    parts = []
    for name, (x, y) in ANCHORS.items():
        members = frame[frame["region"] == name]
        if len(members):
            away = np.hypot(members["variability"] - x, members["confidence"] - y).max()
            angle = np.linspace(-np.pi, np.pi, 721) + (np.pi if name == "ambiguous" else 0)
            line = pd.DataFrame({"x": x + away * np.cos(angle), "y": y + away * np.sin(angle)})
            inside = line["x"].between(0, 0.5) & line["y"].between(0, 1)
            parts.append(line[inside].round(4).assign(region=name, order=range(inside.sum())))
    return pd.concat(parts) if parts else pd.DataFrame(columns=["x", "y", "region", "order"])
