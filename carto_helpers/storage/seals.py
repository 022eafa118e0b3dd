"""Files with their checksum beside them: `NAME.sha256`, as `sha256sum --check` reads it.

At every moment one of the checksums beside a file is the file's, so that a process that is killed
between two writes leaves nothing that looks damaged.
"""

import hashlib
import re
import time
from pathlib import Path

from carto_helpers.storage.durable import digest, uninterrupted, write_bytes
from carto_helpers.storage.tensor_files import DamagedFileError

_TRIES, _SECONDS = 5, 0.04  # a reader may come between a writer's renames


def seal_path(path: Path) -> Path:
    """Return where the checksum of a file lies."""
    return path.with_name(f"{path.name}.sha256")


def is_sealed(path: Path) -> bool:
    """Return whether a file has a checksum beside it; one of an older version has none."""
    return seal_path(path).is_file()


def seal(path: Path) -> None:
    """Write the checksum of a file that has none."""
    _write_seal(path, digest(path))


def write_sealed(path: Path, content: bytes) -> None:
    """Write a file and its checksum."""
    own = hashlib.sha256(content).hexdigest()
    with uninterrupted():
        if path.exists():
            _write_seal(path, digest(path), own)
        write_bytes(path, content)
        _write_seal(path, own)


def read_sealed(path: Path) -> bytes:
    """Return a file's content, which must have its checksum if there is one beside it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If file and checksum do not agree.
    """
    for _ in range(_TRIES):
        known, content = _read_seal(path), path.read_bytes()
        if known is None or hashlib.sha256(content).hexdigest() in known:
            return content
        time.sleep(_SECONDS)
    seal = seal_path(path)
    raise DamagedFileError(
        path, f"if you changed it yourself or {seal.name} is at fault, delete {seal}"
    )


def _write_seal(path: Path, *digests: str) -> None:
    lines = "".join(f"{known}  {path.name}\n" for known in digests)
    write_bytes(seal_path(path), lines.encode())


def _read_seal(path: Path) -> list[str] | None:
    """Return the checksums beside a file, [] if they cannot be read, None if there are none."""
    try:
        text = seal_path(path).read_bytes().decode("latin-1")
    except FileNotFoundError:
        return None
    line = rf"[0-9a-f]{{64}}  {re.escape(path.name)}\n"
    if not re.fullmatch(f"(?:{line}){{1,2}}", text):
        return []
    return re.findall(r"^[0-9a-f]{64}", text, re.MULTILINE)
