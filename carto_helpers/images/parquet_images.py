"""Parquet files of encoded images, in the layout of Hugging Face's `datasets`.

A column `image` holds each file's bytes, alone or as a struct with `bytes` and `path`; a column
`label` holds numbers, or the classes' names. The names of numbered classes stand in the schema's
metadata where `datasets` wrote the file.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import PIL
import pyarrow as pa
import torch

from carto_helpers.images.decoding import Held, decode_images
from carto_helpers.images.image_cache import read_cache, write_cache
from carto_helpers.images.image_set import Dataset, ImageSet
from carto_helpers.images.sources import numbered_classes, numbers_by_name, to_images
from carto_helpers.storage.plain_texts import check_classes
from carto_helpers.storage.table_files import read_table, write_table

_PARTS = ("train", "val", "test")
_METADATA = b"huggingface"


class _Table(NamedTuple):
    """The images of one file, as they are encoded, and their labels as they stand there.

    `names` are those that the metadata has of numbers, or the labels that are names themselves.
    """

    file: Path
    images: list[Held]
    labels: list[Any]
    names: tuple[str, ...]


def has_parquet(folder: Path) -> bool:
    """Return whether `folder` holds images as Parquet files rather than as folders."""
    return (folder / "train.parquet").is_file()


def read_parquet_images(folder: Path, name: str, image_size: int = 0) -> Dataset:
    """Return the images of train.parquet, of val.parquet where there is one, and of test.parquet.

    Parameters
    ----------
    folder
        Holds the files.
    name
        What to call the dataset.
    image_size
        0, or pixels a side that images are scaled and cut to, as `decode_images` does.

    Raises
    ------
    FileNotFoundError
        If there is no train.parquet or no test.parquet.
    ValueError
        If a file is no Parquet file or not as `write_images` left it, lacks a column or holds
        something else in it, names classes twice, an image cannot be decoded or differs from the
        first, or a label is no class of train.parquet or a number where that has names as labels.
    """
    files = [file for part in _PARTS if (file := folder / f"{part}.parquet").is_file()]
    for part in ("train", "test"):
        if folder / f"{part}.parquet" not in files:
            raise FileNotFoundError(
                f"expected {folder}/train.parquet and test.parquet, got no {part}.parquet; write "
                "it, `carto_helpers.write_images` does"
            )
    key = _source_key(files, image_size)
    tables = {file.stem: _read(file) for file in files}
    sizes = {part: len(table.images) for part, table in tables.items()}
    classes = _classes(tables["train"])
    dataset = read_cache(key, name) or _decode(tables, classes, name, image_size, key)
    return Dataset(train=dataset.train, test=dataset.test, n_validation=sizes.get("val", 0))


def _source_key(files: Sequence[Path], image_size: int) -> str:
    facts: list[object] = [PIL.__version__, image_size]
    for file in files:
        status = file.stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)  # the second is that of moving it, too
        facts.append((str(file.resolve()), status.st_size, *times))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _decode(
    tables: dict[str, _Table], classes: tuple[str, ...], name: str, image_size: int, key: str
) -> Dataset:
    encoded = [image for table in tables.values() for image in table.images]
    images = decode_images(encoded, name, image_size=image_size)
    labels = torch.tensor(
        [n for table in tables.values() for n in _numbers(table, tables["train"], classes)]
    )
    n_train = len(encoded) - len(tables["test"].images)
    train, test = (
        ImageSet(name=name, images=images[part], labels=labels[part], classes=classes)
        for part in (slice(n_train), slice(n_train, None))
    )
    dataset = Dataset(train=train, test=test)
    write_cache(key, dataset)
    return dataset


def _classes(train: _Table) -> tuple[str, ...]:
    """Return the classes' names: those of the metadata, else of the labels that train has."""
    return train.names or numbered_classes(set(train.labels), train.file)


