"""The data map: every training example by what its teacher made of it, epoch after epoch."""

from typing import Any

import altair as alt
import pandas as pd
from altair.typing import ChartType

from carto_helpers.charts.map_bars import PLOT, class_bars, colour_scale, statistic_bars
from carto_helpers.charts.map_rows import (
    MAP_COLUMNS,
    MapCounts,
    embedded,
    map_caption,
    map_counts,
    sample_for_map,
    small_caption,
    small_sample,
)
from carto_helpers.charts.map_shape import bound, density, histogram, reach
from carto_helpers.charts.map_subsets import membership, packed, shown_subsets
from carto_helpers.charts.map_tooltip import computed, tooltip
from carto_helpers.charts.theme import INK, REGION_COLOURS, finish, not_run
from carto_helpers.comparison import require_columns
from carto_helpers.selection import METRICS

__all__ = [
    "MapCounts", "data_map", "density", "histogram", "map_caption", "map_counts", "reach",
    "sample_for_map", "small_caption", "small_map",
]  # fmt: skip

COLOURINGS = ("correctness", "forgetfulness", "class")
ALL_CLASSES = "all classes"


def data_map(
    frame: pd.DataFrame, *, n: int = 4000, seed: int = 0, fraction: float = 0.33
) -> ChartType:
    """Return the data map: a sample as points over the density of all, with bars to explore it.

    Hovering over a point shows its image, enlarged, its prediction history and its scores. A brush
    filters the bars in front; the pale ones behind hold all examples. Four inputs choose what
    colour means, which subset and which class is lit up, and which index is ringed. Domains and
    bins are fixed. In the book, ``_static/data_map.js`` adds what a chart alone cannot: a strip of
    the brushed images, the search among all examples, and the brushed indices as CSV.

    Parameters
    ----------
    frame
        One row an example, in the order of the training split: index, class, the four statistics,
        region, and if there are any image (a data URI or "") and p_gold (a list, one probability
        an epoch).
    n, seed
        Of `sample_for_map`.
    fraction
        Of the subsets that can be lit up.

    Notes
    -----
    Figures 1, 2 and 9 to 12 of the paper; regions as its authors' code has them, nearest to
    (variability, confidence) = (0, 1), (1, 0.5) and (0, 0).
    """
    if frame.empty:
        return not_run("data map")
    require_columns(frame, MAP_COLUMNS, "frame")
    marked = frame.assign(subsets=membership(frame, fraction))
    index: Any = alt.binding(input="text", name="find index ", debounce=200)
    search = alt.param(name="found_index", value="", bind=index)
    rows = _rows(sample_for_map(marked, n, seed))
    chart = _views(frame, rows, [*_inputs(frame, fraction), search], _ring(rows))
    chart.usermeta["dataMap"] = packed(frame, marked["subsets"].to_numpy())
    return chart


def small_map(frame: pd.DataFrame, *, seed: int = 0, fraction: float = 0.33) -> ChartType:
    """Return a data map for pages that only need to show where the subsets lie.

    The same views and choices as `data_map`, of few points and images. Without all examples packed
    it has no search, no strip and no CSV, and weighs a tenth: the full map is drawn once, on the
    teacher's page.

    Parameters
    ----------
    frame, seed, fraction
        Of `data_map`.
    """
    if frame.empty:
        return not_run("data map")
    require_columns(frame, MAP_COLUMNS, "frame")
    marked = frame.assign(subsets=membership(frame, fraction))
    return _views(frame, _rows(small_sample(marked, seed)), _inputs(frame, fraction))


def _rows(sample: pd.DataFrame) -> pd.DataFrame:
    return embedded(sample, sample["subsets"].to_numpy())


def _views(
    frame: pd.DataFrame, rows: pd.DataFrame, inputs: list[alt.Parameter], *marks: alt.Chart
) -> ChartType:
    """Return the map, with `marks` upon it, its bars, and above them what a reader can choose."""
    brush = alt.selection_interval(name="brush", encodings=["x", "y"])
    points = alt.Chart(rows).transform_calculate(is_lit=_is_lit())
    views = [statistic_bars(frame, points, name, brush) for name in ("variability", "correctness")]
    views += [_map(frame, points, brush, *marks)]
    views += [statistic_bars(frame, points, "confidence", brush), class_bars(frame, points, brush)]
    views += [statistic_bars(frame, points, "forgetfulness", brush)]
    chart = alt.concat(*views, columns=2, spacing=10).add_params(*inputs)
    chart = chart.resolve_scale(color="independent", opacity="independent", stroke="independent")
    themed = finish(chart, _description(frame, len(rows)))
    themed.usermeta["embedOptions"] |= {"renderer": "canvas"}  # lighter than 4,000 elements
    return themed


