"""Students by the true labels alone: what the teacher's soft labels add."""

import pandas as pd

from carto_helpers.config import PhaseConfig
from carto_helpers.findings.chosen_rows import chosen_students, of_their_teachers
from carto_helpers.findings.doubted_rows import with_doubts
from carto_helpers.printed_numbers import signed
from carto_helpers.records import Results

_ALONE = PhaseConfig(hard_weight=1.0).student_recipe.to_json()
_SAME = ["dataset", "student", "network", "teacher_key", "start", "split_seed", "method_version"]


def without_teacher(
    results: Results, dataset: str, student: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a student's rows by the paper's recipe, and by the true labels alone.

    Parameters
    ----------
    results
        The record.
    dataset
        One of the paper's.
    student
        Family or timm name.

    Returns
    -------
    tuple
        The rows that the tables show, and those that differ from them in equation 4's α alone,
        which is 1, both with their marks of doubt; empty where there is none.
    """
    rows = chosen_students(results)
    rows = rows[(rows["dataset"] == dataset) & (rows["student"] == student)]
    others = of_their_teachers(results.students(), results.teachers())
    others = others[others["recipe"] == _ALONE]
    others = others.merge(rows[_SAME].drop_duplicates(), on=_SAME)
    return rows, with_doubts(results, others)


def read_alone(found: pd.DataFrame, place: str) -> str:
    """Return what the students lose without their teacher, as Markdown.

    Parameters
    ----------
    found
        From `side_by_side`, of the two frames of `without_teacher`.
    place
        What to call the data set and student.
    """
    if found.empty:
        return f"{place}: **not run yet**; `carto distill --hard-weight 1` trains such students."
    gaps = [float((found[side] - found["paper"]).mean()) for side in ("first", "other")]
    return (
        f"{place}: without the teacher's soft labels **{int((found['difference'] < 0).sum())} of "
        f"{len(found)}** subsets score lower, {int((found['high'] < 0).sum())} with an interval "
        f"below 0, and {int((found['low'] > 0).sum())} have one above. On average ours are "
        f"{signed(gaps[0])} from the paper's values with the teacher and **{signed(gaps[1])}** "
        "without it."
    )
