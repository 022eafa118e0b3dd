"""Texts from outside: how long one may be, what a name may hold, how an error shows it."""

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_TEXT = 10_000  # characters of a cell, a class's or an example's name; ours have under 400
LONGEST_NAME = 150  # bytes: a file system allows 255, and checksums and key are put behind it
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # control characters, no UTF-8, separators of lines


def short(value: object, n: int = 200) -> str:
    """Return a value's text on one line, cut after `n` characters.

    Examples
    --------
    >>> short("two   words"), short("x" * 9, 4)
    ('two words', 'xxxx …')
    """
    text = " ".join(str(value)[: 10 * n].split())
    return text if len(text) <= n else f"{text[:n]} …"


def check_texts(texts: Iterable[object], path: Path, what: str) -> None:
    """Raise ValueError, naming `path`, if a text is longer than `LONGEST_TEXT` characters.

    Parameters
    ----------
    texts
        Other values are passed over.
    path
        Where they were read from.
    what
        What they are, in a word or two.
    """
    for text in texts:
        if isinstance(text, str) and len(text) > LONGEST_TEXT:
            raise ValueError(
                f"{path} must hold texts of at most {LONGEST_TEXT:,} characters, got one of "
                f"{len(text):,} as {what} ({short(text, 60)}); restore the file from a copy, or "
                "shorten it"
            )


@contextmanager
def in_utf8(path: Path) -> Iterator[None]:
    """Name the file `path` that is read in the block if it is no text in UTF-8."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be a text in UTF-8, got {short(error)}; save it in UTF-8, or name "
            "another file"
        ) from error


def check_name(name: str, where: Path) -> None:
    """Raise ValueError unless a file's or folder's name can stand in a table and a file's name.

    Parameters
    ----------
    name
        Without the folder.
    where
        The folder that it is in.
    """
    n = len(os.fsencode(name))
    if n > LONGEST_NAME or not _is_plain(name):
        raise ValueError(
            f"a name must be of at most {LONGEST_NAME} bytes of UTF-8 without line breaks and "
            f"control characters, got {n} bytes in {str(where / name)!r}; rename it"
        )


def check_classes(names: Collection[str], path: Path) -> None:
    """Raise ValueError, naming `path`, unless classes' names differ and can stand in a table."""
    check_texts(names, path, "a class")
    counts = Counter(names)
    if wrong := [name for name in counts if counts[name] > 1 or not _is_plain(name)]:
        raise ValueError(
            f"{path} must name each class once, without line breaks and control characters, got "
            f"{short(ascii(wrong[0]), 60)} for {counts[wrong[0]]}; rename them"
        )


def _is_plain(name: str) -> bool:
    return not any(unicodedata.category(c) in _CONTROLS for c in name)
