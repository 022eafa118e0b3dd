"""Loading by name and by path, the digits, the split and the thumbnails."""

import base64
import io
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset, random_split

import carto_helpers
from carto_helpers import data

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make_folder(path: Path) -> Path:
    for split in ("train", "test"):
        for grey, name in enumerate(("cat", "dog")):
            (path / split / name).mkdir(parents=True)
            Image.new("L", (4, 4), grey).save(path / split / name / "0.png")
    return path


def test_digits_are_the_bundled_scans_enlarged() -> None:
    digits, scans = data.load("digits"), load_digits()
    is_test = np.arange(1797) % 5 == 4
    assert len(digits.train) + len(digits.test) == 1797
    assert digits.train.labels.tolist() == scans.target[~is_test].tolist()
    assert digits.test.labels.tolist() == scans.target[is_test].tolist()
    assert digits.classes == tuple("0123456789")
    assert digits.test.images.dtype == torch.uint8
    corners = digits.test.images[:, 0, ::4, ::4].double().numpy()
    assert np.abs(corners - scans.images[is_test] * 255 / 16).max() <= 0.5
    for row, column in ((1, 0), (0, 3), (3, 3)):
        assert np.array_equal(digits.test.images[:, 0, row::4, column::4], corners)


def test_digits_are_the_same_everywhere() -> None:
    assert data.load("digits").fingerprint == "d20a68eee581653b"


def test_a_named_set_is_read_from_its_image_folders_first(tmp_path: Path) -> None:
    make_folder(tmp_path / "cifar10")
    dataset = data.load("cifar10", tmp_path, download=False)
    assert dataset.name == "cifar10"
    assert dataset.classes == ("cat", "dog")


def test_a_named_set_without_folders_is_read_from_the_official_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="official files of mnist"):
        data.load("mnist", str(tmp_path), download=False)


def test_the_default_root_is_in_the_users_cache_folder(cache: Path) -> None:
    assert data.default_root() == cache / "carto_helpers" / "data"
    make_folder(data.default_root() / "cifar100")
    assert data.load("cifar100", download=False).name == "cifar100"


def test_a_path_is_an_image_folder_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "pets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    written = (folder, str(folder), Path("pets"), "pets", "./pets", "pets/", "~/pets")
    assert len({data.load(path).fingerprint for path in written}) == 1
    assert {data.load(path).name for path in written} == {"pets"}


def test_a_missing_path_is_no_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="got no folder"):
        data.load(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("other", ["train.parquet", "val.parquet"])
@pytest.mark.parametrize("named", [False, True])
def test_folders_beside_parquet_files_are_refused(
    tmp_path: Path, other: str, *, named: bool
) -> None:
    """One of the two would be read and the other left out."""
    folder = make_folder(tmp_path / "cifar10")
    (folder / other).touch()
    with pytest.raises(ValueError, match=rf"or Parquet files, got train/ and {other}; move one"):
        data.load("cifar10" if named else folder, tmp_path if named else None)


@pytest.mark.parametrize("name", ["valid", "validation"])
@pytest.mark.parametrize("ending", ["", ".parquet"])
def test_a_validation_split_of_another_name_is_refused(
    tmp_path: Path, name: str, ending: str
) -> None:
    """It would be left out, and a fifth of the training images taken."""
    folder = tmp_path / "pets"
    if ending:
        carto_helpers.write_images(data.load("digits"), folder)
        (folder / f"{name}.parquet").touch()
    else:
        (make_folder(folder) / name).mkdir()
    with pytest.raises(
        ValueError, match=rf"must be called val{ending}, got .*/{name}{ending}; ren"
    ):
        data.load(folder)


@pytest.mark.parametrize("name", ["cifar", "CIFAR10", ""])
def test_an_unknown_name_lists_the_valid_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"digits, mnist, cifar10, cifar100 or .* got '{name}'"):
        data.load(name)
    with pytest.raises(ValueError, match="write ./.* if a folder is meant"):
        data.dataset_name(name)


def test_a_dataset_is_called_the_same_before_and_after_loading(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pets")
    for name in ("digits", folder, f"{folder}/"):
        assert data.dataset_name(name) == data.load(name).name


def test_a_root_beside_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`root` is for digits, mnist.*leave it out"):
        data.load(make_folder(tmp_path / "pets"), tmp_path)


@given(st.integers(2, 400), st.integers(0, 2**40))
def test_split_holds_every_position_once_and_four_fifths_train(n: int, seed: int) -> None:
    train, validation = data.split(n, seed)
    assert len(train) == 4 * n // 5
    assert sorted([*train, *validation]) == list(range(n))
    assert train.dtype == validation.dtype == np.int64


@pytest.mark.parametrize("n", [7, 1438, 50_000])
def test_split_is_the_one_of_random_split(n: int) -> None:
    ours = data.split(n, 3)
    images, lengths = TensorDataset(torch.arange(n)), [n * 4 // 5, n - n * 4 // 5]
    theirs = random_split(images, lengths, torch.Generator().manual_seed(3))
    assert [part.tolist() for part in ours] == [list(part.indices) for part in theirs]


def test_split_leaves_the_global_random_state_alone_and_follows_its_seed() -> None:
    state = torch.get_rng_state()
    assert np.array_equal(data.split(100, 0).train, data.split(100, 0).train)
    assert not np.array_equal(data.split(100, 0).train, data.split(100, 1).train)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_split_of_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 images, got 1; load more"):
        data.split(1, 0)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_thumbnails_are_webp_at_native_size_and_near_the_image(n_channels: int) -> None:
    ramp = torch.arange(32, dtype=torch.uint8).mul(8).expand(2, n_channels, 32, 32)
    uris = data.thumbnail_data_uris(ramp, quality=90)
    assert len(uris) == 2
    for uri in uris:
        head, _, body = uri.partition(",")
        image = Image.open(io.BytesIO(base64.b64decode(body)))
        assert (head, image.format, image.size) == ("data:image/webp;base64", "WEBP", (32, 32))
        pixels = np.asarray(image.convert("RGB"), np.int64)
        assert np.abs(pixels - ramp[0, 0].numpy()[:, :, None]).mean() < 6


def test_a_lower_quality_takes_fewer_bytes() -> None:
    noise = torch.randint(0, 256, (1, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    small, large = (data.encode_thumbnails(noise.to(torch.uint8), quality=q) for q in (10, 90))
    assert len(small[0]) < len(large[0])


@pytest.mark.skipif(
    not REAL_DATA.is_dir(), reason="the real datasets are not beside the repository"
)
def test_real_images_come_back_pixel_by_pixel(tmp_path: Path) -> None:
    pytest.importorskip(
        "pillow_jxl", reason="pillow-jxl-plugin, which unpacks them, is not installed"
    )
    unpack = runpy.run_path(str(REAL_DATA / "unpack.py"))
    members, pixels = unpack["members"]("cifar10", "test"), unpack["images"]("cifar10", "test")
    chosen = range(0, 10_000, 50)
    for split in ("train", "test"):
        for k in chosen:
            file = tmp_path / "cifar10" / split / members[k]["class"] / members[k]["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[k]).save(file)
    dataset = data.load("cifar10", tmp_path, download=False)
    assert dataset.classes == tuple(
        "airplane automobile bird cat deer dog frog horse ship truck".split()
    )
    in_order = sorted(chosen, key=lambda k: (members[k]["class"], members[k]["file"]))
    assert np.array_equal(dataset.test.images.permute(0, 2, 3, 1).numpy(), pixels[in_order])
    names = [dataset.classes[label] for label in dataset.train.labels]
    assert names == [members[k]["class"] for k in in_order]
