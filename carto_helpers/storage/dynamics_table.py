"""Training dynamics as one Parquet table: a row an example, a column a quantity and epoch."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from carto_helpers.recording import QUANTITIES, DynamicsRecord
from carto_helpers.storage.plain_texts import check_texts, short
from carto_helpers.storage.record_checks import check_record


def to_table(record: DynamicsRecord) -> pa.Table:
    """Return the columns `index`, `label`, `id` if there are names, and `p_gold_01`, … ."""
    columns = {"index": record.index, "label": record.labels} | {
        f"{name}_{epoch + 1:02d}": array[:, epoch]
        for name, array in record.quantities.items()
        for epoch in range(array.shape[1])
    }
    if record.ids is not None:
        columns["id"] = record.ids
    metadata = {"classes": json.dumps(record.classes)}
    if record.mode != "evaluation":
        metadata["mode"] = record.mode
    return pa.table(columns, metadata=metadata)


def from_table(table: pa.Table, path: Path) -> DynamicsRecord:
    """Return the record that a table of `to_table` holds.

    Raises
    ------
    ValueError
        If the table, read from `path`, is none, a class's name is too long, or its parts do not
        fit each other.
    """
    metadata = table.schema.metadata or {}
    needed = {"index", "label", "p_gold_01", "is_right_01"}
    if b"classes" not in metadata or not needed <= set(table.column_names):
        raise ValueError(
            f"{path} must hold training dynamics (index, label, p_gold_01, is_right_01, … and "
            f"classes), got the columns {short(', '.join(table.column_names[:6]))}; pass a file "
            "that write_parquet or a results folder has left"
        )
    classes = tuple(json.loads(metadata[b"classes"]))
    check_texts(classes, path, "a class's name")
    columns = {name: table.column(name).to_numpy().copy() for name in table.column_names}
    quantities = {
        name: np.stack([columns[c] for c in columns if c.rpartition("_")[0] == name]).T
        for name in QUANTITIES
        if f"{name}_01" in columns
    }
    record = DynamicsRecord(
        index=columns["index"],
        labels=columns["label"],
        classes=classes,
        quantities=quantities,
        mode=metadata.get(b"mode", b"evaluation").decode(),
        ids=columns.get("id"),
    )
    return check_record(record, path)
