"""Parquet files of encoded images: what is written is read again, what is none is named."""

import io
import json
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from carto_helpers import data
from carto_helpers.data import Dataset
from carto_helpers.images import parquet_images
from carto_helpers.images.image_cache import cache_folder
from carto_helpers.images.parquet_images import write_images
from carto_helpers.images.sources import from_arrays

DRAW = np.random.default_rng(0)
PIXELS = DRAW.integers(0, 256, (8, 6, 5, 3), np.uint8)
LABELS = [0, 1, 0, 1, 1, 0, 1, 0]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def made(validation: bool = False) -> Dataset:
    own = (PIXELS[:3], LABELS[:3]) if validation else None
    return from_arrays((PIXELS, LABELS), (PIXELS[:4], LABELS[:4]), own, classes=["ant", "bee"])


def png(pixels: np.ndarray = PIXELS[0], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def write(folder: Path, train: dict[str, Any], test: dict[str, Any] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    for part, columns in (("train", train), ("test", test or train)):
        pd.DataFrame(columns).to_parquet(folder / f"{part}.parquet")
    return folder


@pytest.mark.parametrize("validation", [False, True])
def test_what_is_written_is_read_again(tmp_path: Path, validation: bool) -> None:
    dataset = made(validation)
    again = data.load(write_images(dataset, tmp_path / "mine"))
    assert again.fingerprint == dataset.fingerprint
    assert again.classes == ("ant", "bee")
    assert again.n_validation == dataset.n_validation
    assert again.name == "mine"


def test_a_second_reading_decodes_nothing(tmp_path: Path) -> None:
    folder = write_images(made(), tmp_path / "mine")
    first = data.load(folder)
    assert len(list((cache_folder() / "images").iterdir())) == 1
    assert data.load(folder).fingerprint == first.fingerprint


def test_bytes_alone_and_names_as_labels_are_read(tmp_path: Path) -> None:
    names = ["bee", "ant"]
    files = [png(PIXELS[0]), png(PIXELS[1])]
    dataset = data.load(write(tmp_path / "mine", {"image": files, "label": names}))
    assert dataset.classes == ("ant", "bee")
    assert dataset.train.labels.tolist() == [1, 0]
    assert torch.equal(dataset.train.images[0], torch.from_numpy(PIXELS[0]).permute(2, 0, 1))


def test_numbers_without_names_are_their_own_names(tmp_path: Path) -> None:
    columns = {"image": [png()] * 3, "label": [0, 2, 1]}
    assert data.load(write(tmp_path / "mine", columns)).classes == ("0", "1", "2")


def test_jpegs_of_any_size_are_read_at_one(tmp_path: Path) -> None:
    files = [png(PIXELS[0], "JPEG"), png(PIXELS[1][:4], "PNG")]
    folder = write(tmp_path / "mine", {"image": files, "label": [0, 1]})
    assert data.load(folder, image_size=4).train.images.shape == (2, 3, 4, 4)
    with pytest.raises(ValueError, match="must share one size and mode, .* got 5x4 RGB in image 1"):
        data.load(folder)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"image": [b"text", b"text"], "label": [0, 1]}, "that Pillow can decode, got image 0 of"),
        (
            {"image": [png()[:-20], png()], "label": [0, 1]},
            "can decode, got image 0 of .*train.pa",
        ),
        ({"image": [png(), None], "label": [0, 1]}, "must hold rows of an image's bytes and a lab"),
        ({"image": [1, 2], "label": [0, 1]}, "must hold rows of an image's bytes .* 2 rows of int"),
        ({"image": [png(), png()], "label": [0.5, 1]}, "must hold rows .* of binary and double; w"),
        ({"image": [png(), png()], "label": ["a", None]}, "must hold rows of an image's bytes and"),
        ({"image": [], "label": []}, "must hold rows of an image's bytes .* got 0 rows"),
        ({"img": [png()], "label": [0]}, "must have the columns image and label, got img, label; "),
        ({"image": [png(), png()], "label": ["a", "b" * 10_001]}, "at most 10,000 characters"),
        (
            {"image": [png(), png()], "label": [-1, 1]},
            "classes 0 … 1, got numbers from -1 to 1",
        ),
        (
            {"image": [png()] * 3, "label": [0, 1, 3]},
            "of the classes 0 … 2, got numbers from 0 to 3; number the classes",
        ),
        (
            {"image": [png()] * 2, "label": [0, 10**9]},
            "0 … 1, got numbers from 0 to 1000000000",
        ),
        (
            {"image": [png()] * 2, "label": [0, 2**62]},
            "0 … 1, got numbers from 0 to 46116860184",
        ),
        ({"image": [png()] * 2, "label": ["a\n", "b"]}, r"without line breaks .* got 'a\\n' for 1"),
    ],
)
def test_what_is_no_table_of_images_is_named(
    tmp_path: Path, columns: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text) as info:
        data.load(write(tmp_path / "mine", columns))
    assert str(tmp_path / "mine" / "train.parquet") in str(info.value)
    assert "\n" not in str(info.value)


