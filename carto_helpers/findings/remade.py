"""The same teacher made again: how far its map and its subsets are this one run's."""

from pathlib import Path

import numpy as np
import pandas as pd

from carto_helpers.config import PhaseConfig
from carto_helpers.findings.kept_rows import kept_rows
from carto_helpers.findings.teacher_map import teacher_map
from carto_helpers.records import Results
from carto_helpers.selection import PHASE1_RULES

COLUMNS = (
    "key", "dataset", "network", "rule", "shared", "rank_correlation",
    "first_val_macro_f1", "second_val_macro_f1", "first_made_at", "second_made_at",
)  # fmt: skip


def remade(first: Results, second: Results, key: str) -> pd.DataFrame:
    """Return how a run of one key in two records agrees, one row a rule of phase 1.

    Parameters
    ----------
    first, second
        Two records that both hold the teacher and its dynamics.
    key
        The teacher's: what it is made from, seeds included, is the same in both.

    Returns
    -------
    DataFrame
        `COLUMNS`: `shared`, the share of the first run's subset that the second's holds too;
        `rank_correlation`, Spearman's ρ of the statistic that the rule ranks by, NaN for a rule
        that ranks by none; the macro F1 of both on the validation split, and when they were made.

    Raises
    ------
    FileNotFoundError, ValueError
        If one of the records lacks the dynamics, or the run.
    """
    maps = [teacher_map(results, key) for results in (first, second)]
    facts = [results.teacher(key) for results in (first, second)]
    rows = []
    for rule in PHASE1_RULES:
        name = rule.partition("-")[2]
        ranks = [pd.Series(one.statistics[name]).rank() for one in maps if name in one.statistics]
        rows.append((
            key, facts[0]["dataset"], facts[0]["network"], rule,
            maps[0].shared(maps[1], rule, fraction=PhaseConfig().fraction),
            ranks[0].corr(ranks[1]) if ranks else np.nan,
            *(fact["val_macro_f1"] for fact in facts),
            *(fact["finished_at"] for fact in facts),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def recorded(folder: Path) -> pd.DataFrame:
    """Return what is kept in a results folder, columns `COLUMNS`; no row if nothing is."""
    return kept_rows(folder / "remade.csv", COLUMNS)


def read_remade(found: pd.DataFrame) -> str:
    """Return what making a teacher again changed, a line a teacher, as Markdown.

    Parameters
    ----------
    found
        From `recorded`.
    """
    if found.empty:
        return "**Not run yet**: `python -m studies.remade` compares two records."
    lines = []
    for _, rows in found.groupby("key", sort=False):
        head = rows.iloc[0]
        by_share = rows[rows["rule"] != "random"].sort_values("shared", kind="stable")
        least, most = by_share.iloc[0], by_share.iloc[-1]
        lines.append(
            f"- {head['network']} on {head['dataset']}: macro F1 on the validation split "
            f"**{head['first_val_macro_f1']:.3f}**, and **{head['second_val_macro_f1']:.3f}** when "
            f"made again. Of a ranked third {least['shared']:.0%} ({least['rule']}) to "
            f"{most['shared']:.0%} ({most['rule']}) are the same images; chance alone gives "
            f"{PhaseConfig().fraction:.0%}."
        )
    return "\n".join(lines)
