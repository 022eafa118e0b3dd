"""The data map's parts: counts that add up, fixed bins, a seeded sample, a light page."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_frames import embedded_rows, made_map, views_of, width_of

from carto_helpers.data_map import (
    BINS,
    data_map,
    density,
    histogram,
    map_caption,
    map_counts,
    reach,
    sample_for_map,
)
from carto_helpers.theme import MAX_WIDTH


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(0, 99))
def test_density_counts_every_example_once(n: int, seed: int) -> None:
    """The cells' counts add up, edges of the plane included."""
    frame = made_map(n, seed=seed)
    frame.loc[0, ["confidence", "variability"]] = [1.0, 0.5]
    cells = density(frame)
    assert cells["count"].sum() == n
    assert (cells["count"] > 0).all() and len(cells) <= 1600


@pytest.mark.parametrize("name", list(BINS))
def test_histogram_shares_add_up_and_bins_do_not_depend_on_data(name: str) -> None:
    """The same bins whatever is in them."""
    one, other = (histogram(made_map(seed=seed), name) for seed in (0, 1))
    assert one["share"].sum() == pytest.approx(1, abs=1e-4)
    pd.testing.assert_frame_equal(one[["start", "stop"]], other[["start", "stop"]])


def test_histogram_of_correctness_has_one_bin_for_each_of_ten_epochs() -> None:
    """0, 0.1 … 1 fall into eleven bins, binary tenths included."""
    shares = histogram(pd.DataFrame({"correctness": np.arange(11) / 10}), "correctness")["share"]
    np.testing.assert_allclose(shares, 1 / 11, atol=1e-6)


def test_last_bin_holds_its_upper_edge() -> None:
    """A confidence of exactly 1 is counted."""
    assert histogram(pd.DataFrame({"confidence": [1.0]}), "confidence")["share"].iloc[-1] == 1


def test_sample_is_seeded_ordered_and_takes_images_first() -> None:
    """Equal seeds, equal samples; every image that fits is in."""
    frame = made_map(300, images=40)
    sample = sample_for_map(frame, n=100, seed=3)
    pd.testing.assert_frame_equal(sample, sample_for_map(frame, n=100, seed=3))
    assert len(sample) == 100 and sample.index.is_monotonic_increasing
    assert sample["image"].ne("").sum() == 40
    assert not sample.equals(sample_for_map(frame, n=100, seed=4))


def test_sample_of_a_small_set_is_the_set() -> None:
    """Nothing is drawn twice."""
    frame = made_map(30)
    pd.testing.assert_frame_equal(sample_for_map(frame), frame)


@pytest.mark.parametrize("n", [0, 5001])
def test_sample_size_is_bounded(n: int) -> None:
    """Altair's limit is never lifted."""
    with pytest.raises(ValueError, match="`n` must lie in 1 … 5000"):
        sample_for_map(made_map(10), n=n)


def test_counts_and_caption_agree() -> None:
    """What the caption says is what is embedded."""
    frame = made_map(300, images=20)
    assert map_counts(frame, n=100) == (300, 100, 20)
    assert "all 300 training" in map_caption(frame, n=100)
    assert "sample of 100, 20 of them" in map_caption(frame, n=100)
    assert map_caption(frame.head(0)) == "Not run."


def test_reach_touches_the_farthest_member() -> None:
    """The outline is the circle about the anchor through that example."""
    frame = made_map(200)
    members = frame[frame["region"] == "easy-to-learn"]
    away = np.hypot(members["variability"], members["confidence"] - 1).max()
    outline = reach(frame)
    assert set(outline["region"]) == {"easy-to-learn"}
    np.testing.assert_allclose(np.hypot(outline["x"], outline["y"] - 1), away, atol=2e-4)
    assert reach(frame.assign(region="")).empty


def test_data_map_is_light_narrow_described_and_fixed() -> None:
    """40,000 examples and 2,500 images: at most 5,000 rows, 700 px and 2 MB."""
    frame = made_map(40_000, images=2500)
    frame["p_gold"] = None
    chart = data_map(frame).to_dict()
    assert max(embedded_rows(chart)) <= 5000
    assert sum(embedded_rows(chart)) <= 7000
    assert len(json.dumps(chart)) < 2_000_000
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


def test_data_map_brush_filters_the_histograms() -> None:
    """Three histograms listen to the one brush."""
    chart = data_map(made_map(60)).to_dict()
    filters = [t for v in views_of(chart) for t in v.get("transform", []) if "filter" in t]
    assert [f["filter"] for f in filters] == [{"param": "brush"}] * 3


def test_data_map_of_nothing_says_not_run() -> None:
    """An empty frame is no error."""
    assert "not run" in data_map(pd.DataFrame()).to_dict()["description"]


def test_data_map_needs_its_columns() -> None:
    """The missing one is named."""
    with pytest.raises(ValueError, match="`frame` must have the column forgetfulness, got index"):
        data_map(made_map(10).drop(columns="forgetfulness"))
