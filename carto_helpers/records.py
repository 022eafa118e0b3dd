"""The record: one row a run, and the arrays behind it. The only module that writes results.

A results folder holds `teachers.csv`, `students.csv`, `dynamics/<teacher key>.parquet`,
`logits/<teacher key>.safetensors`, `thumbnails/<dataset>-<fingerprint>.parquet`,
`weights/<key>.safetensors` and, while a teacher is being trained, `checkpoints/<key>.safetensors`.
Files are written beside, flushed and renamed, and checked when read: tables and thumbnails against
the `.sha256` beside them, dynamics and logits against their teacher's row, weights and checkpoints
against the sum that they hold. Nothing is pickled.
"""

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from safetensors.torch import load, save
from torch import Tensor
from tqdm import tqdm

from carto_helpers.config import STUDENT_COLUMNS, TEACHER_COLUMNS, Recipe, SubsetSpec
from carto_helpers.engine import Engine
from carto_helpers.recording import DynamicsRecord
from carto_helpers.selection import OWN, RULES
from carto_helpers.storage.durable import digest as digest
from carto_helpers.storage.durable import explained, remove_leftovers, write_bytes
from carto_helpers.storage.durable import replacing as replacing
from carto_helpers.storage.dynamics_table import from_table, to_table
from carto_helpers.storage.plain_texts import check_texts, short
from carto_helpers.storage.seals import is_sealed, read_sealed, seal, seal_path, write_sealed
from carto_helpers.storage.table_files import write_table
from carto_helpers.storage.tensor_files import DamagedFileError as DamagedFileError
from carto_helpers.storage.tensor_files import load_metadata as load_metadata
from carto_helpers.storage.tensor_files import load_tensors as load_tensors
from carto_helpers.storage.tensor_files import must_exist
from carto_helpers.storage.tensor_files import save_tensors as save_tensors

_TABLES = {"teachers": TEACHER_COLUMNS, "students": STUDENT_COLUMNS}
_INTEGERS = (
    "n_train",
    "split_seed",
    "teacher_seed",
    "subset_seed",
    "student_seed",
    "method_version",
)
_THUMBNAILS = pa.schema({"index": pa.int64(), "image": pa.binary()})
_RUN_FILES = {
    "dynamics": "parquet",
    "logits": "safetensors",
    "weights": "safetensors",
    "checkpoints": "safetensors",
}
_PATIENCE = 2.0  # seconds that one waits in silence
_FLOATS = (
    "fraction", "hard", "ambiguous", "easy", "val_accuracy", "val_macro_f1", "test_accuracy",
    "test_macro_f1", "seconds", "dynamics_seconds", "train_loss", "n_val", "val_chance",
)  # fmt: skip
_ADDED = ("train_loss", "n_val", "val_chance")  # lacking in older records: NaN, an empty cell


