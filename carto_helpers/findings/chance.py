"""Which of the cells that differ from the paper's lie beyond what other seeds would give."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carto_helpers.comparison import CELL, SUBSET, require_columns
from carto_helpers.printed_numbers import number, printed_p, signed
from carto_helpers.selection import OWN

COUNTED = (
    "table", "dataset", "student", "cells", "differ", "beyond_three", "beyond_one", "above",
    "mean_difference",
)  # fmt: skip
SEEDED = ("dataset", "student", "subsets", "seeds", "ratio", "p")
LEVEL = 0.05
_FEWEST = 3  # subsets, and 2 seeds, that an effect of seeds is looked for in


def is_beyond(table: pd.DataFrame, n_other: int) -> "pd.Series[bool]":
    r"""Return which cells' paper lies outside what another mean of our seeds would reach.

    A cell *differs* where the paper's value lies outside the interval of our mean, as if the paper
    had printed a truth. It printed a mean of a few runs, which chance moves as well.

    Parameters
    ----------
    table
        From `tables.table3`, `table4` or `table5`.
    n_other
        Of how many runs like ours the paper's mean is taken to be.

    Notes
    -----
    The prediction interval of a mean of m further runs, where n runs have the mean
    :math:`\bar{x}` and the sample standard deviation s:

    .. math:: \bar{x} \pm t_{n-1} \, s \sqrt{1 / n + 1 / m}

    It is the mean's interval, widened by :math:`\sqrt{1 + n / m}`.
    """
    require_columns(table, ("mark", "difference", "low", "high", "n"), "table")
    half = (table["high"] - table["low"]) / 2 * np.sqrt(1 + table["n"] / n_other)
    beyond: pd.Series[bool] = (table["mark"] == "differs") & (table["difference"].abs() > half)
    return beyond


def counted(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return how many cells differ, and by more than other seeds would, by table and student.

    Parameters
    ----------
    found
        Tables by what a page calls them. A mean of ours that several show counts in the first.

    Returns
    -------
    DataFrame
        `COUNTED`: of the `cells` that can be compared, how many `differ`, lie beyond another mean
        of three seeds or of one, and are `above` the paper's; and their mean difference.
    """
    tables = [table.assign(table=name) for name, table in found.items()]
    cells = pd.concat(tables).drop_duplicates(list(CELL)) if tables else pd.DataFrame()
    if cells.empty:
        return pd.DataFrame(columns=list(COUNTED))
    cells = cells.assign(
        differ=cells["mark"] == "differs",
        beyond_three=is_beyond(cells, 3),
        beyond_one=is_beyond(cells, 1),
        above=cells["difference"] > 0,
    )
    groups = cells[cells["mark"].isin(["agrees", "differs"])].groupby(
        ["table", "dataset", "student"], sort=False
    )
    counts = groups[["differ", "beyond_three", "beyond_one", "above"]].sum()
    counts["cells"] = groups.size()
    counts["mean_difference"] = groups["difference"].mean()
    return counts.reset_index()[list(COUNTED)]


def count_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return `counted` as a page shows it, its mean difference as text."""
    return pd.DataFrame({
        **{name: counts[name] for name in ("table", "dataset", "student", "cells", "differ")},
        "beyond three seeds": counts["beyond_three"],
        "beyond one": counts["beyond_one"],
        "above the paper's": counts["above"],
        "mean difference": counts["mean_difference"].map(signed),
    })  # fmt: skip


def read_counts(counts: pd.DataFrame) -> str:
    """Return how many of the cells that differ chance alone would not explain, as Markdown."""
    if counts.empty:
        return "**No cell has two seeds yet.**"
    names = ("cells", "differ", "beyond_three", "beyond_one")
    cells, differ, three, one = (int(counts[name].sum()) for name in names)
    return (
        f"Of {cells} cells that can be compared {differ} differ. **{three}** lie outside 95 % of "
        f"the means that three more runs like ours would have, **{one}** outside 95 % of single "
        f"runs; by chance alone either would be {LEVEL * cells:.0f}."
    )


def seed_effects(students: pd.DataFrame) -> pd.DataFrame:
    r"""Return whether some seeds score higher than others on all subsets alike.

    Parameters
    ----------
    students
        Rows of students, those of one data set and student all of one teacher. Left out are random
        subsets, whose images change with the seed, subsets of one's own, which may be nearly those
        of a rule, and seeds that not all subsets have.

    Returns
    -------
    DataFrame
        `SEEDED`, one row a data set and student with enough of both: the ratio F of the mean
        squares of seeds and of what is left, and its p value; NaN where all scores are alike.

    Notes
    -----
    Two-way analysis of variance without interaction, over S subsets and n seeds; with the residual
    :math:`r_{ij} = x_{ij} - \bar{x}_{i \cdot} - \bar{x}_{\cdot j} + \bar{x}`:

    .. math::

        F = \frac{S (S - 1) \sum_j (\bar{x}_{\cdot j} - \bar{x})^2}{\sum_{ij} r_{ij}^2}
    """
    from scipy.stats import f  # 0.3 s that one page needs

    names = ["dataset", "student"]
    require_columns(students, (*names, *SUBSET, "student_seed", "test_macro_f1"), "students")
    lines = []
    is_fixed = (students["rule"] != "random") & ~students["rule"].str.startswith(OWN)
    for place, rows in students[is_fixed].groupby(names, sort=False):
        wide = rows.pivot_table(index=list(SUBSET), columns="student_seed", values="test_macro_f1")
        scores = wide.dropna(axis=1).to_numpy()  # (subsets, seeds)
        n_subsets, n_seeds = scores.shape
        if n_subsets < _FEWEST or n_seeds < 2:
            continue
        centred = scores - scores.mean(1, keepdims=True)
        seeds = centred.mean(0).round(12)  # equal differences stay equal in binary
        left = float(((centred - seeds).round(12) ** 2).sum())
        explained = n_subsets * (n_subsets - 1) * float((seeds**2).sum())
        ratio = explained / left if left else np.inf if explained else np.nan
        freedom = n_seeds - 1, (n_subsets - 1) * (n_seeds - 1)
        lines.append((*place, n_subsets, n_seeds, ratio, float(f.sf(ratio, *freedom))))
    return pd.DataFrame(lines, columns=list(SEEDED))


def seed_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `seed_effects` as a page shows it, its numbers as text."""
    return pd.DataFrame({
        **{name: found[name] for name in ("dataset", "student", "subsets", "seeds")},
        "F": [number(ratio, 2) for ratio in found["ratio"]],
        "p": found["p"].map(printed_p),
    })  # fmt: skip
