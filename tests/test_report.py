"""Executed copies: which pages a record gives, and that a failed one leaves nothing."""

import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from made_runs import student_row, teacher_row

from carto_helpers.config import PhaseConfig, Recipe
from carto_helpers.records import Results
from carto_helpers.report import executed_pages


def made_teacher(key: str, rate: float = 1e-3, **changed: Any) -> dict[str, Any]:
    """Return the row of a teacher on CIFAR-10 by the notebooks' recipe."""
    recipe = Recipe(hard_weight=1.0, learning_rate=rate).to_json()
    facts = {"dataset": "cifar10", "split_seed": 0, "recipe": recipe}
    return teacher_row(key=key, **facts | changed)


def made_results(folder: Path) -> Results:
    results = Results(folder)
    results.append_teacher(made_teacher("a"))
    results.append_teacher(made_teacher("b", start="cifar100:x"))
    rows = (
        {"key": "1", "teacher_key": "a", "rule": "random", "fraction": 0.33},
        {"key": "2", "teacher_key": "a", "rule": "low-confidence"},
        {"key": "3", "teacher_key": "b", "rule": "mix", "student": "resnet"},
        {"key": "4", "teacher_key": "b", "rule": "random", "fraction": 0.1, "student": "resnet"},
    )
    for row in rows:
        results.append_student(student_row(dataset="cifar10", **row))
    return results


def made_notebook(folder: Path, code: str) -> Path:
    cells = [nbformat.v4.new_markdown_cell("# A page"), nbformat.v4.new_code_cell(code)]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    folder.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "page.ipynb")
    return folder / "page.ipynb"


def test_a_record_gives_the_pages_that_it_has_rows_for(tmp_path: Path) -> None:
    pages = executed_pages.recorded_pages(made_results(tmp_path))
    assert sorted(page.name for page in pages) == [
        "phase1-cifar10-mobilenet",
        "phase2-cifar10-resnet-cifar100",
        "phase3-cifar10-resnet-cifar100",
        "teacher-cifar10",
        "teacher-cifar10-cifar100",
    ]
    assert pages[-1].parameters["teacher_start"] == "cifar100"


