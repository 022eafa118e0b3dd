"""What hovering over a point of a data map shows: its image, its prediction history, its scores.

A tooltip has no size of its own and draws no lines: the picture is an SVG, written by an
expression when it is needed, so that the page carries each image once and each history as text.
"""

import altair as alt
import pandas as pd

from carto_helpers.selection import METRICS

POPUP = 128  # pixels: the image
CURVE = 48  # pixels: the height of the prediction history below it


def tooltip(rows: pd.DataFrame) -> list[alt.Tooltip]:
    """Return the fields of a point's tooltip.

    Parameters
    ----------
    rows
        From `map_rows.embedded`.
    """
    fields = ["index", "class", "region", *METRICS]
    shown = [alt.Tooltip(f"{name}:{'N' if name in fields[:3] else 'Q'}") for name in fields]
    if "history" in rows:
        shown.append(alt.Tooltip("epochs:N", title="p_gold by epoch"))
    if "thumbnail" in rows or "history" in rows:
        shown.insert(0, alt.Tooltip("image:N"))
    return shown


def computed(rows: pd.DataFrame) -> dict[str, str]:
    """Return the expressions of what only the tooltip shows: the picture, the probabilities.

    Parameters
    ----------
    rows
        From `map_rows.embedded`.
    """
    found = {}
    if "history" in rows:
        found["epochs"] = "replace(datum.history, regexp('[0-9]+,', 'g'), '')"
    if "thumbnail" in rows or "history" in rows:
        found["image"] = _picture(rows)
    return found


def _picture(rows: pd.DataFrame) -> str:
    """Return the expression of a tooltip's picture: the image, enlarged, above its history."""
    height = POPUP * ("thumbnail" in rows) + CURVE * ("history" in rows)
    head = "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'"
    parts = [f"\"{head} width='{POPUP}' height='{height}'>\""]
    if "thumbnail" in rows:
        image = f"<image width='{POPUP}' height='{POPUP}' style='image-rendering:pixelated' href='"
        parts.append(f'(datum.thumbnail ? "{image}" + datum.thumbnail + "\'/>" : \'\')')
    if "history" in rows:
        parts.append(_curve(rows, height))
    return " + ".join([*parts, '"</svg>"'])


def _curve(rows: pd.DataFrame, height: int) -> str:
    """Return the expression of the history's line: p_gold from 0, below, to 1 over the epochs."""
    n_epochs = max(int(rows["history"].str.count(",").max()), 2)
    across, up = (POPUP - 8) / (n_epochs - 1), CURVE - 8
    place = f"translate(4 {height - 4}) scale({across:.3f} {-up})"
    frame = f"<path d='M0 0H{n_epochs - 1}M0 1H{n_epochs - 1}' stroke='silver' "
    line = "fill='none' vector-effect='non-scaling-stroke'"
    return (
        f"\"<g transform='{place}'>{frame}{line}/><polyline stroke='steelblue' stroke-width='2' "
        f'{line} points=\'" + datum.history + "\'/></g>"'
    )
