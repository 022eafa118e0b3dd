"""The figures: tidy frames in, charts out; uncertainty drawn, the paper's value as an open mark."""

import textwrap
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType

from carto_helpers.charts.data_map import (
    MapCounts,
    data_map,
    density,
    map_caption,
    map_counts,
    sample_for_map,
    small_caption,
    small_map,
)
from carto_helpers.charts.theme import INK, finish, not_run, student_colour, student_scale
from carto_helpers.comparison import CELL, require_columns
from carto_helpers.doubts import meanings
from carto_helpers.printed_numbers import signed

__all__ = [
    "MapCounts", "ablation", "data_map", "density", "map_caption", "map_counts", "phase_dots",
    "sample_for_map", "small_caption", "small_map", "worked_example",
]  # fmt: skip

NEEDED = (
    "dataset",
    "student",
    "train_data",
    "rule",
    "fraction",
    "mean",
    "low",
    "high",
    "n",
    "paper",
)
SOURCES = ("ours", "the paper's")
RANDOM_LINE = "ours, random"
POINT, LINE = "#0072B2", "#D55E00"  # blue and vermilion
SCORE = "test macro F1"
NOTE_WIDTH = 90  # characters a line
MIX_TITLE = "mix: hard / ambiguous / easy"
OPEN: dict[str, Any] = {"strokeWidth": 1.5, "opacity": 1}  # the paper's mark


def ablation(table: pd.DataFrame) -> ChartType:
    """Return score against subset size: a line a student, with 95 % intervals, a panel a dataset.

    Parameters
    ----------
    table
        From `tables.table5`: one row a cell. Cells without a score of ours or the paper's leave a
        gap.

    Raises
    ------
    ValueError
        If a column is missing, or a cell has rows of two starts.

    Notes
    -----
    Figure 3 and table 5 of the paper.
    """
    rows = _drawn(table)
    if rows.empty:
        return not_run("ablation")
    rows = rows.assign(percent=100 * rows["fraction"])
    datasets = list(dict.fromkeys(rows["dataset"]))
    scale = student_scale(list(dict.fromkeys(rows["student"])))
    width = {1: 600, 3: 168}.get(len(datasets), 290)
    panels = [
        _ablation_panel(rows[rows["dataset"] == name], scale, is_first=i == 0).properties(
            width=width, height=300 if len(datasets) == 1 else 240,
            title=name,
        )
        for i, name in enumerate(datasets)
    ]  # fmt: skip
    columns = 3 if len(datasets) == 3 else 2
    chart = _noted(alt.concat(*panels, columns=columns, spacing=14), rows)
    return finish(chart.resolve_scale(shape="shared", fill="shared"), _described("Line", rows))


def _ablation_panel(rows: pd.DataFrame, scale: alt.Scale, *, is_first: bool) -> ChartType:
    sizes = sorted(set(rows["percent"]))
    low = min(1.0, sizes[0])
    x = alt.X(
        "percent:Q",
        scale=alt.Scale(type="log", domain=[low * 0.85, 118], nice=False),
        axis=alt.Axis(values=sizes, labelExpr="format(datum.value, '~g')", grid=False,
                      labelFontSize=10, labelOverlap="greedy", labelSeparation=-2),
        title="training split used (%, log scale)" if is_first else "% of the split",
    )  # fmt: skip
    title = SCORE if is_first else ""
    y = _score_axis("y", "mean", [0.0, 1.0], title)
    colour = alt.Color("student:N", scale=scale, legend=alt.Legend(title=None, orient="top"))
    ours, paper = _ours(rows), _papers(rows)
    base = alt.Chart(ours).encode(x=x, color=colour, tooltip=_tooltip(ours))
    bars = base.mark_rule(strokeWidth=1.5, clip=True).encode(
        y=_score_axis("y", "low", [0.0, 1.0], title), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2).encode(y=y)
    dots = base.mark_point(filled=True, size=45, opacity=1).encode(y=y)
    theirs = alt.Chart(paper).mark_point(shape="diamond", filled=False, size=60, **OPEN)
    theirs = theirs.encode(
        x=x, y=_score_axis("y", "paper", [0.0, 1.0], title), color=colour, tooltip=_tooltip(paper)
    )
    return alt.layer(line, bars, dots, theirs, _source_legend(rows))


def phase_dots(table: pd.DataFrame) -> ChartType:
    """Return the scores of phase 1 or 2 by subset: dots with 95 % intervals, a panel a student.

    The dashed line is our random subset of the same size; the paper's value is an open diamond.

    Parameters
    ----------
    table
        From `tables.table3` or `tables.table4`; subsets are drawn in its order.

    Raises
    ------
    ValueError
        If a column is missing, or a cell has rows of two starts.
    """
    rows = _drawn(table)
    if rows.empty:
        return not_run("scores by subset")
    order = list(dict.fromkeys(table["train_data"]))
    students = list(dict.fromkeys(rows["student"]))
    width = 440 if len(students) == 1 else (476 - 12 * len(students)) // len(students)
    lines = []
    for dataset in dict.fromkeys(rows["dataset"]):
        part = rows[rows["dataset"] == dataset]
        found = [name for name in students if name in set(part["student"])]
        panels = [
            _dots_panel(part[part["student"] == name], order, is_first=i == 0).properties(
                width=width, height=20 * len(order), title=_panel_title(rows, dataset, name),
            )
            for i, name in enumerate(found)
        ]  # fmt: skip
        lines.append(alt.hconcat(*panels, spacing=10))
    chart = _noted(alt.vconcat(*lines, spacing=16), rows)
    return finish(chart, _described("Dot", rows))


