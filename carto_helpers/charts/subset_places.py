"""Where subsets lie on the data map: each one's density before that of all examples."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType
from jaxtyping import Int, Int64

from carto_helpers.charts.map_shape import density
from carto_helpers.charts.theme import INK, finish, not_run
from carto_helpers.comparison import require_columns
from carto_helpers.config import SubsetSpec
from carto_helpers.selection import METRICS, select

SIDE = 215  # pixels of a panel
POINT = "#0072B2"


def ruled(
    frame: pd.DataFrame, rules: Sequence[str], fraction: float = 0.33
) -> dict[str, Int64[np.ndarray, " n"]]:
    """Return the positions in the frame that each rule chooses; the random one is that of seed 0.

    Parameters
    ----------
    frame
        The four statistics of all examples, in the order of the training split.
    rules
        Of `selection.RULES`, those without shares.
    fraction
        Of the training split that a subset holds.
    """
    require_columns(frame, METRICS, "frame")
    scores = {name: frame[name].to_numpy(dtype=float) for name in METRICS}
    return {
        rule: select(SubsetSpec(rule=rule, fraction=fraction), scores, seed=0) for rule in rules
    }


def spread(frame: pd.DataFrame) -> float:
    """Return the mean distance of examples from their own centre on the map.

    Parameters
    ----------
    frame
        Columns variability and confidence, at least one row.

    Examples
    --------
    >>> spread(pd.DataFrame({"variability": [0.0, 0.0], "confidence": [0.2, 0.4]}))
    0.1
    """
    require_columns(frame, ("variability", "confidence"), "frame")
    values = frame[["variability", "confidence"]].to_numpy(dtype=float)
    return float(np.linalg.norm(values - values.mean(axis=0), axis=1).mean().round(12))


def subset_places(frame: pd.DataFrame, subsets: Mapping[str, Int[np.ndarray, " n"]]) -> ChartType:
    """Return a panel a subset: its examples' density over the map of all.

    Parameters
    ----------
    frame
        A data map's rows: variability in [0, 0.5] and confidence in [0, 1], one an example.
    subsets
        Positions in the frame by name, each (n,).

    Notes
    -----
    Figure 5 and appendix C of the paper.
    """
    if frame.empty or not subsets:
        return not_run("where the subsets lie")
    everyone = density(frame)
    panels = [
        _panel(everyone, density(frame.iloc[index])).properties(title=_title(name, frame, index))
        for name, index in subsets.items()
    ]
    chart = alt.concat(*panels, columns=2, spacing=14)
    parts = [
        f"{name}: {len(index):,} examples, mean confidence "
        f"{frame['confidence'].iloc[index].mean():.2f}, mean variability "
        f"{frame['variability'].iloc[index].mean():.2f}, spread {spread(frame.iloc[index]):.3f}"
        for name, index in subsets.items()
    ]
    return finish(chart, f"Where {len(parts)} subsets lie on the data map. {'; '.join(parts)}.")


def _title(name: str, frame: pd.DataFrame, index: Int[np.ndarray, " n"]) -> str:
    return f"{name}, spread {spread(frame.iloc[index]):.3f}"


def _panel(everyone: pd.DataFrame, some: pd.DataFrame) -> ChartType:
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, 0.5]), title="variability",
              axis=alt.Axis(grid=False, tickCount=5))  # fmt: skip
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, 1]), title="confidence",
              axis=alt.Axis(grid=False, tickCount=5))  # fmt: skip
    shade = alt.Opacity("count:Q", scale=alt.Scale(type="log", range=[0.2, 1]), legend=None)
    place = {"x": x, "x2": "x2:Q", "y": y, "y2": "y2:Q"}
    behind = alt.Chart(everyone).mark_rect(color=INK, opacity=0.15).encode(**place)
    before = alt.Chart(some).mark_rect(color=POINT).encode(**place, opacity=shade, tooltip="count")
    return alt.layer(behind, before).properties(width=SIDE, height=SIDE)
