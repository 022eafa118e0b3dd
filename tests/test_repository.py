import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jupytext
import pytest
import yaml
from make_texts import WRITTEN, place_line, texts, written
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from carto_helpers import __version__
from carto_helpers.records import Results

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"pytorch": "torch"}
LONGEST_FUNCTION = 50
LARGEST_TREE = 58 * 2**20  # bytes; with a little more it must go where a tree of 64 may
ABSENT = "altair papermill jupyter_client IPython nbformat timm torchvision".split()


def tracked():
    """Return the tracked files, and those that git would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    files = [ROOT / name for name in done.stdout.split("\0") if name]
    return [file for file in files if file.is_file() and not file.is_symlink()]


def requirements(lines):
    """Return specifier sets by canonical name; the package itself is left out."""
    found = {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}
    found.pop("carto-helpers", None)
    return found


def published_requirements():
    lines = [*PROJECT["dependencies"], *EXTRAS["charts"], *EXTRAS["book"], *EXTRAS["dev"]]
    return requirements(lines)


def notebooks():
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def python_files():
    return [file for file in tracked() if file.suffix == ".py"]


def test_conda_and_pip_have_the_same_dependencies():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    entries = environment["dependencies"]
    by_pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    lines = [entry for entry in entries if isinstance(entry, str)]
    conda = requirements([*lines, *(line for line in by_pip if not line.startswith("-"))])
    conda = {CONDA_NAMES.get(name, name): specifier for name, specifier in conda.items()}
    assert str(conda.pop("python")) == PROJECT["requires-python"]
    del conda["pip"]
    assert conda == published_requirements()
    assert "--editable ." in by_pip


def test_constraints_satisfy_every_dependency():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "=="
            pins.setdefault(canonicalize_name(requirement.name), []).append(Version(pin.version))
    for name, specifier in published_requirements().items():
        assert all(version in specifier for version in pins[name]), name


def test_constraints_name_packages_and_nothing_of_a_machine():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://| @ |--", text)


def test_the_tree_is_small():
    assert sum(file.stat().st_size for file in tracked()) < LARGEST_TREE


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_has_no_outputs(path):
    for cell in jupytext.read(path).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_equals_its_twin(path):
    def content(file):
        cells = jupytext.read(file).cells
        return [(c.cell_type, c.source, sorted(c.metadata.get("tags", ()))) for c in cells]

    assert content(path) == content(path.with_suffix(".py"))


def test_every_twin_has_its_notebook():
    twins = (ROOT / "notebooks").glob("*.py")
    assert sorted(path.with_suffix(".ipynb") for path in twins) == notebooks()


def test_no_file_names_a_place_on_one_machine():
    places = re.compile(r"(?<![\w.~$}])/(?:home|root|Users|mnt|work)/\w")
    texts = {".py", ".md", ".yml", ".yaml", ".toml", ".txt", ".ipynb", ".cff", ".csv", ".css", ""}
    for file in tracked():
        if file.suffix in texts and file != Path(__file__):
            found = places.search(file.read_text(encoding="utf-8"))
            assert not found, f"{file}: {found}"


def test_the_package_is_imported_without_what_only_pages_need():
    stop = f"sys.modules.update(dict.fromkeys({ABSENT!r}))"  # None: an import raises
    code = f"import sys; {stop}; import carto_helpers, carto_helpers.__main__"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_is_long(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0] if ast.get_docstring(node) else None
            code = node.end_lineno - node.lineno + 1
            code -= docstring.end_lineno - docstring.lineno + 1 if docstring else 0
            assert code <= LONGEST_FUNCTION, f"{path}:{node.lineno} {node.name}: {code} lines"


def test_notebooks_define_nothing():
    for path in notebooks():
        for cell in jupytext.read(path).cells:
            if cell.cell_type == "code":
                assert not re.search(r"^\s*(def|class) ", cell.source, re.MULTILINE), path.name


@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml"])
def test_the_books_settings_are_those_at_the_top(name):
    assert yaml.safe_load((ROOT / "book" / name).read_text(encoding="utf-8"))
    assert (ROOT / "book" / name).resolve() == ROOT / name


def test_every_page_of_the_contents_is_there():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in contents["parts"] for entry in part["chapters"]]
    names = [contents["root"], *(entry["file"] for entry in entries if "file" in entry)]
    for name in names:
        assert list((ROOT / "book").glob(f"{name}.*")), name


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert "version" in PROJECT["dynamic"]
    assert citation["preferred-citation"]["title"].endswith("Training Dynamics")


def test_the_committed_record_has_its_checksums() -> None:
    assert Results(ROOT / "book" / "results").unsealed() == []


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((11, 11, 0), "show random above 11 of the 11 and below none (n"),
        ((11, 5, 0), "above 5 of the 11 and below none; for 6 the seeds cannot tell (n"),
        ((11, 6, 1), "above 6 of the 11 and below 1; for 4 the seeds cannot tell (n"),
        ((3, 2, 1), "above 2 of the 11 and below 1; 8 are not run (n"),
    ],
)
def test_readme_counts_what_is_shown_either_way_and_what_is_not_run(counts, said) -> None:
    n_made, n_shown, n_against = counts
    row = {
        "dataset": "cifar10", "subject": "resnet", "verdict": "does not hold", "n": 3, "paper": "",
        "reason": "contradicted" if n_against else "not shown", "reading": "random's mean",
        "n_asked": 11,
        "n_made": n_made, "n_shown": n_shown, "n_against": n_against,
    }  # fmt: skip
    found = place_line(row, "cifar100", "scratch")
    assert said in found
    assert found.startswith("- cifar10, resnet, teacher pre-trained on cifar100: **")
    other = place_line(row | {"subject": "efficientnet"}, "scratch", "cifar100:0a")
    began = "students pre-trained on cifar100 (the paper's from ImageNet)"
    assert other.startswith(f"- cifar10, efficientnet, teacher from scratch, {began}: **")


def test_readme_and_the_books_pages_say_what_the_record_says() -> None:
    """`make report` writes it."""
    said = texts()
    marks = set()
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in WRITTEN]
    for page, n_marks in zip(pages, (5, 1, 1), strict=True):
        assert page.count("make report writes it") == page.count("<!-- end of ") == n_marks
        assert written(page, said) == page
        marks |= {*re.findall(r"<!-- (\w+): make report writes it -->\n", page)}
    assert marks == set(said)
