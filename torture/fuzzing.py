"""Promise 5: whatever comes in, a right object or one line that names the file; never a crash."""

import dataclasses
import io
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from carto_helpers import data
from carto_helpers.config import PARAMETERS, STUDENT_COLUMNS, PhaseConfig
from carto_helpers.formats.aum_files import read_aum
from carto_helpers.formats.cartography_files import read_cartography
from carto_helpers.formats.dynamics_files import read_npz, read_parquet, write_npz, write_parquet
from carto_helpers.images.decoding import decode_images
from carto_helpers.images.official_files import read_official_files
from carto_helpers.record_frame import record_frame
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results, load_tensors
from carto_helpers.storage.dynamics_table import to_table
from torture.promise import Outcome

_EXPECTED = (ValueError, TypeError, FileNotFoundError)
_LONGEST_LINE = 5_000  # characters
_A_ROUND = 200  # examples before the clock is looked at

Target = Callable[[Path, Any], object]


def one_line(call: Callable[[], object], path: Path | None = None) -> None:
    """Call; raise AssertionError unless it returns, or raises one line that names `path`."""
    try:
        call()
    except _EXPECTED as error:
        text = str(error)
        if not text or "\n" in text or len(text) > _LONGEST_LINE:
            raise AssertionError(f"expected one line, got {text[:1000]!r}") from error
        if path is not None and str(path) not in text:
            raise AssertionError(f"expected {path} to be named, got {text[:1000]!r}") from error


_TEXT = st.text(max_size=50) | st.just("x" * 100_000)
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
_VALUE = st.recursive(
    _PLAIN, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(), v, max_size=3)
)
_NAMES = st.sampled_from(PARAMETERS["phase1"]) | st.text(max_size=20)
_PARAMETERS = st.dictionaries(_NAMES, _VALUE, max_size=6)


def parameters(_: Path, given_: dict[str, Any]) -> None:
    """Make a configuration; every number in it must be finite and in its range."""

    def make() -> None:
        config = PhaseConfig.from_parameters(given_, "phase1")
        assert 0 < config.fraction <= 1
        assert 0 <= config.hard_weight <= 1
        assert math.isfinite(config.temperature) and config.temperature > 0
        assert config.seeds >= 1 and config.epochs >= 1 and config.batch_size >= 1
        for field in dataclasses.fields(config):
            assert not isinstance(getattr(config, field.name), list | dict)

    one_line(make)


_CELL = st.one_of(_TEXT, st.integers().map(str), st.floats().map(str), st.just('"'))
_LINES = st.lists(st.lists(_CELL, min_size=1, max_size=len(STUDENT_COLUMNS)), max_size=3)
_TABLE = st.binary(max_size=300) | st.builds(
    lambda lines: "\n".join([",".join(STUDENT_COLUMNS), *map(",".join, lines)]).encode(
        errors="surrogatepass"
    ),
    _LINES,
)


def table(folder: Path, content: bytes) -> None:
    """Read a table of results."""
    path = folder / "students.csv"
    path.write_bytes(content)
    one_line(Results(folder).students, path)


def tensors(folder: Path, content: bytes) -> None:
    """Read a tensor file: none of these has its checksum."""
    path = folder / "weights.safetensors"
    path.write_bytes(content)
    one_line(lambda: load_tensors(path), path)


_HEADS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x00\x00\x00\x00WEBPVP8 ", b"BM", b""]
_HARM = st.tuples(
    st.sampled_from(["png", "jpg", "webp"]),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8)), max_size=5),
    st.floats(0, 1.5),
    st.sampled_from([0, 4]),
)
_IMAGE = st.builds(
    lambda head, tail, size: ("raw", head + tail, 1.0, size),
    st.sampled_from(_HEADS), st.binary(), st.sampled_from([0, 4]),
)  # fmt: skip


def image_folder(folder: Path, harm: tuple[str, Any, float, int]) -> None:
    """Read an image folder, one image of which was harmed, as it is or at another size."""
    kind, pieces, share, image_size = harm
    ending = "png" if kind == "raw" else kind
    path = folder / "train" / "a" / f"0.{ending}"
    for file in _other_images(folder):
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            _pixels().save(file)
    for old in path.parent.glob("0.*"):
        old.unlink()
    if kind == "raw":
        path.write_bytes(pieces)
    else:
        _pixels().save(path, exif=_exif())
        content = bytearray(path.read_bytes())
        for at, piece in pieces:
            begin = int(at * len(content))
            content[begin : begin + len(piece)] = piece
        path.write_bytes(content[: int(share * len(content))])
    one_line(lambda: data.load(folder, image_size=image_size), path)


def _other_images(folder: Path) -> list[Path]:
    return [folder / part / "1.png" for part in ("train/a", "train/b", "test/a", "test/b")]


def _pixels() -> Image.Image:
    return Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))


