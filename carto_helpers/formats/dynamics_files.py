"""Training dynamics as one file of NumPy or Parquet."""

import json
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from carto_helpers.recording import QUANTITIES, DynamicsRecord
from carto_helpers.records import replacing
from carto_helpers.storage.dynamics_table import from_table, to_table
from carto_helpers.storage.plain_texts import check_texts, short
from carto_helpers.storage.record_checks import check_record
from carto_helpers.storage.table_files import read_table, write_table

_UNREADABLE = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, OSError, OverflowError,
    MemoryError, RuntimeError, NotImplementedError, SyntaxError, pa.ArrowException,
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError,
)  # what foreign or damaged files can raise  # fmt: skip


def write_npz(path: str | Path, record: DynamicsRecord) -> None:
    """Write a record as compressed NumPy arrays that are read without pickle.

    `index`, `labels` and each quantity by its name; classes, mode, the examples' names and which
    quantities there are as JSON in the bytes `about`.
    """
    ids = None if record.ids is None else record.ids.tolist()
    about = json.dumps(
        {
            "classes": record.classes,
            "mode": record.mode,
            "ids": ids,
            "quantities": list(record.quantities),
        }
    )
    arrays: dict[str, Any] = {"index": record.index, "labels": record.labels, **record.quantities}
    with replacing(Path(path)) as beside, beside.open("wb") as file:
        np.savez_compressed(file, about=np.frombuffer(about.encode(), dtype=np.uint8), **arrays)


def read_npz(path: str | Path) -> DynamicsRecord:
    """Return the record that `write_npz` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is none of ours, or its parts do not fit each other.
    """
    _must_exist(Path(path))
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about = json.loads(_array(arrays, "about").tobytes())
            ids = about["ids"]
            check_texts(about["classes"], Path(path), "a class's name")
            kind = object if ids and isinstance(ids[0], str) else np.int64
            names = about.get("quantities", [name for name in QUANTITIES if name in arrays])
            record = DynamicsRecord(
                index=_array(arrays, "index"),
                labels=_array(arrays, "labels"),
                classes=tuple(about["classes"]),
                quantities={name: _array(arrays, name) for name in names},
                mode=about["mode"],
                ids=None if ids is None else np.array(ids, dtype=kind),
            )
    except _UNREADABLE as error:
        raise _foreign(Path(path), "write_npz", error) from error
    return check_record(record, Path(path))


def _array(arrays: Any, name: str) -> np.ndarray:
    """Return an array of a file; where its heading is damaged, NumPy hands the bytes on."""
    found = arrays[name]
    if not isinstance(found, np.ndarray):
        raise TypeError(f"`{name}` is no array")
    return found


def write_parquet(path: str | Path, record: DynamicsRecord) -> None:
    """Write a record as the table of `to_table`, one column a quantity and epoch, checksummed."""
    write_table(Path(path), to_table(record), level=9)


def read_parquet(path: str | Path) -> DynamicsRecord:
    """Return the record that `write_parquet` or a results folder (`dynamics/`) holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no training dynamics, their parts do not fit each other, or it is not as
        `write_parquet` left it; files of other makers carry no checksum.
    """
    _must_exist(Path(path))
    try:
        return from_table(read_table(Path(path)), Path(path))
    except _UNREADABLE as error:
        if str(error).startswith(str(path)):
            raise  # ours says more
        raise _foreign(Path(path), "write_parquet", error) from error


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"expected training dynamics in {path}, got no file; name one that was written"
        )


def _foreign(path: Path, writer: str, error: Exception) -> ValueError:
    return ValueError(
        f"{path} must be a file of `{writer}`, got something else ({short(error)}); "
        "pass such a file, or restore it from a copy"
    )
