"""The data map: inputs, brush, tooltip; a light page, no title that varies."""

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_frames import embedded_rows, made_map, views_of, width_of

from carto_helpers.charts.data_map import COLOURINGS, data_map, small_caption, small_map
from carto_helpers.charts.theme import MAX_WIDTH


def test_data_map_is_light_narrow_described_and_fixed() -> None:
    """40,000 examples and 2,500 images: at most 5,000 rows, 700 px and 2.9 MB."""
    frame = made_map(40_000, images=2500)
    frame["p_gold"] = list(np.full((40_000, 10), 0.5))
    chart = data_map(frame).to_dict()
    assert max(embedded_rows(chart)) <= 5000
    assert sum(embedded_rows(chart)) <= 7000
    assert len(json.dumps(chart)) < 2_900_000  # a page's own weight is about 30 kB
    assert "40,000 training examples, 4,000 drawn" in chart["description"]
    for view in views_of(chart):
        for channel in ("x", "y"):
            scale = view["encoding"].get(channel, {}).get("scale")
            assert scale is None or "domain" in scale


def test_data_map_fits_the_page_and_renders() -> None:
    """Vega accepts it, with images, prediction history and without."""
    frame = made_map(60, images=5)
    with_history = frame.assign(p_gold=[[0.1, 0.9]] * 30 + [None] * 30)
    for each in (frame, with_history, frame.drop(columns="image")):
        assert width_of(data_map(each).to_dict()) <= MAX_WIDTH


def test_data_map_brush_filters_every_bar() -> None:
    """Four histograms and the classes listen to the one brush, on the points' own fields."""
    chart = data_map(made_map(60)).to_dict()
    filters = [
        t["filter"] for v in views_of(chart) for t in v.get("transform", []) if "filter" in t
    ]
    assert filters.count({"param": "brush"}) == 5
    (brushed,) = [v for v in views_of(chart) if v.get("name") in _views(chart, "brush")]
    assert brushed["encoding"]["x"]["field"] == "variability"
    assert brushed["encoding"]["y"]["field"] == "confidence"


def _views(chart: dict[str, Any], name: str) -> list[str]:
    return next(param["views"] for param in chart["params"] if param["name"] == name)


def test_data_map_lets_the_reader_choose() -> None:
    """Colour, subset, class and index; regions stand before the rules."""
    params = {p["name"]: p for p in data_map(made_map(60)).to_dict()["params"] if "bind" in p}
    assert set(params) == {"colour_by", "lit_subset", "lit_class", "found_index"}
    assert params["colour_by"]["bind"]["options"] == list(COLOURINGS)
    subsets = params["lit_subset"]["bind"]
    assert len(subsets["options"]) == len(subsets["labels"]) == 20
    assert subsets["labels"][:2] == ["all examples", "33% easy-to-learn"]
    assert params["lit_class"]["bind"]["options"] == ["all classes", "cat", "dog"]


def test_data_map_carries_all_examples_packed() -> None:
    """The page's script searches and saves them, not the sample."""
    frame = made_map(60)
    chart = data_map(frame, n=10).to_dict()
    pack = chart["usermeta"]["dataMap"]
    index = np.frombuffer(base64.b64decode(pack["index"]["base64"]), pack["index"]["dtype"])
    assert sorted(index) == sorted(frame["index"])


def test_small_map_weighs_little_and_lights_up_the_same_subsets() -> None:
    """Of 40,000 examples 500 points, 250 images; no search, for its page has not all of them."""
    frame = made_map(40_000, images=2500)
    frame["p_gold"] = list(np.full((40_000, 10), 0.5))
    small, full = small_map(frame).to_dict(), data_map(frame).to_dict()
    assert len(json.dumps(small)) < 400_000
    assert "40,000 training examples, 500 drawn" in small["description"]
    assert "sample of 500, 250 of them" in small_caption(frame)
    assert "dataMap" not in small["usermeta"]
    choices = [
        {p["name"]: p["bind"] for p in chart["params"] if "bind" in p} for chart in (small, full)
    ]
    assert set(choices[1]) - set(choices[0]) == {"found_index"}
    assert all(choices[1][name] == bind for name, bind in choices[0].items())
    assert width_of(small) <= MAX_WIDTH


def test_data_map_of_nothing_says_not_run() -> None:
    """An empty frame is no error."""
    for draw in (data_map, small_map):
        assert "not run" in draw(pd.DataFrame()).to_dict()["description"]
    assert small_caption(pd.DataFrame()) == "Not run."


def test_data_map_needs_its_columns() -> None:
    """The missing one is named."""
    with pytest.raises(ValueError, match="`frame` must have the column forgetfulness, got index"):
        data_map(made_map(10).drop(columns="forgetfulness"))