def _panel_title(rows: pd.DataFrame, dataset: str, student: str) -> str:
    return student if rows["dataset"].nunique() == 1 else f"{dataset}, {student}"


def _dots_panel(rows: pd.DataFrame, order: list[str], *, is_first: bool) -> ChartType:
    subset = alt.Y(
        "train_data:N",
        scale=alt.Scale(domain=order),
        axis=alt.Axis(labels=is_first, ticks=False, grid=True, labelLimit=190),
        title=MIX_TITLE if is_first and (rows["rule"] == "mix").any() else None,
    )
    values = rows[["mean", "low", "high", "paper"]].to_numpy(dtype=float)
    domain = _padded(float(np.nanmin(values)), float(np.nanmax(values)))
    ours, paper = _ours(rows), _papers(rows)
    colour = alt.value(student_colour(str(rows["student"].iloc[0])))
    score = _score_axis("x", "mean", domain, SCORE)
    base = alt.Chart(ours).encode(y=subset, color=colour, tooltip=_tooltip(ours))
    bars = base.mark_rule(strokeWidth=2, yOffset=-3, clip=True).encode(x="low:Q", x2="high:Q")
    dots = base.mark_point(filled=True, size=55, opacity=1, yOffset=-3).encode(x=score)
    theirs = alt.Chart(paper).mark_point(shape="diamond", filled=False, size=60, **OPEN, yOffset=4)
    theirs = theirs.encode(
        x=_score_axis("x", "paper", domain, SCORE), y=subset, color=colour, tooltip=_tooltip(paper)
    )
    random = alt.Chart(ours[ours["rule"] == "random"]).mark_rule(color=INK, strokeDash=[4, 3])
    return alt.layer(
        random.encode(x="mean:Q"), bars, dots, theirs, _source_legend(rows, (*SOURCES, RANDOM_LINE))
    )


def worked_example(frame: pd.DataFrame, *, gold: str = "frog") -> ChartType:
    """Return the gold label's probability after each epoch, with the least-squares line.

    Parameters
    ----------
    frame
        The paper's table 6: the column epoch and one column a class, probabilities in [0, 1].
    gold
        The gold label's column.

    Raises
    ------
    ValueError
        If a column is missing or fewer than two epochs are there.

    Notes
    -----
    Figure 4 and appendix B: the slope is the example's forgetfulness.
    """
    require_columns(frame, ("epoch", gold), "frame")
    if len(frame) < 2:
        raise ValueError(f"a line needs two epochs, got {len(frame)}; pass the whole of table 6")
    epochs, p = frame["epoch"].to_numpy(dtype=float), frame[gold].to_numpy(dtype=float)
    slope, start = np.polyfit(epochs, p, deg=1)
    ends = np.array([epochs.min(), epochs.max()])
    line = pd.DataFrame({"epoch": ends, "p": np.round(start + slope * ends, 4)})
    text = f"slope (forgetfulness) {signed(slope)} per epoch"
    x = alt.X("epoch:Q", axis=alt.Axis(values=list(epochs), format="d", grid=False), title="epoch",
              scale=alt.Scale(domain=[ends[0] - 0.3, ends[1] + 0.3], nice=False))  # fmt: skip
    y = alt.Y("p:Q", scale=alt.Scale(domain=[0, 1.1], nice=False), axis=alt.Axis(tickCount=5),
              title=f"probability of the gold label, {gold}")  # fmt: skip
    is_above = p > start + slope * epochs
    points = alt.Chart(pd.DataFrame({"epoch": epochs, "p": p, "dy": np.where(is_above, -13, 14)}))
    dots = points.mark_point(filled=True, size=80, opacity=1, color=POINT)
    labels = [
        points.transform_filter(f"datum.dy == {dy}").mark_text(dy=dy, color=INK, fontSize=11)
        for dy in (-13, 14)
    ]
    fitted = alt.Chart(line).mark_line(color=LINE, strokeWidth=2)
    side: dict[str, Any] = {"align": "left", "x": 12} if slope > 0 else {"align": "right", "x": 448}
    note = alt.Chart(alt.InlineData(values=[{"text": text}])).mark_text(
        color=LINE, fontSize=12, y=18, **side
    )
    chart = alt.layer(
        fitted.encode(x=x, y=y),
        dots.encode(x=x, y=y, tooltip=["epoch:Q", "p:Q"]),
        *(label.encode(x=x, y=y, text=alt.Text("p:Q", format=".3f")) for label in labels),
        note.encode(text="text:N"),
    ).properties(width=460, height=280)
    listed = ", ".join(f"{value:.3f}" for value in p)
    return finish(chart, f"Probability of {gold} after epochs {epochs[0]:g} to {epochs[-1]:g}: "
                         f"{listed}; the least-squares line has {text}.")  # fmt: skip


