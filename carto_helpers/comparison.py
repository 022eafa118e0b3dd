"""Our scores beside the paper's: rows to cells, cells to a mark."""

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from carto_helpers.config import FAMILIES
from carto_helpers.doubts import told
from carto_helpers.metrics import confidence_interval

SUBSET = ("rule", "fraction", "hard", "ambiguous", "easy")
CELL = ("dataset", "student", *SUBSET)
# Rows that differ in one of these are never averaged.
SETTING = ("start", "recipe", "dynamics_sha256", "method_version", "network")
INTERVAL = ("mean", "low", "high", "n")
SUMMARY_COLUMNS = (*CELL, *SETTING, *INTERVAL)
PUBLISHED_COLUMNS = (*CELL, "paper", "digits")
MARKS = ("agrees", "differs", "one seed", "other start", "not in the paper", "not run")
NO_PAPER = float("nan")


def summary(students: pd.DataFrame, *, score: str = "test_macro_f1") -> pd.DataFrame:
    """Return the mean score and its 95 % interval over seeds, one row a cell and setting.

    A mean holds rows of one dataset, student, subset, network, start, recipe, method version
    and `dynamics_sha256` only: whatever differs in one of them stays a group of its own, and the
    caller chooses.

    Parameters
    ----------
    students
        One row a run, with the columns of `config.STUDENT_COLUMNS`; may be empty.
    score
        The column to average.

    Returns
    -------
    DataFrame
        Columns `SUMMARY_COLUMNS`: `mean`, `low` and `high` in the score's unit (`low` and `high`
        are NaN for one run) and `n`, the number of runs; `doubts`, a text, where the rows have
        marks of doubt.

    Raises
    ------
    ValueError
        If a column is missing or a run stands twice.
    """
    if students.empty:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    require_columns(students, ("key", *CELL, *SETTING, score), "students")
    if students["key"].duplicated().any():
        twice = students.loc[students["key"].duplicated(), "key"].iloc[0]
        raise ValueError(f"`students` must hold each run once, got {twice!r} twice; drop copies")
    rounded = round_shares(students)
    return intervals(rounded, (*CELL, *SETTING), score)


def intervals(frame: pd.DataFrame, keys: Iterable[str], score: str) -> pd.DataFrame:
    """Return mean, low, high and n of the column `score` for each group of `keys`, in row order.

    Where the rows have marks of doubt the column `doubts` tells them, as a text.
    """
    keys = list(keys)
    rows, doubts = [], []
    for values, group in frame.groupby(keys, sort=False, dropna=False):
        interval = confidence_interval(group[score].to_numpy(dtype=float))
        found = (interval.mean, interval.low, interval.high, interval.n)
        rows.append((*values, *found))
        doubts.append(told(list(group["doubts"])) if "doubts" in group else "")
    table = pd.DataFrame(rows, columns=[*keys, *INTERVAL])
    return table.assign(doubts=doubts) if "doubts" in frame else table


