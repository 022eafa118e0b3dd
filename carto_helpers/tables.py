"""Tables 1 to 5, ours beside the paper's, and where the rows came from: frames in, frames out."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from carto_helpers.charts.table_style import markdown, printed, show
from carto_helpers.comparison import (
    CELL,
    INTERVAL,
    SUBSET,
    compare,
    intervals,
    learning_rate,
    mark,
    published_scores,
    require_columns,
    round_shares,
    shown_pairs,
    summary,
)
from carto_helpers.config import PhaseConfig
from carto_helpers.doubts import meanings, told
from carto_helpers.selection import PHASE1_RULES, scaled_mixes

__all__ = [
    "markdown", "printed", "provenance", "show", "summary", "table1", "table2", "table3", "table4",
    "table5", "teacher_grid",
]  # fmt: skip

Subset = tuple[str, float, float, float, float]  # rule, fraction, hard, ambiguous, easy
ALL: Subset = ("all", 1.0, 0.0, 0.0, 0.0)
HEADS = (10, 1000)  # classes of CIFAR-10 and of ImageNet
GRID = ("dataset", "teacher", "network", "start", "learning_rate", "recipe", "method_version")


def table1(counts: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return the parameter counts of the six networks beside the paper's.

    Parameters
    ----------
    counts
        Columns family, role ("teacher" or "student"), network, n_classes (10 or 1000) and
        parameters: one row a network and head; may be empty.
    published
        The paper's table 1: family, role, model, params ("2.2M").

    Returns
    -------
    DataFrame
        family, role, network, parameters_10 and parameters_1000 (counts with either head), paper
        (as printed), and mark: "agrees" where either count rounds to what is printed, and with
        which head.
    """
    if counts.empty:
        counts = pd.DataFrame(columns=["family", "role", "network", "n_classes", "parameters"])
    require_columns(counts, ("family", "role", "network", "n_classes", "parameters"), "counts")
    names = ["family", "role"]
    wide = counts.pivot(index=[*names, "network"], columns="n_classes", values="parameters")
    wide = wide.reindex(columns=list(HEADS)).rename(columns="parameters_{}".format)
    if published.empty:
        published = pd.DataFrame(columns=[*names, "params"], dtype=object)
    table = published[[*names, "params"]].merge(
        wide.reset_index().astype(object), on=names, how="outer", sort=False
    )
    table = table.rename(columns={"params": "paper"})
    heads = [tuple(row) for row in table[[f"parameters_{head}" for head in HEADS]].to_numpy()]
    table["mark"] = [_count_mark(*pair) for pair in zip(table["paper"], heads, strict=True)]
    ordered = [*names, "network", *(f"parameters_{head}" for head in HEADS), "paper", "mark"]
    return table.sort_values(names, kind="stable", ignore_index=True)[ordered]


def _count_mark(printed: object, heads: tuple[Any, ...]) -> str:
    """Return whether the printed count is that of a head, and of which."""
    if all(pd.isna(count) for count in heads):
        return "not run"
    if not isinstance(printed, str):
        return "not in the paper"
    unit = {"M": 1e6, "K": 1e3}[printed[-1]]
    digits = len(printed[:-1].partition(".")[2])
    half = 0.5 * 10.0**-digits * unit
    value = float(printed[:-1]) * unit
    agreeing = [
        head for head, count in zip(HEADS, heads, strict=True) if abs(count - value) <= half
    ]
    return f"agrees ({' and '.join(map(str, agreeing))} classes)" if agreeing else "differs"


def teacher_grid(teachers: pd.DataFrame) -> pd.DataFrame:
    """Return every teacher setting that was tried, best first within a dataset.

    Parameters
    ----------
    teachers
        One row a run, with the columns of `config.TEACHER_COLUMNS`; may be empty.

    Returns
    -------
    DataFrame
        dataset, teacher, start, learning_rate, recipe, method_version, val_macro_f1 (the mean that
        chooses), and mean, low, high, n of the test macro F1 over seeds; doubts where rows have
        them.
    """
    columns = [*GRID, "val_macro_f1", *INTERVAL]
    if teachers.empty:
        return pd.DataFrame(columns=columns)
    needed = (*(name for name in GRID if name != "learning_rate"), "val_macro_f1", "test_macro_f1")
    require_columns(teachers, needed, "teachers")
    rated = teachers.assign(learning_rate=teachers["recipe"].map(learning_rate))
    tested = intervals(rated, GRID, "test_macro_f1")
    chosen_by = rated.groupby(list(GRID), sort=False)["val_macro_f1"].mean().reset_index()
    grid = tested.merge(chosen_by, on=list(GRID))
    grid = grid[[*columns, *grid.columns.intersection(["doubts"])]]
    best_first = grid.sort_values("val_macro_f1", ascending=False, kind="stable")
    return best_first.sort_values("dataset", kind="stable", ignore_index=True)


