"""A record whose parts do not fit each other is refused in one line that names where it was read.

In the test run a `DynamicsRecord` checks some shapes itself: what users' runs say of those is
tested with one that was not.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_loops import made_logits, play

from carto_helpers.__main__ import main
from carto_helpers.formats.dynamics_files import read_npz, read_parquet
from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recording import DynamicsRecord
from carto_helpers.storage.record_checks import check_record

N = 12
P = np.random.default_rng(0).random((N, 3), dtype=np.float32)
ABOUT = {"classes": ["ant", "bee"], "mode": "evaluation", "ids": None}
ARRAYS = {"index": np.arange(N), "labels": np.arange(N) % 2, "p_gold": P, "is_right": P > 0.5}
UNSEEN = np.where(np.arange(N) == 3, -1, ARRAYS["labels"])


def write_npz(path: Path, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    text = np.frombuffer(json.dumps(ABOUT | about).encode(), dtype=np.uint8)
    kept = {name: array for name, array in (ARRAYS | arrays).items() if array is not None}
    np.savez(path, about=text, **kept)


@pytest.mark.parametrize(
    ("about", "arrays", "text"),
    [
        ({}, {"is_right": None}, "must hold the quantity is_right, got p_gold; restore"),
        ({}, {"p_gold": None}, "must hold the quantity p_gold, got is_right; restore"),
        ({}, {"is_right": P}, "must hold is_right as booleans, got float32"),
        ({}, {"p_gold": P > 0.5}, "must hold p_gold as fractions, got bool"),
        ({}, {"p_gold": P[:, 0]}, r"must hold p_gold as \(N, E\), .* got \(12,\)"),
        ({}, {"p_gold": P[:, :0], "is_right": P[:, :0] > 1}, r"must hold .* got \(12, 0\)"),
        ({}, {"is_right": P[:5] > 0.5}, r"is_right in the shape \(12, 3\) of p_gold, got \(5, 3\)"),
        ({}, {"margin": P[:, :2]}, r"margin in the shape \(12, 3\) of p_gold, got \(12, 2\)"),
        ({}, {"p_gold": P * 5}, r"must hold p_gold in \[0, 1\], got .* to 4\.\d+; restore"),
        ({}, {"labels": np.full(N, 7)}, "labels that number its 2 classes from 0 on, got 7 to 7"),
        ({}, {"labels": UNSEEN}, "labels that number its 2 classes from 0 on, got -1 to 1"),
        ({"classes": []}, {}, "labels that number its 0 classes from 0 on, got 0 to 1"),
        ({}, {"index": np.zeros(N, int)}, "12 different positions .* got 1 from 0 on"),
        ({}, {"index": np.arange(N) - 1}, "12 different positions .* got 12 from -1 on"),
        ({}, {"index": np.arange(5)}, "mine"),
        ({}, {"index": np.array(["x"] * N)}, "mine"),
        ({}, {"labels": ARRAYS["labels"] / 2}, "mine"),
        ({"ids": [1, 2, 3]}, {}, "mine"),
        ({"ids": [[1], [2]]}, {}, "mine"),
    ],
)
def test_parts_that_do_not_fit_are_named_with_the_file(
    tmp_path: Path,
    about: dict[str, Any],
    arrays: dict[str, Any],
    text: str,
    capsys: pytest.CaptureFixture,
) -> None:
    path = tmp_path / "mine.npz"
    write_npz(path, about, arrays)
    with pytest.raises(ValueError, match=text) as info:
        read_npz(path)
    assert str(info.value).startswith(str(path))
    assert "\n" not in str(info.value)
    assert main(["map", "--dynamics", str(path), "--to", str(tmp_path / "map")]) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"index": np.arange(5)}, r"12 whole numbers, got int64 of shape \(5,\); restore"),
        ({"index": np.array(["x"] * N)}, r"index as 12 whole numbers, got <U1 of shape \(12,\)"),
        ({"labels": ARRAYS["labels"] / 2}, "labels as 12 whole numbers, got float64"),
        ({"ids": np.arange(3)}, r"12 ids, got the shape \(3,\); restore"),
    ],
)
def test_parts_that_the_test_run_would_refuse_are_named(part: dict[str, Any], text: str) -> None:
    record = object.__new__(DynamicsRecord)
    quantities = {name: ARRAYS[name] for name in ("p_gold", "is_right")}
    whole = {"index": ARRAYS["index"], "labels": ARRAYS["labels"], "ids": None}
    vars(record).update({"classes": ("a", "b"), "quantities": quantities} | whole | part)
    with pytest.raises(ValueError, match=f"^here must hold .*{text}"):
        check_record(record, Path("here"))


def test_an_example_that_no_epoch_holds_has_no_label(tmp_path: Path) -> None:
    p_gold = np.where(UNSEEN[:, None] < 0, np.nan, P).astype(np.float32)
    write_npz(tmp_path / "mine.npz", {}, {"p_gold": p_gold, "labels": UNSEEN})
    assert read_npz(tmp_path / "mine.npz").labels[3] == -1


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ({"label": [0, 7]}, "labels that number its 2 classes from 0 on, got 0 to 7"),
        ({"index": [0, 0]}, "2 different positions from 0 on as index, got 1 from 0 on"),
        ({"margin_01": [0.5, 0.5]}, r"margin in the shape \(2, 2\) of p_gold, got \(2, 1\)"),
    ],
)
def test_columns_that_do_not_fit_are_named_with_the_file(
    tmp_path: Path, column: dict[str, Any], text: str
) -> None:
    columns: dict[str, Any] = {"index": [0, 1], "label": [0, 1]}
    for epoch in ("01", "02"):
        columns |= {f"p_gold_{epoch}": [0.5, 0.75], f"is_right_{epoch}": [True, False]}
    table = pa.table(columns | column, metadata={"classes": '["ant", "bee"]'})
    pq.write_table(table, tmp_path / "mine.parquet")
    with pytest.raises(ValueError, match=rf"mine\.parquet must hold {text}"):
        read_parquet(tmp_path / "mine.parquet")


def test_a_recorders_manifest_must_fit_its_epochs(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    play(DynamicsRecorder(23, tmp_path, "training"), *made_logits(n_epochs=2))
    manifest = tmp_path / "recorder.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"classes": ["ant"]}))
    (tmp_path / "recorder.json.sha256").unlink()
    assert main(["map", "--dynamics", str(tmp_path), "--to", str(tmp_path / "map")]) == 2
    assert f"{tmp_path} must hold labels that number its 1 classes" in capsys.readouterr().err
