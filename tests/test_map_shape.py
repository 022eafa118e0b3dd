"""The shape of a data map: counts that add up, bins that no brush changes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_frames import made_map

from carto_helpers.charts.map_shape import (
    BINS,
    bins,
    bound,
    class_shares,
    density,
    histogram,
    reach,
)


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


def test_reach_touches_the_farthest_member() -> None:
    """The outline is the circle about the anchor through that example."""
    frame = made_map(200)
    members = frame[frame["region"] == "easy-to-learn"]
    away = np.hypot(members["variability"], members["confidence"] - 1).max()
    outline = reach(frame)
    assert set(outline["region"]) == {"easy-to-learn"}
    np.testing.assert_allclose(np.hypot(outline["x"], outline["y"] - 1), away, atol=2e-4)
    assert reach(frame.assign(region="")).empty


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_bins_of_slopes_are_even_about_zero_and_hold_every_example(slopes: list[float]) -> None:
    """20 bins; nothing lies outside."""
    frame = pd.DataFrame({"forgetfulness": slopes})
    low, high, step = bins(frame, "forgetfulness")
    assert low == -high and high >= max(map(abs, slopes)) - 1e-9
    assert round((high - low) / step) == 20
    assert histogram(frame, "forgetfulness")["share"].sum() == pytest.approx(1, abs=1e-4)


def test_class_shares_add_up_and_are_sorted() -> None:
    """Names that are numbers too."""
    shares = class_shares(pd.DataFrame({"class": [3, 1, 3, 3]}))
    assert shares.to_dict("list") == {"class": ["1", "3"], "share": [0.25, 0.75]}


def test_bound_is_the_deviation_of_a_coin() -> None:
    """The most variable probabilities of mean m are 0 and 1."""
    middle = bound().iloc[40]
    coin = np.repeat([0.0, 1.0], 20)
    assert (middle["y"], middle["x"]) == (coin.mean(), coin.std())
