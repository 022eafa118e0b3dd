"""The regions' images: of the region, seeded, named; what a folder is called stays text."""

import numpy as np
import pandas as pd
import pytest
from made_frames import made_map

from carto_helpers.gallery import gallery, region_samples, suspicious
from carto_helpers.selection import ANCHORS


def frame_of_three_regions() -> pd.DataFrame:
    frame = made_map(300, images=150)
    return frame.assign(variability=np.linspace(0, 0.5, 300)[frame["index"]])


def test_samples_are_of_the_region_with_an_image_and_repeat() -> None:
    frame = frame_of_three_regions()
    rows = region_samples(frame, n=5, seed=2)
    pd.testing.assert_frame_equal(rows, region_samples(frame, n=5, seed=2))
    assert rows["region"].value_counts().to_dict() == dict.fromkeys(ANCHORS, 5)
    distance = {
        name: np.hypot(rows["variability"] - x, rows["confidence"] - y)
        for name, (x, y) in ANCHORS.items()
    }
    assert pd.DataFrame(distance).idxmin(axis=1).tolist() == rows["region"].tolist()
    assert rows["image"].ne("").all()
    assert set(region_samples(frame, n=5, seed=3)["index"]) != set(rows["index"])


def test_every_image_has_label_index_and_scores() -> None:
    frame = frame_of_three_regions()
    page = gallery(frame, n=3)
    rows = region_samples(frame, n=3)
    assert page.count("<img ") == 9
    for n_region in rows["n_region"]:
        assert f"3 drawn at random of {n_region}<" in page
    assert rows["n_region"].drop_duplicates().sum() == 300
    for row in rows.to_dict("records"):
        assert f'alt="{row["class"]}, training image {row["index"]}"' in page
        assert f"<abbr title='confidence'>conf</abbr> {row['confidence']:.2f}" in page


def test_a_class_name_is_text() -> None:
    frame = made_map(100, images=100).assign(**{"class": '<script>alert(1)</script>"'})
    assert "<script>" not in gallery(frame)


def test_nothing_to_show_is_said() -> None:
    assert "Not run" in gallery(made_map(50, images=0))
    assert "Not run" in gallery(made_map(5).iloc[:0])


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="`n` must be at least 1, got 0"):
        region_samples(made_map(9, images=9), n=0)
    with pytest.raises(ValueError, match="`frame` must have the column image"):
        region_samples(made_map(9).drop(columns="image"))


def test_suspicious_labels_are_the_least_confident_with_an_image() -> None:
    frame = made_map(300, images=100)
    page = suspicious(frame, n=3)
    lowest = frame[frame["image"].ne("")].sort_values("confidence").head(3)
    places = [page.index(f"training image {index}") for index in lowest["index"]]
    assert places == sorted(places)
    assert page.count("<img ") == 3
    assert "No images are recorded" in suspicious(made_map(50, images=0))
