"""Image files, decoded into one tensor: of one size and mode, or made so where a size is asked."""

import io
import math
import mmap
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

_N_IMAGES_A_TASK = 250
_MOST_PIXELS = 2**24  # of an image, 4096 x 4096
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # those of torchvision's endings
_GREY_MODES = ("1", "L", "LA")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_END_OF_PNG = b"IEND\xaeB`\x82"
_UNDECODABLE = (  # all that Pillow raises over a file's content
    OSError,
    SyntaxError,
    ValueError,
    AttributeError,  # this and the next over EXIF, which turning an image writes anew
    TypeError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Warning,  # where warnings are errors
)


class Held(NamedTuple):
    """An image in memory, decoded or as a file's bytes, and what an error calls it."""

    where: str
    content: bytes | Image.Image


def decode_images(
    files: Sequence[str | Held], name: str = "images", *, image_size: int = 0
) -> UInt8[Tensor, "N C H W"]:
    """Decode image files into one tensor, with as many threads as cores.

    Parameters
    ----------
    files
        At least one path, or image in memory.
    name
        What the progress bar says is being decoded.
    image_size
        0: the images share one size and one mode, greyscale ("L", C = 1) or "RGB" (C = 3). Above 0:
        each is turned as its EXIF says, scaled (bicubic) and cut at its longer sides to a square of
        so many pixels a side; C is 1 if all are greyscale, else 3, and transparency is dropped.

    Raises
    ------
    ValueError
        If a file cannot be decoded, or differs from the first in size or mode; it is named.
    MemoryError
        If there is no room for so many images of that size.
    """
    check_image_size(image_size)
    if image_size:
        modes = _in_threads(_mode, files, f"look at {name}")
        mode = "L" if all(mode in _GREY_MODES for mode in modes) else "RGB"
        height, width, *channels = image_size, image_size, *([3] if mode == "RGB" else [])

        def decode(file: str | Held) -> UInt8[np.ndarray, "H W *C"]:
            return _decode(file, lambda image: fitted(image, mode, image_size))
    else:
        decode = _decode
        height, width, *channels = _decode(files[0]).shape
    images = _room((len(files), *(channels or [1]), height, width), _where(files[0]))

    def place(position: int) -> None:
        pixels = decode(files[position])  # (H, W) or (H, W, 3)
        if pixels.shape != (height, width, *channels):
            expected = (height, width, *channels)
            raise ValueError(_mixed(_where(files[0]), expected, files[position], pixels.shape))
        images[position] = pixels.transpose(2, 0, 1) if channels else pixels

    _in_threads(place, range(len(files)), f"decode {name}")
    return torch.from_numpy(images)


def check_image_size(image_size: int) -> None:
    """Raise unless `image_size` is 0, as they are, or a side that a square can have."""
    if not 0 <= image_size <= math.isqrt(_MOST_PIXELS):
        raise ValueError(
            f"`image_size` must lie in 0 … {math.isqrt(_MOST_PIXELS)}, got {image_size}; 0 leaves "
            "images as they are, 32 is CIFAR's"
        )


def fitted(image: Image.Image, mode: str, image_size: int) -> Image.Image:
    """Return an image upright, in `mode`, scaled and cut to a square of `image_size` pixels."""
    upright = ImageOps.exif_transpose(image)
    return ImageOps.fit(upright.convert(mode), (image_size, image_size), Image.Resampling.BICUBIC)


def scaled(file: Held, image_size: int) -> Held:
    """Return an image as `decode_images` scales it, in memory: grey if it is grey, else RGB.

    Parameters
    ----------
    file
        An image in memory; an error names it.
    image_size
        Pixels a side, above 0.

    Raises
    ------
    ValueError
        If it cannot be decoded.
    """
    mode = "L" if _mode(file) in _GREY_MODES else "RGB"
    with _opened(file) as (_, image):
        return Held(file.where, fitted(image, mode, image_size))


