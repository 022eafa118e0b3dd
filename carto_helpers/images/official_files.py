"""The distributors' own files of MNIST, CIFAR-10 and CIFAR-100, opened only after their checksum.

torchvision downloads them and reads them. CIFAR's files are pickles, which can run code:
torchvision compares their MD5 sums before it opens one. MNIST's files are plain arrays whose sums
it does not compare once they are unpacked, so they are compared here.
"""

import contextlib
import io
import shutil
import tarfile
import tempfile
import warnings
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch

from carto_helpers.images.image_set import Dataset, ImageSet
from carto_helpers.networks.torchvision_trap import prepare_torchvision

_FOLDERS = {
    "mnist": "MNIST/raw",
    "cifar10": "cifar-10-batches-py",
    "cifar100": "cifar-100-python",
}
_MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_DOWNLOAD_ERRORS = (OSError, RuntimeError, HTTPException, tarfile.TarError, EOFError)


def read_official_files(name: str, root: Path, *, download: bool) -> Dataset:
    """Return a named dataset from its distributor's files under `root`.

    Parameters
    ----------
    name
        "mnist", "cifar10" or "cifar100".
    root
        Holds MNIST/raw, cifar-10-batches-py or cifar-100-python.
    download
        Whether files that are missing or damaged may be downloaded; `root` is then made if needed.

    Raises
    ------
    FileNotFoundError
        If files are missing or damaged and may not be downloaded.
    ConnectionError
        If the download failed; nothing of it is left behind.
    """
    dataset = _read(name, root)
    if dataset is None and download:
        _download(name, root)
        dataset = _read(name, root)
    if dataset is None:
        raise FileNotFoundError(
            f"expected the official files of {name} with their MD5 sums in "
            f"{root / _FOLDERS[name]}, got missing or damaged ones; pass download=True, "
            "or the `root` that holds them"
        )
    return dataset


def _read(name: str, root: Path) -> Dataset | None:
    return _read_mnist(root) if name == "mnist" else _read_cifar(name, root)


def _read_mnist(root: Path) -> Dataset | None:
    prepare_torchvision()
    from torchvision.datasets.mnist import read_image_file, read_label_file
    from torchvision.datasets.utils import check_integrity

    folder = root / _FOLDERS["mnist"]
    if not all(check_integrity(folder / file, md5) for file, md5 in _MNIST_MD5.items()):
        return None
    train, test = (
        ImageSet(
            name="mnist",
            images=read_image_file(str(folder / f"{split}-images-idx3-ubyte"))[
                :, None
            ],  # (N, 1, H, W)
            labels=read_label_file(str(folder / f"{split}-labels-idx1-ubyte")),
            classes=tuple("0123456789"),
        )
        for split in ("train", "t10k")
    )
    return Dataset(train=train, test=test)


def _read_cifar(name: str, root: Path) -> Dataset | None:
    reader = _reader(name)
    splits = []
    for is_train in (True, False):
        try:
            with warnings.catch_warnings():  # NumPy >= 2.4 on how the files of 2009 spell a dtype
                warnings.filterwarnings("ignore", message=".*align should be passed")
                read = reader(root, train=is_train)
        except RuntimeError:  # how torchvision says that an MD5 sum differs or a file is missing
            return None
        splits.append(
            ImageSet(
                name=name,
                images=torch.from_numpy(read.data).permute(0, 3, 1, 2).contiguous(),
                labels=torch.tensor(read.targets),
                classes=tuple(read.classes),
            )
        )
    return Dataset(train=splits[0], test=splits[1])


def _reader(name: str) -> Any:
    prepare_torchvision()
    from torchvision import datasets

    return {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[
        name
    ]


def _download(name: str, root: Path) -> None:
    """Download into a temporary folder under `root`, then move the whole files into place."""
    was_there = root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{name}-") as temporary:
            _copy_archives(name, root, Path(temporary))
            with contextlib.redirect_stdout(io.StringIO()):
                _reader(name)(temporary, download=True)
            _move_files(Path(temporary) / _FOLDERS[name], root / _FOLDERS[name])
    except _DOWNLOAD_ERRORS as error:
        if not was_there:
            with contextlib.suppress(OSError):
                root.rmdir()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConnectionError(
            f"{name} could not be downloaded to {root} ({reason}); check the network, or pass as "
            f"`root` a folder that holds {_FOLDERS[name]} or {name}/train/<class>/<image>"
        ) from error


def _archives(name: str) -> list[str]:
    """Return where torchvision looks for archives that were downloaded before."""
    if name == "mnist":
        return [f"{_FOLDERS[name]}/{file}.gz" for file in _MNIST_MD5]
    return [_reader(name).filename]


def _copy_archives(name: str, root: Path, temporary: Path) -> None:
    for archive in _archives(name):
        if (root / archive).is_file():
            (temporary / archive).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / archive, temporary / archive)


def _move_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        file.replace(target / file.name)