def test_a_page_names_the_teacher_of_its_students_not_a_better_one_without(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for key, rate, f1 in (("a", 1e-3, 0.7), ("b", 1e-4, 0.8)):
        results.append_teacher(made_teacher(key, rate, val_macro_f1=f1))
    results.append_student(student_row(dataset="cifar10", teacher_key="a", rule="ambiguous"))
    page = executed_pages.recorded_pages(results)[-1]
    assert page.name == "phase1-cifar10-mobilenet"
    assert page.parameters["teacher"] == "resnet"
    assert page.parameters["teacher_learning_rate"] == 1e-3


def test_of_teachers_with_as_many_students_a_page_names_the_best_and_shows_its_phases(
    tmp_path: Path,
) -> None:
    """As the tables choose; a phase that only the other one's students have gets no page."""
    results = Results(tmp_path)
    for key, rate, f1, rule in (("a", 1e-3, 0.7, "mix"), ("b", 1e-4, 0.8, "ambiguous")):
        results.append_teacher(made_teacher(key, rate, val_macro_f1=f1))
        row = student_row(key=key * 2, dataset="cifar10", teacher_key=key, rule=rule)
        results.append_student(row)
    pages = executed_pages.recorded_pages(results)
    assert [page.name for page in pages] == ["teacher-cifar10", "phase1-cifar10-mobilenet"]
    assert pages[1].parameters["teacher_learning_rate"] == 1e-4


def test_what_a_notebook_cannot_find_by_its_defaults_has_no_page_and_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results(tmp_path)
    other = {
        "epochs": made_teacher("c", recipe=Recipe(hard_weight=1.0, epochs=2).to_json()),
        "split": made_teacher("d", split_seed=3),
        "worse": made_teacher("e", start="cifar100:y", val_macro_f1=0.1),  # b has its name
    }
    results = made_results(tmp_path)
    n_pages = len(executed_pages.recorded_pages(results))
    assert capsys.readouterr().out == ""
    for i, row in enumerate(other.values()):
        results.append_teacher(row)
        for j in range(3):
            student = {"key": f"{i}-{j}", "teacher_key": row["key"], "rule": "mix"}
            results.append_student(student_row(dataset="cifar10", **student))
    recipe = Recipe(epochs=3).to_json()
    results.append_student(student_row(key="r", teacher_key="a", rule="mix", recipe=recipe))
    assert len(executed_pages.recorded_pages(results)) == n_pages
    assert "no page of 10 students by another recipe: run" in capsys.readouterr().out


def test_the_quickstart_has_a_page_where_its_student_is_recorded(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.append_teacher(made_teacher("t" * 16, dataset="digits"))
    results.append_student(student_row(fraction=0.33, recipe="{}"))
    assert "quickstart" not in {page.name for page in executed_pages.recorded_pages(results)}
    results.append_student(student_row(key="q" * 16, fraction=0.33))
    assert "quickstart" in {page.name for page in executed_pages.recorded_pages(results)}


def test_only_the_asked_data_sets(tmp_path: Path) -> None:
    assert executed_pages.recorded_pages(made_results(tmp_path), ["mnist"]) == []


def test_folders_and_weights_of_ones_own_have_no_page_and_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = made_results(tmp_path)
    n_pages = len(executed_pages.recorded_pages(results))
    results.append_teacher(teacher_row(key="c", dataset="pets"))
    results.append_teacher(teacher_row(key="d", dataset="mnist", start="file:abc"))
    for key in "cd":
        row = {"key": key * 2, "teacher_key": key, "rule": "mix", "dataset": "mnist"}
        results.append_student(student_row(**row))
    assert len(executed_pages.recorded_pages(results)) == n_pages
    assert "no page of folders or weights of your own (mnist, pets)" in capsys.readouterr().out


def test_a_page_shows_every_recorded_seed(tmp_path: Path) -> None:
    results = made_results(tmp_path)
    results.append_student(student_row(key="9", teacher_key="b", student_seed=4))
    assert executed_pages._n_seeds(results) == 5


def test_the_main_job_is_a_teacher_and_three_phases() -> None:
    assert [page.name for page in executed_pages.trained_pages(["digits"])] == [
        "teacher-digits",
        *(f"phase{i}-digits-mobilenet" for i in (1, 2, 3)),
    ]


def test_a_folder_without_notebooks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected notebooks in .*, got none"):
        executed_pages.execute(tmp_path, tmp_path, results=str(tmp_path))


def test_training_for_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected data sets to train, got none; pass"):
        executed_pages.execute(tmp_path, tmp_path, results=str(tmp_path), train=True)


def test_pages_of_what_is_not_recorded_are_refused(tmp_path: Path) -> None:
    results = made_results(tmp_path / "record").folder
    made_notebook(tmp_path, "1")
    with pytest.raises(FileNotFoundError, match="teachers on nonsense in .*, got cifar10; "):
        executed_pages.execute(tmp_path, tmp_path, results=str(results), datasets=["nonsense"])


def made_pages(*names: str) -> list[executed_pages.Page]:
    return [executed_pages.Page(source=name, name=name, parameters={}) for name in names]


def test_every_page_is_prepared_in_order_and_made_once() -> None:
    prepared: list[str] = []
    made: list[str] = []

    def make(page: executed_pages.Page) -> None:
        assert page.name in prepared
        made.append(page.name)

    executed_pages._each(lambda page: prepared.append(page.name), make, made_pages(*"abcde"))
    assert prepared == sorted(made) == list("abcde")


def test_the_first_error_stops_the_pages_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executed_pages, "_AT_ONCE", 1)
    made: list[str] = []

    def make(page: executed_pages.Page) -> None:
        made.append(page.name)
        if page.name == "a":
            raise RuntimeError("expected a to run to its end")
        time.sleep(0.2)  # as long as it takes to call off the rest

    with pytest.raises(RuntimeError, match="expected a to run"):
        executed_pages._each(lambda page: None, make, made_pages(*"abcdef"))
    assert len(made) < 6


def test_a_page_that_fails_stops_the_training_after_it() -> None:
    prepared: list[str] = []

    def prepare(page: executed_pages.Page) -> None:
        prepared.append(page.name)
        time.sleep(0.2)  # the page before fails meanwhile

    def fail(page: executed_pages.Page) -> None:
        raise RuntimeError(f"expected {page.name} to run to its end")

    with pytest.raises(RuntimeError, match="expected a to run"):
        executed_pages._each(prepare, fail, made_pages(*"abcdef"))
    assert len(prepared) <= 2


def test_the_main_job_trains_each_step_before_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, ...]] = []
    for step in executed_pages._STEPS:

        def train(config: PhaseConfig, step: str = step) -> None:
            done.append(("trained", step, config.dataset, str(config.seeds), str(config.train)))

        monkeypatch.setitem(executed_pages._STEPS, step, train)

    def page(source: Path, target: Path, parameters: dict[str, Any]) -> None:
        done.append(("page", source.stem, str(parameters.get("train"))))

    monkeypatch.setattr(executed_pages, "_execute", page)
    made_notebook(tmp_path, "1")
    executed_pages.execute(
        tmp_path, tmp_path, results=str(tmp_path), datasets=["digits"], seeds=2, train=True
    )
    teacher = done.index(("trained", "teacher", "digits", "1", "True"))
    students = done.index(("trained", "phase1", "digits", "2", "True"))
    assert teacher < done.index(("page", "teacher", "True"))
    for phase in ("phase1", "phase2", "phase3"):
        assert teacher < students < done.index(("page", phase, "True"))
    assert ("page", "worked_example", "None") in done


