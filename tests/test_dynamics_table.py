"""The table of a record: its columns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_loops import expected_record, made_logits

from carto_helpers.storage.dynamics_table import from_table, to_table


def test_a_column_is_a_quantity_of_an_epoch() -> None:
    record = expected_record(*made_logits(n_epochs=2))
    table = to_table(record)
    assert table.column_names[:4] == ["index", "label", "p_gold_01", "p_gold_02"]
    assert table.schema.metadata == {b"classes": b'["0", "1", "2", "3"]'}
    named = to_table(replace(record, ids=np.arange(23), mode="training"))
    assert named.column_names[-1] == "id"
    assert named.schema.metadata[b"mode"] == b"training"


def test_another_table_is_named() -> None:
    table = to_table(expected_record(*made_logits())).drop_columns(["is_right_01"])
    with pytest.raises(ValueError, match="here must hold training dynamics .* got the columns ind"):
        from_table(table, Path("here"))
