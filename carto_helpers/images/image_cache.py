"""Decoded images kept in the user's cache folder, so that 60,000 files are decoded once.

A cache file holds both splits as safetensors (never pickle), their fingerprint, and a checksum of
the file, both computed anew at every reading: a damaged file is noticed, named and made again.
"""

import json
import logging
import os
import sys
from pathlib import Path

from safetensors import SafetensorError, safe_open

from carto_helpers.images.image_set import Dataset, ImageSet
from carto_helpers.storage.tensor_files import has_own_checksum, save_tensors

logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder that this user's caches of the package go to; it may not exist yet.

    $XDG_CACHE_HOME where it is set, else ~/.cache, ~/Library/Caches on macOS and %LOCALAPPDATA% on
    Windows; in it `carto_helpers`.

    Raises
    ------
    FileNotFoundError
        If none of them is set and the user has no home.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    if not chosen and sys.platform == "win32":
        chosen = os.environ.get("LOCALAPPDATA")
    usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
    try:
        return (Path(chosen) if chosen else Path.home() / usual) / "carto_helpers"
    except RuntimeError as error:
        raise FileNotFoundError(
            "expected a home for the user's cache folder, got none; set XDG_CACHE_HOME to a folder"
        ) from error


def cache_file(key: str) -> Path:
    """Return where the images with this key are kept."""
    return cache_folder() / "images" / f"{key}.safetensors"


def read_cache(key: str, name: str) -> Dataset | None:
    """Return the images kept under `key`, or None where there are none or the file is damaged.

    The tensors are mapped from the file, so that several processes share one copy of the pixels.

    Parameters
    ----------
    key
        The key that `write_cache` was given.
    name
        The dataset's name, which no cache file holds.
    """
    try:
        path = cache_file(key)
        if not path.is_file():
            return None
        dataset, expected = _read(path, key, name)
    except (PermissionError, FileNotFoundError):  # nor can it be written then; writing says so
        return None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        logger.warning("cache file %s is damaged (%s); it is made again", path, error)
        return None
    if dataset.fingerprint != expected:
        logger.warning(
            "cache file %s is damaged (fingerprint %s expected, got %s); it is made again",
            path, expected, dataset.fingerprint,
        )  # fmt: skip
        return None
    return dataset


def _read(path: Path, key: str, name: str) -> tuple[Dataset, str]:
    if not has_own_checksum(path):
        raise ValueError("its checksum is another")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        if metadata.get("key") != key:
            raise ValueError("it is another data set's")
        classes = tuple(json.loads(metadata["classes"]))
        train, test = (
            ImageSet(
                name=name,
                images=file.get_tensor(f"{split}.images"),
                labels=file.get_tensor(f"{split}.labels"),
                classes=classes,
            )
            for split in ("train", "test")
        )
    return Dataset(train=train, test=test), metadata["fingerprint"]


def write_cache(key: str, dataset: Dataset) -> None:
    """Keep the images of `dataset` under `key`; where that cannot be, log one line and go on."""
    try:
        _write(cache_file(key), key, dataset)
    except (OSError, SafetensorError) as error:
        logger.warning(
            "the image cache of %s cannot be written (%s); the images stay in memory and are "
            "decoded again next time",
            dataset.name, error,
        )  # fmt: skip


def _write(path: Path, key: str, dataset: Dataset) -> None:
    splits = {"train": dataset.train, "test": dataset.test}
    tensors = {f"{name}.images": split.images.contiguous() for name, split in splits.items()}
    tensors |= {f"{name}.labels": split.labels.contiguous() for name, split in splits.items()}
    metadata = {"classes": json.dumps(dataset.classes), "fingerprint": dataset.fingerprint}
    save_tensors(path, tensors, metadata | {"key": key})