class Claim(FileLock):
    """A lock on a file, which the system frees when its process ends, however it ends."""

    def acquire(self, *arguments: Any, **options: Any) -> Any:
        """Take it, as `FileLock` does, but name the file if there is no room or no right.

        Who has to wait is told for whom.
        """
        with explained(Path(self.lock_file)):
            if arguments or options:
                return super().acquire(*arguments, **options)
            try:
                return super().acquire(timeout=_PATIENCE)
            except Timeout:
                tqdm.write(f"waiting for another process, which holds {self.lock_file}")
                return super().acquire()


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
        if not path.exists() and not is_sealed(path):
            return _typed(pd.DataFrame(columns=list(columns), dtype=str))
        try:
            content = read_sealed(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"expected the table {path}, got its checksum alone; restore it from a copy, or "
                f"delete {seal_path(path)} to begin an empty record"
            ) from error
        try:
            frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{path} must be a CSV table of runs, got an unreadable file ({short(error)}); "
                "restore it from a copy, or name another `results` folder"
            ) from error
        lacking = [name for name in _ADDED if name in columns and name not in frame]
        frame = frame.assign(**dict.fromkeys(lacking, ""))
        _check_schema(path, tuple(frame.columns), columns)
        for name in columns:
            check_texts(frame[name], path, name)
        try:
            typed = _typed(frame)
            _check_rows(typed)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                f"{path} must hold rows as this version writes them, got {short(error)}; "
                "restore it from a copy"
            ) from error
        return typed

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
            self._write(table, frame)

    def _write(self, table: str, frame: pd.DataFrame) -> None:
        path = self.folder / f"{table}.csv"
        self._clear_tables()
        write_sealed(path, frame.to_csv(index=False, lineterminator="\n").encode())

    def _lock(self) -> "Claim":
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return Claim(self.folder / ".lock")

    def claim(self, key: str) -> "Claim":
        """Return the claim on run `key`: a lock that the system frees when its process ends."""
        _check_key(key)
        folder = self.folder / ".claims"
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return Claim(folder / f"{key}.lock")

    def clear(self, key: str) -> None:
        """Remove what a killed process left half written of run `key`, which is claimed."""
        for kind, ending in _RUN_FILES.items():
            remove_leftovers(self.folder / kind, f"{key}.{ending}")

    def forget(self, key: str) -> None:
        """Remove run `key`, rows and files, so that the command that made it makes it again.

        Raises
        ------
        ValueError
            If there is none of that key.
        """
        _check_key(key)
        if not any((self._read(name)["key"] == key).any() for name in _TABLES):
            raise ValueError(f"no run {key!r} in {self.folder}; `carto status` lists them")
        with self.claim(key), self._lock():
            for name in _TABLES:
                rows = self._read(name)
                if (rows["key"] == key).any():
                    self._write(name, rows[rows["key"] != key])
            for kind, ending in _RUN_FILES.items():
                (self.folder / kind / f"{key}.{ending}").unlink(missing_ok=True)

    def tidy(self) -> None:
        """Finish what killed processes left half written of tables and thumbnails.

        Halves are removed; a table or thumbnails that stand without their checksum get one.
        """
        places = ("", "thumbnails/")
        halves = [half for place in places for half in self.folder.glob(f"{place}.*.*")]
        if halves or self.unsealed():
            with self._lock():
                self._clear_tables()
                remove_leftovers(self.folder / "thumbnails", "*")
                for path in self.unsealed():
                    seal(path)

    def unsealed(self) -> list[Path]:
        """Return the tables and thumbnails that have no checksum beside them, read unchecked."""
        tables = [self.folder / f"{table}.csv" for table in _TABLES]
        sealed = [*tables, *self.folder.glob("thumbnails/[!.]*.parquet")]
        return [path for path in sealed if path.is_file() and not is_sealed(path)]

    def _clear_tables(self) -> None:
        for table in _TABLES:
            remove_leftovers(self.folder, f"{table}.csv")

    def under_way(self) -> list[str]:
        """Return the keys of the runs that a process has claimed."""
        locks = sorted((self.folder / ".claims").glob("*.lock"))
        return [path.stem for path in locks if _is_held(path)]

    def save_dynamics(self, key: str, record: DynamicsRecord) -> str:
        """Write the dynamics of teacher `key`; return their digest, as a row holds it."""
        path = self.folder / "dynamics" / f"{key}.parquet"
        write_table(path, to_table(record), level=9)
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
        content = self._checked(path, "dynamics_sha256", key)
        return from_table(pq.read_table(pa.BufferReader(content)), path)

    def save_logits(self, key: str, logits: Tensor) -> str:
        """Write the logits of teacher `key` over the training split; return their digest."""
        path = self.folder / "logits" / f"{key}.safetensors"
        write_bytes(path, save({"logits": logits.contiguous()}))
        return digest(path)

    def has_logits(self, key: str) -> bool:
        """Return whether the logits of teacher `key` are in this folder, as students need them."""
        return (self.folder / "logits" / f"{key}.safetensors").is_file()

    def logits(self, key: str) -> Tensor:
        """Return the logits (N, C) of teacher `key` in float16, checked against its row."""
        path = self.folder / "logits" / f"{key}.safetensors"
        return load(self._checked(path, "logits_sha256", key))["logits"]

    def _checked(self, path: Path, column: str, key: str) -> bytes:
        """Return a file's content, which must be what its teacher's row says."""
        must_exist(path)
        content = path.read_bytes()
        if self.teacher(key)[column] != hashlib.sha256(content).hexdigest():
            again = f"`carto forget {key} --results {self.folder}` and train that teacher again"
            raise DamagedFileError(path, again)
        return content

    def save_thumbnails(
        self, dataset: str, fingerprint: str, index: np.ndarray, images: list[bytes]
    ) -> None:
        """Write small lossy images (encoded files) of a sample; `index`: position in the set."""
        path, buffer = self._thumbnails_path(dataset, fingerprint), io.BytesIO()
        pq.write_table(pa.table({"index": index, "image": images}), buffer)
        with self._lock():
            remove_leftovers(path.parent, path.name)
            write_sealed(path, buffer.getvalue())

    def thumbnails(self, dataset: str, fingerprint: str) -> dict[int, bytes]:
        """Return the encoded image of each position that has one; empty where there are none.

        The same data set from another source may have another order, so each keeps its own.
        """
        path = self._thumbnails_path(dataset, fingerprint)
        if not path.exists():
            return {}
        try:
            table = pq.read_table(pa.BufferReader(read_sealed(path))).select(["index", "image"])
            index, images = table.cast(_THUMBNAILS).columns
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, OSError) as error:
            raise DamagedFileError(path) from error
        return dict(zip(index.to_pylist(), images.to_pylist(), strict=True))

    def _thumbnails_path(self, dataset: str, fingerprint: str) -> Path:
        return self.folder / "thumbnails" / f"{dataset}-{fingerprint}.parquet"

    def weights_path(self, key: str) -> Path:
        """Return where the trained weights of run `key` lie."""
        return self.folder / "weights" / f"{key}.safetensors"

    def checkpoint_path(self, key: str) -> Path:
        """Return where the unfinished run `key` keeps its state."""
        return self.folder / "checkpoints" / f"{key}.safetensors"


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
    frame = pd.read_csv(path, dtype={"score": str})
    for column in frame:
        check_texts(frame[column], path, str(column))
    return frame


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
            f"missing: {', '.join(missing) or 'none'}; "
            f"unknown: {short(', '.join(unknown) or 'none')}; "
            "name another `results` folder, or install the version that wrote it"
        )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    typed = frame.copy()
    for name in typed.columns.intersection([*_ADDED]):
        typed[name] = typed[name].replace("", "nan")
    for name in typed.columns.intersection([*_INTEGERS, *_FLOATS]):
        typed[name] = typed[name].astype(np.int64 if name in _INTEGERS else np.float64)
    return typed


