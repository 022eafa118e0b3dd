"""The wheel, where the core's dependencies are and nothing else: no Jupyter, no altair."""

import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from made_runs import TINY, make_folder
from packaging.requirements import Requirement

from carto_helpers import __version__

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
ENTRIES = {"_virtualenv.py", "__pycache__", "..", ""}
EXTRAS_ONLY = ("altair", "papermill", "IPython", "nbformat", "jupyter_core", "sphinx", "pytest")
PUBLIC = """
import carto_helpers as carto
import numpy as np
p_gold = np.array([[0.1, 0.9], [0.8, 0.9], [0.2, 0.1]])
scores = carto.scores(p_gold, p_gold > 0.5)
print(carto.select(carto.SubsetSpec(rule="ambiguous", fraction=0.34), scores, seed=0).tolist())
for name in carto.__all__:
    if name not in ("figures", "gallery"):
        getattr(carto, name)
"""

pytestmark = pytest.mark.slow


def run(*command: object, folder: Path) -> str:
    """Run a command from outside the sources; return what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needed(lines: list[str], found: dict[str, metadata.Distribution]) -> None:
    """Add the distributions that the requirements name, and those that these need, to `found`."""
    for requirement in map(Requirement, lines):
        extras = requirement.extras or {""}
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": e}) for e in extras
        ):
            continue
        if requirement.name not in found:
            found[requirement.name] = metadata.distribution(requirement.name)
            needed(found[requirement.name].requires or [], found)


def link(distribution: metadata.Distribution, site: Path) -> None:
    """Put a distribution's packages into another environment, without copying them."""
    tops = {file.parts[0] for file in distribution.files or ()} - ENTRIES
    for top in tops:
        source = Path(str(distribution.locate_file(top)))
        if source.exists() and not (site / top).exists():
            (site / top).symlink_to(source)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "LICENSE", "README.md", "carto_helpers"):
        run("cp", "-r", ROOT / name, source, folder=folder)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    run(*PIP, "wheel", *options, source, folder=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment's folder of commands; pip itself finds every requirement there."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    found: dict[str, metadata.Distribution] = {}
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    needed(re.findall(r"^Requires-Dist: (.*)$", text, re.MULTILINE), found)
    for distribution in found.values():
        link(distribution, site)
    run(*PIP, "--python", folder / "bin" / "python", "install", "--no-index", wheel, folder=folder)
    return folder / "bin"


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    assert __version__ in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    info = f"carto_helpers-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"carto_helpers", info}
    home = ROOT / "carto_helpers"
    modules = {str(path.relative_to(home)) for path in home.rglob("*.py")}
    held = {name.partition("/")[2] for name in names if name.startswith("carto_helpers/")}
    assert held == modules | {"py.typed"}


@pytest.mark.parametrize("name", EXTRAS_ONLY)
def test_the_environment_lacks_what_the_core_can_do_without(name: str, home: Path) -> None:
    code = f"import importlib.util as u; print(u.find_spec({name!r}))"
    assert run(home / "python", "-c", code, folder=home) == "None\n"


def test_the_command_line_answers_there(home: Path) -> None:
    assert run(home / "carto", "--version", folder=home) == f"carto_helpers {__version__}\n"
    by_name = run(home / "carto", "--help", folder=home)
    assert by_name == run(home / "python", "-m", "carto_helpers", "--help", folder=home)
    assert "first steps:" in by_name


def test_the_public_names_work_there(home: Path) -> None:
    assert run(home / "python", "-c", PUBLIC, folder=home) == "[0]\n"


def test_a_run_ends_in_a_row_there(home: Path, tmp_path: Path) -> None:
    command = [
        home / "carto", "phase3", "--dataset", make_folder(tmp_path / "noise"), "--results", "r",
        "--architecture", TINY, "--teacher", TINY, "--epochs", 1, "--fractions", 0.5,
        "--device", "cpu",
    ]  # fmt: skip
    assert "test_macro_f1" in run(*command, folder=tmp_path)
    assert "1 teachers, 1 students" in run(
        home / "carto", "status", "--results", "r", folder=tmp_path
    )
    assert len((tmp_path / "r" / "students.csv").read_text().splitlines()) == 2


def test_what_needs_an_extra_says_which(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [home / "carto", "report"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert 'pip install "carto_helpers[book]"' in done.stderr
    assert done.stderr.count("\n") == 1
