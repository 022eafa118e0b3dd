"""Tensors in safetensors files that hold a checksum of themselves; nothing is pickled.

The checksum is the SHA-256 of the whole file, taken with 64 zeros in its place, so that no byte of
the file, its header included, can change unnoticed. Other programs read these files as any other.
"""

import hashlib
import json
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from carto_helpers.storage.durable import write_bytes

_FIELD = "sha256"
_EMPTY = "0" * 64
_PLACE = b'"sha256":"%s"'
_BLANK = _PLACE % _EMPTY.encode()
_LARGEST_HEAD = 100_000_000  # bytes, as the format allows


class DamagedFileError(ValueError):
    """A file is not as it was written."""

    def __init__(self, path: Path, remedy: str = "") -> None:
        super().__init__(
            f"{path} must be as its run left it, got damaged or other content; restore it from a "
            f"copy, or {remedy or 'delete it and give the same command again'}"
        )


def save_tensors(
    path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors, texts about them and their checksum in one piece; the same gives the same."""
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    content = save(whole)
    end = 8 + int.from_bytes(content[:8], "little")
    head = _head_with(content[:end], {**(metadata or {}), _FIELD: _EMPTY})
    arrays = memoryview(content)[end:]  # not copied: a teacher's checkpoint is large
    total = hashlib.sha256(head)
    total.update(arrays)
    write_bytes(path, head.replace(_BLANK, _PLACE % total.hexdigest().encode(), 1), arrays)


def _head_with(head: bytes, metadata: dict[str, str]) -> bytes:
    """Return a file's head with texts, sorted: the library leaves them in any order."""
    header = {"__metadata__": dict(sorted(metadata.items()))} | json.loads(head[8:])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the arrays begin at a multiple of 8 bytes
    return len(text).to_bytes(8, "little") + text


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read what `save_tensors` wrote, checked.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is damaged, or has no checksum.
    """
    must_exist(path)
    if not has_own_checksum(path):
        raise DamagedFileError(path)
    return dict(load_file(path))


def load_metadata(path: Path) -> dict[str, str]:
    """Read the texts that `save_tensors` was told to write; the checksum is not looked at."""
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise DamagedFileError(path) from error


def has_own_checksum(path: Path) -> bool:
    """Return whether a file's bytes end up at the checksum that it names."""
    with path.open("rb") as file:
        head = _head(file)
        own = str(_metadata(head).get(_FIELD))
        total = hashlib.sha256(head.replace(_PLACE % own.encode(), _BLANK, 1))
        while part := file.read(2**20):
            total.update(part)
    return total.hexdigest() == own


def is_ours(path: Path) -> bool:
    """Return whether a safetensors file names a data set and its fingerprint, as ours do."""
    with path.open("rb") as file:
        return {"dataset", "fingerprint"} <= _metadata(_head(file)).keys()


def _head(file: BinaryIO) -> bytes:
    size = file.read(8)
    n = int.from_bytes(size, "little")
    return size + file.read(n if n <= _LARGEST_HEAD else 0)


def _metadata(head: bytes) -> dict[str, object]:
    try:
        return dict(json.loads(head[8:]).get("__metadata__", {}))
    except (ValueError, AttributeError, TypeError, RecursionError):  # no JSON, or another shape
        return {}


def must_exist(path: Path) -> None:
    """Raise unless the file is there."""
    if not path.is_file():
        raise FileNotFoundError(
            f"expected the file {path}, got none; train the teacher it belongs to "
            "(`carto teacher`), or name the `results` folder that holds it"
        )
