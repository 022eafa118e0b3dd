"""The data map: every training example by what its teacher made of it, epoch after epoch."""

from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from altair.typing import ChartType

from carto_helpers.comparison import require_columns
from carto_helpers.selection import ANCHORS, METRICS
from carto_helpers.theme import CORRECTNESS_RANGE, INK, REGION_COLOURS, finish, not_run

MAX_ROWS = 5_000  # Altair's own limit of embedded rows, on purpose
MAP_COLUMNS = ("index", "class", *METRICS, "region")
# start, stop, step: every histogram's bins, whatever is brushed
BINS = {
    "confidence": (0.0, 1.0, 0.05),
    "variability": (0.0, 0.5, 0.025),
    "correctness": (-0.05, 1.05, 0.1),
}
CELLS = (40, 40)  # of the density: variability, confidence
PLOT = (400, 400)  # pixels
MARGIN = 110  # pixels: the histograms' height
POPUP = 128  # pixels: the tooltip's image


class MapCounts(NamedTuple):
    """How many examples a data map shows, and how."""

    all: int
    points: int
    images: int


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


def histogram(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the share of examples in each of the fixed bins of one statistic.

    Parameters
    ----------
    frame
        The column `name`.
    name
        confidence, variability or correctness.

    Returns
    -------
    DataFrame
        start, stop and share, in [0, 1], of every bin; the last bin holds its upper edge.
    """
    low, high, step = BINS[name]
    n_bins = round((high - low) / step)
    edges = np.round(np.linspace(low, high, n_bins + 1), 6)
    place = np.floor((frame[name].to_numpy(dtype=float) - low) / step + 1e-9).astype(int)
    counts = np.bincount(np.clip(place, 0, n_bins - 1), minlength=n_bins)
    share = np.round(counts / max(len(frame), 1), 6)
    return pd.DataFrame({"start": edges[:-1], "stop": edges[1:], "share": share})


def sample_for_map(frame: pd.DataFrame, n: int = 4000, seed: int = 0) -> pd.DataFrame:
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
    chosen = np.concatenate([order[has_image], order[~has_image]])[:n]
    return frame.iloc[np.sort(chosen)]


def _images(frame: pd.DataFrame) -> pd.Series:
    if "image" not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    return frame["image"].astype(object).where(frame["image"].notna(), "")


def map_counts(frame: pd.DataFrame, n: int = 4000, seed: int = 0) -> MapCounts:
    """Return how many examples `data_map` shows as density, as points and with an image."""
    sample = sample_for_map(frame, n, seed)
    return MapCounts(len(frame), len(sample), int(_images(sample).ne("").sum()))


def map_caption(frame: pd.DataFrame, n: int = 4000, seed: int = 0) -> str:
    """Return the sentences that state what a data map shows of how many examples."""
    if frame.empty:
        return "Not run."
    counts = map_counts(frame, n, seed)
    return (
        f"Density and pale bars: all {counts.all:,} training examples. Points and the bars in "
        f"front: a seeded sample of {counts.points:,}, {counts.images:,} of them with their "
        "image. Lines: how far each region, the third nearest to its anchor, reaches; dotted: the "
        "most variability that a mean allows."
    )


def data_map(frame: pd.DataFrame, *, n: int = 4000, seed: int = 0) -> ChartType:
    """Return the data map: a sample as points over the density of all, and three histograms.

    A brush on the points filters the histograms in front; the pale ones behind hold all examples.
    Domains and bins are fixed. Hovering shows the image, enlarged, and the statistics.

    Parameters
    ----------
    frame
        One row an example: index, class, the four statistics, region, and if there are any image
        (a data URI or "") and p_gold (a list, one probability an epoch).
    n, seed
        Of `sample_for_map`.

    Notes
    -----
    Figures 1, 2 and 9 to 12 of the paper; regions as its authors' code has them, nearest to
    (variability, confidence) = (0, 1), (1, 0.5) and (0, 0).
    """
    if frame.empty:
        return not_run("data map")
    require_columns(frame, MAP_COLUMNS, "frame")
    rows = _embedded(sample_for_map(frame, n, seed))
    brush = alt.selection_interval(name="brush", encodings=["x", "y"])
    points = alt.Chart(rows)
    main = alt.layer(_density_layer(frame), _points(points, brush), *_guides(frame))
    main = main.properties(width=PLOT[0], height=PLOT[1])
    upper, right, corner = (
        _histogram(frame, points, name, brush)
        for name in ("variability", "confidence", "correctness")
    )
    chart = alt.concat(upper, corner, main, right, columns=2, spacing=10)
    chart = chart.resolve_scale(color="independent", opacity="independent")
    return finish(chart, _description(frame, len(rows)))


def _description(frame: pd.DataFrame, n_points: int) -> str:
    shares = frame["region"].value_counts(normalize=True)
    means = ", ".join(f"mean {name} {frame[name].mean():.2f}" for name in METRICS[:3])
    regions = ", ".join(
        f"{name} {100 * float(shares.get(name, 0.0)):.0f} %" for name in REGION_COLOURS
    )
    return (
        f"Data map of {len(frame):,} training examples, {n_points:,} drawn as points: confidence "
        f"against variability, coloured by correctness, with a histogram of each. {means}. "
        f"Nearest to an anchor: {regions}."
    )


def _embedded(sample: pd.DataFrame) -> pd.DataFrame:
    """Return the few short columns that the page has to carry."""
    rows = sample[list(MAP_COLUMNS)].reset_index(drop=True)
    rows[list(METRICS)] = rows[list(METRICS)].astype(float).round(4)
    images = _images(sample).reset_index(drop=True)
    if images.ne("").any():
        rows["thumbnail"] = images
    if "p_gold" in sample:
        rows["history"] = [
            "" if not np.iterable(values) else " ".join(f"{p:.2f}" for p in values)
            for values in sample["p_gold"]
        ]
    return rows


def _density_layer(frame: pd.DataFrame) -> alt.Chart:
    cells = alt.Chart(density(frame)).mark_rect(color=INK)
    shade = alt.Opacity(
        "count:Q",
        scale=alt.Scale(type="log", range=[0.08, 0.6]),
        legend=alt.Legend(
            title="all examples, per cell", orient="bottom", direction="horizontal",
            titleOrient="left", symbolType="square", symbolFillColor=INK, symbolStrokeWidth=0,
            values=[1, 10, 100, 1000],
        ),
    )  # fmt: skip
    bare: dict[str, Any] = {"grid": False, "format": ".1f", "tickCount": 5}
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, 0.5]), title="variability", axis=alt.Axis(**bare))
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, 1]), title="confidence", axis=alt.Axis(**bare))
    layer: alt.Chart = cells.encode(x=x, x2="x2:Q", y=y, y2="y2:Q", opacity=shade)
    return layer


def _points(points: alt.Chart, brush: alt.Parameter) -> alt.Chart:
    rows = points.data
    fields = ["index", "class", "region", *METRICS]
    shown = [alt.Tooltip(f"{name}:{'N' if name in fields[:3] else 'Q'}") for name in fields]
    if "history" in rows:
        shown.append(alt.Tooltip("history:N", title="p_gold by epoch"))
    if "thumbnail" in rows:
        points = points.transform_calculate(image=_enlarged("datum.thumbnail"))
        shown.insert(0, alt.Tooltip("image:N"))
    layer: alt.Chart = (
        points.mark_circle(size=14)
        .encode(
            x="variability:Q",
            y="confidence:Q",
            color=alt.Color("correctness:Q", scale=_correctness_scale(), legend=None),
            opacity=alt.when(brush).then(alt.value(0.75)).otherwise(alt.value(0.15)),
            tooltip=shown,
        )
        .add_params(brush)
    )
    return layer


def _enlarged(field: str) -> str:
    """Return the expression that wraps a small image in a larger one: a tooltip has no size."""
    size = f"width='{POPUP}' height='{POPUP}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size}><image {size} "
    head += "style='image-rendering:pixelated' href='"
    return f"""{field} ? "data:image/svg+xml;utf8,{head}" + {field} + "'/></svg>" : "" """.strip()


def _correctness_scale() -> alt.Scale:
    return alt.Scale(domain=[0, 0.5, 1], range=list(CORRECTNESS_RANGE))


def _guides(frame: pd.DataFrame) -> list[alt.Chart]:
    """Return the half-ellipse that bounds every example, and the regions' reach."""
    mean = np.round(np.linspace(0, 1, 81), 4)
    bound = pd.DataFrame({"y": mean, "x": np.round(np.sqrt(mean * (1 - mean)), 4), "order": mean})
    colour = alt.Stroke(
        "region:N",
        scale=alt.Scale(domain=list(REGION_COLOURS), range=list(REGION_COLOURS.values())),
        legend=alt.Legend(title="reach of", orient="bottom", direction="horizontal",
                          titleOrient="left", symbolType="stroke", symbolStrokeWidth=2),
    )  # fmt: skip
    place = {"x": alt.X("x:Q"), "y": alt.Y("y:Q"), "order": alt.Order("order:Q")}
    dotted = alt.Chart(bound).mark_line(color=INK, strokeDash=[1, 3], strokeWidth=1)
    outlines = alt.Chart(reach(frame)).mark_line(strokeWidth=2)
    return [dotted.encode(**place), outlines.encode(**place, stroke=colour)]


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


def _histogram(
    frame: pd.DataFrame, points: alt.Chart, name: str, brush: alt.Parameter
) -> ChartType:
    """Return one histogram: all examples in grey, the brushed points before them in colour."""
    everyone = histogram(frame[[name]].astype(float).round(4), name)  # as the points are embedded
    low, high, step = BINS[name]
    x, y = ("y", "x") if name == "confidence" else ("x", "y")
    kinds: dict[str, Any] = {"x": alt.X, "y": alt.Y}
    scale = alt.Scale(domain=[low, high], nice=False)
    top = min(max(float(everyone["share"].max()) * 1.1, 0.01), 1.0)
    share_axis: dict[str, Any] = {
        "scale": alt.Scale(domain=[0, top], nice=False),
        "axis": alt.Axis(title="share of examples", format="%", tickCount=2),
    }
    colour: Any = alt.value(INK)
    if name == "correctness":
        colour = alt.Color("level:Q", scale=_correctness_scale(), legend=None)
    behind = alt.Chart(everyone).mark_bar(opacity=0.35, binSpacing=0).encode(
        **{x: kinds[x]("start:Q", bin="binned", scale=scale, axis=_bin_axis(name)),
           y: kinds[y]("share:Q", **share_axis), f"{x}2": "stop:Q"},
        color=alt.value(INK),
    )  # fmt: skip
    ends: list[str | alt.FieldName] = [f"{name}_start", f"{name}_stop"]
    before = (
        points.transform_filter(brush)
        .transform_bin(ends, field=name, bin=alt.Bin(extent=[low, high], step=step, nice=False))
        .transform_calculate(part=f"1 / {len(points.data)}", level=f"datum.{ends[0]} + {step / 2}")
        .mark_bar(binSpacing=3)
        .encode(
            **{x: kinds[x](f"{ends[0]}:Q", bin="binned", scale=scale, axis=_bin_axis(name)),
               y: kinds[y]("sum(part):Q", **share_axis), f"{x}2": f"{ends[1]}:Q"},
            color=colour,
        )
    )  # fmt: skip
    width = PLOT[0] if name == "variability" else MARGIN
    height = PLOT[1] if name == "confidence" else MARGIN
    return alt.layer(behind, before).properties(width=width, height=height)


def _bin_axis(name: str) -> alt.Axis:
    """Return the axis of a statistic: named where it is not the data map's own."""
    if name == "correctness":
        return alt.Axis(values=[0, 0.5, 1], title="correctness (colour)", grid=False)
    ticks = list(np.arange(0, 0.51, 0.1) if name == "variability" else np.arange(0, 1.1, 0.2))
    return alt.Axis(values=np.round(ticks, 2).tolist(), title=None, labels=False, grid=False)
