"""A folder of images, one folder a class, read as torchvision's `ImageFolder` orders it."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path, PurePath
from typing import NamedTuple

import PIL
import torch

from carto_helpers.images.decoding import decode_images
from carto_helpers.images.image_cache import read_cache, write_cache
from carto_helpers.images.image_set import Dataset, ImageSet
from carto_helpers.images.image_tree import check_tree
from carto_helpers.networks.torchvision_trap import prepare_torchvision

logger = logging.getLogger(__name__)
_ASIDE = (".", "@")  # a program's own folders begin so: .thumbnails, .ipynb_checkpoints, @eaDir
_LAYOUT = "<path>/train/<class>/<image> and <path>/test/<class>/<image>"


class _Listing(NamedTuple):
    """The image files of a folder in loading order, with their labels."""

    classes: tuple[str, ...]
    train: list[tuple[str, int]]
    validation: list[tuple[str, int]]
    test: list[tuple[str, int]]

    @property
    def files(self) -> list[str]:
        """The paths of all of them, in loading order."""
        return [file for file, _ in self.train + self.validation + self.test]


def read_image_folder(path: Path, name: str, image_size: int = 0) -> Dataset:
    """Return the images under `path`, decoded now or, if nothing has changed since, earlier.

    Parameters
    ----------
    path
        Holds train/<class>/<image> and test/<class>/<image>. Classes are numbered in sorted order;
        a class may have no test image. Folders whose names begin with "." or "@" are passed over.
        Where there is val/<class>/<image> too, those images are
        the validation split, and follow the others of `train`.
    name
        What to call the dataset.
    image_size
        0, or pixels a side that images are scaled and cut to, as `decode_images` does.

    Raises
    ------
    FileNotFoundError
        If the folder, one of the splits or a training class has no image.
    ValueError
        If there are fewer than two classes, test or val has a class that train lacks, an image
        cannot be decoded, or images differ in size or mode; if there are links that leave the
        folder, pipes or names that a table cannot show.
    """
    listing = _list_images(path)
    key = _source_key(path, listing.files, image_size)
    dataset = read_cache(key, name)
    if dataset is None:
        dataset = _decode_listing(listing, name, image_size)
        write_cache(key, dataset)
    return _with_files(dataset, listing, path)


def _list_images(path: Path) -> _Listing:
    if not path.is_dir():
        raise FileNotFoundError(
            f"expected a folder {_LAYOUT}, got no folder {path}; check the path"
        )
    check_tree(path)
    classes, parts = _class_names(path / "train"), ["test"]
    if (path / "val").is_dir():
        parts.append("val")
    if len(classes) < 2:
        raise ValueError(
            f"{path}/train must have at least 2 class folders, got {classes}; add another class"
        )
    for part in parts:
        if unknown := sorted(set(_class_names(path / part)) - set(classes)):
            raise ValueError(
                f"every class of {part} must be in train, got {', '.join(unknown)} only in "
                f"{path}/{part}; add training images or remove the folder"
            )
    train, *others = (_list_split(path / part, classes) for part in ("train", *parts))
    if lacking := sorted(set(classes) - {classes[label] for _, label in train}):
        raise FileNotFoundError(
            f"every class must have a training image, got none in {path}/train/{lacking[0]}; "
            "add images or remove the folder"
        )
    test, validation = others if len(others) == 2 else (*others, [])
    return _Listing(tuple(classes), train, validation, test)


def _class_names(split: Path) -> list[str]:
    entries = split.iterdir() if split.is_dir() else ()
    names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith(_ASIDE))
    if not names:
        raise FileNotFoundError(
            f"expected {_LAYOUT}, got no class folder in {split}; put the images there"
        )
    return names


def _list_split(split: Path, classes: Sequence[str]) -> list[tuple[str, int]]:
    prepare_torchvision()
    from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

    label_of = {name: label for label, name in enumerate(classes)}
    found: list[tuple[str, int]] = make_dataset(
        str(split), label_of, extensions=IMG_EXTENSIONS, allow_empty=True
    )
    files = [(file, label) for file, label in found if not _aside(_below(split, file))]
    if not files:
        raise FileNotFoundError(
            f"expected {_LAYOUT}, got no image in {split}; "
            f"put some there ({' '.join(IMG_EXTENSIONS)})"
        )
    _tell_others(split, {Path(file) for file, _ in files})
    return files


def _below(folder: Path, file: str) -> PurePath:
    return PurePath(file).relative_to(folder)


def _aside(file: PurePath) -> str:
    """Return which of a file's folders is a program's own, not the user's, or ""."""
    return next((name for name in file.parts[:-1] if name.startswith(_ASIDE)), "")


def _tell_others(split: Path, taken: AbstractSet[Path]) -> None:
    """Log how many files of the folders are not read as images: by their endings, or where."""
    others = Counter(
        f"in {folder}" if (folder := _aside(file.relative_to(split))) else file.suffix or file.name
        for file in split.glob("*/**/*")
        if file not in taken and not file.name.startswith(".") and file.is_file()
    )
    if others:
        listed = ", ".join(f"{n} {ending}" for ending, n in others.most_common(5))
        logger.warning("%s: not read as images: %s", split, listed)


def _source_key(path: Path, files: Sequence[str], image_size: int) -> str:
    """Return a key that changes with the folder's place, its files' names, sizes and times.

    Where two files change places, only the second time may tell, that of a file's status. Its
    inode would tell too, but on some disks (exFAT) that is another at every mount.
    """
    facts: list[object] = [str(path.resolve()), PIL.__version__]
    if image_size:
        facts.append(image_size)
    for file in files:
        status = Path(file).stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)
        facts.append((file.removeprefix(str(path)), status.st_size, *times))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _decode_listing(listing: _Listing, name: str, image_size: int) -> Dataset:
    images = decode_images(listing.files, name, image_size=image_size)
    n_train = len(listing.train) + len(listing.validation)
    labels = torch.tensor([label for _, label in listing.train + listing.validation + listing.test])
    train, test = (
        ImageSet(name=name, images=images[part], labels=labels[part], classes=listing.classes)
        for part in (slice(n_train), slice(n_train, None))
    )
    return Dataset(train=train, test=test)


def _with_files(dataset: Dataset, listing: _Listing, path: Path) -> Dataset:
    """Return the data set with what no cache file holds: file names, and which are validation."""
    files = tuple(_below(path, file).as_posix() for file in listing.files)
    n_train = len(dataset.train)
    return Dataset(
        train=replace(dataset.train, files=files[:n_train]),
        test=replace(dataset.test, files=files[n_train:]),
        n_validation=len(listing.validation),
    )
