"""Which of the cells that differ from the paper's lie beyond what other seeds would give."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carto_helpers.comparison import SUBSET, require_columns
from carto_helpers.printed_numbers import printed_p, signed

PAPERS_SEEDS = 3
COUNTED = ("table", "dataset", "student", "cells", "differ", "beyond", "above", "mean_difference")
SEEDED = ("dataset", "student", "subsets", "seeds", "ratio", "p")
_FEWEST = 3  # subsets, and 2 seeds, that an effect of seeds is looked for in


def is_beyond(table: pd.DataFrame, n_other: int = PAPERS_SEEDS) -> "pd.Series[bool]":
    r"""Return which cells' paper lies outside what another mean of our seeds would reach.

    A cell *differs* where the paper's value lies outside the interval of our mean, as if the paper
    had printed a truth. It printed a mean of a few runs, which chance moves as well.

    Parameters
    ----------
    table
        From `tables.table3`, `table4` or `table5`.
    n_other
        Of how many runs the paper's mean is taken to be.

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
        Tables by what a page calls them.

    Returns
    -------
    DataFrame
        `COUNTED`: of the `cells` that can be compared, how many `differ`, lie `beyond` another
        mean of seeds, and are `above` the paper's; and their mean difference.
    """
    lines = []
    for name, table in found.items():
        compared = table.assign(is_beyond=is_beyond(table))
        compared = compared[compared["mark"].isin(["agrees", "differs"])]
        for place, cells in compared.groupby(["dataset", "student"], sort=False):
            differ = int((cells["mark"] == "differs").sum())
            above = int((cells["difference"] > 0).sum())
            mean = float(cells["difference"].mean())
            counts = len(cells), differ, int(cells["is_beyond"].sum()), above
            lines.append((name, *place, *counts, mean))
    return pd.DataFrame(lines, columns=list(COUNTED))


def count_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return `counted` as a page shows it, its mean difference as text."""
    return pd.DataFrame({
        **{name: counts[name] for name in ("table", "dataset", "student", "cells", "differ")},
        "beyond other seeds": counts["beyond"],
        "above the paper's": counts["above"],
        "mean difference": counts["mean_difference"].map(signed),
    })  # fmt: skip


def read_counts(counts: pd.DataFrame) -> str:
    """Return how many of the cells that differ chance alone would not explain, as Markdown."""
    if counts.empty:
        return "**No cell has two seeds yet.**"
    cells, differ, beyond = (int(counts[name].sum()) for name in ("cells", "differ", "beyond"))
    return (
        f"Of {cells} cells that can be compared {differ} differ. Were each of the paper's values a "
        f"mean of {PAPERS_SEEDS} runs like ours, **{beyond}** would lie outside the 95 % of such "
        "means."
    )


def seed_effects(students: pd.DataFrame) -> pd.DataFrame:
    r"""Return whether some seeds score higher than others on all subsets alike.

    Parameters
    ----------
    students
        Rows of students, those of one data set and student all of one teacher. Random subsets,
        whose images change with the seed, are left out, and so are seeds that not all subsets have.

    Returns
    -------
    DataFrame
        `SEEDED`, one row a data set and student with enough of both: the ratio F of the mean
        squares of seeds and of what is left, and its p value.

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
    for place, rows in students[students["rule"] != "random"].groupby(names, sort=False):
        wide = rows.pivot_table(index=list(SUBSET), columns="student_seed", values="test_macro_f1")
        scores = wide.dropna(axis=1).to_numpy()  # (subsets, seeds)
        n_subsets, n_seeds = scores.shape
        if n_subsets < _FEWEST or n_seeds < 2:
            continue
        centred = scores - scores.mean(1, keepdims=True)
        seeds = centred.mean(0)
        left = float(((centred - seeds) ** 2).sum())
        ratio = n_subsets * (n_subsets - 1) * float((seeds**2).sum()) / left if left else np.inf
        freedom = n_seeds - 1, (n_subsets - 1) * (n_seeds - 1)
        lines.append((*place, n_subsets, n_seeds, ratio, float(f.sf(ratio, *freedom))))
    return pd.DataFrame(lines, columns=list(SEEDED))


def seed_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `seed_effects` as a page shows it, its numbers as text."""
    return pd.DataFrame({
        **{name: found[name] for name in ("dataset", "student", "subsets", "seeds")},
        "F": [f"{ratio:.2f}" for ratio in found["ratio"]],
        "p": found["p"].map(printed_p),
    })  # fmt: skip
