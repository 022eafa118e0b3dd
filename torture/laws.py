"""Promises 5 and 6 that tests keep: each is run by name, its tests are counted."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torture.promise import Outcome
from torture.tested import tested


@dataclass(frozen=True, kw_only=True)
class _Law:
    """What is promised, the harm, and the tests that do it: of which modules, and which of them."""

    promise: str
    harm: str
    modules: str
    option: str = "-k"
    chosen: str = "test"


_LAWS = (
    _Law(
        promise="an image folder of hostile content is one line that names the file",
        harm="decompression bombs, links that leave the root, pipes, names of 255 bytes and with "
        "line ends, PNG, JPEG and WebP cut anywhere, text called .png",
        modules="image_tree image_folder",
    ),
    _Law(
        promise="texts of 100,000 characters are one short line that names the file",
        harm="such cells, headings, classes and names in CSV, JSON, Parquet and NumPy's files",
        modules="plain_texts cartography_files dynamics_files image_tree",
        chosen="long or bad_line or classes_that_are_none or called_an_image",
    ),
    _Law(
        promise="nothing is evaluated as code or unpickled",
        harm="parameters and options that are Python, files that are pickles, calls in the source",
        modules="plain_texts notebooks dynamics_files official_files",
        chosen="evaluated or never_code or unpickled or no_pickle",
    ),
    _Law(
        promise="official files are taken only with their checksum",
        harm="a changed byte, a download that fails or is cut short, archives that are there",
        modules="official_files",
        chosen="checksum or changed or download or archives",
    ),
    _Law(
        promise="a wrong number has its mark on the row and on the page",
        harm="diverged, at chance, other dynamics, a class lost, mixed versions or data, unchecked",
        modules="doubts doubted_rows",
    ),
    _Law(
        promise="the laws of the mathematics hold for whatever is drawn (hypothesis)",
        harm="drawn dynamics, logits, labels, fractions and scores",
        modules="dynamics losses selection metrics scoring paired gaps doubts stacked_step",
        option="-m",
        chosen="hypothesis",
    ),
)


def measure(folder: Path, *, n_laws: int | None = None) -> Iterator[Outcome]:
    """Yield an outcome for each law, or for the first ones."""
    for i, law in enumerate(_LAWS[:n_laws]):
        files = [f"tests/test_{name}.py" for name in law.modules.split()]
        n, failed = tested(sys.executable, [law.option, law.chosen, *files], folder / f"{i}.txt")
        command = f'pytest {law.option} "{law.chosen}" {" ".join(files)}'
        facts = {"promise": law.promise, "harm": law.harm, "command": command}
        yield Outcome(**facts, n=n, broken=failed, note="n counts tests")