def published_scores(published: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's table 3, 4 or 5 as cells.

    Parameters
    ----------
    published
        The table as `pandas.read_csv` gives it (pass ``dtype={"score": str}`` to keep the zeros a
        score ends with), or an empty frame where there is none.

    Returns
    -------
    DataFrame
        Columns `PUBLISHED_COLUMNS`: `paper` in [0, 1], and `digits`, how many decimals are printed.

    Raises
    ------
    ValueError
        If the frame is none of the three tables, or a row's subset cannot be read.
    """
    if published.empty:
        return pd.DataFrame(columns=list(PUBLISHED_COLUMNS))
    subset_column = "random_percent" if "random_percent" in published else "train_data"
    require_columns(published, ("dataset", "student", "score", subset_column), "published")
    cells = []
    for row in published.to_dict("records"):
        subset = _random_size(row) if subset_column == "random_percent" else _named_subset(row)
        score = row["score"]
        cells.append((row["dataset"], row["student"], *subset, float(score), printed_digits(score)))
    return round_shares(pd.DataFrame(cells, columns=list(PUBLISHED_COLUMNS)))


def _random_size(row: dict[Any, Any]) -> tuple[str, float, float, float, float]:
    fraction = float(row["random_percent"]) / 100
    return ("all" if fraction == 1 else "random"), fraction, 0.0, 0.0, 0.0


def _named_subset(row: dict[Any, Any]) -> tuple[str, float, float, float, float]:
    name = str(row["train_data"])
    if name == "mix":
        hard, ambiguous, easy = (
            float(row[f"{region}_percent"]) / 100 for region in ("hard", "ambiguous", "easy")
        )
        return "mix", hard + ambiguous + easy, hard, ambiguous, easy
    words = re.fullmatch(r"(\d+)% (\S+)", name)
    if words is None:
        raise ValueError(
            f"`train_data` must read '33% random', '100% train' or 'mix', got {name!r}; "
            "pass the paper's table 3, 4 or 5 as its CSV file holds it"
        )
    rule = "all" if words[2] == "train" else words[2]
    return rule, int(words[1]) / 100, 0.0, 0.0, 0.0


def printed_digits(score: object) -> int:
    """Return how many decimals a score was printed with.

    Text is counted as it stands; a number has lost its last zeros, so at least 3 are taken.

    Examples
    --------
    >>> printed_digits("0.280"), printed_digits(0.28), printed_digits(0.4363)
    (3, 3, 4)
    """
    exponent = Decimal(score if isinstance(score, str) else repr(float(str(score)))).as_tuple()
    digits = -int(exponent.exponent)
    return max(digits, 0) if isinstance(score, str) else max(digits, 3)


def has_papers_start(start: str, student: str) -> bool:
    """Whether a student started where the paper's did: EfficientNet from ImageNet, others not."""
    return start == "paper" or (start == "scratch" and "efficientnet" not in student)


def mark(*, n: int, low: float, high: float, paper: float, digits: int, is_same_start: bool) -> str:
    """Return the word that says how our score stands to the paper's.

    Parameters
    ----------
    n
        Number of our runs; 0 if none.
    low, high
        Our 95 % interval, in the unit of `paper`; NaN for fewer than two runs.
    paper
        The paper's score; NaN if it has none.
    digits
        Decimals the paper prints.
    is_same_start
        Whether both started from the same kind of weights.

    Returns
    -------
    str
        One of `MARKS`. "agrees": the paper's value lies within our interval widened by half a
        unit of its last printed digit.

    Examples
    --------
    >>> mark(n=3, low=0.47, high=0.49, paper=0.469, digits=2, is_same_start=True)
    'agrees'
    """
    if n == 0:
        return "not run"
    if pd.isna(paper):
        return "not in the paper"
    if not is_same_start:
        return "other start"
    if n < 2:
        return "one seed"
    slack = 0.5 * 10.0**-digits + 1e-12  # 1e-12: the edge itself agrees in binary too
    return "agrees" if low - slack <= paper <= high + slack else "differs"


def compare(cells: pd.DataFrame, summarised: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return our score, the paper's, their difference and the mark for every cell.

    Parameters
    ----------
    cells
        What to show, in order: columns `CELL`.
    summarised
        From `summary`. Two starts of one cell are two rows.
    published
        From `published_scores`.

    Returns
    -------
    DataFrame
        `CELL`, start, mean, low, high, n (0 where nothing was run), paper, digits, difference
        (ours less the paper's), mark, and doubts where `summarised` has them.

    Raises
    ------
    ValueError
        If a cell has rows of two networks, recipes, method versions or dynamics.
    """
    check_one_setting(summarised)
    ours = summarised.drop(columns=[name for name in SETTING if name != "start"])
    table = _left_join(_left_join(cells, ours), published)
    for name in table.columns.intersection(["start", "doubts"]):
        table[name] = table[name].astype(object).where(table[name].notna(), "")
    table["n"] = pd.to_numeric(table["n"]).fillna(0).astype(int)
    table["digits"] = pd.to_numeric(table["digits"]).fillna(3).astype(int)
    for name in ("mean", "low", "high", "paper"):
        table[name] = pd.to_numeric(table[name]).astype(float)
    table["difference"] = table["mean"] - table["paper"]
    table["mark"] = [_row_mark(row) for row in table.to_dict("records")]
    return table


def _row_mark(row: dict[Any, Any]) -> str:
    return mark(
        n=row["n"],
        low=row["low"],
        high=row["high"],
        paper=row["paper"],
        digits=row["digits"],
        is_same_start=has_papers_start(row["start"], row["student"]),
    )


def check_one_setting(summarised: pd.DataFrame) -> None:
    """Raise if a cell and start has rows of two recipes, method versions or dynamics."""
    for values, group in summarised.groupby([*CELL, "start"], sort=False):
        if len(group) > 1:
            names = [name for name in SETTING if group[name].nunique() > 1]
            where = " / ".join(str(value) for value in values[:4])
            raise ValueError(
                f"a cell averages rows of one {', '.join(SETTING[1:])}, got {len(group)} groups "
                f"that differ in {', '.join(names)} for {where}; choose rows before `summary`"
            )


def _left_join(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    keys = list(CELL)
    kinds = {name: (object if name in CELL[:3] else float) for name in keys}
    return left.astype(kinds).merge(right.astype(kinds), on=keys, how="left")


def round_shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with fraction and shares rounded to 6 decimals, fit to be joined."""
    shares = list(SUBSET[1:])
    return frame.assign(**{name: frame[name].astype(float).round(6) for name in shares})


def shown_pairs(
    frames: Sequence[pd.DataFrame],
    datasets: Sequence[str] | None,
    students: Sequence[str] | None,
) -> list[tuple[str, str]]:
    """Return the (dataset, student) pairs a table shows.

    Those asked for, or else every family on the datasets of the last frame (the paper's), and
    whatever else has rows.
    """
    found = [
        (dataset, student)
        for frame in frames
        for dataset, student in zip(frame["dataset"], frame["student"], strict=True)
    ]
    names = datasets if datasets is not None else list(dict.fromkeys(frames[-1]["dataset"]))
    asked = [(dataset, student) for dataset in names for student in (students or FAMILIES)]
    others = [
        (dataset, student)
        for dataset, student in found
        if (datasets is None or dataset in datasets) and (students is None or student in students)
    ]
    return list(dict.fromkeys([*asked, *others]))


def learning_rate(recipe: str) -> float:
    """Return the learning rate that a row's recipe (JSON) holds."""
    return float(json.loads(recipe)["learning_rate"])


def require_columns(frame: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise unless the frame `what` has the columns `names`."""
    missing = [name for name in names if name not in frame]
    if missing:
        raise ValueError(
            f"`{what}` must have the column {', '.join(missing)}, got {', '.join(frame.columns)}; "
            "pass the frame as it was read"
        )
