"""What may lie in an image folder: folders and files of its own, with plain names."""

import os
from pathlib import Path

from carto_helpers.storage.plain_texts import check_name

_DEEPEST = 50  # folders in folders; a path of thousands would end a walk through them


def check_tree(root: Path) -> None:
    """Raise unless every file and folder under `root` is one, lies there and has a plain name.

    Raises
    ------
    ValueError
        If a link leaves the folder or leads to a folder (it could lead round), a file is none (a
        pipe would never end), folders lie too deep, or a name is too long or holds a line break;
        it is named.
    OSError
        If a folder cannot be read; it is named.
    """
    top = root.resolve()
    folders = [(root, 0)]
    while folders:
        folder, depth = folders.pop()
        if depth > _DEEPEST:
            raise ValueError(
                f"an image folder must be at most {_DEEPEST} folders deep, got {folder}; move the "
                "images up"
            )
        with os.scandir(folder) as entries:
            for entry in entries:
                check_name(entry.name, folder)
                if _is_folder(entry, top):
                    folders.append((folder / entry.name, depth + 1))


def _is_folder(entry: "os.DirEntry[str]", top: Path) -> bool:
    """Return whether an entry is a folder; raise unless it is one, or a file that lies there."""
    if entry.is_symlink():
        _check_link(Path(entry.path), top)
        return False
    if entry.is_dir():
        return True
    if not entry.is_file():
        raise ValueError(
            "an image folder must hold files and folders alone, got a pipe, socket or device at "
            f"{entry.path}; remove it"
        )
    return False


def _check_link(link: Path, top: Path) -> None:
    """Raise unless a link leads to a file under `top`."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # Python 3.13 raises OSError for a loop too
        raise ValueError(
            f"a link in an image folder must lead to a file, got {link}, which leads nowhere; "
            "remove it"
        ) from error
    if not target.is_file():
        raise ValueError(
            f"a link in an image folder must lead to a file, got {link}, which leads to a folder "
            "or device; put the folder itself there"
        )
    if not target.is_relative_to(top):
        raise ValueError(
            f"a link in an image folder must not leave it, got {link}, which leads to {target}; "
            "put the file itself there"
        )
