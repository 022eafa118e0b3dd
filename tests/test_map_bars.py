"""The bars of a data map: colours with one meaning, all examples behind the brushed."""

import altair as alt
import pytest
from made_frames import made_map, views_of

from carto_helpers.charts.map_bars import MOST_NAMED, class_bars, colour_scale, statistic_bars

BRUSH = alt.selection_interval(name="brush")


def bars(name, frame):
    points = alt.Chart(frame)
    if name == "class":
        chart = class_bars(frame, points, BRUSH)
    else:
        chart = statistic_bars(frame, points, name, BRUSH)
    return views_of(chart.to_dict())


@pytest.mark.parametrize(
    "name", ["confidence", "variability", "correctness", "forgetfulness", "class"]
)
def test_bars_in_front_are_the_brushed_and_lit_points(name):
    behind, before = bars(name, made_map(60))
    assert not behind.get("transform")
    filters = [t["filter"] for t in before["transform"] if "filter" in t]
    assert filters == [{"param": "brush"}, "datum.is_lit"]
    assert {"calculate": "1 / 60", "as": "part"} in before["transform"]


@pytest.mark.parametrize("name", ["confidence", "variability", "correctness", "forgetfulness"])
def test_domains_are_fixed(name):
    for view in bars(name, made_map(60)):
        assert all("domain" in view["encoding"][channel]["scale"] for channel in ("x", "y"))


def test_no_bar_of_a_small_sample_leaves_the_plot():
    frame = made_map(300).assign(correctness=lambda all_: (all_["index"] % 10) / 10)
    points = alt.Chart(frame[frame["correctness"] == 0.3])
    (view, _) = views_of(statistic_bars(frame, points, "correctness", BRUSH).to_dict())
    assert view["encoding"]["y"]["scale"]["domain"] == [0, 1]


def test_zero_slope_is_the_colour_between():
    domain = colour_scale(made_map(60), "forgetfulness").to_dict()["domain"]
    assert domain[1] == 0 and domain[0] == -domain[2]


def test_ten_classes_have_a_colour_each():
    frame = made_map(60).assign(**{"class": [str(i % 10) for i in range(60)]})
    scale = colour_scale(frame, "class").to_dict()
    assert scale["domain"] == [str(i) for i in range(10)]
    assert len(set(scale["range"])) == 10


def test_more_classes_than_can_be_read_are_not_named():
    frame = made_map(60).assign(**{"class": [str(i) for i in range(60)]})
    axis = bars("class", frame)[0]["encoding"]["x"]["axis"]
    assert not axis["labels"] and axis["title"].startswith("60 classes")
    few = frame.assign(**{"class": [str(i % MOST_NAMED) for i in range(60)]})
    assert bars("class", few)[0]["encoding"]["x"]["axis"]["labels"]
