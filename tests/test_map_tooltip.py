"""A data map's tooltip: image above history, each only where the rows have it."""

import numpy as np
from made_frames import made_map

from carto_helpers.charts.map_rows import embedded
from carto_helpers.charts.map_tooltip import CURVE, POPUP, computed, tooltip


def rows(*, images=0, p_gold=None):
    frame = made_map(3, images=images)
    frame = frame if p_gold is None else frame.assign(p_gold=[p_gold] * 3)
    return embedded(frame, np.zeros(3, int))


def fields(frame):
    return [shown.to_dict()["field"] for shown in tooltip(frame)]


def test_scores_stand_in_every_tooltip():
    assert fields(rows())[:3] == ["index", "class", "region"]
    assert computed(rows()) == {}


def test_image_comes_first_and_history_last():
    shown = fields(rows(images=3, p_gold=[0.1, 0.9]))
    assert (shown[0], shown[-1]) == ("image", "epochs")


def test_picture_is_as_high_as_what_it_holds():
    assert f"height='{POPUP}'>" in computed(rows(images=3))["image"]
    assert f"height='{CURVE}'>" in computed(rows(p_gold=[0.1, 0.9]))["image"]
    assert f"height='{POPUP + CURVE}'>" in computed(rows(images=3, p_gold=[0.1, 0.9]))["image"]


def test_history_of_one_epoch_has_a_width():
    assert "scale(120.000 -40)" in computed(rows(p_gold=[0.5]))["image"]
