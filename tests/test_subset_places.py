"""Where subsets lie: a panel each, counts that add up, the spread of a known cloud."""

import numpy as np
import pandas as pd
import pytest
from made_frames import made_map, views_of, width_of

from carto_helpers.charts.subset_places import ruled, spread, subset_places
from carto_helpers.charts.theme import MAX_WIDTH


def test_a_panel_holds_every_example_and_every_member_once() -> None:
    frame = made_map(200)
    subsets = {"low": np.arange(0, 60), "other": np.arange(100, 166)}
    chart = subset_places(frame, subsets).to_dict()
    counts = [sum(row["count"] for row in chart["datasets"][view["data"]["name"]])
              for view in views_of(chart)]  # fmt: skip
    assert counts == [200, 60, 200, 66]
    assert width_of(chart) <= MAX_WIDTH
    titles = [panel["title"] for panel in chart["concat"]]
    assert titles[0] == f"low, spread {spread(frame.iloc[:60]):.3f}"
    assert "other: 66 examples, mean confidence" in chart["description"]


def test_a_rule_names_the_positions_that_it_chooses() -> None:
    frame = made_map(100)
    chosen = ruled(frame, ("low-confidence", "easy-to-learn"), fraction=0.2)
    assert list(chosen) == ["low-confidence", "easy-to-learn"]
    assert set(chosen["low-confidence"]) == set(np.argsort(frame["confidence"])[:20])


def test_spread_is_the_mean_distance_from_the_centre() -> None:
    frame = made_map(50)
    points = frame[["variability", "confidence"]].to_numpy()
    away = points - points.mean(0)
    assert spread(frame) == pytest.approx(np.sqrt((away**2).sum(1)).mean())
    assert spread(frame.iloc[:1]) == 0


def test_nothing_to_show_is_said() -> None:
    assert "not run" in str(subset_places(made_map(5), {}).to_dict()["description"])
    with pytest.raises(ValueError, match="`frame` must have the column variability"):
        spread(pd.DataFrame({"confidence": [0.5]}))
