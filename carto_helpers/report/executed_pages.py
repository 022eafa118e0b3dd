"""Executed notebooks from the record: one page per phase, data set and student."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import papermill

from carto_helpers import experiments
from carto_helpers.comparison import learning_rate
from carto_helpers.config import DATASETS, PhaseConfig, start_name
from carto_helpers.findings.chosen_rows import most_taught, of_their_teachers
from carto_helpers.records import Results, replacing

_PLAIN = ("worked_example", "architectures")  # pages of no data set
_WHOLE = ("tables", "figures", "claims", "differences", "audit")  # pages of the whole record
_PHASES = ("phase1", "phase2", "phase3")
# what is trained before the pages from one on are made
_STEPS: dict[str, Callable[[PhaseConfig], object]] = {
    "teacher": experiments.teachers,
    "phase1": experiments.phases,  # those of phases 2 and 3 too: processes start once
}
_AT_ONCE = 4  # pages at most; a kernel takes half a gigabyte


@dataclass(frozen=True, kw_only=True)
class Page:
    """One notebook to execute: its source, the name of its copy, its parameters."""

    source: str
    name: str
    parameters: dict[str, Any]


def execute(
    source: Path,
    target: Path,
    *,
    results: str,
    datasets: Sequence[str] = (),
    seeds: int | None = None,
    train: bool = False,
) -> None:
    """Execute every notebook that the record has rows for; write the copies to `target`.

    Parameters
    ----------
    source
        Folder of the notebooks.
    target
        Folder of the executed copies.
    results
        The record to read, and with `train` to write.
    datasets
        Only these; default all that are recorded.
    seeds
        How many seeds a cell may hold; default all that are recorded, or 3 with `train`.
    train
        Train what is missing first, each page made beside the training for the next: teacher and
        MobileNet students on each of `datasets`. The pages of the whole record are left as they
        are.

    Raises
    ------
    FileNotFoundError
        If `source` holds no notebook, or without `train` the record none of `datasets`.
    ValueError
        If `train` is asked for no data set, or `seeds` is below 1.
    RuntimeError
        If a notebook stops; its name and its error are told.
    """
    _check(source, Results(results), datasets, seeds=seeds, train=train)
    asked = trained_pages(datasets) if train else recorded_pages(Results(results), datasets)
    shared = {"results": results, "train": train}
    plain = _PLAIN if train else (*_WHOLE, *_PLAIN)
    asked += [Page(source=name, name=name, parameters={}) for name in plain]

    def parameters(page: Page) -> dict[str, Any]:
        said = page.parameters | shared if page.parameters else {}
        if page.source in _PHASES:
            said["seeds"] = seeds or (3 if train else _n_seeds(Results(results)))
        elif page.source in _WHOLE:
            said["results"] = results
        return said

    def prepare(page: Page) -> None:
        if train and page.source in _STEPS:
            _STEPS[page.source](PhaseConfig(**parameters(page)))

    def make(page: Page) -> None:
        print(f"{page.source} → {target / page.name}.ipynb", flush=True)
        _execute(source / f"{page.source}.ipynb", target / f"{page.name}.ipynb", parameters(page))

    _each(prepare, make, asked)


def _check(
    source: Path, results: Results, datasets: Sequence[str], *, seeds: int | None, train: bool
) -> None:
    """Raise what `execute` raises before it begins."""
    if train and not datasets:
        raise ValueError("expected data sets to train, got none; pass `--datasets digits`")
    if seeds is not None and seeds < 1:
        raise ValueError(f"`seeds` must be at least 1, got {seeds}; it is how many a cell holds")
    if not list(source.glob("*.ipynb")):
        raise FileNotFoundError(
            f"expected notebooks in {source}, got none; run from the repository's root, "
            "or pass `--from`"
        )
    recorded = sorted(set(results.teachers()["dataset"]))
    if not train and (not recorded or set(datasets) - set(recorded)):
        raise FileNotFoundError(
            f"expected recorded teachers on {', '.join(datasets) or 'any data set'} in "
            f"{results.folder}, got {', '.join(recorded) or 'none'}; name another `--results`, "
            "or run `carto teacher` first"
        )


def _each(
    prepare: Callable[[Page], None], make: Callable[[Page], None], pages: Sequence[Page]
) -> None:
    """Prepare page after page; make those that are, some at once, each in a kernel of its own.

    The first error stops the rest.
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _AT_ONCE)) as pool:
        waiting: list[Future[None]] = []
        try:
            for page in pages:
                _raise_errors(waiting)
                prepare(page)
                waiting.append(pool.submit(make, page))
            wait(waiting, return_when=FIRST_EXCEPTION)
            _raise_errors(waiting)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _raise_errors(pages: Sequence[Future[None]]) -> None:
    for page in pages:
        if page.done():
            page.result()


def trained_pages(datasets: Sequence[str]) -> list[Page]:
    """Return the pages of the main job on each data set: teacher and phases, MobileNet students."""
    return [
        page
        for dataset in datasets
        for page in (
            _page("teacher", {"dataset": dataset}),
            *(_page(p, {"dataset": dataset, "architecture": "mobilenet"}) for p in _PHASES),
        )
    ]


