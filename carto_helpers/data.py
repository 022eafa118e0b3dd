"""Images go in here: named datasets, or one's own, as one uint8 tensor a split.

Position in the loaded set is the index of an image everywhere else. The same images from another
source may come in another order; their fingerprint is then another, and nothing is joined across
fingerprints.
"""

import base64
import io
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from carto_helpers.config import DATASETS
from carto_helpers.images.image_cache import cache_folder
from carto_helpers.images.image_folder import read_image_folder
from carto_helpers.images.image_set import Dataset as Dataset
from carto_helpers.images.image_set import ImageSet as ImageSet
from carto_helpers.images.official_files import read_official_files
from carto_helpers.images.parquet_images import has_parquet, read_parquet_images
from carto_helpers.images.sources import resized
from carto_helpers.storage.plain_texts import check_name


class Split(NamedTuple):
    """Positions in the loaded training set, each part in the seeded shuffle's order."""

    train: Int64[np.ndarray, " n_train"]
    validation: Int64[np.ndarray, " n_validation"]


def default_root() -> Path:
    """Return where named datasets are looked for, and downloaded to, unless a root is given.

    Raises
    ------
    FileNotFoundError
        If the user has no home, and no cache folder is set.
    """
    return cache_folder() / "data"


def load(
    name: str | Path,
    root: str | Path | None = None,
    *,
    image_size: int = 0,
    download: bool = True,
) -> Dataset:
    """Load a dataset whole, at native size unless another is asked for.

    A named dataset is read from image folders `root`/<name>/{train,test}/<class>/ where they are,
    else from its distributor's official files in `root`, which are downloaded where they are
    missing. "digits" comes with scikit-learn and needs no root: a demonstration, not evidence.
    Decoded image folders are kept in the user's cache folder.

    Parameters
    ----------
    name
        "digits", "mnist", "cifar10", "cifar100", or the path of a folder of your own: a `Path`, a
        string with a separator in it or the name of a folder that is there. It holds
        train/<class>/<image> and test/<class>/<image>, or train.parquet and test.parquet with
        encoded images, as `write_images` and Hugging Face's `to_parquet` write them. With val/ or
        val.parquet beside them that is the validation split, else a seeded fifth of train is.
        Folders whose names begin with "." or "@" are passed over.
    root
        Where the files of the named datasets are; default: `default_root()`.
    image_size
        0: images of one size and mode, as they are. Above 0: all are scaled and cut to squares of
        so many pixels a side, whatever their sizes and modes (`decode_images` says how).
    download
        Whether files that are missing may be downloaded.

    Returns
    -------
    Dataset
        The training images (behind them those of a validation split of your own) and the test
        images.

    Raises
    ------
    ValueError
        If the name is unknown, a root is given with a path, an image folder's content is wrong, it
        holds image folders and Parquet files, or a validation split of another name.
    FileNotFoundError
        If there is no such folder, there are no images in it, or a user without a home gives no
        root for a named dataset.
    ConnectionError
        If a download failed.

    Examples
    --------
    >>> digits = load("digits")
    >>> digits.train.images.shape, len(digits.test)
    (torch.Size([1438, 1, 32, 32]), 359)
    """
    if isinstance(name, str) and name in DATASETS:
        needs_root = root is None and name != "digits"
        named = default_root() if needs_root else Path(root or "")
        return _load_named(name, named.expanduser(), image_size, download=download)
    own_name = dataset_name(name)
    if root is not None:
        raise ValueError(
            f"`root` is for {', '.join(DATASETS)}, got {str(root)!r} with the path {str(name)!r}; "
            "leave it out"
        )
    return _load_folder(Path(name).expanduser(), own_name, image_size)


def dataset_name(name: str | Path) -> str:
    """Return what the dataset that `load` would read is called: a path's last part.

    Parameters
    ----------
    name
        As `load` takes it; nothing is read.

    Raises
    ------
    ValueError
        If it is neither a known name nor a path, or the name is too long or holds a line break.

    Examples
    --------
    >>> dataset_name("cifar10"), dataset_name("photos/pets/")
    ('cifar10', 'pets')
    """
    if isinstance(name, str) and name in DATASETS:
        return name
    if not _is_path(name):
        raise ValueError(
            f"`dataset` must be one of {', '.join(DATASETS)} or an image folder's path, "
            f"got {str(name)!r}; write ./{name} if a folder is meant"
        )
    path = Path(name).expanduser().resolve()
    check_name(path.name, path.parent)
    return path.name or "images"


def _is_path(name: str | Path) -> bool:
    if isinstance(name, Path) or "/" in name or os.sep in name:
        return True
    return name != "" and Path(name).is_dir()


