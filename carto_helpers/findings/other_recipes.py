"""Students by a recipe that differs from the paper's in one thing, beside those of the tables."""

from typing import Any, NamedTuple

import pandas as pd

from carto_helpers.config import PhaseConfig
from carto_helpers.findings.chosen_rows import chosen_students, of_their_teachers
from carto_helpers.findings.doubted_rows import with_doubts
from carto_helpers.findings.side_by_side import side_by_side, side_table
from carto_helpers.printed_numbers import signed
from carto_helpers.records import Results

_SAME = ["dataset", "student", "network", "teacher_key", "start", "split_seed", "method_version"]


def other_recipe(
    results: Results, dataset: str, student: str, **changed: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a student's rows by the paper's recipe, and by one with `changed` settings.

    Parameters
    ----------
    results
        The record.
    dataset
        One of the paper's.
    student
        Family or timm name.
    **changed
        Settings of the students' recipe, as `PhaseConfig` names them.

    Returns
    -------
    tuple
        The rows that the tables show, and those that differ from them in `changed` alone, both
        with their marks of doubt; empty where there is none.
    """
    rows = chosen_students(results)
    rows = rows[(rows["dataset"] == dataset) & (rows["student"] == student)]
    others = of_their_teachers(results.students(), results.teachers())
    others = others[others["recipe"] == PhaseConfig(**changed).student_recipe.to_json()]
    others = others.merge(rows[_SAME].drop_duplicates(), on=_SAME)
    return rows, with_doubts(results, others)


class Beside(NamedTuple):
    """What a page shows of another recipe: a sentence, a table, and the rows behind them."""

    told: str
    table: pd.DataFrame
    rows: pd.DataFrame


def beside(
    results: Results, table: pd.DataFrame, dataset: str, student: str, name: str, **changed: Any
) -> Beside:
    """Return students by another recipe, called `name`, beside those of the paper's.

    Parameters
    ----------
    table
        From `tables.table3`, `table4` or `table5`: the subsets, and what the paper prints for them.
    results, dataset, student, **changed
        Of `other_recipe`.
    """
    papers, other = other_recipe(results, dataset, student, **changed)
    cells = table[(table["dataset"] == dataset) & (table["student"] == student)]
    found = side_by_side(cells, papers, other)
    told = read_recipe(found, f"{dataset}, {student}", name)
    return Beside(told, side_table(found, "the paper's recipe", name), other)


def read_recipe(found: pd.DataFrame, place: str, recipe: str) -> str:
    """Return how students by another recipe score beside the tables' and the paper's, as Markdown.

    Parameters
    ----------
    found
        From `side_by_side`, of the two frames of `other_recipe`.
    place
        What to call the data set and student.
    recipe
        What to call the other recipe.
    """
    if found.empty:
        return f"{place}, {recipe}: **not run yet**."
    gaps = [float((found[side] - found["paper"]).mean()) for side in ("first", "other")]
    n_lower = int((found["difference"] < 0).sum())
    return (
        f"{place}: with {recipe} **{n_lower} of {len(found)}** subsets score lower, "
        f"{int((found['high'] < 0).sum())} with an interval below 0, and "
        f"{int((found['low'] > 0).sum())} have one above. On average the paper's recipe is "
        f"{signed(gaps[0])} from the paper's values, this one **{signed(gaps[1])}**."
    )
