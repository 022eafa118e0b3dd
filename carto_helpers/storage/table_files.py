"""Parquet files that hold a checksum of themselves, as `tensor_files` does for tensors.

The checksum is the SHA-256 of the whole file, taken with 64 zeros in its place among the metadata,
so that no byte can change unnoticed. Other programs read these files as any other.
"""

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from carto_helpers.storage.durable import write_bytes
from carto_helpers.storage.tensor_files import DamagedFileError

_KEY = b"carto_helpers.sha256"
_EMPTY = b"0" * 64
_N_BETWEEN = 2  # bytes between key and value: the value's kind and its length
_BLANK = _KEY + b"\x18\x40" + _EMPTY


def write_table(path: Path, table: pa.Table, level: int | None = None) -> None:
    """Write a table and its checksum in one piece: with snappy, or with zstd at `level`.

    The latter is for numbers that hardly repeat: dictionaries of them would take a third more.
    """
    buffer, metadata = io.BytesIO(), {**(table.schema.metadata or {}), _KEY: _EMPTY}
    repeats = level is None
    pq.write_table(
        table.replace_schema_metadata(metadata),
        buffer,
        compression="snappy" if repeats else "zstd",
        compression_level=level,
        use_dictionary=repeats,
    )
    content = buffer.getvalue()
    at = content.rindex(_BLANK) + len(_KEY) + _N_BETWEEN
    own = hashlib.sha256(content).hexdigest().encode()
    write_bytes(path, content[:at] + own + content[at + len(own) :])


def read_table(path: Path) -> pa.Table:
    """Return the table of a Parquet file, checked if it holds a checksum; others' hold none.

    Raises
    ------
    ValueError
        If file and checksum do not agree.
    ArrowException
        If it is no Parquet file.
    """
    content = path.read_bytes()
    found = content.rfind(_KEY)
    if found >= 0:
        at = found + len(_KEY) + _N_BETWEEN
        known, blank = content[at : at + len(_EMPTY)], bytearray(content)
        blank[at : at + len(_EMPTY)] = _EMPTY
        if known != hashlib.sha256(blank).hexdigest().encode():
            again = f"if you changed it yourself, write it without the metadata {_KEY.decode()}"
            raise DamagedFileError(path, again)
    return pq.read_table(pa.BufferReader(content))