def table2(
    teachers: pd.DataFrame, published: pd.DataFrame, *, datasets: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the chosen teacher of every dataset and start beside the paper's.

    Parameters
    ----------
    teachers
        One row a run; may be empty.
    published
        The paper's table 2: dataset, model, size, macro_f1_percent, learning_rate.
    datasets
        Which to show; default: the paper's and those with rows.

    Returns
    -------
    DataFrame
        dataset, teacher, start, learning_rate, mean, low, high, n (test macro F1),
        paper_teacher, paper_learning_rate, paper, digits, difference, mark; scores as fractions.
    """
    best = teacher_grid(teachers).drop_duplicates(["dataset", "start"])
    paper = _published_teachers(published)
    names = datasets if datasets is not None else [*paper["dataset"], *best["dataset"]]
    table = pd.DataFrame({"dataset": list(dict.fromkeys(names))}, dtype=object)
    for right in (best.drop(columns=["recipe", "method_version", "val_macro_f1"]), paper):
        table = table.merge(right.astype({"dataset": object}), on="dataset", how="left")
    for name in table.columns.intersection(["teacher", "start", "paper_teacher", "doubts"]):
        table[name] = table[name].astype(object).where(table[name].notna(), "")
    for name in ("learning_rate", "mean", "low", "high", "paper"):
        table[name] = pd.to_numeric(table[name]).astype(float)
    table["n"] = pd.to_numeric(table["n"]).fillna(0).astype(int)
    table["digits"] = 3  # one decimal of a percentage
    table["difference"] = table["mean"] - table["paper"]
    numbers = ("n", "low", "high", "paper", "digits")
    table["mark"] = [
        mark(**{name: row[name] for name in numbers}, is_same_start=row["start"] == "paper")
        for row in table.to_dict("records")
    ]
    return table


def _published_teachers(published: pd.DataFrame) -> pd.DataFrame:
    names = ["dataset", "paper_teacher", "paper_learning_rate", "paper"]
    if published.empty:
        return pd.DataFrame(columns=names)
    require_columns(
        published, ("dataset", "model", "size", "macro_f1_percent", "learning_rate"), "published"
    )
    return pd.DataFrame(
        {
            "dataset": published["dataset"],
            "paper_teacher": [
                f"{row['model']} {row['size']}, {row['learning_rate']}"
                for row in published.to_dict("records")
            ],
            "paper_learning_rate": published["learning_rate"],
            "paper": published["macro_f1_percent"].astype(float) / 100,
        }
    )


def table3(
    summarised: pd.DataFrame,
    published: pd.DataFrame,
    *,
    datasets: Sequence[str] | None = None,
    students: Sequence[str] | None = None,
    fraction: float = 0.33,
) -> pd.DataFrame:
    """Return phase 1: thirteen subsets by rule, ours beside the paper's.

    Parameters
    ----------
    summarised
        From `summary`; may be empty.
    published
        The paper's table 3; may be empty.
    datasets, students
        What to show; default: the paper's datasets with all three students, and what has rows.
    fraction
        Size of the subsets.

    Returns
    -------
    DataFrame
        One row a cell: dataset, student, train_data, rule, fraction, hard, ambiguous, easy, start,
        mean, low, high, n, paper, digits, difference, mark; scores as fractions. A cell without
        rows has n 0 and the mark "not run".

    Raises
    ------
    ValueError
        If a cell would average rows of two dynamics, recipes or method versions.
    """
    subsets = [ALL, *((rule, fraction, 0.0, 0.0, 0.0) for rule in PHASE1_RULES)]
    return _phase(summarised, published, subsets, datasets, students)


def table4(
    summarised: pd.DataFrame,
    published: pd.DataFrame,
    *,
    datasets: Sequence[str] | None = None,
    students: Sequence[str] | None = None,
    fraction: float = 0.33,
) -> pd.DataFrame:
    """Return phase 2: mixes of the regions, ours beside the paper's; as `table3` otherwise.

    The shares are the paper's, of 0.33; for another `fraction` they keep their proportions. Any
    other mix that was run follows.
    """
    subsets = [ALL, ("random", fraction, 0.0, 0.0, 0.0)]
    subsets += [(m.rule, fraction, m.hard, m.ambiguous, m.easy) for m in scaled_mixes(fraction)]
    others = summarised[summarised["rule"] == "mix"]
    return _phase(summarised, published, [*subsets, *_subsets(others)], datasets, students)


def table5(
    summarised: pd.DataFrame,
    published: pd.DataFrame,
    *,
    datasets: Sequence[str] | None = None,
    students: Sequence[str] | None = None,
    fractions: Sequence[float] = PhaseConfig.fractions,
) -> pd.DataFrame:
    """Return phase 3: random subsets by size, ours beside the paper's; as `table3` otherwise."""
    sizes = sorted({size for size in fractions if size < 1})
    subsets: list[Subset] = [("random", float(size), 0.0, 0.0, 0.0) for size in sizes]
    return _phase(summarised, published, [*subsets, ALL], datasets, students)


def _phase(
    summarised: pd.DataFrame,
    published: pd.DataFrame,
    subsets: Sequence[Subset],
    datasets: Sequence[str] | None,
    students: Sequence[str] | None,
) -> pd.DataFrame:
    """Return the comparison for these subsets, in their order, each once."""
    paper = published_scores(published)
    wanted = pd.DataFrame(subsets, columns=list(SUBSET))
    unique = list(dict.fromkeys(_subsets(round_shares(wanted))))
    is_asked = np.array([subset in unique for subset in _subsets(summarised)], dtype=bool)
    rows = summarised[is_asked]
    pairs = shown_pairs([rows, paper], datasets, students)
    cells = pd.DataFrame(
        [(*pair, *subset) for pair in pairs for subset in unique], columns=list(CELL)
    )
    table = compare(cells, rows, paper)
    table.insert(2, "train_data", [train_data(*subset) for subset in _subsets(table)])
    return table


def _subsets(frame: pd.DataFrame) -> list[Subset]:
    names = ["rule", "fraction", "hard", "ambiguous", "easy"]
    return [
        (str(rule), float(fraction), float(hard), float(ambiguous), float(easy))
        for rule, fraction, hard, ambiguous, easy in frame[names].itertuples(index=False)
    ]


def train_data(rule: str, fraction: float, hard: float, ambiguous: float, easy: float) -> str:
    """Return a subset's name as the paper's tables print it.

    Examples
    --------
    >>> train_data("random", 0.33, 0.0, 0.0, 0.0), train_data("mix", 0.33, 0.2, 0.08, 0.05)
    ('33 % random', 'mix 20 / 8 / 5 %')
    """
    if rule == "all":
        return "100 % train"
    if rule == "mix":
        return "mix " + " / ".join(f"{100 * share:g}" for share in (hard, ambiguous, easy)) + " %"
    return f"{100 * fraction:g} % {rule}"


def provenance(rows: pd.DataFrame) -> pd.DataFrame:
    """Return where rows came from: machine, versions, commit, seeds and cost, and their marks.

    Every page that shows numbers of a record shows this of their rows: a marked one is named there,
    with what the mark means, whatever else the page says of it.

    Parameters
    ----------
    rows
        Students' or teachers' rows; may be empty.

    Returns
    -------
    DataFrame
        Columns item and value, both text; several values of one item are listed.
    """
    items = {"rows": f"{len(rows):,}" if len(rows) else "not run"}
    if len(rows):
        listed = (
            "dataset", "fingerprint", "start", "split_seed", "teacher_seed", "subset_seed",
            "student_seed", "recipe", "engine", "device", "versions", "commit", "method_version",
        )  # fmt: skip
        items |= {name: _distinct(rows[name]) for name in listed if name in rows}
        seconds = rows["seconds"].astype(float)
        items["seconds"] = f"{seconds.sum():,.0f} in all, median {seconds.median():,.1f} a run"
        finished = rows["finished_at"].astype(str)
        items["finished_at"] = f"{finished.min()} to {finished.max()}"
        marks = told(list(rows["doubts"])) if "doubts" in rows else ""
        items |= {"doubts": f"{marks}. {meanings([marks])}"} if marks else {}
    names = [name.replace("_", " ") for name in items]
    return pd.DataFrame({"item": names, "value": list(items.values())})


def _distinct(column: pd.Series) -> str:
    values = [_readable(value) for value in column.drop_duplicates().sort_values()]
    return "; ".join(dict.fromkeys(values))


def _readable(value: object) -> str:
    if isinstance(value, str) and value.startswith("{"):
        return ", ".join(f"{name} {found}" for name, found in json.loads(value).items())
    return str(value)
