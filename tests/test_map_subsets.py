"""The subsets of a data map: the rules' own choice, and all examples packed without loss."""

import base64

import numpy as np
import pandas as pd
import pytest
from made_frames import made_map

from carto_helpers.charts.map_subsets import PACKED, membership, packed, shown_subsets
from carto_helpers.selection import METRICS, select


def unpacked(column: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(column["base64"]), dtype=column["dtype"])


def test_each_bit_is_the_rules_own_subset() -> None:
    """As phase 1 and phase 2 choose it."""
    frame = made_map(300)
    bits = membership(frame, 0.33)
    scores = {name: frame[name].to_numpy() for name in METRICS}
    for k, subset in enumerate(shown_subsets(300, 0.33)):
        chosen = np.flatnonzero(bits >> k & 1)
        np.testing.assert_array_equal(chosen, select(subset, scores, seed=0))


def test_membership_needs_the_statistics() -> None:
    """The missing one is named."""
    with pytest.raises(ValueError, match="`frame` must have the column variability, got"):
        membership(made_map(10).drop(columns="variability"), 0.33)


def test_packing_loses_nothing_that_the_rows_carry() -> None:
    """Index, class, statistics to four decimals, subsets."""
    frame = made_map(300)
    bits = membership(frame, 0.33)
    pack = packed(frame, bits)
    columns = {name: unpacked(pack[name]) for name in PACKED}
    np.testing.assert_array_equal(columns["index"], frame["index"])
    np.testing.assert_array_equal(columns["subsets"], bits)
    assert [pack["classes"][i] for i in columns["class"]] == frame["class"].tolist()
    for name in ("confidence", "variability", "correctness"):
        np.testing.assert_allclose(columns[name] / pack["scale"], frame[name], atol=5.1e-5)


@pytest.mark.parametrize(("largest", "kind"), [(255, "uint8"), (256, "uint16"), (70_000, "uint32")])
def test_a_column_takes_as_few_bytes_as_it_can(largest: int, kind: str) -> None:
    """The page's script knows these three."""
    frame = made_map(2).assign(index=[0, largest])
    assert packed(frame, np.array([0, 0]))["index"]["dtype"] == kind


def test_an_example_takes_about_fifteen_bytes() -> None:
    """40,000 fit beside the points."""
    frame = made_map(2000)
    pack = packed(frame, membership(frame, 0.33))
    assert sum(len(pack[name]["base64"]) for name in PACKED) < 20 * 2000


def test_packing_nothing_is_no_error() -> None:
    """An empty frame has no largest number."""
    assert packed(pd.DataFrame(made_map(1).head(0)), np.array([], int))["classes"] == []
