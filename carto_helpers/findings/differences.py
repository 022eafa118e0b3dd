"""Where our scores and the paper's differ: the widest gaps, and subsets that should score alike."""

import numpy as np
import pandas as pd

from carto_helpers.charts.table_style import markdown
from carto_helpers.comparison import require_columns
from carto_helpers.findings.chosen_rows import chosen_teachers
from carto_helpers.findings.report_card import overlaps, ranked_subsets, report_card
from carto_helpers.findings.teacher_map import teacher_map
from carto_helpers.printed_numbers import MINUS, number
from carto_helpers.records import Results


def widest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells whose mark is "differs", the widest difference first.

    Parameters
    ----------
    table
        From `tables.table3`, `table4` or `table5`.
    """
    require_columns(table, ("mark", "difference"), "table")
    rows = table[table["mark"] == "differs"]
    return rows.sort_values("difference", key=abs, ascending=False, ignore_index=True)


def twins(shared: pd.DataFrame, table: pd.DataFrame, *, least: float = 0.8) -> pd.DataFrame:
    """Return the pairs of subsets that are nearly one, with both sides' scores of the two.

    Parameters
    ----------
    shared
        From `report_card.overlaps`: the share of each subset (row) that another (column) holds.
    table
        From `tables.table3`, of one data set and student.
    least
        What a pair must share, in (0, 1].

    Returns
    -------
    DataFrame
        One row a pair, what shares most first: first, second, shared (a fraction), and `ours` and
        `paper`, each the second's score less the first's; NaN where one of the two has none.
    """
    require_columns(table, ("train_data", "mean", "paper"), "table")
    if shared.empty:
        return pd.DataFrame(columns=["first", "second", "shared", "ours", "paper"])
    place = {str(name): i for i, name in enumerate(shared)}
    pairs = (
        shared.rename_axis("first").reset_index()
        .melt(id_vars="first", var_name="second", value_name="shared")
    )  # fmt: skip
    is_once = pairs["first"].map(place) < pairs["second"].map(place)
    pairs = pairs[is_once & (pairs["shared"] >= least)]
    names = table["train_data"].str.replace(" %", "%")
    for column, score in (("ours", "mean"), ("paper", "paper")):
        scores = dict(zip(names, table[score], strict=True))
        second, first = (pairs[name].map(scores).astype(float) for name in ("second", "first"))
        pairs[column] = second - first
    return pairs.sort_values("shared", ascending=False, ignore_index=True)


def twin_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return `twins` as a page shows it, its differences as text."""
    return pairs.assign(**{side: _differences(pairs[side]) for side in ("ours", "paper")})


def _differences(column: "pd.Series[float]") -> list[str]:
    """Return differences with their sign, three decimals or one digit as `told`."""
    rounded = [str(_rounded(float(value))) for value in column]
    return [f"+{text}" if value > 0 else text for value, text in zip(column, rounded, strict=True)]


def subsets_of(results: Results, dataset: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return report card and overlaps of the chosen teacher's subsets; two empty frames if none.

    Parameters
    ----------
    results
        The record.
    dataset
        One of the paper's.
    """
    teachers = chosen_teachers(results)
    keys = teachers["key"][teachers["dataset"] == dataset]
    if keys.empty:
        return pd.DataFrame(), pd.DataFrame()
    found = teacher_map(results, keys.iloc[0])
    subsets = ranked_subsets(found)
    return report_card(found, subsets), overlaps(subsets)


def teacher_on_subsets(card: pd.DataFrame) -> pd.DataFrame:
    """Return the part of `report_card` that tells of the teacher, for a page."""
    shown = card.filter(["subset", "accuracy", "entropy"])
    return shown.rename(columns={"accuracy": "ends right", "entropy": "entropy (nats)"})


def told(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table, or that nothing is recorded yet.

    Numbers have three decimals, or one digit where those would all be 0, and a real minus.

    Examples
    --------
    >>> print(told(pd.DataFrame({"subset": ["random"], "shared": [0.33]})))
    | subset | shared |
    | --- | ---: |
    | random | 0.330 |
    >>> print(told(pd.DataFrame({"learning_rate": [1e-4]})))
    | learning_rate |
    | ---: |
    | 0.0001 |
    >>> print(told(pd.DataFrame({"change": [-2e-5, 0.1]})))
    | change |
    | ---: |
    | −2e−05 |
    | 0.100 |
    >>> told(pd.DataFrame())
    '**Not run yet.**'
    """
    if frame.empty:
        return "**Not run yet.**"
    return markdown(frame.map(_rounded))


def _rounded(value: object) -> object:
    if not isinstance(value, float):
        return value
    if np.isnan(value):
        return "–"
    return f"{value:.1g}".translate(MINUS) if 0 < abs(value) < 5e-4 else number(value, 3)
