"""The book, built once for all tests: the committed pages and a made data map of 40,000 examples.

A pytest plugin. Workers of xdist share the build; the one that comes first makes it.
"""

import base64
import io
import shutil
import subprocess
import sys
from pathlib import Path

import altair as alt
import filelock
import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from made_frames import made_map
from PIL import Image

from carto_helpers.charts.data_map import data_map, map_caption
from carto_helpers.selection import METRICS, region

ROOT = Path(__file__).parents[1]
MADE = "phases/teacher-made"  # the page of the made map
N_MADE, N_IMAGES = 40_000, 2_500  # as many as CIFAR-10's, and as many as a page shows
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def contents(folder: Path = ROOT / "book") -> list[str]:
    """Return every page that the table of contents names, patterns resolved."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    pages = [toc["root"]]
    for entry in entries:
        found = sorted(folder.glob(entry["glob"] + ".*")) if "glob" in entry else []
        pages += [str(path.relative_to(folder).with_suffix("")) for path in found]
        pages += [entry["file"]] if "file" in entry else []
    return pages


def made_frame() -> pd.DataFrame:
    """Return 40,000 made examples with regions, ten classes, histories and 2,500 images."""
    frame, draw = made_map(N_MADE), np.random.default_rng(1)
    scores = {name: frame[name].to_numpy() for name in METRICS}
    frame["region"] = ""
    for name in ("ambiguous", "hard-to-learn", "easy-to-learn"):
        frame.loc[region(scores, name, 33 * N_MADE // 100), "region"] = name
    frame["class"] = draw.choice(CLASSES, N_MADE)
    frame["p_gold"] = list(draw.random((N_MADE, 10)))
    frame["image"] = ""
    frame.loc[draw.permutation(N_MADE)[:N_IMAGES], "image"] = [
        _image(draw) for _ in range(N_IMAGES)
    ]
    return frame


def _image(draw: np.random.Generator) -> str:
    """Return a patterned image of about the weight of a real thumbnail."""
    pixels = draw.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((32, 32)).save(file, "webp", quality=50)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _made_page(frame: pd.DataFrame) -> nbformat.NotebookNode:
    with alt.renderers.enable("html"):
        html = data_map(frame)._repr_mimebundle_()["text/html"]
    output = nbformat.v4.new_output(
        "execute_result", data={"text/html": html, "text/plain": "a map"}, execution_count=1
    )
    cells = [
        nbformat.v4.new_markdown_cell("# A made data map"),
        nbformat.v4.new_code_cell("made", outputs=[output], execution_count=1),
        nbformat.v4.new_markdown_cell(map_caption(frame)),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _build(folder: Path) -> None:
    """Build a copy of the book with the made page; a warning is an error."""
    shutil.copytree(
        ROOT / "book", folder / "book", ignore=shutil.ignore_patterns("_build", "results")
    )
    nbformat.write(_made_page(made_frame()), folder / "book" / f"{MADE}.ipynb")
    builder = Path(sys.executable).with_name("jupyter-book")
    command = [builder, "build", folder / "book", "--path-output", folder, "-W", "-n"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "done").touch()


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of the built pages."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "built-book"
    folder.mkdir(exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        if not (folder / "done").exists():
            _build(folder)
    return folder / "_build" / "html"


@pytest.fixture(scope="session")
def made() -> pd.DataFrame:
    """Return the examples of the made page."""
    return made_frame()
