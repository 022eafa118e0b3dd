"""Students by the true labels alone: what the teacher's soft labels add."""

import pandas as pd

from carto_helpers.config import PhaseConfig
from carto_helpers.findings.chosen_rows import chosen_students, of_their_teachers
from carto_helpers.printed_numbers import signed
from carto_helpers.records import Results

_ALONE = PhaseConfig(hard_weight=1.0).student_recipe.to_json()
_SAME = ["dataset", "student", "teacher_key", "start", "split_seed"]


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
        which is 1; empty where there is none.
    """
    rows = chosen_students(results)
    rows = rows[(rows["dataset"] == dataset) & (rows["student"] == student)]
    others = of_their_teachers(results.students(), results.teachers())
    others = others[others["recipe"] == _ALONE]
    return rows, others.merge(rows[_SAME].drop_duplicates(), on=_SAME)


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
    lower = found["difference"] < 0
    nearer = (found["other"] - found["paper"]).abs() < (found["first"] - found["paper"]).abs()
    return (
        f"{place}: without the teacher's soft labels **{int(lower.sum())} of {len(found)}** "
        f"subsets score lower, {int((found['high'] < 0).sum())} with an interval below 0 and "
        f"{int((found['low'] > 0).sum())} with one above; on average the difference is "
        f"{signed(float(found['difference'].mean()))}. The paper's value is nearer to the students "
        f"by the true labels alone in **{int(nearer.sum())}**."
    )
