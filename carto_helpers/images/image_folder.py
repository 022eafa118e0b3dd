"""A folder of images, one folder a class, read as torchvision's `ImageFolder` orders it."""

import hashlib
import json
import math
import mmap
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import PIL
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from carto_helpers.images.image_cache import read_cache, write_cache
from carto_helpers.images.image_set import Dataset, ImageSet
from carto_helpers.images.image_tree import check_tree
from carto_helpers.networks.torchvision_trap import prepare_torchvision

_LAYOUT = "<path>/train/<class>/<image> and <path>/test/<class>/<image>"
_N_IMAGES_A_TASK = 250
_MOST_PIXELS = 2**24  # of an image, 4096 x 4096; a set is held in memory whole, at native size
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # those of torchvision's endings
_END_OF_PNG = b"IEND\xaeB`\x82"
_UNDECODABLE = (  # all that Pillow raises over a file's content
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # where warnings are errors
)


class _Listing(NamedTuple):
    """The image files of a folder in loading order, with their labels."""

    classes: tuple[str, ...]
    train: list[tuple[str, int]]
    test: list[tuple[str, int]]


def read_image_folder(path: Path, name: str) -> Dataset:
    """Return the images under `path`, decoded now or, if nothing has changed since, earlier.

    Parameters
    ----------
    path
        Holds train/<class>/<image> and test/<class>/<image>. Classes are numbered in sorted order;
        a class may have no test image. All images share one size and one mode, greyscale ("L",
        which gives C = 1) or "RGB" (C = 3).
    name
        What to call the dataset.

    Raises
    ------
    FileNotFoundError
        If the folder, one of the splits or a training class has no image.
    ValueError
        If there are fewer than two classes, test has a class that train lacks, an image cannot be
        decoded, or images differ in size or mode; if there are links that leave the folder, pipes
        or names that a table cannot show.
    """
    listing = _list_images(path)
    key = _source_key(path, [file for file, _ in listing.train + listing.test])
    dataset = read_cache(key, name)
    if dataset is None:
        dataset = _decode_listing(listing, name)
        write_cache(key, dataset)
    return dataset


def _list_images(path: Path) -> _Listing:
    if not path.is_dir():
        raise FileNotFoundError(
            f"expected a folder {_LAYOUT}, got no folder {path}; check the path"
        )
    check_tree(path)
    classes, n_test = _class_names(path / "train"), _class_names(path / "test")
    if len(classes) < 2:
        raise ValueError(
            f"{path}/train must have at least 2 class folders, got {classes}; add another class"
        )
    if unknown := sorted(set(n_test) - set(classes)):
        raise ValueError(
            f"every class of test must be in train, got {', '.join(unknown)} only in {path}/test; "
            "add training images or remove the folder"
        )
    train, test = _list_split(path / "train", classes), _list_split(path / "test", classes)
    if lacking := sorted(set(classes) - {classes[label] for _, label in train}):
        raise FileNotFoundError(
            f"every class must have a training image, got none in {path}/train/{lacking[0]}; "
            "add images or remove the folder"
        )
    return _Listing(tuple(classes), train, test)


def _class_names(split: Path) -> list[str]:
    names = (
        sorted(entry.name for entry in split.iterdir() if entry.is_dir()) if split.is_dir() else []
    )
    if not names:
        raise FileNotFoundError(
            f"expected {_LAYOUT}, got no class folder in {split}; put the images there"
        )
    return names


def _list_split(split: Path, classes: Sequence[str]) -> list[tuple[str, int]]:
    prepare_torchvision()
    from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

    label_of = {name: label for label, name in enumerate(classes)}
    files: list[tuple[str, int]] = make_dataset(
        str(split), label_of, extensions=IMG_EXTENSIONS, allow_empty=True
    )
    if not files:
        raise FileNotFoundError(
            f"expected {_LAYOUT}, got no image in {split}; "
            f"put some there ({' '.join(IMG_EXTENSIONS)})"
        )
    return files


