"""Hostile image folders: whatever lies in one, an error that names it; no hang, no silence."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_folder
from PIL import Image

from carto_helpers.data import load
from carto_helpers.images import decoding
from carto_helpers.images.decoding import decode_images
from carto_helpers.images.image_tree import check_tree


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "pets", n_train=4, n_test=2)


def refused(folder: Path, named: Path | str) -> str:
    """Return the one line with which a folder is refused; it names what is wrong."""
    with pytest.raises(ValueError, match=r"^[^\n]*$") as info:
        load(folder)
    assert str(named) in str(info.value)
    return str(info.value)


def png(width: int, height: int, packed: bytes) -> bytes:
    """Return a PNG file of one bit a pixel, of any size and content."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("side", [5_000, 11_000, 60_000])
def test_a_decompression_bomb_is_named_before_it_is_decoded(folder: Path, side: int) -> None:
    """Pillow passes the first, warns of the second, refuses the third."""
    bomb = folder / "train" / "dark" / "bomb.png"
    bomb.write_bytes(png(side, side, zlib.compress(bytes(10_000_000), 9)))
    assert bomb.stat().st_size < 11_000
    line = refused(folder, bomb)
    assert "16,777,216 pixels" in line or "DecompressionBomb" in line


def test_a_bomb_in_a_text_of_a_png_is_named(folder: Path) -> None:
    text = zlib.compress(bytes(100_000_000), 9)
    content = b"zTXt" + b"k\0\0" + text
    check = struct.pack(">I", zlib.crc32(content))
    whole = png(16, 16, zlib.compress(bytes(17 * 16)))
    bomb = folder / "train" / "dark" / "bomb.png"
    bomb.write_bytes(
        whole[:33] + struct.pack(">I", len(content) - 4) + content + check + whole[33:]
    )
    refused(folder, bomb)


def test_more_images_than_memory_holds_are_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding.np, "empty", full)
    files = [str(file) for file in sorted(folder.rglob("*.png"))]
    with pytest.raises(MemoryError, match=r"memory for 6 images of 16x16 as .*png, 0 GB; make"):
        decode_images(files)


LINKS: dict[str, Callable[[Path], str | Path]] = {
    "a file outside": lambda folder: folder.parent / "outside.png",
    "a file of the system": lambda _: "/etc/passwd",
    "a folder outside": lambda folder: folder.parent,
    "the folder itself": lambda folder: folder,
    "the folder above": lambda _: "..",
    "another class": lambda folder: folder / "train" / "bright",
    "nothing": lambda _: "gone.png",
    "itself": lambda _: "link.png",
    "a device": lambda _: "/dev/zero",
}


@pytest.mark.parametrize("to", LINKS)
@pytest.mark.parametrize("place", ["train/dark", "train", ""])
def test_a_link_that_leaves_or_leads_to_a_folder_is_named(
    folder: Path, to: str, place: str
) -> None:
    Image.new("RGB", (16, 16)).save(folder.parent / "outside.png")
    link = folder / place / "link.png"
    link.symlink_to(LINKS[to](folder))
    assert "a link in an image folder must" in refused(folder, link)


def test_a_class_that_is_a_link_is_named(folder: Path) -> None:
    elsewhere = (folder / "train" / "dark").rename(folder.parent / "elsewhere")
    (folder / "train" / "dark").symlink_to(elsewhere)
    refused(folder, folder / "train" / "dark")


def test_a_link_to_a_file_within_is_followed_and_so_is_one_to_the_folder(folder: Path) -> None:
    target = min((folder / "train" / "dark").iterdir())
    (folder / "train" / "dark" / "zz.png").symlink_to(target)
    (folder.parent / "link").symlink_to(folder)
    dark = load(folder.parent / "link").train
    images = dark.images[dark.labels == 1]
    assert len(images) == 3 and np.array_equal(images[-1], images[0])


def test_a_pipe_is_named_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "train" / "dark" / "pipe.png")
    assert "got a pipe, socket or device" in refused(folder, folder / "train" / "dark" / "pipe.png")


NAMES = ["x" * 251 + ".png", "two\nlines.png", "tab\t.png", "\x1b[31mred.png", b"\xff.png"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["image", "class"])
def test_a_name_that_no_table_can_show_is_named(folder: Path, name: str | bytes, what: str) -> None:
    where = folder / "train" / "dark" if what == "image" else folder / "train"
    path = where / os.fsdecode(name)
    sample = min((folder / "train" / "dark").iterdir())
    if what == "image":
        path.write_bytes(sample.read_bytes())
    else:
        path.mkdir()
        (path / "0.png").write_bytes(sample.read_bytes())
    assert "a name must be of at most 150 bytes" in refused(folder, repr(str(path)))


def test_a_dataset_of_such_a_name_is_refused(folder: Path) -> None:
    folder = folder.rename(folder.parent / ("y" * 255))
    assert "got 255 bytes" in refused(folder, folder.name)


@pytest.mark.parametrize("name", ["名前.png", "a b.png", "'; DROP.png", "ä" * 70 + ".png"])
def test_any_other_name_is_read(folder: Path, name: str) -> None:
    sample = min((folder / "train" / "dark").iterdir())
    sample.rename(sample.with_name(name))
    assert len(load(folder).train) == 4


def test_folders_without_end_are_named(folder: Path) -> None:
    deep = folder / "train" / "dark"
    for _ in range(60):
        deep /= "d"
    deep.mkdir(parents=True)
    assert "at most 50 folders deep" in refused(folder, folder / "train" / "dark" / "d")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "ppm", "tif"])
def test_an_image_cut_anywhere_is_named(folder: Path, ending: str) -> None:
    """At its last bytes too, which Pillow lets pass in a PNG file."""
    path = folder / f"cut.{ending}"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    whole = path.read_bytes()
    for length in {0, 1, 12, *range(20, len(whole), 97), *range(len(whole) - 25, len(whole))}:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"^[^\n]*$") as info:
            decode_images([str(path)])
        assert f"that Pillow can decode, got {path} (" in str(info.value)
    path.write_bytes(whole + b"what some cameras put behind")
    assert decode_images([str(path)]).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    "content",
    [
        b"a text", b"x" * 100_000, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"GIF89a" + bytes(100), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x93NUMPY\x01\x00",
    ],
)  # fmt: skip
def test_what_is_called_an_image_and_is_none_is_named(folder: Path, content: bytes) -> None:
    path = folder / "train" / "dark" / "text.png"
    path.write_bytes(content)
    assert "that Pillow can decode, got" in refused(folder, path)


def test_a_kind_of_image_beside_the_endings_is_not_opened(folder: Path) -> None:
    """Pillow would start a program for PostScript, and reads many old formats."""
    path = folder / "train" / "dark" / "picture.png"
    Image.new("L", (16, 16)).save(path, "GIF")
    refused(folder, path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named(folder: Path) -> None:
    place = folder / "train" / "dark"
    place.chmod(0)
    with pytest.raises(PermissionError, match=str(place)):
        check_tree(folder)
    place.chmod(0o755)
