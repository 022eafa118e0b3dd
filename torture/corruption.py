"""Promise 2: a byte that flipped, a file cut short, gone, of another version or of other data."""

import hashlib
import logging
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from carto_helpers import data, models
from carto_helpers.formats.dynamics_files import read_npz, read_parquet, write_npz, write_parquet
from carto_helpers.images.image_cache import cache_file, read_cache, write_cache
from carto_helpers.images.parquet_images import write_images
from carto_helpers.networks.weights import load_weights
from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results, load_tensors
from carto_helpers.storage.seals import seal_path
from torture.job import Job, dataset, differences, finish, rows
from torture.killing import die_at_flush
from torture.promise import Outcome

_CACHE_KEY = "torture"
_NAMED_BY_FOLDER = {
    "image cache",
    "recorder's manifest",
    "images as Parquet",
}  # where they are not there


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file and what reads it."""

    name: str
    path: Path
    read: Callable[[], Any]


def kinds(folder: Path) -> list[Kind]:
    """Return every kind of file that the package writes, from a job's record in `folder`."""
    results, key, student = _made(folder)
    places = {
        "teachers.csv": (results.folder / "teachers.csv", results.teachers),
        "students.csv": (results.folder / "students.csv", results.students),
        "dynamics": (results.folder / f"dynamics/{key}.parquet", lambda: results.dynamics(key)),
        "logits": (results.folder / f"logits/{key}.safetensors", lambda: results.logits(key)),
        "weights of a teacher": (
            results.weights_path(key),
            lambda: load_weights(_network(), results.weights_path(key)),
        ),
        "weights of a student": (
            results.weights_path(student),
            lambda: load_tensors(results.weights_path(student)),
        ),
        "checkpoint": (
            results.checkpoint_path(key),
            lambda: load_tensors(results.checkpoint_path(key)),
        ),
        "thumbnails": (
            next((results.folder / "thumbnails").glob("*.parquet")),
            lambda: results.thumbnails(*results.teachers()[["dataset", "fingerprint"]].iloc[0]),
        ),
        "image cache": (cache_file(_CACHE_KEY), _read_cache),
        **_exchanged(results.dynamics(key), folder / "exchanged"),
        **_recorded(folder / "loop"),
    }
    for name in ("teachers.csv", "students.csv", "thumbnails", "recorder's manifest"):
        places[f"checksum of {name}"] = (seal_path(places[name][0]), places[name][1])
    return [Kind(name=name, path=path, read=read) for name, (path, read) in places.items()]


def _made(folder: Path) -> tuple[Results, str, str]:
    finish(folder / "record")
    results = Results(folder / "record")
    key, student = results.teachers()["key"].iloc[0], results.students()["key"].iloc[0]
    Job(folder / "begun", _die_late).status()
    begun = Results(folder / "begun").checkpoint_path(key)
    results.checkpoint_path(key).parent.mkdir(exist_ok=True)
    shutil.copy(begun, results.checkpoint_path(key))
    write_cache(_CACHE_KEY, data.load("digits"))
    return results, key, student


def _exchanged(record: DynamicsRecord, folder: Path) -> dict[str, tuple[Path, Callable[[], Any]]]:
    """Return files that users hand on, and what reads them: what was read, as a text."""
    folder.mkdir(exist_ok=True)
    write_parquet(folder / "mine.parquet", record)
    write_npz(folder / "mine.npz", record)
    write_images(data.load(dataset()), folder / "images")

    def images() -> str:
        for cached in set(cache_file("x").parent.iterdir()) - {cache_file(_CACHE_KEY)}:
            cached.unlink()  # else they come from there
        found = data.load(str(folder / "images"))
        return f"{found.fingerprint} {found.train.classes}"

    return {
        "dynamics as Parquet": (folder / "mine.parquet", lambda: _text(folder / "mine.parquet")),
        "dynamics as npz": (folder / "mine.npz", lambda: _text(folder / "mine.npz")),
        "images as Parquet": (folder / "images" / "train.parquet", images),
    }


def _text(path: Path) -> str:
    record = read_parquet(path) if path.suffix == ".parquet" else read_npz(path)
    arrays = [record.index, record.labels, *record.quantities.values()]
    digests = [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays]
    return f"{record.classes} {[*record.quantities]} {digests}"