def _source_key(path: Path, files: Sequence[str]) -> str:
    """Return a key that changes with the folder's place, its files' names, sizes and times."""
    facts: list[object] = [str(path.resolve()), PIL.__version__]
    for file in files:
        status = Path(file).stat()
        facts.append((file.removeprefix(str(path)), status.st_size, status.st_mtime_ns))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _decode_listing(listing: _Listing, name: str) -> Dataset:
    images = decode_images([file for file, _ in listing.train + listing.test], name)
    labels = torch.tensor([label for _, label in listing.train + listing.test])
    train, test = (
        ImageSet(name=name, images=images[part], labels=labels[part], classes=listing.classes)
        for part in (slice(len(listing.train)), slice(len(listing.train), None))
    )
    return Dataset(train=train, test=test)


def decode_images(files: Sequence[str], name: str = "images") -> UInt8[Tensor, "N C H W"]:
    """Decode image files of one size and mode into one tensor, with as many threads as cores.

    Parameters
    ----------
    files
        At least one path.
    name
        What the progress bar says is being decoded.

    Raises
    ------
    ValueError
        If a file cannot be decoded, or differs from the first in size or mode; it is named.
    MemoryError
        If there is no room for so many images of the first one's size.
    """
    height, width, *channels = _decode(files[0]).shape
    images = _room((len(files), *(channels or [1]), height, width), files[0])

    def decode_task(start: int) -> int:
        part = files[start : start + _N_IMAGES_A_TASK]
        for position, file in enumerate(part, start):
            pixels = _decode(file)  # (H, W) or (H, W, 3)
            if pixels.shape != (height, width, *channels):
                raise ValueError(_mixed(files[0], (height, width, *channels), file, pixels.shape))
            images[position] = pixels.transpose(2, 0, 1) if channels else pixels
        return len(part)

    with (
        tqdm(total=len(files), desc=f"decode {name}", unit="image", disable=None) as bar,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for n_done in pool.map(decode_task, range(0, len(files), _N_IMAGES_A_TASK)):
            bar.update(n_done)
    return torch.from_numpy(images)


def _room(shape: tuple[int, ...], first: str) -> UInt8[np.ndarray, "N C H W"]:
    try:
        return np.empty(shape, np.uint8)
    except MemoryError as error:
        raise MemoryError(
            f"expected memory for {shape[0]} images of {shape[3]}x{shape[2]} as {first}, "
            f"{math.prod(shape) / 1e9:.0f} GB; make them smaller"
        ) from error


def _decode(file: str) -> UInt8[np.ndarray, "H W *C"]:
    try:
        with Path(file).open("rb") as content, Image.open(content, formats=_FORMATS) as image:
            _check_size(image, file)
            if image.mode in ("L", "RGB"):
                pixels = np.asarray(image)
                _check_end(content, image.format)
                return pixels
            mode = image.mode
    except _TooLargeError:
        raise
    except _UNDECODABLE as error:
        raise ValueError(
            f"expected an image that Pillow can decode, got {file} ({_one_line(error)}); "
            "replace or remove it"
        ) from error
    raise ValueError(
        f"images must be greyscale (mode L) or RGB, got mode {mode} in {file}; "
        "convert them, Image.open(f).convert('RGB').save(f)"
    )


class _TooLargeError(ValueError):
    """An image of more pixels than `_MOST_PIXELS`."""


def _check_size(image: Image.Image, file: str) -> None:
    """Raise before anything is decoded: a file of a kilobyte can hold gigabytes of one colour."""
    if image.width * image.height > _MOST_PIXELS:
        raise _TooLargeError(
            f"an image must have at most {_MOST_PIXELS:,} pixels, got {image.width}x{image.height} "
            f"in {file}; make it smaller, or remove it"
        )


def _check_end(content: BinaryIO, kind: str | None) -> None:
    """Raise if a PNG file was cut behind its pixels, which Pillow lets pass."""
    if kind == "PNG":
        with mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            if whole.rfind(_END_OF_PNG) < 0:
                raise EOFError("no end of the file")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _mixed(first: str, expected: tuple[int, ...], file: str, got: tuple[int, ...]) -> str:
    def describe(shape: tuple[int, ...]) -> str:
        return f"{shape[1]}x{shape[0]} {'RGB' if len(shape) == 3 else 'greyscale'}"

    return (
        f"images must share one size and mode, expected {describe(expected)} as in {first}, "
        f"got {describe(got)} in {file}; resize or convert it"
    )
