"""How chosen subsets score beside a random one of their size, seed by seed."""

import numpy as np
import pandas as pd

from carto_helpers.comparison import SUBSET, require_columns, round_shares
from carto_helpers.paired import LEVEL, holm, paired_comparison
from carto_helpers.printed_numbers import printed_p, signed, signed_interval

BESIDE = ("train_data", "difference", "low", "high", "p", "n")


def beside_random(table: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """Return by how much each chosen subset's score exceeds a random one's, over shared seeds.

    Parameters
    ----------
    table
        From `tables.table3` or `tables.table4`, of one data set and student; it says which subsets
        are compared, whether run or not.
    students
        Rows of that student and one teacher, at most one of a subset and seed.

    Returns
    -------
    DataFrame
        `BESIDE`, one row a subset that shares a seed with the random one: the mean `difference` of
        macro F1 on the test set, its 95 % interval `low` to `high`, `p` of the paired t test,
        corrected for every subset of the table (`paired.holm`), and the `n` seeds that both have.
        With one seed the interval and `p` are NaN.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    require_columns(table, ("train_data", *SUBSET), "table")
    require_columns(students, (*SUBSET, "student_seed", "test_macro_f1"), "students")
    chosen, students = table[~table["rule"].isin(["random", "all"])], round_shares(students)
    random = _by_seed(students, table[table["rule"] == "random"].iloc[0])
    lines = []
    for _, subset in chosen.iterrows():
        pairs = pd.concat([_by_seed(students, subset), random], axis=1, join="inner").to_numpy()
        if len(pairs):
            lines.append((subset["train_data"], *_differences(*pairs.T), len(pairs)))
    found = pd.DataFrame(lines, columns=list(BESIDE))
    is_tested = found["p"].notna()
    found.loc[is_tested, "p"] = holm(found.loc[is_tested, "p"].tolist(), len(chosen))
    return found


def _by_seed(students: pd.DataFrame, subset: "pd.Series[float]") -> "pd.Series[float]":
    names = list(SUBSET)
    rows = students[(students[names] == subset[names]).all(axis=1)]
    return rows.set_index("student_seed")["test_macro_f1"]


def _differences(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float, float]:
    if len(first) < 2:
        return float(first[0] - second[0]), np.nan, np.nan, np.nan
    found = paired_comparison(first, second)
    return found.difference, found.low, found.high, found.p


def beside_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `beside_random` as `tables.show` takes it, p values as text."""
    return found.assign(p=found["p"].map(printed_p))


def read_subsets(table: pd.DataFrame, found: pd.DataFrame) -> str:
    """Return how the subsets of phase 1 or 2 compare with a random one, as Markdown.

    Parameters
    ----------
    table
        From `tables.table3` or `tables.table4`, of one data set and student.
    found
        From `beside_random`.
    """
    require_columns(table, ("rule", "mean", "n"), "table")
    if found.empty:
        return "**Not enough runs are recorded yet to compare the subsets with a random one.**"
    random, whole = (
        table[(table["rule"] == rule) & (table["n"] > 0)] for rule in ("random", "all")
    )
    best = found.iloc[int(found["difference"].argmax())].to_dict()
    interval = signed_interval(best["low"], best["high"])
    said = (
        f"The random subset reaches a mean macro F1 of **{random['mean'].iloc[0]:.3f}** "
        f"(n = {random['n'].iloc[0]}). Over {_seeds(found['n'])}, "
        f"**{int((found['difference'] > 0).sum())} of {len(found)}** subsets that the dynamics "
        f"chose score higher; the best, {best['train_data']}, differs from it by "
        f"{signed(best['difference'])}{f' ({interval})' * bool(interval)}."
    )
    whole_said = (
        f" The whole training split gives {whole['mean'].iloc[0]:.3f}." if len(whole) else ""
    )
    return said + _read_tests(found, n_planned=_n_chosen(table)) + whole_said


def _read_tests(found: pd.DataFrame, *, n_planned: int) -> str:
    if found["p"].isna().all():
        return " One seed tests nothing."
    shown = found[found["p"] <= LEVEL]
    n_above = int((shown["difference"] > 0).sum())
    return (
        f" A paired t test shows {n_above} of them above random and {len(shown) - n_above} below "
        f"(p ≤ {LEVEL}, corrected for {n_planned} comparisons)."
    )


def _n_chosen(table: pd.DataFrame) -> int:
    return int((~table["rule"].isin(["random", "all"])).sum())


def _seeds(n: "pd.Series[int]") -> str:
    if n.max() == 1:
        return "the one seed that both have"
    counts = str(n.max()) if n.min() == n.max() else f"{n.min()} to {n.max()}"
    return f"the {counts} seeds that both have"
