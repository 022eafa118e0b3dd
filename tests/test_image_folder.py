"""Image folders: read as torchvision reads them, once, and bad ones refused in one line."""

import os
import time
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
import torch
from PIL import Image

from carto_helpers.images import decoding, image_folder
from carto_helpers.images.decoding import decode_images
from carto_helpers.images.image_cache import cache_file
from carto_helpers.images.image_folder import read_image_folder
from carto_helpers.networks.torchvision_trap import prepare_torchvision


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def save_image(path: Path, *, mode: str = "RGB", size: tuple[int, int] = (5, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(str(path).encode())
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def make_folder(path: Path, mode: str = "RGB") -> Path:
    for split, n in (("train", 3), ("test", 2)):
        for name in ("dog", "Zebra", "cat"):
            for k in range(n):
                save_image(path / split / name / f"{k}.png", mode=mode)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "pets")


@pytest.fixture
def count_decoded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    decoded: list[str] = []
    decode = decoding._decode

    def count(file: str) -> np.ndarray:
        decoded.append(file)
        return decode(file)

    monkeypatch.setattr(decoding, "_decode", count)
    return lambda: len(decoded)


def refused(folder: Path) -> str:
    """Return the one line with which a folder is refused, having left no cache file."""
    with pytest.raises((ValueError, FileNotFoundError)) as info:
        read_image_folder(folder, "pets")
    assert "\n" not in str(info.value)
    assert not cache_file("any").parent.exists()
    return str(info.value)


def test_a_folder_is_read_as_torchvision_reads_it(folder: Path) -> None:
    save_image(folder / "train" / "cat" / "deeper" / "9.png")
    (folder / "train" / "cat" / "notes.txt").write_text("no image, so passed over")
    prepare_torchvision()
    from torchvision.datasets import ImageFolder

    dataset = read_image_folder(folder, "pets")
    for split, ours in (("train", dataset.train), ("test", dataset.test)):
        theirs = ImageFolder(str(folder / split))
        pixels = np.stack([np.asarray(image) for image, _ in theirs]).transpose(0, 3, 1, 2)
        assert np.array_equal(ours.images.numpy(), pixels)
        assert ours.labels.tolist() == theirs.targets
        assert ours.classes == tuple(theirs.classes) == ("Zebra", "cat", "dog")
    assert dataset.name == "pets"


def test_greyscale_gives_one_channel_and_colour_three_at_native_size(tmp_path: Path) -> None:
    shapes = {
        mode: tuple(
            read_image_folder(make_folder(tmp_path / mode, mode), "pets").train.images.shape
        )
        for mode in ("L", "RGB")
    }
    assert shapes == {"L": (9, 1, 4, 5), "RGB": (9, 3, 4, 5)}


def test_the_second_reading_decodes_nothing(folder: Path, count_decoded: Callable[[], int]) -> None:
    first = read_image_folder(folder, "pets")
    n_decoded = count_decoded()
    assert n_decoded >= 15
    second = read_image_folder(folder, "pets")
    assert count_decoded() == n_decoded
    assert second.fingerprint == first.fingerprint


def test_a_changed_file_is_decoded_again(folder: Path) -> None:
    first = read_image_folder(folder, "pets")
    save_image(folder / "train" / "dog" / "3.png")
    second = read_image_folder(folder, "pets")
    assert len(second.train) == 10
    file = folder / "train" / "dog" / "3.png"
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(file)
    os.utime(file, ns=(1, 1))
    third = read_image_folder(folder, "pets")
    assert len({first.fingerprint, second.fingerprint, third.fingerprint}) == 3


def test_a_damaged_cache_file_is_made_again(
    folder: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = read_image_folder(folder, "pets")
    (kept,) = cache.rglob("*.safetensors")
    content = kept.read_bytes()
    kept.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert read_image_folder(folder, "pets").fingerprint == first.fingerprint
    assert f"{kept} is damaged" in caplog.messages[0]
    assert read_image_folder(folder, "pets").fingerprint == first.fingerprint
    assert len(caplog.messages) == 1


def test_without_a_cache_the_images_are_read_all_the_same(
    folder: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    assert len(read_image_folder(folder, "pets").train) == 9
    assert len(caplog.messages) == 1
    assert "cannot be written" in caplog.messages[0]


def test_order_and_errors_hold_over_many_tasks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(file) for file in sorted(folder.rglob("*.png"))]
    whole = decode_images(files)
    monkeypatch.setattr(decoding, "_N_IMAGES_A_TASK", 2)
    assert torch.equal(decode_images(files), whole)
    Path(files[-1]).write_bytes(b"no image")
    with pytest.raises(ValueError, match="that Pillow can decode, got .*; replace or remove it"):
        decode_images(files)


def test_a_test_split_may_lack_a_class(folder: Path) -> None:
    for file in (folder / "test" / "cat").iterdir():
        file.unlink()
    (folder / "test" / "cat").rmdir()
    dataset = read_image_folder(folder, "pets")
    assert set(dataset.test.labels.tolist()) == {0, 2}
    assert dataset.test.classes == dataset.train.classes


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    line = refused(tmp_path / "nowhere")
    assert "got no folder" in line
    assert "nowhere; check the path" in line


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_missing_or_empty_split_is_refused(folder: Path, split: str) -> None:
    (folder / split).rename(folder / "away")
    assert f"got no class folder in {folder / split}; put the images there" in refused(folder)
    (folder / split).mkdir()
    assert f"got no class folder in {folder / split}; put the images there" in refused(folder)
    for name in ("Zebra", "cat", "dog"):
        (folder / split / name).mkdir()
    assert f"got no image in {folder / split}; put some there" in refused(folder)


def test_a_class_without_training_images_is_refused(folder: Path) -> None:
    (folder / "train" / "ant").mkdir()
    assert f"got none in {folder / 'train' / 'ant'}; add images" in refused(folder)


def test_a_class_that_only_test_has_is_refused(folder: Path) -> None:
    save_image(folder / "test" / "wolf" / "0.png")
    assert "every class of test must be in train, got wolf only" in refused(folder)


def test_one_class_is_refused(tmp_path: Path) -> None:
    for split in ("train", "test"):
        save_image(tmp_path / "one" / split / "cat" / "0.png")
    assert "must have at least 2 class folders, got ['cat']" in refused(tmp_path / "one")


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n broken"])
def test_a_file_that_is_no_image_is_named(folder: Path, content: bytes) -> None:
    bad = folder / "test" / "dog" / "1.png"
    bad.write_bytes(content)
    assert f"expected an image that Pillow can decode, got {bad} (" in refused(folder)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_an_image_cut_short_is_named(folder: Path, suffix: str) -> None:
    bad = save_image(folder / "train" / "cat" / f"9{suffix}")
    bad.write_bytes(bad.read_bytes()[: bad.stat().st_size * 2 // 3])
    assert f"expected an image that Pillow can decode, got {bad} (" in refused(folder)


def test_an_image_of_another_size_is_named(folder: Path) -> None:
    bad = save_image(folder / "test" / "dog" / "1.png", size=(6, 4))
    line = refused(folder)
    assert "expected 5x4 RGB as in" in line
    assert f"got 6x4 RGB in {bad}; resize or convert it" in line


def test_an_image_of_another_mode_is_named(folder: Path) -> None:
    bad = save_image(folder / "train" / "dog" / "1.png", mode="L")
    assert f"got 5x4 greyscale in {bad}; resize or convert it" in refused(folder)


@pytest.mark.parametrize("mode", ["RGBA", "P", "1"])
def test_a_mode_beside_greyscale_and_colour_is_named(folder: Path, mode: str) -> None:
    bad = save_image(folder / "train" / "dog" / "1.png", mode=mode)
    assert f"must be greyscale (mode L) or RGB, got mode {mode} in {bad}" in refused(folder)


@pytest.mark.parametrize("image_size", [0, 4])
@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_an_image_of_more_bits_is_told_to_be_scaled(
    folder: Path, kind: type, image_size: int
) -> None:
    """Pillow cuts the values off where it makes such an image RGB, over the user's file."""
    bad = folder / "train" / "dog" / "1.tif"
    Image.fromarray(np.ones((4, 5), kind)).save(bad)
    with pytest.raises(ValueError, match=f"8 bits a channel, got mode .* in {bad}; scale its") as e:
        read_image_folder(folder, "pets", image_size=image_size)
    assert "convert" not in str(e.value)


def test_images_of_any_size_and_mode_are_scaled_and_cut(folder: Path) -> None:
    save_image(folder / "train" / "cat" / "big.png", size=(50, 40))
    save_image(folder / "train" / "cat" / "clear.png", mode="RGBA")
    save_image(folder / "train" / "cat" / "grey.png", mode="L")
    dataset = read_image_folder(folder, "pets", image_size=8)
    assert dataset.train.images.shape == (12, 3, 8, 8)
    assert read_image_folder(folder, "pets", image_size=4).train.images.shape == (12, 3, 4, 4)
    assert read_image_folder(folder, "pets", image_size=8).fingerprint == dataset.fingerprint


def test_an_image_stands_as_its_camera_says(folder: Path) -> None:
    image = Image.fromarray(np.array([[0, 0], [255, 255]], np.uint8).repeat(8, 0).repeat(8, 1))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    for i in range(2):
        image.save(folder / "train" / "cat" / f"{i}.jpg", exif=exif, quality=100)
    turned = decode_images([str(folder / "train" / "cat" / "0.jpg")], image_size=2)
    assert (turned[0, 0] > 128).tolist() == [[True, False], [True, False]]


def test_a_validation_split_of_ones_own_is_kept_apart(folder: Path) -> None:
    for k in range(2):
        save_image(folder / "val" / "dog" / f"{k}.png")
    dataset = read_image_folder(folder, "pets")
    assert (len(dataset.train), dataset.n_validation) == (11, 2)
    assert dataset.train.files[-2:] == ("val/dog/0.png", "val/dog/1.png")
    again = read_image_folder(folder, "pets")  # from the cache
    assert (again.fingerprint, again.n_validation) == (dataset.fingerprint, 2)
    save_image(folder / "val" / "bird" / "0.png")
    with pytest.raises(ValueError, match="every class of val must be in train, got bird only in"):
        read_image_folder(folder, "pets")


def test_files_are_named_below_the_folder(folder: Path) -> None:
    dataset = read_image_folder(folder, "pets")
    assert dataset.train.files[0] == "train/Zebra/0.png"
    assert len(dataset.test.files) == len(dataset.test)


@pytest.mark.parametrize("ending", ["webp", "jpg"])
@pytest.mark.parametrize(
    "tag",
    [
        bytes.fromhex("0110 0005 00000001 00000026"),  # a camera's name that is a fraction
        bytes.fromhex("013f 0002 00000004 61626300"),  # colours that are a text
    ],
)
def test_exif_that_cannot_be_turned_is_named(folder: Path, ending: str, tag: bytes) -> None:
    turned = bytes.fromhex("0112 0003 00000001 0006 0000")
    head = b"Exif\0\0MM\0*" + bytes.fromhex("00000008 0002")
    exif = head + turned + tag + bytes(4) + bytes.fromhex("00000001 00000001")
    path = folder / "train" / "cat" / f"9.{ending}"
    with Image.open(folder / "train" / "cat" / "0.png") as image:
        image.save(path, exif=exif)
    assert len(read_image_folder(folder, "pets").train) == 10  # as it is, nothing is turned
    with pytest.raises(ValueError, match=f"that Pillow can decode, got {path} "):
        read_image_folder(folder, "pets", image_size=4)


def test_files_that_are_not_read_are_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.gif", "b.gif", "c.avif", ".hidden"):
        (folder / "train" / "dog" / name).write_bytes(b"x")
    assert len(read_image_folder(folder, "pets").train) == 9
    assert caplog.messages == [f"{folder}/train: not read as images: 2 .gif, 1 .avif"]


@pytest.mark.parametrize("place", ["dog/.thumbnails", "dog/@eaDir/0.png", "@eaDir/dog", ".cache"])
def test_folders_of_programs_are_passed_over_and_told(
    folder: Path, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    """What file servers and viewers make for themselves counted as images, and as classes."""
    expected = read_image_folder(folder, "pets", image_size=4)
    for k in range(2):
        save_image(folder / "train" / place / f"{k}.png")
    dataset = read_image_folder(folder, "pets", image_size=4)
    assert dataset.train.files == expected.train.files
    assert dataset.classes == expected.classes
    name = next(part for part in place.split("/") if part[0] in ".@")
    assert caplog.messages == [f"{folder}/train: not read as images: 2 in {name}"]


def test_files_that_changed_places_are_decoded_again(folder: Path) -> None:
    """They have the sizes and times of before, at each place."""
    places = [folder / "train" / name / "0.bmp" for name in ("cat", "dog")]
    for place in places:
        save_image(place)
        os.utime(place, (1e9, 1e9))
    before = read_image_folder(folder, "pets").train
    time.sleep(0.05)  # a file system's clock ticks every few milliseconds
    places[0].rename(folder / "away")
    places[1].rename(places[0])
    (folder / "away").rename(places[1])
    after = read_image_folder(folder, "pets").train
    cat, dog = (before.files.index(f"train/{name}/0.bmp") for name in ("cat", "dog"))
    assert torch.equal(after.images[cat], before.images[dog])
    assert torch.equal(after.images[dog], before.images[cat])


def test_names_of_files_are_the_same_on_windows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = image_folder._below
    monkeypatch.setattr(image_folder, "_below", lambda *of: PureWindowsPath(below(*of)))
    assert str(image_folder._below(folder, f"{folder}/train/dog")) == r"train\dog"
    assert read_image_folder(folder, "pets").train.files[0] == "train/Zebra/0.png"
