"""Files written whole or not at all, and the signals that must wait until one is.

A file is written beside its place, flushed and renamed. Ctrl-C and SIGTERM that come meanwhile
take effect when the file is in place.
"""

import errno
import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from uuid import uuid4

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_REMEDIES = {
    errno.ENOSPC: "free some room on that disk",
    errno.EDQUOT: "free some room in your quota",
    errno.EROFS: "name a folder that can be written",
    errno.EACCES: "name a folder that you may write to",
    errno.EPERM: "name a folder that you may write to",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`)",
}


class Stopped(KeyboardInterrupt):
    """SIGTERM came: like Ctrl-C, but from a system or a scheduler."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; on success flush it and rename it over `path`, else remove it.

    Raises
    ------
    OSError
        If there is no room or no right; the file is named, and what to do.
    """
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    with uninterrupted(), explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.replace(path)
            _flush_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file of these parts, whole or not at all."""
    with replacing(path) as beside, beside.open("wb") as file:
        for part in parts:
            file.write(part)


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove what killed processes left of the file `name` and its checksum, ours alone now."""
    for path in folder.glob(f".{name}.*"):
        if len(path.suffix) == 33:  # a dot and `uuid4().hex`
            path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say of an error of the file system which file it is and what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        if remedy is None:
            raise
        reason = os.strerror(error.errno or 0).lower()
        text = f"expected to write {path}, got: {reason}; {remedy} and give the same command again"
        raise type(error)(text) from error


def _flush_folder(folder: Path) -> None:
    """Let a rename survive a power cut, where the system can."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block ends."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread alone
        return
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])


def end_with_parent() -> None:
    """Let this worker process end at SIGTERM, or when its parent is no more, once no file is open.

    Ctrl-C reaches all processes of a terminal: it is left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: Any) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM raise `Stopped` in the block, in the main thread."""

    def stop(_: int, __: FrameType | None) -> NoReturn:
        raise Stopped

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