def _exif() -> Image.Exif:
    """Return what cameras write: turned by a quarter, a name, a fraction."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "camera"
    exif[ExifTags.Base.XResolution] = 72.0
    return exif


def official(folder: Path, content: bytes) -> None:
    """Read official files that are not the official ones: refused before they are opened."""
    for name in ("data_batch_1", "batches.meta", "test_batch"):
        path = folder / "cifar-10-batches-py" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    one_line(lambda: read_official_files("cifar10", folder, download=False))


def image(folder: Path, content: bytes) -> None:
    """Decode one image."""
    _read(folder / "image.png", content, lambda path: decode_images([str(path)]))


def parquet(folder: Path, content: bytes) -> None:
    """Map training dynamics from Parquet."""
    _map(folder / "dynamics.parquet", content, read_parquet)


def npz(folder: Path, content: bytes) -> None:
    """Map training dynamics from NumPy's files."""
    _map(folder / "dynamics.npz", content, read_npz)


def cartography(folder: Path, content: bytes) -> None:
    """Map JSON lines of the original cartography."""
    _map(folder / "dynamics_epoch_0.jsonl", content, lambda path: read_cartography(path.parent))


def aum(folder: Path, content: bytes) -> None:
    """Read a CSV of the package aum."""
    _read(folder / "aum_values.csv", content, read_aum)


def _read(path: Path, content: bytes, read: Callable[[Path], object]) -> None:
    path.write_bytes(content)
    one_line(lambda: read(path), path)


def _map(path: Path, content: bytes, read: Callable[[Path], DynamicsRecord]) -> None:
    _read(path, content, read)
    one_line(lambda: record_frame(read(path)))


OF_BYTES: dict[str, Target] = {
    "table": table,
    "tensors": tensors,
    "image": image,
    "parquet": parquet,
    "npz": npz,
    "cartography": cartography,
    "aum": aum,
}


def seeds(name: str, folder: Path) -> list[bytes]:
    """Return right content for a target, to begin with."""
    p = np.full((2, 1), 0.75, np.float32)
    record = DynamicsRecord(
        index=np.arange(2), labels=np.arange(2), classes=("a", "b"),
        quantities={"p_gold": p, "is_right": p > 0.5},
    )  # fmt: skip
    if name == "npz":
        write_npz(folder / "seed", record)
        return [(folder / "seed").read_bytes()]
    if name == "parquet":
        write_parquet(folder / "seed", record)
        pq.write_table(to_table(record), folder / "theirs")  # no checksum ends the reading
        return [(folder / "seed").read_bytes(), (folder / "theirs").read_bytes()]
    if name == "image":
        return [_encoded(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")]
    texts = {
        "table": ",".join(STUDENT_COLUMNS) + "\n",
        "cartography": '{"guid": 1, "logits_epoch_0": [0.5, 1.5], "gold": 1}\n',
        "aum": "sample_id,aum\n1,0.5\n",
    }
    return [texts.get(name, "").encode()]


def _encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    _pixels().save(buffer, kind)
    return buffer.getvalue()


_BYTES = st.binary(max_size=500)
_JSON_LINES = st.lists(
    st.builds(
        lambda name, row, gold: json.dumps({"guid": name, "logits_epoch_0": row, "gold": gold}),
        _VALUE, st.lists(_VALUE, max_size=4) | _VALUE, st.integers(-1, 4) | _VALUE,
    ),
    max_size=3,
).map(lambda lines: "\n".join(lines).encode())  # fmt: skip
_ROWS = st.lists(st.tuples(_CELL, _CELL), max_size=3).map(
    lambda rows: "\n".join(["sample_id,aum", *map(",".join, rows)]).encode(errors="surrogatepass")
)

TARGETS: dict[str, tuple[Target, Any]] = {
    "`from_parameters`": (parameters, _PARAMETERS),
    "the results reader": (table, _TABLE),
    "the tensor reader": (tensors, st.binary(max_size=500)),
    "the image folder reader": (image_folder, _HARM | _IMAGE),
    "the official files' reader": (official, _BYTES),
    "the reader of Parquet": (parquet, _BYTES),
    "the reader of NumPy's files": (npz, _BYTES),
    "the reader of JSON lines": (cartography, _JSON_LINES | _BYTES),
    "the reader of AUM's CSV": (aum, _ROWS | _BYTES),
}


def measure(folder: Path, *, minutes: float) -> Iterator[Outcome]:
    """Yield an outcome for each target, all with the same share of the time."""
    for i, (name, (target, values)) in enumerate(TARGETS.items()):
        place = folder / str(i)
        place.mkdir(parents=True)
        n, problem = fuzz(target, values, place, seconds=60 * minutes / len(TARGETS))
        yield Outcome(
            promise="a right object, or one line that names the file; nothing else",
            harm=f"made input for {name} (hypothesis), {minutes / len(TARGETS):.2g} minutes",
            n=n,
            broken=[problem] if problem else [],
        )


def fuzz(
    target: Target, values: Any, folder: Path, *, seconds: float, a_round: int = _A_ROUND
) -> tuple[int, str]:
    """Call `target` with made values for some time; return how often, and what failed first."""
    count, started = 0, time.monotonic()

    @settings(
        max_examples=a_round, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(values)
    def attempt(value: Any) -> None:
        nonlocal count
        count += 1
        target(folder, value)

    while time.monotonic() - started < seconds:
        try:
            attempt()
        except Exception as error:  # noqa: BLE001 - what it is, is the finding
            text = " ".join(f"{type(error).__name__}: {error}".split())
            notes = " ".join(getattr(error, "__notes__", []))
            return count, f"{text} {' '.join(notes.split())}"[:2_000]
    return count, ""