def test_a_class_that_train_lacks_is_named(tmp_path: Path) -> None:
    train = {"image": [png()] * 2, "label": ["ant", "bee"]}
    folder = write(tmp_path / "mine", train, {"image": [png()], "label": ["cat"]})
    with pytest.raises(
        ValueError, match=r"every class must be in train, got 'cat' only in .*/test\.p"
    ):
        data.load(folder)


def named(path: Path, names: list[str]) -> None:
    """Write names of the numbers into a file's metadata, as `datasets` does."""
    about = {"info": {"features": {"label": {"names": names}}}}
    table = pq.read_table(path).replace_schema_metadata({"huggingface": json.dumps(about)})
    pq.write_table(table, path)


@pytest.mark.parametrize("labels", [[0, 1, 2], ["ant", "bee", "cat"]])
def test_labels_of_test_are_taken_by_their_names(tmp_path: Path, labels: list[Any]) -> None:
    train = {"image": [png()] * 3, "label": labels}
    folder = write(tmp_path / "mine", train, {"image": [png()] * 3, "label": [0, 1, 1]})
    if labels[0] == 0:
        named(folder / "train.parquet", ["ant", "bee", "cat"])
    named(folder / "test.parquet", ["cat", "bee"])
    assert data.load(folder).test.labels.tolist() == [2, 1, 1]
    named(folder / "test.parquet", ["cat", "dog"])
    with pytest.raises(ValueError, match=r"every class must be in train, got 'dog' only in .*/tes"):
        data.load(folder)
    named(folder / "test.parquet", ["cat"])
    with pytest.raises(ValueError, match=r"every class must be in train, got 1 only in .*/test\.p"):
        data.load(folder)


def test_numbers_mean_the_same_where_one_file_has_no_names(tmp_path: Path) -> None:
    columns = {"image": [png()] * 2, "label": [1, 0]}
    for part in ("train", "test"):
        folder = write(tmp_path / part, columns)
        named(folder / f"{part}.parquet", ["cat", "bee"])
        assert data.load(folder).test.labels.tolist() == [1, 0]


def test_numbers_without_names_beside_names_as_labels_are_refused(tmp_path: Path) -> None:
    train = {"image": [png()] * 2, "label": ["ant", "bee"]}
    folder = write(tmp_path / "mine", train, {"image": [png()] * 2, "label": [0, 1]})
    with pytest.raises(
        ValueError, match=r"test\.parquet must name its classes as .*; write the na"
    ):
        data.load(folder)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    folder = write_images(made(), tmp_path / "mine")
    (folder / "test.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="train.parquet and test.parquet, got no test.parq"):
        data.load(folder)
    (folder / "test.parquet").write_bytes(b"PAR1, so it says")
    with pytest.raises(ValueError, match="expected a Parquet file, got .*test.parquet"):
        data.load(folder)


def test_names_in_the_metadata_that_are_none_are_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"image": [png()] * 2, "label": [0, 1]})
    wrong = json.dumps({"info": {"features": {"label": {"names": [1]}}}}).encode()
    for about in (b"{", b"[]", wrong, b"[" * 100_000):
        table = pq.read_table(folder / "train.parquet").replace_schema_metadata(
            {b"huggingface": about}
        )
        pq.write_table(table, folder / "train.parquet")
        assert data.load(folder).classes == ("0", "1")


