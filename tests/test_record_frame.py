"""A record as a frame: its rows, regions and names."""

import pytest
from made_loops import expected_record, made_logits

from carto_helpers.record_frame import record_frame


def test_a_frame_has_one_row_an_example_and_its_regions() -> None:
    record = expected_record(*made_logits(n=40))
    frame = record_frame(record, {3: "data:,"})
    assert frame["index"].tolist() == list(range(40))
    assert frame["image"].tolist().count("data:,") == 1
    assert frame["region"].value_counts()["easy-to-learn"] == 13
    assert frame["class"].tolist() == [str(label) for label in record.labels]
    assert "id" not in frame


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_frame_of_few_has_regions_of_one(n: int) -> None:
    frame = record_frame(expected_record(*made_logits(n=n)))
    assert frame["region"].value_counts()["easy-to-learn"] == 1
