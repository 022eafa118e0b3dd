"""The folder of a recorder: one file an epoch, and the manifest that says which epochs are done.

`recorder.json`, with its checksum beside it, names the mode, the classes and each finished epoch
with the SHA-256 of its file `epoch_000000.safetensors`, …; `ids.parquet` holds the examples' names,
if they have any. A file is written beside, flushed and renamed before the manifest names it, so
that an interruption leaves the epochs before it and nothing else.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Shaped
from torch import Tensor

from carto_helpers.records import digest, load_tensors, replacing, save_tensors
from carto_helpers.storage.plain_texts import short
from carto_helpers.storage.seals import read_sealed, write_sealed

_MANIFEST = "recorder.json"
_IDS = "ids.parquet"
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a recorder's folder holds; `epochs` gives the SHA-256 of each finished one's file."""

    n_examples: int
    mode: str
    classes: tuple[str, ...]
    ids_sha256: str | None = None
    epochs: dict[int, str] = field(default_factory=dict)

    @property
    def last_epoch(self) -> int | None:
        """The last finished epoch, None before the first."""
        return max(self.epochs, default=None)


def read_manifest(folder: Path) -> Manifest | None:
    """Return what the folder holds, None where no recorder has written yet.

    Raises
    ------
    ValueError
        If its manifest is none of ours, or of another version.
    """
    path = folder / _MANIFEST
    if not path.is_file():
        return None
    try:
        content = json.loads(read_sealed(path))
        return _parse(**content)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} must be the manifest of a DynamicsRecorder, got something else "
            f"({short(error)}); restore it from a copy, or name another folder"
        ) from error


def _parse(*, version: int, epochs: dict[str, str], classes: list[str], **rest: Any) -> Manifest:
    if version != _VERSION:
        raise ValueError(f"version {version}, not {_VERSION}")
    by_number = {int(epoch): sha256 for epoch, sha256 in epochs.items()}
    return Manifest(epochs=by_number, classes=tuple(classes), **rest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest in one piece."""
    content: dict[str, Any] = {"version": _VERSION, **asdict(manifest)}
    write_sealed(folder / _MANIFEST, (json.dumps(content, indent=1) + "\n").encode())


def epoch_file(folder: Path, epoch: int) -> Path:
    """Return where an epoch lies."""
    return folder / f"epoch_{epoch:06d}.safetensors"


def append_epoch(
    folder: Path, manifest: Manifest, epoch: int, tensors: dict[str, Tensor]
) -> Manifest:
    """Write one more epoch; return the manifest that names it.

    Raises
    ------
    ValueError
        If the folder no longer holds what `manifest` says: another process records into it.
    """
    found = read_manifest(folder)
    if (found.epochs if found else {}) != manifest.epochs:
        raise ValueError(
            f"{folder} must be written by one recorder, got epochs of another meanwhile; "
            "stop one of the two, or give each a folder"
        )
    path = epoch_file(folder, epoch)
    what = json.dumps({"mode": manifest.mode, "epoch": epoch})  # two entries would lie in any order
    save_tensors(path, tensors, {"recorded": what})
    longer = replace(manifest, epochs=manifest.epochs | {epoch: digest(path)})
    write_manifest(folder, longer)
    return longer


def read_epoch(folder: Path, manifest: Manifest, epoch: int) -> dict[str, Tensor]:
    """Return the arrays of one epoch, checked.

    Raises
    ------
    ValueError
        If its file is missing or not the one that was written.
    """
    path = epoch_file(folder, epoch)
    _check_digest(path, manifest.epochs[epoch], "record that epoch again after `rewind`")
    return load_tensors(path)


def drop_epochs(folder: Path, manifest: Manifest, first: int) -> Manifest:
    """Remove epoch `first` and those after it; return the shorter manifest."""
    kept = {epoch: sha for epoch, sha in manifest.epochs.items() if epoch < first}
    shorter = replace(manifest, epochs=kept)
    write_manifest(folder, shorter)
    for epoch in manifest.epochs.keys() - kept.keys():
        epoch_file(folder, epoch).unlink(missing_ok=True)
    return shorter


def write_ids(folder: Path, ids: Shaped[np.ndarray, " N"]) -> str:
    """Write the examples' names; return the SHA-256 of the file."""
    with replacing(folder / _IDS) as beside:
        pq.write_table(pa.table({"id": ids}), beside, compression="zstd")
    return digest(folder / _IDS)


def read_ids(folder: Path, manifest: Manifest) -> Shaped[np.ndarray, " N"] | None:
    """Return the examples' names, checked; None if they have none.

    Raises
    ------
    ValueError
        If their file is missing or not the one that was written.
    """
    if manifest.ids_sha256 is None:
        return None
    _check_digest(folder / _IDS, manifest.ids_sha256, "restore it from a copy")
    return np.asarray(pq.read_table(folder / _IDS).column("id").to_numpy())


def _check_digest(path: Path, sha256: str, remedy: str) -> None:
    if not path.is_file() or digest(path) != sha256:
        state = "damaged or other content" if path.is_file() else "no file"
        raise ValueError(f"{path} must be as its recorder left it, got {state}; {remedy}")