@pytest.mark.parametrize(
    ("names", "got"), [(["ant", "ant"], "'ant' for 2"), (["ant\nbee", "c"], r"'ant\\nbee' for 1")]
)
def test_names_that_a_table_cannot_tell_apart_are_refused(
    tmp_path: Path, names: list[str], got: str
) -> None:
    folder = write(tmp_path / "mine", {"image": [png()] * 2, "label": [0, 1]})
    about = {"info": {"features": {"label": {"names": names}}}}
    table = pq.read_table(folder / "train.parquet")
    named = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    pq.write_table(named, folder / "train.parquet")
    with pytest.raises(ValueError, match=rf"train\.parquet must name each class once, .*{got}"):
        data.load(folder)
    part = (PIXELS, LABELS)
    with pytest.raises(ValueError, match=f"mine must name each class once, .*{got}"):
        write_images(from_arrays(part, part, classes=names), tmp_path / "mine" / "mine")


def test_no_changed_byte_gives_other_images(tmp_path: Path) -> None:
    folder = write_images(made(), tmp_path / "mine")
    path, draw = folder / "train.parquet", np.random.default_rng(0)
    whole, expected = path.read_bytes(), data.load(folder)
    for at, byte in zip(draw.integers(0, len(whole), 100), draw.integers(1, 256, 100), strict=True):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ byte]) + whole[at + 1 :])
        shutil.rmtree(cache_folder(), ignore_errors=True)
        try:
            found = data.load(folder)
        except ValueError as error:
            text = str(error)
        else:
            text = str(path)
            assert (found.fingerprint, found.classes) == (expected.fingerprint, expected.classes)
        assert str(path) in text, at


def test_what_is_no_text_is_named_with_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"image": [png()] * 2, "label": ["bee", "ant"]})
    path = folder / "train.parquet"
    label = pa.array([b"\xff\xfe", b"ant"]).view(pa.string())
    pq.write_table(pa.table({"image": [png()] * 2, "label": label}), path)
    with pytest.raises(ValueError, match=f"expected a Parquet file, got {path} .*utf"):
        data.load(folder)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write_images(made(), tmp_path / "mine")
    with pytest.raises(FileExistsError, match="expected a folder without train.parquet, got .*"):
        write_images(made(), tmp_path / "mine")


@pytest.mark.parametrize("part", ["val.parquet", "train", "test", "val"])
def test_nothing_is_written_beside_a_part_of_another_data_set(tmp_path: Path, part: str) -> None:
    (tmp_path / part).mkdir()
    with pytest.raises(FileExistsError, match=f"expected a folder without {part}, got "):
        write_images(made(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [part]


def test_a_cache_that_cannot_be_written_costs_no_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert len(data.load(write_images(made(), tmp_path / "mine")).train) == 8
    assert "cannot be written" in caplog.text


def test_the_files_open_in_hugging_faces_layout(tmp_path: Path) -> None:
    folder = write_images(made(), tmp_path / "mine")
    schema = pq.read_schema(folder / "train.parquet")
    assert schema.field("image").type == pa.struct({"bytes": pa.binary(), "path": pa.string()})
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["label"] == {"names": ["ant", "bee"], "_type": "ClassLabel"}


def test_files_that_changed_places_have_another_key(tmp_path: Path) -> None:
    files = [tmp_path / f"{part}.parquet" for part in ("train", "test")]
    for file in files:
        file.write_text(file.stem[0] * 9)
        os.utime(file, (1e9, 1e9))
    before = parquet_images._source_key(files, 0)
    time.sleep(0.05)  # a file system's clock ticks every few milliseconds
    files[0].rename(tmp_path / "away")
    files[1].rename(files[0])
    (tmp_path / "away").rename(files[1])
    assert parquet_images._source_key(files, 0) != before
