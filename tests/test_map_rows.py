"""The rows of a data map: a seeded sample, images first but not too many, few short columns."""

import numpy as np
import pandas as pd
import pytest
from made_frames import made_map

from carto_helpers.charts.map_rows import (
    MAX_IMAGES,
    embedded,
    map_caption,
    map_counts,
    sample_for_map,
)


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


def test_no_more_images_than_a_light_page_holds() -> None:
    """The points stay as many as asked for."""
    frame = made_map(4000, images=3500)
    sample = sample_for_map(frame, n=3000)
    assert len(sample) == 3000
    assert sample["image"].ne("").sum() == MAX_IMAGES
    assert map_counts(frame, n=3000) == (4000, 3000, MAX_IMAGES)


def test_embedded_history_is_epochs_and_probabilities() -> None:
    """Text that is a line's points too; none where the record has none."""
    frame = made_map(2, images=1).assign(p_gold=[[0.125, 1.0], None])
    rows = embedded(frame, np.array([5, 0]))
    assert rows["history"].tolist() == ["0,.12 1,1.00", ""]
    assert rows["subsets"].tolist() == [5, 0]
    assert "thumbnail" in rows
    assert not {"history", "thumbnail"} & set(embedded(made_map(2), np.array([0, 0])))
