"""Two sets of students on the same subsets, seed by seed, beside what the paper prints."""

import pandas as pd

from carto_helpers.comparison import SUBSET, require_columns, round_shares
from carto_helpers.paired import paired_or_single
from carto_helpers.printed_numbers import interval_column, signed

SIDES = ("train_data", "paper", "first", "other", "difference", "low", "high", "n")


def side_by_side(table: pd.DataFrame, first: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return by how much the other students score higher on the same subset.

    Parameters
    ----------
    table
        From `tables.table3`, `table4` or `table5`, of one data set and student; it names the
        subsets, and what the paper prints for them.
    first, other
        Rows of students, one of a subset and seed each.

    Returns
    -------
    DataFrame
        `SIDES`, one row a subset that both have: the mean macro F1 of each on the test set, the
        other's less the first's with its own 95 % interval, over the `n` seeds that both have.
        The interval is NaN for one seed.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    names = [*SUBSET, "student_seed"]
    require_columns(table, ("train_data", "paper", *SUBSET), "table")
    for rows, what in ((first, "first"), (other, "other")):
        require_columns(rows, (*names, "test_macro_f1"), what)
    one, more = (round_shares(rows)[[*names, "test_macro_f1"]] for rows in (first, other))
    both = one.merge(more, on=names, suffixes=("_first", "_other"))
    lines = []
    for subset, rows in (
        round_shares(table).merge(both, on=list(SUBSET)).groupby("train_data", sort=False)
    ):
        before, after = (rows[f"test_macro_f1_{which}"].to_numpy() for which in ("first", "other"))
        found = paired_or_single(after, before)
        means = before.mean(), after.mean()
        lines.append((subset, rows["paper"].iloc[0], *means, *found[:3], len(rows)))
    return pd.DataFrame(lines, columns=list(SIDES))


def side_table(found: pd.DataFrame, first: str, other: str) -> pd.DataFrame:
    """Return `side_by_side` as a page shows it, its numbers as text, the students named."""
    return pd.DataFrame({
        "train data": found["train_data"],
        "paper": found["paper"],
        first: found["first"],
        other: found["other"],
        "difference": found["difference"].map(signed),
        "95 % interval": interval_column(found),
        "n": found["n"],
    })  # fmt: skip