def _in_threads(task: Callable[[Any], Any], items: Sequence[Any], title: str) -> list[Any]:
    """Return what `task` makes of each item, in their order; a bar shows how far it is."""

    def do(start: int) -> list[Any]:
        return [task(item) for item in items[start : start + _N_IMAGES_A_TASK]]

    found: list[Any] = []
    with (
        tqdm(total=len(items), desc=title, unit="image", disable=None) as bar,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for part in pool.map(do, range(0, len(items), _N_IMAGES_A_TASK)):
            found += part
            bar.update(len(part))
    return found


def _room(shape: tuple[int, ...], first: str) -> UInt8[np.ndarray, "N C H W"]:
    try:
        return np.empty(shape, np.uint8)
    except MemoryError as error:
        raise MemoryError(
            f"expected memory for {shape[0]} images of {shape[3]}x{shape[2]} as {first}, "
            f"{math.prod(shape) / 1e9:.0f} GB; make them smaller, pass `image_size`"
        ) from error


def _where(file: str | Held) -> str:
    return file if isinstance(file, str) else file.where


@contextmanager
def _opened(file: str | Held) -> Iterator[tuple[io.BufferedIOBase, Image.Image]]:
    """Open an image, nothing decoded; what Pillow says of its content becomes one line."""
    held = file.content if isinstance(file, Held) else b""
    try:
        if isinstance(held, Image.Image):  # perhaps not decoded yet
            yield io.BytesIO(), held
            return
        with (
            Path(file).open("rb") if isinstance(file, str) else io.BytesIO(held) as content,
            Image.open(content, formats=_FORMATS) as image,
        ):
            _check_size(image, _where(file))
            yield content, image
    except _RefusedError:
        raise
    except _UNDECODABLE as error:
        raise ValueError(
            f"expected an image that Pillow can decode, got {_where(file)} ({_one_line(error)}); "
            "replace or remove it"
        ) from error


def _mode(file: str | Held) -> str:
    """Return an image's mode, one that can be made greyscale or RGB."""
    with _opened(file) as (_, image):
        _check_bits(image, _where(file))
        return image.mode


def _decode(
    file: str | Held, change: Callable[[Image.Image], Image.Image] | None = None
) -> UInt8[np.ndarray, "H W *C"]:
    with _opened(file) as (content, image):
        _check_bits(image, _where(file))
        if change is None and image.mode not in ("L", "RGB"):
            raise _RefusedError(
                f"images must be greyscale (mode L) or RGB, got mode {image.mode} in "
                f"{_where(file)}; pass `image_size`, or convert copies, "
                "Image.open(file).convert('RGB').save(copy)"
            )
        pixels = np.asarray(change(image) if change else image)
        _check_end(content, image.format)
        return pixels


class _RefusedError(ValueError):
    """An image that Pillow can decode and that is refused."""


def _check_bits(image: Image.Image, where: str) -> None:
    """Raise for the modes that Pillow cuts off, not scales, where it makes them RGB."""
    if image.mode not in _GREY_MODES + _COLOUR_MODES:
        raise _RefusedError(
            f"images must have 8 bits a channel, got mode {image.mode} in {where}; scale its "
            "values to 0 … 255 and save it as greyscale or RGB"
        )


def _check_size(image: Image.Image, where: str) -> None:
    """Raise before anything is decoded: a file of a kilobyte can hold gigabytes of one colour."""
    if image.width * image.height > _MOST_PIXELS:
        raise _RefusedError(
            f"an image must have at most {_MOST_PIXELS:,} pixels, got {image.width}x{image.height} "
            f"in {where}; make it smaller, or remove it"
        )


def _check_end(content: io.BufferedIOBase, kind: str | None) -> None:
    """Raise if a PNG file was cut behind its pixels, which Pillow lets pass."""
    if kind != "PNG":
        return
    if isinstance(content, io.BytesIO):
        file = content.getvalue()
        is_whole = not file or _END_OF_PNG in file  # none: it was decoded before
    else:
        with mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            is_whole = whole.rfind(_END_OF_PNG) >= 0
    if not is_whole:
        raise EOFError("no end of the file")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _mixed(first: str, expected: tuple[int, ...], file: str | Held, got: tuple[int, ...]) -> str:
    def describe(shape: tuple[int, ...]) -> str:
        return f"{shape[1]}x{shape[0]} {'RGB' if len(shape) == 3 else 'greyscale'}"

    return (
        f"images must share one size and mode, expected {describe(expected)} as in {first}, "
        f"got {describe(got)} in {_where(file)}; resize or convert it, or pass `image_size`"
    )
