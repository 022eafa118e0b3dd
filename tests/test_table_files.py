"""Parquet files with their checksum inside: no changed byte changes what is read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from carto_helpers.storage.table_files import read_table, write_table
from carto_helpers.storage.tensor_files import DamagedFileError

TABLE = pa.table(
    {"p": np.linspace(0, 1, 50, dtype=np.float32), "name": ["ant"] * 50},
    metadata={"classes": '["ant", "bee"]', "mode": "training"},
)


def content_of(table: pa.Table) -> tuple[object, ...]:
    """Return what a table says, but for the checksum."""
    metadata = dict(table.schema.metadata or {})
    metadata = {name: value for name, value in metadata.items() if name in (b"classes", b"mode")}
    return table.to_pydict(), table.schema.types, metadata


@pytest.mark.parametrize("level", [None, 9])
def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path: Path, level: int | None) -> None:
    path, draw = tmp_path / "table.parquet", np.random.default_rng(0)
    write_table(path, TABLE, level)
    whole, n_noticed = path.read_bytes(), 0
    assert content_of(read_table(path)) == content_of(TABLE)
    for at in range(len(whole)):
        path.write_bytes(
            whole[:at] + bytes([whole[at] ^ int(draw.integers(1, 256))]) + whole[at + 1 :]
        )
        try:
            found = read_table(path)
        except DamagedFileError:
            n_noticed += 1
        else:
            assert content_of(found) == content_of(TABLE), at
    assert n_noticed >= len(whole) - len("carto_helpers.sha256")  # without its name it is no sum


def test_a_table_without_a_checksum_is_read(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "theirs.parquet")
    assert read_table(tmp_path / "theirs.parquet").equals(TABLE)


def test_a_table_that_was_changed_on_purpose_can_be_written_without(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, TABLE)
    changed = read_table(path).slice(1)
    pq.write_table(changed, path)
    with pytest.raises(ValueError, match="write it without the metadata carto_helpers.sha256"):
        read_table(path)
    pq.write_table(changed.replace_schema_metadata(TABLE.schema.metadata), path)
    assert read_table(path).num_rows == 49


def test_the_same_table_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / name, TABLE, 9)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
