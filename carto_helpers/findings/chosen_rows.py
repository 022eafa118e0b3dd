"""Which of the recorded runs the paper's tables and figures show."""

import pandas as pd

from carto_helpers.comparison import has_papers_start
from carto_helpers.config import FAMILIES, PhaseConfig, start_name
from carto_helpers.findings.doubted_rows import with_doubts
from carto_helpers.records import Results

PAPERS_DATASETS = ("mnist", "cifar10", "cifar100")
_SPLIT = PhaseConfig().split_seed
_STUDENTS = PhaseConfig().student_recipe.to_json()
_TEACHERS = {PhaseConfig().teacher_recipe(rate).to_json() for rate in (1e-3, 1e-4)}


def paper_teachers(results: Results) -> pd.DataFrame:
    """Return the rows of teachers.csv on the paper's data sets by its recipe and learning rates."""
    rows = results.teachers()
    return rows[
        rows["dataset"].isin(PAPERS_DATASETS)
        & rows["recipe"].isin(_TEACHERS)
        & (rows["split_seed"] == _SPLIT)
    ]


def chosen_teachers(results: Results, start: str | None = None) -> pd.DataFrame:
    """Return the paper's data sets' teachers, one each at most, as rows of teachers.csv.

    Of those by the paper's recipe the one that most students have learnt from by theirs, so that
    a table holds one teacher's students until another's are as many; of equals one of the paper's
    families, and of these the one with the highest macro F1 on the validation split. With `start`
    (as `start_name` gives it) only teachers that began there are looked at. Marks of doubt stand in
    the column `doubts`.
    """
    return with_doubts(results, _chosen_teachers(results, start))


def _chosen_teachers(results: Results, start: str | None) -> pd.DataFrame:
    best_first = most_taught(paper_teachers(results), paper_students(results))
    if start is not None:
        best_first = best_first[best_first["start"].map(start_name) == start]
    chosen = best_first.drop_duplicates("dataset").drop(columns="n_students")
    order = chosen["dataset"].map(PAPERS_DATASETS.index)
    return chosen.loc[order.sort_values().index].reset_index(drop=True)


def most_taught(teachers: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """Return teachers, those that most of `students` have learnt from first.

    Returns
    -------
    DataFrame
        The columns of `teachers` and `n_students`; of equals those of the paper's families first (a
        network may be trained for its weights alone), then the highest macro F1 on the validation
        split.
    """
    counts = students["teacher_key"].value_counts()
    rows = teachers.assign(
        n_students=teachers["key"].map(counts).fillna(0).astype(int),
        is_papers=teachers["teacher"].isin(FAMILIES),
    )
    order = ["n_students", "is_papers", "val_macro_f1"]
    return rows.sort_values(order, ascending=False, kind="stable").drop(columns="is_papers")


def paper_students(results: Results) -> pd.DataFrame:
    """Return the rows of students.csv by the paper's recipe.

    Those of a teacher that was made again since, with other dynamics, are left out: their subsets
    are no longer its own.
    """
    rows = of_their_teachers(results.students(), results.teachers())
    return rows[rows["recipe"] == _STUDENTS]


def of_their_teachers(students: pd.DataFrame, teachers: pd.DataFrame) -> pd.DataFrame:
    """Return the students whose teacher is recorded with the dynamics that they learnt from."""
    dynamics = teachers.set_index("key")["dynamics_sha256"]
    return students[students["dynamics_sha256"] == students["teacher_key"].map(dynamics)]


def from_papers_start(students: pd.DataFrame) -> pd.DataFrame:
    """Return of each data set's student the rows of one start: the paper's, scratch, or another."""
    places = ["dataset", "student"]
    counts = students.groupby([*places, "start"], sort=False).size().rename("n").reset_index()
    starts = zip(counts["start"], counts["student"], strict=True)
    counts["is_papers"] = [has_papers_start(*pair) for pair in starts]
    counts["is_scratch"] = counts["start"] == "scratch"
    order = ["is_papers", "is_scratch", "n"]  # of other starts the commonest
    best = counts.sort_values(order, ascending=False, kind="stable")
    chosen = pd.MultiIndex.from_frame(best.drop_duplicates(places)[[*places, "start"]])
    return students[pd.MultiIndex.from_frame(students[[*places, "start"]]).isin(chosen)]


def chosen_students(results: Results, start: str | None = None) -> pd.DataFrame:
    """Return the rows of students.csv that learnt from `chosen_teachers` by the paper's recipe.

    `start` is the teachers'. A student that was itself trained from several starts is shown from
    the paper's, else from scratch, else from the one with most rows. Marks of doubt stand in the
    column `doubts`.
    """
    rows = paper_students(results)
    rows = rows[rows["teacher_key"].isin(_chosen_teachers(results, start)["key"])]
    return with_doubts(results, from_papers_start(rows).reset_index(drop=True))
