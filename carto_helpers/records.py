"""The record: one row a run, and the arrays behind it. The only module that writes results.

A results folder holds `teachers.csv`, `students.csv`, `dynamics/<teacher key>.parquet`,
`logits/<teacher key>.safetensors`, `thumbnails/<dataset>-<fingerprint>.parquet`,
`weights/<key>.safetensors` and, while a teacher is being trained, `checkpoints/<key>.safetensors`.
Files are written beside, flushed and renamed; nothing is pickled.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from carto_helpers.config import STUDENT_COLUMNS, TEACHER_COLUMNS
from carto_helpers.dynamics_table import from_table, to_table
from carto_helpers.recording import DynamicsRecord

_TABLES = {"teachers": TEACHER_COLUMNS, "students": STUDENT_COLUMNS}
_INTEGERS = (
    "n_train",
    "split_seed",
    "teacher_seed",
    "subset_seed",
    "student_seed",
    "method_version",
)
_FLOATS = (
    "fraction", "hard", "ambiguous", "easy", "val_accuracy", "val_macro_f1", "test_accuracy",
    "test_macro_f1", "seconds", "dynamics_seconds",
)  # fmt: skip


class Results:
    """A results folder: made when first written to, read as tidy frames.

    Parameters
    ----------
    folder
        Where it lies, e.g. "results" or "book/results". A relative folder is taken from the
        repository's root where the working directory lies in a clone (a notebook and the command
        line then share one record), else from the working directory.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = _anchored(Path(folder))
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(
                f"`results` must be a folder, got the file {self.folder}; name another"
            )

    def teachers(self) -> pd.DataFrame:
        """Return one row a teacher, with the columns `config.TEACHER_COLUMNS`."""
        return self._read("teachers")

    def students(self) -> pd.DataFrame:
        """Return one row a student, with the columns `config.STUDENT_COLUMNS`."""
        return self._read("students")

    def teacher(self, key: str) -> "pd.Series[Any]":
        """Return the row of one teacher.

        Raises
        ------
        ValueError
            If there is none of that key.
        """
        rows = self.teachers()
        rows = rows[rows["key"] == key]
        if rows.empty:
            raise ValueError(f"no teacher {key!r} in {self.folder}; `carto status` lists them")
        return rows.iloc[0]

    def append_teacher(self, row: Mapping[str, Any]) -> None:
        """Append a finished teacher's row, unless its key is there."""
        self._append("teachers", row)

    def append_student(self, row: Mapping[str, Any]) -> None:
        """Append a finished student's row, unless its key is there."""
        self._append("students", row)

    def _read(self, table: str) -> pd.DataFrame:
        path, columns = self.folder / f"{table}.csv", _TABLES[table]
        if not path.exists():
            return _typed(pd.DataFrame(columns=list(columns), dtype=str))
        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{path} must be a CSV table of runs, got an unreadable file ({error}); "
                "restore it from a copy, or name another `results` folder"
            ) from error
        _check_schema(path, tuple(frame.columns), columns)
        try:
            return _typed(frame)
        except ValueError as error:
            raise ValueError(
                f"{path} must hold numbers where a column is one, got {error}; "
                "restore it from a copy"
            ) from error

    def _append(self, table: str, row: Mapping[str, Any]) -> None:
        columns = _TABLES[table]
        if set(row) != set(columns):
            raise ValueError(
                f"a row of {table}.csv must hold exactly {', '.join(columns)}; "
                f"got a difference in {', '.join(sorted(set(row) ^ set(columns)))}"
            )
        with self._lock():
            rows = self._read(table)
            if (rows["key"] == row["key"]).any():
                return
            new = pd.DataFrame([row], columns=list(columns))
            frame = pd.concat([rows, new], ignore_index=True) if len(rows) else new
            with replacing(self.folder / f"{table}.csv") as path:
                frame.to_csv(path, index=False, lineterminator="\n")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            yield

    def claim(self, key: str) -> FileLock:
        """Return the claim on run `key`: a lock that the system frees when its process ends."""
        (self.folder / ".claims").mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".claims" / f"{key}.lock")

    def under_way(self) -> list[str]:
        """Return the keys of the runs that a process has claimed."""
        locks = sorted((self.folder / ".claims").glob("*.lock"))
        return [path.stem for path in locks if _is_held(path)]

    def save_dynamics(self, key: str, record: DynamicsRecord) -> str:
        """Write the dynamics of teacher `key`; return their digest, as a row holds it."""
        path = self.folder / "dynamics" / f"{key}.parquet"
        with replacing(path) as beside:
            pq.write_table(to_table(record), beside, compression="zstd", compression_level=9)
        return digest(path)

    def dynamics(self, key: str) -> DynamicsRecord:
        """Return the dynamics of teacher `key`, checked against the digest in its row.

        Raises
        ------
        FileNotFoundError
            If they are not in this folder.
        ValueError
            If the file cannot be read or is not the one its row speaks of.
        """
        path = self.folder / "dynamics" / f"{key}.parquet"
        self._check_digest(path, "dynamics_sha256", key)
        return from_table(pq.read_table(path), path)

    def save_logits(self, key: str, logits: Tensor) -> str:
        """Write the logits of teacher `key` over the training split; return their digest."""
        path = self.folder / "logits" / f"{key}.safetensors"
        save_tensors(path, {"logits": logits})
        return digest(path)

    def logits(self, key: str) -> Tensor:
        """Return the logits (N, C) of teacher `key` in float16, checked against its row."""
        path = self.folder / "logits" / f"{key}.safetensors"
        self._check_digest(path, "logits_sha256", key)
        return load_tensors(path)["logits"]

    def _check_digest(self, path: Path, column: str, key: str) -> None:
        _must_exist(path)
        if self.teacher(key)[column] != digest(path):
            raise _damaged(path)

    def save_thumbnails(
        self, dataset: str, fingerprint: str, index: np.ndarray, images: list[bytes]
    ) -> None:
        """Write small lossy images (encoded files) of a sample; `index`: position in the set."""
        with replacing(self._thumbnails_path(dataset, fingerprint)) as path:
            pq.write_table(pa.table({"index": index, "image": images}), path)

    def thumbnails(self, dataset: str, fingerprint: str) -> dict[int, bytes]:
        """Return the encoded image of each position that has one; empty where there are none.

        The same data set from another source may have another order, so each keeps its own.
        """
        path = self._thumbnails_path(dataset, fingerprint)
        if not path.exists():
            return {}
        try:
            table = pq.read_table(path).to_pydict()
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(path) from error
        return dict(zip(table["index"], table["image"], strict=True))

    def _thumbnails_path(self, dataset: str, fingerprint: str) -> Path:
        return self.folder / "thumbnails" / f"{dataset}-{fingerprint}.parquet"

    def weights_path(self, key: str) -> Path:
        """Return where the trained weights of run `key` lie."""
        return self.folder / "weights" / f"{key}.safetensors"

    def checkpoint_path(self, key: str) -> Path:
        """Return where the unfinished run `key` keeps its state."""
        return self.folder / "checkpoints" / f"{key}.safetensors"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; on success flush it and rename it over `path`, else remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def save_tensors(
    path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file in one piece."""
    content = save({name: t.contiguous() for name, t in tensors.items()}, metadata)
    with replacing(path) as beside:
        beside.write_bytes(content)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file of ours.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is damaged.
    """
    _must_exist(path)
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise _damaged(path) from error


def load_metadata(path: Path) -> dict[str, str]:
    """Read what `save_tensors` was told to write beside the tensors."""
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise _damaged(path) from error


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def published(name: str, folder: Path | None = None) -> pd.DataFrame:
    """Return one of the paper's tables, e.g. "table3_phase1", from the repository's book/paper.

    Scores stay the text that the paper prints, since its digits say how far they were rounded.
    """
    path = (folder or Path(__file__).parents[1] / "book" / "paper") / f"{name}.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"expected the paper's table {path}, got none; clone the repository, or name the "
            "`folder` that holds it"
        )
    return pd.read_csv(path, dtype={"score": str})


def _anchored(folder: Path) -> Path:
    here = Path.cwd()
    roots = (
        p
        for p in (here, *here.parents)
        if (p / "notebooks").is_dir() and (p / "_toc.yml").is_file()
    )
    return next(roots, here) / folder  # an absolute folder stays as it is


def _check_schema(path: Path, found: tuple[str, ...], expected: tuple[str, ...]) -> None:
    missing, unknown = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or unknown:
        raise ValueError(
            f"{path} must have the columns of this version, got one with "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}; "
            "name another `results` folder, or install the version that wrote it"
        )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    typed = frame.copy()
    for name in typed.columns.intersection([*_INTEGERS, *_FLOATS]):
        typed[name] = typed[name].astype(np.int64 if name in _INTEGERS else np.float64)
    return typed


def _is_held(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"expected the file {path}, got none; train the teacher it belongs to "
            "(`carto teacher`), or name the `results` folder that holds it"
        )


def _damaged(path: Path) -> ValueError:
    return ValueError(
        f"{path} must be as its run left it, got damaged or other content; "
        "restore it from a copy, or delete it and its row and run again"
    )