def _load_folder(folder: Path, name: str, image_size: int) -> Dataset:
    _check_layout(folder)
    if has_parquet(folder):
        return read_parquet_images(folder, name, image_size)
    return read_image_folder(folder, name, image_size)


def _check_layout(folder: Path) -> None:
    """Raise where a part would be left out unseen: one of the other layout, or of another name."""
    parts = ("train", "val", "test")
    folders = [f"{part}/" for part in parts if (folder / part).is_dir()]
    files = [f for part in parts if (folder / (f := f"{part}.parquet")).is_file()]
    if folders and files:
        raise ValueError(
            f"{folder} must hold image folders or Parquet files, got {folders[0]} and {files[0]}; "
            "move one of the two kinds away"
        )
    for other in ("valid", "validation", "valid.parquet", "validation.parquet"):
        if (folder / other).exists():
            named = f"val{Path(other).suffix}"
            raise ValueError(
                f"a validation split must be called {named}, got {folder / other}; rename it, or "
                "move it away"
            )


def _load_named(name: str, root: Path, image_size: int, *, download: bool) -> Dataset:
    folder = root / name
    if name == "digits":
        return resized(_load_digits(), image_size)
    if (folder / "train").is_dir() or (folder / "test").is_dir():
        return _load_folder(folder, name, image_size)
    return resized(read_official_files(name, root, download=download), image_size)


def _load_digits() -> Dataset:
    """Load scikit-learn's 1,797 scans of 8 × 8 pixels in 0 … 16, every fifth a test image.

    Each pixel becomes 4 × 4 equal ones of round(255 x / 16): whole numbers alone, so that the
    fingerprint is the same on every machine. Positions 4, 9, 14 … are the test split.
    """
    from sklearn.datasets import load_digits

    scans = load_digits()
    grey = np.rint(scans.images * 255 / 16).astype(np.uint8)
    images = torch.from_numpy(grey.repeat(4, axis=1).repeat(4, axis=2))[:, None]  # (N, 1, 32, 32)
    labels = torch.from_numpy(scans.target.astype(np.int64))
    is_test = torch.arange(len(images)) % 5 == 4
    train, test = (
        ImageSet(
            name="digits", images=images[part], labels=labels[part], classes=tuple("0123456789")
        )
        for part in (~is_test, is_test)
    )
    return Dataset(train=train, test=test)


def split(n: int, split_seed: int, n_validation: int = 0) -> Split:
    """Split the positions 0 … n − 1 into 80 % for training and 20 % for validation.

    A seeded shuffle, the one of `torch.utils.data.random_split`; the first floor(4 n / 5) positions
    of it train (section 4.1). A validation split of one's own stays as it is.

    Parameters
    ----------
    n
        Number of images, at least 2.
    split_seed
        Seed of the shuffle.
    n_validation
        How many positions at the end are a validation split of one's own; 0: none.

    Returns
    -------
    Split
        Two arrays in the shuffle's order; together every position once.

    Raises
    ------
    ValueError
        If there are fewer than two images.

    Examples
    --------
    >>> [len(part) for part in split(50_000, split_seed=0)]
    [40000, 10000]
    """
    if n < 2:
        raise ValueError(f"a split needs at least 2 images, got {n}; load more")
    n_free = n - n_validation
    shuffled = torch.randperm(n_free, generator=torch.Generator().manual_seed(split_seed)).numpy()
    if n_validation:
        return Split(train=shuffled, validation=np.arange(n_free, n))
    n_train = n * 4 // 5
    return Split(train=shuffled[:n_train], validation=shuffled[n_train:])


def encode_thumbnails(images: UInt8[Tensor, "n C H W"], *, quality: int = 50) -> list[bytes]:
    """Return the images as small lossy WEBP files, at native size.

    Parameters
    ----------
    images
        Shape (n, C, H, W), C = 1 or 3.
    quality
        WEBP's, in 0 … 100; 50 takes about 250 bytes for 32 × 32 pixels.
    """
    files = []
    for pixels in images.permute(0, 2, 3, 1).cpu().numpy():  # (n, H, W, C)
        buffer = io.BytesIO()
        Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(
            buffer, "WEBP", quality=quality
        )
        files.append(buffer.getvalue())
    return files


def thumbnail_data_uris(images: UInt8[Tensor, "n C H W"], *, quality: int = 50) -> list[str]:
    """Return the images as data URIs of small lossy WEBP files, for a chart's tooltips.

    Parameters
    ----------
    images
        Shape (n, C, H, W), C = 1 or 3.
    quality
        WEBP's, in 0 … 100.

    Examples
    --------
    >>> thumbnail_data_uris(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))[0][:23]
    'data:image/webp;base64,'
    """
    files = encode_thumbnails(images, quality=quality)
    return [f"data:image/webp;base64,{base64.b64encode(file).decode()}" for file in files]