def recorded_pages(results: Results, datasets: Sequence[str] = ()) -> list[Page]:
    """Return the pages that the record has rows for.

    Left out, in one line each, are image folders of one's own and weights of one's own (a row holds
    their name and their sum, and a notebook needs their path), and students by another recipe than
    the notebooks', or of teachers by another.
    """
    teachers, students = results.teachers(), results.students()
    is_own = ~teachers["dataset"].isin(DATASETS) | teachers["start"].str.startswith("file:")
    if is_own.any():
        own = ", ".join(sorted(set(teachers["dataset"][is_own])))
        print(
            f"no page of folders or weights of your own ({own}): run the notebook with their path"
        )
    teachers = teachers[~is_own]
    if datasets:
        teachers = teachers[teachers["dataset"].isin(list(datasets))]
    teachers = teachers.assign(start=teachers["start"].map(start_name))
    pairs = teachers[["dataset", "start"]].drop_duplicates()
    pages = [
        _page("teacher", {"dataset": dataset, "teacher_start": start})
        for dataset, start in pairs.itertuples(index=False)
    ]
    taught = of_their_teachers(students, teachers)
    shown = _by_notebooks_recipe(teachers, taught)
    if len(shown) < len(taught):
        n = len(taught) - len(shown)
        print(f"no page of {n} students by another recipe: run the notebook with its parameters")
    starts = teachers.set_index("key")["start"]
    for (dataset, student, start), rows in shown.groupby(
        ["dataset", "student", shown["teacher_key"].map(starts)]
    ):
        names = {"dataset": dataset, "architecture": student, "teacher_start": start}
        parameters = {name: str(value) for name, value in names.items()}
        teacher = most_taught(teachers[teachers["key"].isin(rows["teacher_key"])], rows).iloc[0]
        its_own = rows[rows["teacher_key"] == teacher["key"]]
        more = {
            "teacher": str(teacher["teacher"]),
            "teacher_learning_rate": learning_rate(str(teacher["recipe"])),
        }
        pages += [_page(phase, parameters, more) for phase in _PHASES if _has_rows(phase, its_own)]
    if _has_quickstart(shown):
        pages.append(Page(source="quickstart", name="quickstart", parameters={"dataset": "digits"}))
    return pages


def _by_notebooks_recipe(teachers: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """Return the students that a notebook finds by its defaults and its teacher's name and rate."""
    default = PhaseConfig()
    rates = teachers["recipe"].map(learning_rate)
    asked = rates.map(lambda rate: default.teacher_recipe(rate).to_json())
    is_asked = (teachers["recipe"] == asked) & (teachers["split_seed"] == default.split_seed)
    best_first = teachers[is_asked].sort_values("val_macro_f1", ascending=False, kind="stable")
    named = best_first.drop_duplicates(["dataset", "start", "teacher", "recipe"])
    by_recipe = students["recipe"] == default.student_recipe.to_json()
    return students[by_recipe & students["teacher_key"].isin(named["key"])]


def _has_quickstart(students: pd.DataFrame) -> bool:
    """Return whether the record holds what the quickstart trains on the digits."""
    asked = {"dataset": "digits", "student": "mobilenet", "rule": "random", "fraction": 0.33}
    return bool(students[list(asked)].eq(pd.Series(asked)).all(axis=1).any())


def _n_seeds(results: Results) -> int:
    return int(results.students()["student_seed"].max()) + 1


def _has_rows(phase: str, rows: pd.DataFrame) -> bool:
    is_phase = {
        "phase1": ~rows["rule"].isin(["mix", "random", "all"]),
        "phase2": rows["rule"] == "mix",
        "phase3": (rows["rule"] == "random") & (rows["fraction"] != 0.33),
    }[phase]
    return bool(is_phase.any())


def _page(source: str, parameters: dict[str, str], more: dict[str, Any] | None = None) -> Page:
    """Return the page that `parameters` name; it has those of `more` too."""
    parts = [source, *(v for v in parameters.values() if v != "scratch")]
    return Page(source=source, name="-".join(parts), parameters=parameters | (more or {}))


def _execute(source: Path, target: Path, parameters: dict[str, Any]) -> None:
    """Execute one notebook; leave a copy only if every cell ran."""
    with replacing(target) as beside:
        output = beside.with_suffix(".ipynb")  # papermill goes by the suffix
        try:
            _run_cells(source, output, parameters)
            executed = _without_traces(nbformat.read(output, as_version=4))
            nbformat.write(_titled(_folded(executed), parameters), beside)
        finally:
            output.unlink(missing_ok=True)


def _run_cells(source: Path, output: Path, parameters: dict[str, Any]) -> None:
    """Execute a notebook; an error in it becomes one line."""
    try:
        papermill.execute_notebook(
            source, output, parameters=parameters, progress_bar=False, log_output=False
        )
    except papermill.PapermillExecutionError as error:
        raise RuntimeError(
            f"expected {source} to run to its end, got {error.ename}: {error.evalue}; "
            "run it with these parameters for the whole error"
        ) from error


def _without_traces(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook without the times and paths of the machine that ran it."""
    for part in (notebook, *notebook.cells):
        part.metadata.pop("papermill", None)
        part.metadata.pop("execution", None)
    return notebook


def _folded(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook with the parameters of the run folded away, as its other code is."""
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("hide-input")
    return notebook


def _titled(notebook: nbformat.NotebookNode, parameters: dict[str, Any]) -> nbformat.NotebookNode:
    """Return the notebook with its data set, student and the teacher's start in the title."""
    shown = [parameters.get(name) for name in ("dataset", "architecture")]
    start = parameters.get("teacher_start", "scratch")
    title, _, rest = notebook.cells[0].source.partition("\n")
    words = [title, *(str(word) for word in shown if word is not None)]
    words += [f"teacher from {start}"] * (start != "scratch")
    notebook.cells[0].source = " · ".join(words) + "\n" + rest
    return notebook
