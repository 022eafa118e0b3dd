"""Images of each region as a grid: what the extremes of a data map look like."""

import html

import numpy as np
import pandas as pd

from carto_helpers.comparison import require_columns
from carto_helpers.selection import ANCHORS, METRICS, nearest_anchor

COLUMNS = ("index", "class", *METRICS, "image")
PIXELS = 64  # the images' side on the page
_SHORT = {
    "confidence": "conf",
    "variability": "var",
    "correctness": "corr",
    "forgetfulness": "forg",
}


def region_samples(frame: pd.DataFrame, n: int = 12, seed: int = 0) -> pd.DataFrame:
    """Return a seeded sample of each region's examples that have an image.

    An example counts to the region whose anchor is nearest.

    Parameters
    ----------
    frame
        A data map's rows: index, class, the four statistics and image (a data URI or "").
    n
        At most this many a region, at least 1.
    seed
        Of the draw.

    Returns
    -------
    DataFrame
        The rows drawn, region by region, each in the frame's order, with `region` and `n_region`,
        how many rows of the frame are of it.

    Raises
    ------
    ValueError
        If a column is missing, a statistic of the map holds NaN, or `n` is below 1.
    """
    require_columns(frame, COLUMNS, "frame")
    if n < 1:
        raise ValueError(f"`n` must be at least 1, got {n}; pass how many images to show")
    if frame.empty:
        return frame.assign(region="", n_region=0)
    draw = np.random.default_rng(seed)
    nearest = nearest_anchor({name: frame[name].to_numpy() for name in METRICS})
    parts = []
    for place, region in enumerate(ANCHORS):
        is_in = nearest == place
        rows = frame[is_in & frame["image"].ne("")]
        chosen = np.sort(draw.permutation(len(rows))[:n])
        parts.append(rows.iloc[chosen].assign(region=region, n_region=int(is_in.sum())))
    drawn: pd.DataFrame = pd.concat(parts)
    return drawn


def gallery(frame: pd.DataFrame, n: int = 12, seed: int = 0) -> str:
    """Return HTML: a grid of `region_samples`, each image with label, index and scores.

    Notes
    -----
    Figures 6, 7 and 8 of the paper.
    """
    rows = region_samples(frame, n, seed)
    if rows.empty:
        return "<p><strong>Not run, or no images are recorded.</strong></p>"
    sections = [_section(region, part) for region, part in rows.groupby("region", sort=False)]
    return "\n".join(sections)


def suspicious(frame: pd.DataFrame, n: int = 12) -> str:
    """Return HTML: a grid of the `n` images whose label the teacher found least probable.

    Parameters
    ----------
    frame
        A data map's rows; those without an image are passed over.
    n
        At most so many, the lowest confidence first.
    """
    require_columns(frame, COLUMNS, "frame")
    rows = frame[frame["image"].ne("")].sort_values("confidence", kind="stable").head(n)
    if rows.empty:
        return "<p><strong>No images are recorded.</strong></p>"
    figures = "".join(_figure(row) for row in rows.to_dict("records"))
    return f'<section class="gallery" aria-label="suspicious labels"><div>{figures}</div></section>'


def _section(region: object, rows: pd.DataFrame) -> str:
    name = html.escape(str(region))
    figures = "".join(_figure(row) for row in rows.to_dict("records"))
    return (
        f'<section class="gallery" aria-label="{name}"><p><strong>{name}</strong>: {len(rows)} '
        f"drawn at random of {rows['n_region'].iloc[0]:,}</p><div>{figures}</div></section>"
    )


def _figure(row: dict[object, object]) -> str:
    label = html.escape(str(row["class"]))
    scores = " ".join(
        f"<span><abbr title='{name}'>{_SHORT[name]}</abbr> {row[name]:.2f}</span>"
        for name in METRICS
    ).replace(" -", " −")
    return (
        f'<figure><img src="{html.escape(str(row["image"]))}" width="{PIXELS}" height="{PIXELS}" '
        f'alt="{label}, training image {row["index"]}">'
        f"<figcaption>{label} · {row['index']}<br><small>{scores}</small></figcaption></figure>"
    )