def _check_rows(frame: pd.DataFrame) -> None:
    """Raise ValueError or TypeError if a cell is none that a run can have written."""
    for name in frame.columns.intersection(["key", "teacher_key"]):
        for key in frame[name].unique():
            _check_key(key)
    if frame["key"].duplicated().any():
        raise ValueError(f"the key {frame['key'][frame['key'].duplicated()].iloc[0]!r} twice")
    for name in frame.columns.intersection([*_INTEGERS]):
        if (frame[name] < 0).any():
            raise ValueError(f"{frame[name].min()} in {name}")
    for text in frame["recipe"].unique():
        Recipe.from_json(text)
    for text in frame["engine"].unique():
        Engine.from_json(text)
    if "rule" in frame:
        _check_subsets(frame[["rule", "fraction", "hard", "ambiguous", "easy"]].drop_duplicates())


def _check_subsets(parts: pd.DataFrame) -> None:
    for rule, fraction, hard, ambiguous, easy in parts.itertuples(index=False):
        SubsetSpec(rule=rule, fraction=fraction, hard=hard, ambiguous=ambiguous, easy=easy)
        if rule not in RULES and not rule.startswith(OWN):
            raise ValueError(f"the rule {rule!r}")


def _check_key(key: str) -> None:
    """Raise unless a run's key is a plain name, since files are called by it."""
    if not re.fullmatch(r"[\w-]+", key, re.ASCII):
        raise ValueError(
            f"a run's key must be letters, digits and hyphens, got {short(key)!r}; "
            "`carto status --json` lists them"
        )


def _is_held(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a read-only disk, or another user's record: no lock can be tried
        return False
