"""Official files: nothing is opened before its checksum, nothing half written is left."""

import gzip
import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carto_helpers.images import official_files
from carto_helpers.images.official_files import read_official_files
from carto_helpers.networks.torchvision_trap import prepare_torchvision

prepare_torchvision()
from torchvision.datasets import CIFAR10, CIFAR100, MNIST  # noqa: E402
from torchvision.datasets import mnist as torchvision_mnist  # noqa: E402

CIFAR10_CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar(
    folder: Path, label_key: str, label_names: dict[str, Any], files: list[str]
) -> None:
    folder.mkdir(parents=True)
    for seed, file in enumerate(files):
        data = np.random.default_rng(seed).integers(0, 256, (4, 3072), np.uint8)
        (folder / file).write_bytes(pickle.dumps({"data": data, label_key: [3, 0, 1, seed]}))
    (folder / "batches.meta").write_bytes(pickle.dumps(label_names))


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a CIFAR-10 of twelve images whose sums torchvision takes for the official ones."""
    folder = tmp_path / "cifar-10-batches-py"
    names = {"label_names": list(CIFAR10_CLASSES)}
    write_cifar(folder, "labels", names, ["data_batch_1", "data_batch_2", "test_batch"])
    train = [[file, md5(folder / file)] for file in ("data_batch_1", "data_batch_2")]
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5(folder / "test_batch")]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5(folder / "batches.meta")})
    return tmp_path


def write_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    for split, n in (("train", 6), ("t10k", 3)):
        pixels = np.arange(n * 784, dtype=np.uint8).tobytes()
        header = b"".join(k.to_bytes(4, "big") for k in (2051, n, 28, 28))
        (folder / f"{split}-images-idx3-ubyte").write_bytes(header + pixels)
        header = b"".join(k.to_bytes(4, "big") for k in (2049, n))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(header + bytes(range(n)))
    sums = {file.name: md5(file) for file in folder.iterdir()}
    monkeypatch.setattr(official_files, "_MNIST_MD5", sums)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("Name or service\nnot known")

    monkeypatch.setattr("urllib.request.urlopen", fail)


def test_cifar10_comes_in_the_files_order_and_class_order(cifar10: Path) -> None:
    dataset = read_official_files("cifar10", cifar10, download=False)
    assert dataset.train.labels.tolist() == [3, 0, 1, 0, 3, 0, 1, 1]
    assert tuple(dataset.test.images.shape) == (4, 3, 32, 32)
    assert dataset.classes == CIFAR10_CLASSES
    planes = np.random.default_rng(2).integers(0, 256, (4, 3072), np.uint8).reshape(4, 3, 32, 32)
    assert np.array_equal(dataset.test.images.numpy(), planes)


def test_cifar100_takes_the_fine_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-100-python"
    names = {"fine_label_names": ["apple", "bear", "crab", "dolphin"], "coarse_label_names": ["x"]}
    write_cifar(folder, "fine_labels", names, ["train", "test"])
    (folder / "batches.meta").rename(folder / "meta")
    monkeypatch.setattr(CIFAR100, "train_list", [["train", md5(folder / "train")]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", md5(folder / "test")]])
    monkeypatch.setattr(CIFAR100, "meta", CIFAR100.meta | {"md5": md5(folder / "meta")})
    dataset = read_official_files("cifar100", tmp_path, download=False)
    assert dataset.classes == ("apple", "bear", "crab", "dolphin")
    assert dataset.test.labels.tolist() == [3, 0, 1, 1]


def test_mnist_has_one_channel_and_digits_as_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(tmp_path / "MNIST" / "raw", monkeypatch)
    dataset = read_official_files("mnist", tmp_path, download=False)
    assert tuple(dataset.train.images.shape) == (6, 1, 28, 28)
    assert dataset.train.images.flatten()[:3].tolist() == [0, 1, 2]
    assert dataset.train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert dataset.classes == tuple("0123456789")


class Trap:
    """Unpickling one of these makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("file", ["data_batch_1", "data_batch_2", "test_batch", "batches.meta"])
def test_no_pickle_is_opened_whose_checksum_differs(cifar10: Path, file: str) -> None:
    sprung = cifar10 / "sprung"
    (cifar10 / "cifar-10-batches-py" / file).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(FileNotFoundError, match="with their MD5 sums in .*pass download=True"):
        read_official_files("cifar10", cifar10, download=False)
    assert not sprung.exists()


def test_a_changed_mnist_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path / "MNIST" / "raw", monkeypatch)
    images = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1] + b"\x07")
    with pytest.raises(FileNotFoundError, match="official files of mnist .* missing or damaged"):
        read_official_files("mnist", tmp_path, download=False)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
def test_missing_files_are_refused_where_nothing_may_be_downloaded(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(FileNotFoundError, match=f"official files of {name} .* pass download=True"):
        read_official_files(name, tmp_path / "missing", download=False)
    assert not (tmp_path / "missing").exists()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_failed_download_is_one_line_and_leaves_nothing(
    tmp_path: Path, name: str, is_there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    if is_there:
        root.mkdir()
    with pytest.raises(
        ConnectionError, match="could not be downloaded .*check the network"
    ) as info:
        read_official_files(name, root, download=True)
    assert "\n" not in str(info.value)
    assert list(tmp_path.rglob("*")) == ([root] if is_there else [])
    assert capsys.readouterr().out == ""


def test_a_download_cut_short_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: CIFAR10) -> None:
        (Path(self.root) / self.filename).write_bytes(b"half an archive")
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")

    monkeypatch.setattr(CIFAR10, "download", stop)
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        read_official_files("cifar10", tmp_path / "root", download=True)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_root_is_made_and_downloaded_into(
    cifar10: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    (cifar10 / "cifar-10-batches-py").rename(ready)
    monkeypatch.setattr(
        CIFAR10, "download", lambda self: ready.rename(Path(self.root) / self.base_folder)
    )
    root = tmp_path / "new" / "root"
    assert len(read_official_files("cifar10", root, download=True).train) == 8
    assert [path.name for path in root.iterdir()] == ["cifar-10-batches-py"]
    assert len(read_official_files("cifar10", root, download=False).train) == 8


@pytest.mark.usefixtures("no_network")
def test_archives_that_are_there_need_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_mnist(raw, monkeypatch)
    packed = []
    for file in sorted(raw.iterdir()):
        archive = file.with_name(file.name + ".gz")
        archive.write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
        packed.append((archive.name, md5(archive)))
    monkeypatch.setattr(torchvision_mnist.MNIST, "resources", packed)
    assert MNIST is torchvision_mnist.MNIST
    assert len(read_official_files("mnist", tmp_path, download=True).train) == 6
