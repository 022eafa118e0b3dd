"""The bars around a data map: all examples behind, what is brushed and lit before them.

They are the map's legends too: each is coloured as the points are when they show its statistic.
"""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType

from carto_helpers.charts.map_shape import bins, class_shares, histogram
from carto_helpers.charts.theme import CLASS_COLOURS, CORRECTNESS_RANGE, INK

PLOT = (400, 400)  # pixels: the map
MARGIN = 110  # pixels: the histograms' height
MOST_NAMED = 20  # classes; more names would not be legible
LIT = "datum.is_lit"  # computed for every point, in `data_map`
TITLES = {
    "correctness": "correctness (colour)",
    "forgetfulness": "forgetfulness (colour)",
}


def colour_scale(frame: pd.DataFrame, name: str) -> alt.Scale:
    """Return the colours of a statistic or of the classes.

    Parameters
    ----------
    frame
        All rows of a data map.
    name
        correctness, forgetfulness (0 is grey, both sides reach equally far) or class. Ten classes
        have a colour each; of more, each tenth has the same.
    """
    if name == "class":
        classes = class_shares(frame)["class"].tolist()
        colours = [CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(classes))]
        return alt.Scale(domain=classes, range=colours)
    low, high, _ = bins(frame, name)
    domain = [0, 0.5, 1] if name == "correctness" else [low, 0, high]
    return alt.Scale(domain=domain, range=list(CORRECTNESS_RANGE), clamp=True, interpolate="lab")


def statistic_bars(
    frame: pd.DataFrame, points: alt.Chart, name: str, brush: alt.Parameter
) -> ChartType:
    """Return one histogram: all examples in grey, the brushed and lit points before them.

    Parameters
    ----------
    frame
        All rows of a data map.
    points
        The sample, with `is_lit`.
    name
        confidence (lying, to the right of the map), variability, correctness or forgetfulness.
    brush
        The map's selection.
    """
    everyone = histogram(frame[[name]].astype(float).round(4), name)  # as the points are embedded
    low, high, step = bins(frame, name)
    x, y = ("y", "x") if name == "confidence" else ("x", "y")
    kinds: dict[str, Any] = {"x": alt.X, "y": alt.Y}
    along: dict[str, Any] = {
        "bin": "binned", "scale": alt.Scale(domain=[low, high], nice=False),
        "axis": _bin_axis(name, high),
    }  # fmt: skip
    shares = _share_axis(everyone, histogram(points.data, name))
    behind = alt.Chart(everyone).mark_bar(opacity=0.35, binSpacing=0, color=INK).encode(
        **{x: kinds[x]("start:Q", **along), y: kinds[y]("share:Q", **shares), f"{x}2": "stop:Q"},
        tooltip=[alt.Tooltip("start:Q"), alt.Tooltip("stop:Q"),
                 alt.Tooltip("share:Q", format=".1%", title="share of all")],
    )  # fmt: skip
    ends: list[str | alt.FieldName] = [f"{name}_start", f"{name}_stop"]
    binned = alt.Bin(extent=[low, high], step=step, nice=False)
    before = _front(points, brush).transform_bin(ends, field=name, bin=binned)
    before = before.transform_calculate(level=f"datum.{ends[0]} + {step / 2}")
    drawn = before.mark_bar(binSpacing=3).encode(
        **{x: kinds[x](f"{ends[0]}:Q", **along), y: kinds[y]("sum(part):Q", **shares),
           f"{x}2": f"{ends[1]}:Q"},
        color=_bar_colour(frame, name),
    )  # fmt: skip
    return alt.layer(behind, drawn).properties(
        width=PLOT[0] if name == "variability" else MARGIN,
        height=PLOT[1] if name == "confidence" else MARGIN,
    )


def class_bars(frame: pd.DataFrame, points: alt.Chart, brush: alt.Parameter) -> ChartType:
    """Return the share of each class: among all examples in grey, among the brushed in colour."""
    everyone = class_shares(frame)
    is_named = len(everyone) <= MOST_NAMED
    axis = alt.Axis(
        labels=is_named, ticks=False, grid=False, labelAngle=-40, labelLimit=80,
        title="class (colour)" if is_named else f"{len(everyone)} classes (hover names one)",
    )  # fmt: skip
    x = alt.X("class:N", scale=alt.Scale(domain=everyone["class"].tolist()), axis=axis)
    y = _share_axis(everyone, class_shares(points.data))
    behind = alt.Chart(everyone).mark_bar(opacity=0.35, color=INK)
    before = _front(points, brush).mark_bar(width={"band": 0.6})
    named = [alt.Tooltip("class:N"), alt.Tooltip("share:Q", format=".1%", title="share of all")]
    return alt.layer(
        behind.encode(x=x, y=alt.Y("share:Q", **y), tooltip=named),
        before.encode(
            x=x, y=alt.Y("sum(part):Q", **y), tooltip=[alt.Tooltip("class:N")],
            color=alt.Color("class:N", scale=colour_scale(frame, "class"), legend=None),
        ),
    ).properties(width=PLOT[0], height=MARGIN)  # fmt: skip


def _front(points: alt.Chart, brush: alt.Parameter) -> alt.Chart:
    """Return the points that are brushed and lit, each with its part of the sample."""
    chosen = points.transform_filter(brush).transform_filter(LIT)
    return chosen.transform_calculate(part=f"1 / {len(points.data)}")


def _bar_colour(frame: pd.DataFrame, name: str) -> Any:
    if name not in TITLES:
        return alt.value(INK)
    return alt.Color("level:Q", scale=colour_scale(frame, name), legend=None)


def _share_axis(everyone: pd.DataFrame, sample: pd.DataFrame) -> dict[str, Any]:
    """Return an axis up to a little more than the highest share, which no brush changes."""
    highest = max(float(shares["share"].max()) for shares in (everyone, sample))
    top = min(max(highest * 1.1, 0.01), 1.0)
    return {
        "scale": alt.Scale(domain=[0, top], nice=False),
        "axis": alt.Axis(title="share of examples", format="%", tickCount=2),
    }


def _bin_axis(name: str, high: float) -> alt.Axis:
    """Return the axis of a statistic: named where it is not the data map's own."""
    if name == "correctness":
        return alt.Axis(values=[0, 0.5, 1], title=TITLES[name], grid=False)
    if name == "forgetfulness":
        return alt.Axis(values=[-high, 0, high], title=TITLES[name], grid=False)
    ticks = list(np.arange(0, 0.51, 0.1) if name == "variability" else np.arange(0, 1.1, 0.2))
    return alt.Axis(values=np.round(ticks, 2).tolist(), title=None, labels=False, grid=False)