def _drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that have a score, checked; with their marks of doubt if there are any."""
    require_columns(table, NEEDED, "table")
    rows = table[table["mean"].notna() | table["paper"].notna()]
    twice = rows[rows.duplicated(list(CELL))]
    if len(twice):
        raise ValueError(
            f"a figure shows one start a cell, got two for {twice.iloc[0]['dataset']} / "
            f"{twice.iloc[0]['student']}; choose rows of one start before `summary`"
        )
    has_none = "doubts" in rows and not rows["doubts"].any()
    return rows.drop(columns="doubts") if has_none else rows


def _doubts(rows: pd.DataFrame) -> str:
    """Return what the marks of doubt of the drawn cells mean, "" where they have none."""
    return meanings(rows["doubts"]) if "doubts" in rows else ""


def _noted(chart: ChartType, rows: pd.DataFrame) -> ChartType:
    """Return the chart with the meaning of its marks below; which cells have them, tooltips say."""
    if not (text := _doubts(rows)):
        return chart
    lines = textwrap.wrap(f"Some of these cells are doubtful. {text}", NOTE_WIDTH)
    title = alt.TitleParams(lines, orient="bottom", fontSize=11, fontWeight="normal")
    noted: ChartType = chart.properties(title=title)
    return noted


def _ours(rows: pd.DataFrame) -> pd.DataFrame:
    return _light(rows[rows["mean"].notna()])


def _papers(rows: pd.DataFrame) -> pd.DataFrame:
    return _light(rows[rows["paper"].notna()])


def _light(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the few short columns that the page has to carry."""
    names = [*NEEDED, *rows.columns.intersection(["percent", "doubts"])]
    return rows[names].round(5)


def _score_axis(channel: str, field: str, domain: list[float], title: str) -> alt.X | alt.Y:
    kind = alt.X if channel == "x" else alt.Y
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    return kind(f"{field}:Q", scale=scale, title=title, axis=alt.Axis(tickCount=5))


def _padded(low: float, high: float) -> list[float]:
    room = max(0.05 * (high - low), 0.005)
    return [round(max(low - room, 0.0), 4), round(min(high + room, 1.0), 4)]


def _tooltip(rows: pd.DataFrame) -> list[alt.Tooltip]:
    names = [alt.Tooltip(f"{name}:N") for name in ("dataset", "student", "train_data")]
    scores = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("mean", "low", "high", "paper")]
    doubts = [alt.Tooltip("doubts:N")] if "doubts" in rows else []
    return [*names, *scores, alt.Tooltip("n:Q"), *doubts]


def _source_legend(rows: pd.DataFrame, names: tuple[str, ...] = SOURCES) -> alt.Chart:
    """Return an invisible layer whose legend names the filled mark, the open one and the line."""
    missing = {SOURCES[1]} if rows["paper"].isna().all() else set()
    missing |= {SOURCES[0], RANDOM_LINE} if rows["mean"].isna().all() else set()
    sources = [name for name in names if name not in missing]
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1, symbolStrokeWidth=1.5)
    looks = {
        SOURCES[0]: ("circle", INK),
        SOURCES[1]: ("diamond", "transparent"),
        RANDOM_LINE: ("M0,-1L0,1", "transparent"),
    }
    shapes, fills = zip(*(looks[name] for name in sources), strict=True)
    chart = alt.Chart(pd.DataFrame({"source": sources})).mark_point(opacity=0, size=0, stroke=INK)
    layer: alt.Chart = chart.encode(
        shape=alt.Shape(
            "source:N", legend=legend, scale=alt.Scale(domain=sources, range=list(shapes))
        ),
        fill=alt.Fill(
            "source:N", legend=legend, scale=alt.Scale(domain=sources, range=list(fills))
        ),
    )
    return layer


def _described(kind: str, rows: pd.DataFrame) -> str:
    """Return the alternative text: what is drawn, of how many runs, and where it lies."""
    ours = rows[rows["mean"].notna()]
    by = "size of the training subset" if kind == "Line" else "training subset"
    parts = [f"{kind} plot of {SCORE} by {by}, {int(ours['n'].sum())} runs in {len(ours)} cells."]
    for (dataset, student), group in ours.groupby(["dataset", "student"], sort=False):
        by_score = group.sort_values("mean").to_dict("records")
        lowest, highest = by_score[0], by_score[-1]
        parts.append(
            f"{dataset}, {student}: highest {highest['mean']:.3f} ({highest['train_data']}), "
            f"lowest {lowest['mean']:.3f} ({lowest['train_data']})."
        )
    parts.append(f"{int(rows['paper'].notna().sum())} values of the paper's beside.")
    return " ".join([*parts, *filter(None, [_doubts(rows)])])