def _recorded(folder: Path) -> dict[str, tuple[Path, Callable[[], Any]]]:
    """Return the files that a loop of one's own leaves with a recorder, and what reads them."""
    labels = torch.arange(40) % 4
    with DynamicsRecorder(40, folder, "training", ids=[f"scan {i}" for i in range(40)]) as recorder:
        for epoch in range(2):
            recorder.update(epoch, range(40), torch.eye(4)[labels], labels)

    def read() -> object:
        return DynamicsRecorder.reopen(folder).record()

    return {
        "recorder's manifest": (folder / "recorder.json", read),
        "recorder's epoch": (folder / "epoch_000001.safetensors", read),
        "recorder's names": (folder / "ids.parquet", read),
    }


def _die_late() -> None:
    """Let the process kill itself when a teacher has a checkpoint and nothing else."""
    die_at_flush(3, half=False)


def _network() -> torch.nn.Module:
    spec, images = models.resolve("test_resnet", role="teacher"), data.load(dataset())
    n_channels = images.train.images.shape[1]
    return models.create(spec, n_classes=len(images.train.classes), n_channels=n_channels)


class _Lines(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.text += record.getMessage()


def _read_cache() -> object:
    """Read the cache; say by an error what it only logs, since it decodes the images again."""
    lines, logger = _Lines(), logging.getLogger("carto_helpers.images.image_cache")
    logger.addHandler(lines)
    logger.propagate = False
    found = read_cache(_CACHE_KEY, "digits")
    logger.removeHandler(lines)
    logger.propagate = True
    if found is None:
        raise ValueError(lines.text)
    return found


def measure(folder: Path, *, n_flips: int) -> Iterator[Outcome]:
    """Yield the outcomes of single bytes, of truncation, of absence, and of foreign files."""
    found = kinds(folder)
    for kind in found:
        kind.read()  # unharmed, each can be read
    yield flips(found, n_flips)
    yield cuts(found)
    yield absent(found)
    yield foreign(found, folder)
    yield begun_again(folder)


def flips(found: list[Kind], n: int) -> Outcome:
    """Change one byte at a time, the kinds taking turns."""
    draw, broken = random.Random(0), []
    unharmed = {kind.name: kind.read() for kind in found}
    for i in range(n):
        kind = found[i % len(found)]
        whole = kind.path.read_bytes()
        harmed, at = bytearray(whole), draw.randrange(len(whole))
        harmed[at] ^= draw.randrange(1, 256)
        kind.path.write_bytes(harmed)
        if (problem := unnoticed(kind)) and not _is_same(kind, unharmed[kind.name]):
            broken.append(f"{kind.name}, byte {at} of {len(whole)}: {problem}")
        kind.path.write_bytes(whole)
    return Outcome(
        promise="a changed byte is noticed when the file is read, and the file named; in files "
        "that users hand on it may change nothing that is read",
        harm=f"one byte changed at random, in {len(found)} kinds of files in turn",
        n=n,
        broken=broken,
    )


def _is_same(kind: Kind, unharmed: object) -> bool:
    """Return whether a file gives all that it gave before."""
    try:
        return isinstance(unharmed, str) and kind.read() == unharmed
    except Exception:  # noqa: BLE001 - what it is, `unnoticed` says
        return False


def cuts(found: list[Kind]) -> Outcome:
    """Cut each kind to lengths from nothing to all but a byte."""
    broken, n = [], 0
    for kind in found:
        whole = kind.path.read_bytes()
        for length in sorted({0, 1, 8, len(whole) // 2, len(whole) - 1}):
            n += 1
            kind.path.write_bytes(whole[:length])
            if problem := unnoticed(kind):
                broken.append(f"{kind.name}, {length} of {len(whole)} bytes: {problem}")
        kind.path.write_bytes(whole)
    return Outcome(
        promise="a truncated file is noticed when it is read, and named",
        harm=f"{len(found)} kinds of files cut to 0, 1, 8, half and all but one of their bytes",
        n=n,
        broken=broken,
    )


def absent(found: list[Kind]) -> Outcome:
    """Take each kind away: refused and named, or empty, so that it is made again."""
    broken = []
    for kind in found:
        aside = kind.path.rename(kind.path.with_name("aside"))
        try:
            value = kind.read()
        except (FileNotFoundError, ValueError) as error:
            is_said = str(kind.path) in str(error) or kind.name in _NAMED_BY_FOLDER
        else:  # thumbnails are made again; a missing checksum is written with the next row
            is_said = kind.name.startswith("checksum") or value == {}
        if not is_said:
            broken.append(kind.name)
        aside.rename(kind.path)
    return Outcome(
        promise="a missing file is named with the remedy, or made again",
        harm="each kind of file taken away",
        n=len(found),
        broken=broken,
        note="a table without its checksum, as older versions wrote it, is read unchecked",
    )


def unnoticed(kind: Kind) -> str:
    """Return "" if reading raises an error that names the file (or the one it is checked with)."""
    try:
        kind.read()
    except (ValueError, FileNotFoundError) as error:
        name = str(kind.path).removesuffix(".sha256")
        text = str(error)
        return "" if name in text and "\n" not in text else f"said only: {text}"
    except Exception as error:  # noqa: BLE001 - what it is, is the finding
        return f"{type(error).__name__}: {error}"
    return "read as if whole"


def foreign(found: list[Kind], folder: Path) -> Outcome:
    """Put files of other runs, versions and data sets in the place of the record's."""
    by_name = {kind.name: kind for kind in found}
    table, weights = by_name["students.csv"], by_name["weights of a teacher"]
    student = by_name["weights of a student"]
    older = folder / "older.safetensors"
    save_file(load_file(weights.path), older, {"dataset": "digits", "fingerprint": "f"})
    other = _other_record(folder)
    write_cache("other", data.load(dataset()))
    replaced = [
        (table, table.path.read_bytes().replace(b",rule,", b",law,", 1)),
        (table, b"\n".join(table.path.read_bytes().split(b"\n")[:-2]) + b"\n"),
        (by_name["teachers.csv"], table.path.read_bytes()),
        (by_name["dynamics"], next(other.glob("dynamics/*")).read_bytes()),
        (by_name["logits"], next(other.glob("logits/*")).read_bytes()),
        (weights, older.read_bytes()),
        (student, older.read_bytes()),
        (by_name["checkpoint"], older.read_bytes()),
        (by_name["thumbnails"], next(other.glob("dynamics/*")).read_bytes()),
        (by_name["image cache"], weights.path.read_bytes()),
        (by_name["image cache"], cache_file("other").read_bytes()),
    ]
    broken = []
    for i, (kind, content) in enumerate(replaced):
        whole = kind.path.read_bytes()
        kind.path.write_bytes(content)
        if problem := unnoticed(kind):
            broken.append(f"{i}, {kind.name}: {problem}")
        kind.path.write_bytes(whole)
    return Outcome(
        promise="a file of another run, version or data set is noticed and named",
        harm="each kind replaced: other columns, a row less, another teacher's, without checksum",
        n=len(replaced),
        broken=broken,
    )


def _other_record(folder: Path) -> Path:
    arguments = "--architectures test_resnet --epochs 1 --learning-rates 0.01".split()
    Job(folder / "other", arguments=["teacher", "--dataset", dataset(), *arguments]).status()
    return folder / "other"


def begun_again(folder: Path) -> Outcome:
    """Harm a checkpoint and the thumbnails before a run goes on: it begins again, and says so."""
    reference, broken = rows(folder / "record"), []
    harms = {"a flipped byte": _flip, "cut": _cut, "another run's": _swap}
    for name, harm in harms.items():
        results = folder / f"begun {name}"
        Job(results, _die_late).status()
        path = next(results.glob("checkpoints/[!.]*"))
        harm(path, folder)
        again = finish(results)
        if "the run begins again" not in again.said() + again.said("err"):
            broken.append(f"{name}: not said")
        if problem := differences(results, reference):
            broken.append(f"{name}: {problem}")
    return Outcome(
        promise="a run whose checkpoint is not its own begins again, says so, and ends the same",
        harm="a checkpoint with a flipped byte, cut short, of another run",
        n=len(harms),
        broken=broken,
    )


def _flip(path: Path, _: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def _cut(path: Path, _: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _swap(path: Path, folder: Path) -> None:
    shutil.copy(next((folder / "record" / "weights").iterdir()), path)