def _numbers(table: _Table, train: _Table, classes: tuple[str, ...]) -> list[int]:
    """Return labels as numbers of train's classes: by their names where both files have them."""
    if isinstance(train.labels[0], str) and not table.names:
        raise ValueError(
            f"{table.file} must name its classes as {train.file} does, got numbers without names; "
            "write the names"
        )
    own = table.names if train.names else ()
    return numbers_by_name(table.labels, own, classes, str(table.file))


def _read(file: Path) -> _Table:
    try:
        return _parse(read_table(file), file)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise ValueError(
            f"expected a Parquet file, got {file} ({' '.join(str(error).split())}); write it again"
        ) from error


def _parse(table: pa.Table, file: Path) -> _Table:
    if missing := {"image", "label"} - set(table.column_names):
        raise ValueError(
            f"{file} must have the columns image and label, got {', '.join(table.column_names)}; "
            f"name {' and '.join(sorted(missing))} so"
        )
    images = [_bytes(value) for value in table["image"].to_pylist()]
    labels = table["label"].to_pylist()
    is_text, is_number = (all(isinstance(x, kind) for x in labels) for kind in (str, int))
    if not labels or None in images or not (is_text or is_number):
        raise ValueError(
            f"{file} must hold rows of an image's bytes and a label, a number or a name, got "
            f"{len(labels)} rows of {table.schema.field('image').type} and "
            f"{table.schema.field('label').type}; write it with `carto_helpers.write_images`"
        )
    names = _names(table.schema.metadata or {}) or (tuple(sorted(set(labels))) if is_text else ())
    check_classes(names, file)
    encoded = [Held(f"image {i} of {file}", image) for i, image in enumerate(images) if image]
    return _Table(file, encoded, labels, names)


def _bytes(value: object) -> bytes | None:
    content = value.get("bytes") if isinstance(value, dict) else value
    return content if isinstance(content, bytes) and content else None


def _names(metadata: dict[bytes, bytes]) -> tuple[str, ...]:
    """Return the names that `datasets` keeps of numbered classes, or ()."""
    try:
        features = json.loads(metadata[_METADATA])["info"]["features"]
        names = features["label"]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return ()
    is_plain = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_plain else ()


def write_images(dataset: Dataset, folder: str | Path) -> Path:
    """Write a dataset as Parquet files of PNGs, so that its path serves wherever a name does.

    Parameters
    ----------
    dataset
        From `from_arrays`, `from_dataset` or `load`.
    folder
        Where train.parquet, test.parquet and, with a validation split of one's own, val.parquet
        go; it is made.

    Returns
    -------
    Path
        The folder: pass it as `dataset`.

    Raises
    ------
    FileExistsError
        If the folder holds a part already, as such a file or as a folder of images.
    ValueError
        If two classes have one name, or one holds a line break.

    Examples
    --------
    >>> import tempfile, carto_helpers as carto
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = carto.write_images(carto.load("digits"), f"{place}/mine")
    ...     carto.load(folder).fingerprint == carto.load("digits").fingerprint
    True
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    n_train = len(dataset.train) - dataset.n_validation
    parts = {"train": (dataset.train, slice(n_train)), "test": (dataset.test, slice(None))}
    if dataset.n_validation:
        parts["val"] = (dataset.train, slice(n_train, None))
    for part in (f"{part}{kind}" for part in ("train", "test", "val") for kind in (".parquet", "")):
        if (folder / part).exists():
            raise FileExistsError(f"expected a folder without {part}, got {folder}; name another")
    check_classes(dataset.train.classes, folder)
    for part, (images, rows) in parts.items():
        write_table(folder / f"{part}.parquet", _table(images, rows))
    return folder


def _table(images: ImageSet, rows: slice) -> pa.Table:
    """Return some images as PNGs with their labels, as `datasets` lays them out."""
    files = []
    for image in to_images(images.images[rows]):
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        files.append({"bytes": buffer.getvalue(), "path": None})
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    columns = {
        "image": pa.array(files, type=kind),
        "label": pa.array(images.labels[rows].tolist(), type=pa.int64()),
    }
    label = {"names": list(images.classes), "_type": "ClassLabel"}
    features = {"info": {"features": {"image": {"_type": "Image"}, "label": label}}}
    return pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(features)})