def _inputs(frame: pd.DataFrame, fraction: float) -> list[alt.Parameter]:
    """Return what a reader can choose: colour, subset and class."""
    labels = [subset.label() for subset in shown_subsets(len(frame), fraction)]
    subsets = alt.binding_select(
        options=[-1, *range(len(labels))], labels=["all examples", *labels], name="light up "
    )
    classes = [ALL_CLASSES, *sorted(set(frame["class"].astype(str)))]
    colour = alt.binding_select(options=list(COLOURINGS), name="colour by ")
    return [
        alt.param(name="colour_by", value=COLOURINGS[0], bind=colour),
        alt.param(name="lit_subset", value=-1, bind=subsets),
        alt.param(
            name="lit_class",
            value=ALL_CLASSES,
            bind=alt.binding_select(options=classes, name="show "),
        ),
    ]


def _is_lit() -> str:
    """Return the expression that is true for a point of the chosen subset and class."""
    in_subset = "(lit_subset < 0 || floor(datum.subsets / pow(2, lit_subset)) % 2 == 1)"
    return f"{in_subset} && (lit_class == '{ALL_CLASSES}' || datum['class'] == lit_class)"


def _map(
    frame: pd.DataFrame, points: alt.Chart, brush: alt.Parameter, *marks: alt.Chart
) -> ChartType:
    layers = [_density_layer(frame).add_params(brush)]
    layers += [_points(frame, points, name, brush) for name in COLOURINGS]
    layers += [*_guides(frame), *marks]
    chart: ChartType = alt.layer(*layers).resolve_scale(color="independent")
    sized: ChartType = chart.properties(width=PLOT[0], height=PLOT[1])
    return sized


def _points(frame: pd.DataFrame, points: alt.Chart, name: str, brush: alt.Parameter) -> alt.Chart:
    """Return the points, coloured by one of `COLOURINGS`; none while another one is chosen."""
    kind = "N" if name == "class" else "Q"
    shown = points.transform_filter(f"colour_by == '{name}'")
    colour = alt.Color(f"{name}:{kind}", scale=colour_scale(frame, name), legend=None)
    is_chosen = alt.when(brush, alt.datum.is_lit)
    layer: alt.Chart = (
        shown.transform_calculate(**computed(points.data))
        .mark_circle(size=14)
        .encode(
            x="variability:Q",
            y="confidence:Q",
            color=colour,
            opacity=is_chosen.then(alt.value(0.75)).otherwise(alt.value(0.08)),
            tooltip=tooltip(points.data),
        )
    )
    return layer


def _ring(rows: pd.DataFrame) -> alt.Chart:
    """Return the ring about the example that was searched for."""
    found = alt.Chart(rows).transform_filter("toString(datum.index) == found_index")
    ring = found.mark_point(size=220, strokeWidth=3, color=INK, filled=False, opacity=1)
    layer: alt.Chart = ring.encode(x="variability:Q", y="confidence:Q")
    return layer


def _description(frame: pd.DataFrame, n_points: int) -> str:
    shares = frame["region"].value_counts(normalize=True)
    means = ", ".join(f"mean {name} {frame[name].mean():.2f}" for name in METRICS[:3])
    regions = ", ".join(
        f"{name} {100 * float(shares.get(name, 0.0)):.0f} %" for name in REGION_COLOURS
    )
    return (
        f"Data map of {len(frame):,} training examples, {n_points:,} drawn as points: confidence "
        f"against variability, coloured by correctness, with a histogram of each statistic and the "
        f"classes. {means}. Nearest to an anchor: {regions}."
    )


def _density_layer(frame: pd.DataFrame) -> alt.Chart:
    # named as the points' fields are, for it is these that the brush compares
    rows = density(frame).rename(columns={"x": "variability", "y": "confidence"})
    cells = alt.Chart(rows).mark_rect(color=INK)
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
    ends: dict[str, list[float]] = {"variability": [0, 0.5], "confidence": [0, 1]}
    x, y = (
        kind(f"{name}:Q", scale=alt.Scale(domain=ends[name]), title=name, axis=alt.Axis(**bare))
        for kind, name in ((alt.X, "variability"), (alt.Y, "confidence"))
    )
    layer: alt.Chart = cells.encode(x=x, x2="x2:Q", y=y, y2="y2:Q", opacity=shade)
    return layer


def _guides(frame: pd.DataFrame) -> list[alt.Chart]:
    """Return the half-ellipse that bounds every example, and the regions' reach."""
    colour = alt.Stroke(
        "region:N",
        scale=alt.Scale(domain=list(REGION_COLOURS), range=list(REGION_COLOURS.values())),
        legend=alt.Legend(title="reach of", orient="top", direction="horizontal",
                          titleOrient="left", symbolType="stroke", symbolStrokeWidth=2),
    )  # fmt: skip
    place = {"x": alt.X("x:Q"), "y": alt.Y("y:Q"), "order": alt.Order("order:Q")}
    dotted = alt.Chart(bound()).mark_line(color=INK, strokeDash=[1, 3], strokeWidth=1)
    outlines = alt.Chart(reach(frame)).mark_line(strokeWidth=2)
    return [dotted.encode(**place), outlines.encode(**place, stroke=colour)]
