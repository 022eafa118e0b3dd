"""NumPy and Parquet files: the same record comes back, and nothing foreign is taken."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_loops import expected_record, made_logits

from carto_helpers.formats.dynamics_files import read_npz, read_parquet, write_npz, write_parquet
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results
from carto_helpers.storage.dynamics_table import to_table

Write = Callable[[Path, DynamicsRecord], None]
Read = Callable[[Path], DynamicsRecord]
FORMATS = [
    pytest.param(write_npz, read_npz, id="npz"),
    pytest.param(write_parquet, read_parquet, id="parquet"),
]
LONG = ["x" * 100_000, *(f"name {i}" for i in range(22))]


def made_record() -> DynamicsRecord:
    return expected_record(*made_logits(n_epochs=12))


def assert_equal(found: DynamicsRecord, record: DynamicsRecord) -> None:
    assert (found.classes, found.mode) == (record.classes, record.mode)
    assert np.array_equal(found.index, record.index)
    assert np.array_equal(found.labels, record.labels)
    assert found.quantities.keys() == record.quantities.keys()
    for name, array in record.quantities.items():
        assert found.quantities[name].dtype == array.dtype
        assert np.array_equal(found.quantities[name], array)
    assert (found.ids is None) == (record.ids is None)
    if record.ids is not None:
        assert found.ids is not None
        assert found.ids.tolist() == record.ids.tolist()


@pytest.mark.parametrize(("write", "read"), FORMATS)
@pytest.mark.parametrize("ids", [None, np.arange(23) * 10**12, np.array(LONG, dtype=object)])
def test_a_record_comes_back(
    tmp_path: Path, write: Write, read: Read, ids: np.ndarray | None
) -> None:
    record = replace(made_record(), ids=ids, mode="training")
    write(tmp_path / "dynamics", record)
    assert_equal(read(tmp_path / "dynamics"), record)


def test_a_results_folders_dynamics_are_read(tmp_path: Path) -> None:
    record = made_record()
    Results(tmp_path).save_dynamics("key", record)
    found = read_parquet(tmp_path / "dynamics" / "key.parquet")
    assert np.array_equal(found.p_gold, record.p_gold)
    assert found.mode == "evaluation"


@pytest.mark.parametrize(("write", "read"), FORMATS)
def test_what_is_no_such_file_is_named(tmp_path: Path, write: Write, read: Read) -> None:
    path = tmp_path / "dynamics"
    with pytest.raises(FileNotFoundError, match="expected training dynamics in .*, got no file"):
        read(path)
    write(path, made_record())
    content = path.read_bytes()
    half = len(content) // 2
    for broken in (b"", b"nonsense", content[:half], content[:half] + bytes(64) + content[half:]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="dynamics must be (a file of `wri|as its run)"):
            read(path)


def test_other_arrays_and_tables_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    with pytest.raises(ValueError, match=r"other\.npz must be a file of `write_npz`"):
        read_npz(tmp_path / "other.npz")
    pd.DataFrame({"index": [1], "score": [0.5]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="must hold training dynamics .* got the columns index, s"):
        read_parquet(tmp_path / "other.parquet")


@pytest.mark.parametrize("name", ["about", "labels", "p_gold"])
def test_a_part_that_is_no_array_is_named(tmp_path: Path, name: str) -> None:
    write_npz(tmp_path / "whole.npz", made_record())
    with ZipFile(tmp_path / "whole.npz") as whole, ZipFile(tmp_path / "d.npz", "w") as damaged:
        for part in whole.namelist():
            content = whole.read(part)
            damaged.writestr(part, content[1:] if part == f"{name}.npy" else content)
    with pytest.raises(ValueError, match=rf"d\.npz must be a file .*`{name}` is no array"):
        read_npz(tmp_path / "d.npz")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", about=np.array([{"classes": ["a"]}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_npz(tmp_path / "other.npz")


@pytest.mark.parametrize("columns", [{"classes": b"{"}, {"classes": b"3"}, {"classes": b"\xff"}])
def test_classes_that_are_none_are_named_with_the_file(tmp_path: Path, columns: dict) -> None:
    path = tmp_path / "dynamics.parquet"
    needed = {"index": [0], "label": [0], "p_gold_01": [0.5], "is_right_01": [True]}
    pq.write_table(pa.table(needed, metadata=columns), path)
    with pytest.raises(ValueError, match=f"^{path} must be a file of `write_parquet`"):
        read_parquet(path)


@pytest.mark.parametrize(("write", "read"), FORMATS)
def test_no_changed_byte_gives_another_record(tmp_path: Path, write: Write, read: Read) -> None:
    path, draw = tmp_path / "dynamics", np.random.default_rng(0)
    record = replace(made_record(), mode="training")
    write(path, record)
    whole = path.read_bytes()
    for at, byte in zip(draw.integers(0, len(whole), 300), draw.integers(1, 256, 300), strict=True):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ byte]) + whole[at + 1 :])
        if error := error_of(lambda: assert_equal(read(path), record)):
            assert str(path) in error, at


def test_a_file_of_before_the_checksum_is_read(tmp_path: Path) -> None:
    pq.write_table(to_table(made_record()), tmp_path / "dynamics")
    assert_equal(read_parquet(tmp_path / "dynamics"), made_record())


def error_of(call: Callable[[], object]) -> str:
    """Return the text of the ValueError that a call raises, "" if it raises none."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""