def test_a_page_is_executed_titled_and_without_the_machines_traces(tmp_path: Path) -> None:
    source = made_notebook(tmp_path / "notebooks", "dataset = 'x'\nprint(dataset)")
    target = tmp_path / "phases" / "page.ipynb"
    executed_pages._execute(source, target, {"dataset": "digits", "teacher_start": "scratch"})
    page = nbformat.read(target, as_version=4)
    assert page.cells[0].source == "# A page · digits\n"
    assert "papermill" not in page.metadata
    given = next(c for c in page.cells if "injected-parameters" in c.metadata.get("tags", []))
    assert "hide-input" in given.metadata.tags
    assert str(tmp_path) not in target.read_text()
    assert [path.name for path in target.parent.iterdir()] == ["page.ipynb"]


def test_a_page_that_fails_leaves_nothing(tmp_path: Path) -> None:
    source = made_notebook(tmp_path / "notebooks", "1 / 0")
    with pytest.raises(
        RuntimeError, match=r"page.ipynb to run to its end, got ZeroDivisionError: .*; run"
    ):
        executed_pages._execute(source, tmp_path / "phases" / "page.ipynb", {})
    assert list((tmp_path / "phases").iterdir()) == []


def test_a_title_names_the_teachers_start_unless_it_is_random_weights(tmp_path: Path) -> None:
    source = made_notebook(tmp_path / "notebooks", "1")
    target = tmp_path / "phases" / "page.ipynb"
    asked = {"dataset": "cifar10", "architecture": "resnet", "teacher_start": "cifar100"}
    executed_pages._execute(source, target, asked)
    page = nbformat.read(target, as_version=4)
    assert page.cells[0].source == "# A page · cifar10 · resnet · teacher from cifar100\n"


def test_the_committed_pages_are_of_the_notebooks_as_they_are() -> None:
    """`make report` makes them again after a notebook is edited."""
    root = Path(__file__).parents[1]
    pages = sorted((root / "book" / "phases").glob("*.ipynb"))
    assert len(pages) > 20
    for page in pages:
        source = root / "notebooks" / f"{page.stem.partition('-')[0]}.ipynb"
        asked, *rest = nbformat.read(source, as_version=4).cells
        title, *made = [
            cell
            for cell in nbformat.read(page, as_version=4).cells
            if "injected-parameters" not in cell.metadata.get("tags", [])
        ]
        assert [cell.source for cell in made] == [cell.source for cell in rest], page.stem
        assert title.source.startswith(asked.source.partition("\n")[0]), page.stem
        assert title.source.partition("\n")[2] == asked.source.partition("\n")[2], page.stem
