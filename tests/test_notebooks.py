"""Notebooks stop in their first cell on a parameter they do not know, or that is wrong."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("phase1", {"foo": 1}, "unknown parameter foo for phase1; valid parameters: dataset, "),
        ("phase1", {"foo": {"a": 1}}, "unknown parameter foo for phase1"),
        ("phase3", {"fraction": 0.3}, "unknown parameter fraction for phase3"),
        (
            "teacher",
            {"learning_rates": "fast"},
            "`learning_rates` must be a list, each a number, got 'fast'",
        ),
        ("phase2", {"temperature": 0}, "`temperature` must be positive and finite, got 0"),
        (
            "phase1",
            {"dataset": "nope"},
            "`dataset` must be one of digits, mnist, cifar10, cifar100",
        ),
        ("claims", {"foo": 1}, "unknown parameter foo for record; valid parameters: results"),
        ("phase1", {"_temperature": 3}, "unknown parameter _temperature for phase1"),
        ("quickstart", {"rule": "nope"}, "unknown rule 'nope'; valid rules: all, random"),
        ("audit", {"results": 3}, "`results` must be a text, got 3"),
        ("phase1", {"device": "tpu"}, "`device` must be auto, cpu, cuda"),
    ],
)
def test_a_wrong_parameter_stops_the_first_cell(
    name: str, parameters: dict[str, object], message: str
) -> None:
    parameters_cell, set_up, *_ = code_cells(name)
    values: dict[str, object] = {}
    exec(parameters_cell, values)  # as the kernel does
    values |= parameters
    with pytest.raises((ValueError, TypeError), match=message):
        exec(set_up, values)
    assert "config" not in values


@pytest.mark.parametrize("name", ["worked_example", "architectures"])
def test_a_page_without_parameters_takes_none(name: str) -> None:
    message = "unknown parameter dataset for page; valid parameters: none"
    with pytest.raises(ValueError, match=message):
        exec(code_cells(name)[0], {"dataset": "mnist"})  # as papermill gives it


@pytest.mark.parametrize("name", ["phase1", "tables"])
def test_a_parameter_is_a_text_and_never_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What papermill writes into the cell is a literal of the same text, whatever it holds."""
    monkeypatch.chdir(tmp_path)
    notebook = load_notebook_node(str(NOTEBOOKS / f"{name}.ipynb"))
    code = "__import__('pathlib').Path('evaluated').touch()"
    for text in (
        code,
        f"'); {code} #",
        f'"; {code} #',
        f"\n{code}\n",
        f"\\'; {code} #",
        "{" + code,
    ):
        given = {"results": text}
        injected = parameterize_notebook(notebook, given).cells
        (cell,) = [c for c in injected if "injected-parameters" in c.metadata.get("tags", [])]
        values: dict[str, object] = {}
        exec(cell.source, values)  # as the kernel does
        assert values["results"] == text
    assert not (tmp_path / "evaluated").exists()


def code_cells(name: str) -> list[str]:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_papermill_stops_there_too(tmp_path: Path) -> None:
    message = "unknown parameter foo for phase1; valid parameters: dataset, "
    with pytest.raises(papermill.PapermillExecutionError, match=message) as stop:
        papermill.execute_notebook(
            NOTEBOOKS / "phase1.ipynb",
            tmp_path / "out.ipynb",
            parameters={"foo": 1},
            progress_bar=False,
        )
    assert "experiments.configure" in stop.value.source
    assert stop.value.exec_count <= 3  # parameters, injected parameters, set-up


def test_no_line_of_text_is_a_comment() -> None:
    """MyST leaves out a line that begins with %: half a sentence, where it was wrapped there."""
    book = NOTEBOOKS.parent / "book"
    pages = [*book.glob("*.md"), *(book / "reference").glob("*.md")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in pages}
    for path in NOTEBOOKS.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts[path.name] = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    assert len(texts) > 25
    for name, text in texts.items():
        lost = [line for line in text.splitlines() if re.match(r"\s*%", line)]
        assert not lost, (name, lost)


def test_every_notebook_that_reads_a_record_shows_where_its_rows_and_their_marks_are_from() -> None:
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = "".join(code_cells(path.stem))
        if "Results(" in text:
            assert "tables.provenance(" in text, path.stem
