"""How chosen subsets score beside a random one of their size, seed by seed."""

import pandas as pd

from carto_helpers.comparison import SUBSET, require_columns, round_shares
from carto_helpers.paired import LEAST_ROWS, LEVEL, holm, paired_or_single
from carto_helpers.printed_numbers import interval_column, printed_p, signed, signed_interval

BESIDE = ("train_data", "gain", "low", "high", "p", "n")
_NOT_CHOSEN = ("random", "all")


def beside_random(table: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """Return by how much each chosen subset's score exceeds a random one's, over shared seeds.

    Parameters
    ----------
    table
        From `tables.table3` or `tables.table4`, of one data set and student; it says which subsets
        are compared, whether run or not.
    students
        Rows of that student and one teacher, one of a subset and seed.

    Returns
    -------
    DataFrame
        `BESIDE`, one row a subset that shares a seed with the random one: the mean `gain` in macro
        F1 on the test set, its own 95 % interval `low` to `high`, `p` of the paired t test,
        corrected for every subset of the table (`paired.holm`), and the `n` seeds that both have.
        The interval is NaN for one seed, `p` for fewer than `paired.LEAST_ROWS`.

    Raises
    ------
    ValueError
        If a column is missing, the table has no random subset, or a seed comes twice.
    """
    require_columns(table, ("train_data", *SUBSET), "table")
    require_columns(students, (*SUBSET, "student_seed", "test_macro_f1"), "students")
    table, students = round_shares(table), round_shares(students)
    chosen = table[~table["rule"].isin(_NOT_CHOSEN)]
    random = _by_seed(students, _random_subset(table))
    lines = []
    for _, subset in chosen.iterrows():
        pairs = pd.concat([_by_seed(students, subset), random], axis=1, join="inner").to_numpy()
        if len(pairs):
            gain, low, high, _, n, p, _ = paired_or_single(*pairs.T)
            lines.append((subset["train_data"], gain, low, high, p, n))
    found = pd.DataFrame(lines, columns=list(BESIDE))
    is_tested = found["n"] >= LEAST_ROWS
    found["p"] = found["p"].where(is_tested)
    found.loc[is_tested, "p"] = holm(found.loc[is_tested, "p"].tolist(), len(chosen))
    return found


def between_students(
    table: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame
) -> pd.DataFrame:
    """Return by how much a subset's gain over the random one is larger for the first student.

    Parameters
    ----------
    table
        From `tables.table3` or `tables.table4`, of one data set and either student.
    first, second
        Rows of the two students, one of a subset and seed, all of one teacher.

    Returns
    -------
    DataFrame
        `BESIDE`, as from `beside_random`, whose `gain` is the first student's gain less the
        second's, and these two as `first` and `second`, all over the seeds that the four runs
        have.

    Raises
    ------
    ValueError
        As `beside_random`.
    """
    names = [*SUBSET, "student_seed"]
    for rows, what in ((first, "first"), (second, "second")):
        require_columns(rows, (*names, "test_macro_f1"), what)
    one, other = (round_shares(rows)[[*names, "test_macro_f1"]] for rows in (first, second))
    both = one.merge(other, on=names, suffixes=("_one", "_other"))
    scores = both.pop("test_macro_f1_one"), both.pop("test_macro_f1_other")
    gains = [beside_random(table, both.assign(test_macro_f1=found))["gain"] for found in scores]
    found = beside_random(table, both.assign(test_macro_f1=scores[0] - scores[1]))
    return found.assign(first=gains[0], second=gains[1])


def _random_subset(table: pd.DataFrame) -> "pd.Series[float]":
    rows = table[table["rule"] == "random"]
    if len(rows) != 1:
        raise ValueError(
            f"`table` must hold one random subset, got {len(rows)}; pass table 3 or 4 of one "
            "data set and student"
        )
    return rows.iloc[0]


def _by_seed(students: pd.DataFrame, subset: "pd.Series[float]") -> "pd.Series[float]":
    names = list(SUBSET)
    rows = students[(students[names] == subset[names]).all(axis=1)]
    if rows["student_seed"].duplicated().any():
        raise ValueError(
            f"`students` must hold a seed of {subset['train_data']} once, got "
            f"{sorted(rows['student_seed'])}; pass the rows of one student and one teacher"
        )
    return rows.set_index("student_seed")["test_macro_f1"]


def beside_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `beside_random` as `tables.show` takes it, its numbers as text."""
    return pd.DataFrame({
        "train_data": found["train_data"],
        "gain": found["gain"].map(signed),
        "interval": interval_column(found),
        "n": found["n"],
        "p": found["p"].map(printed_p),
    })  # fmt: skip


def students_table(between: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return `between_students` as a page shows it, its numbers as text, the students named."""
    return pd.DataFrame({
        "train data": between["train_data"],
        f"{first} − random": between["first"].map(signed),
        f"{second} − random": between["second"].map(signed),
        "difference": between["gain"].map(signed),
        "95 % interval": interval_column(between),
        "p": between["p"].map(printed_p),
        "n": between["n"],
    })  # fmt: skip


def read_between(between: pd.DataFrame, first: str, second: str) -> str:
    """Return for how many subsets the two students' gains differ, as Markdown."""
    n_tested = int(between["p"].notna().sum())
    if not n_tested:
        return f"Fewer than {LEAST_ROWS} seeds of both students are recorded: nothing is tested."
    shown = between[between["p"] <= LEVEL]
    n_above = int((shown["gain"] > 0).sum())
    return (
        f"Of {n_tested} subsets that are tested the gain over the random one is larger for {first} "
        f"than for {second} in **{int((between['gain'] > 0).sum())}**; a paired t test shows this "
        f"for **{n_above}** and the reverse for **{len(shown) - n_above}** (p ≤ {LEVEL} when "
        "corrected for every subset of the table)."
    )


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
    run = table[table["n"] > 0].set_index("rule")
    best = found.iloc[int(found["gain"].argmax())].to_dict()
    interval = signed_interval(best["low"], best["high"])
    said = (
        f"The random subset reaches a mean macro F1 of **{run['mean']['random']:.3f}** "
        f"(n = {run['n']['random']}). Over the seeds that both have, "
        f"**{int((found['gain'] > 0).sum())} of {len(found)}** subsets that the dynamics chose "
        f"score higher; the best, {best['train_data']}, differs from it by "
        f"{signed(best['gain'])} ({f'{interval}, ' * bool(interval)}n = {best['n']})."
    )
    n_chosen = int((~table["rule"].isin(_NOT_CHOSEN)).sum())
    whole = ""
    if "all" in run.index:
        whole = f" The whole training split gives {run['mean']['all']:.3f}."
    return said + _read_tests(found, n_chosen) + whole


def _read_tests(found: pd.DataFrame, n_chosen: int) -> str:
    n_tested = int(found["p"].notna().sum())
    if not n_tested:
        return f" Fewer than {LEAST_ROWS} seeds test nothing."
    shown = found[found["p"] <= LEVEL]
    n_above = int((shown["gain"] > 0).sum())
    return (
        f" A paired t test shows {n_above} of {n_tested} above random and "
        f"{len(shown) - n_above} below (p ≤ {LEVEL}, corrected for {n_chosen} comparisons)."
    )
