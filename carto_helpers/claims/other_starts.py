"""What the paper's claims become with teachers that began with other weights."""

from pathlib import Path

import pandas as pd

from carto_helpers.claims.judging import finding_table, judge
from carto_helpers.claims.verdicts import UNKNOWN
from carto_helpers.config import start_name
from carto_helpers.findings.chosen_rows import chosen_teachers, paper_teachers
from carto_helpers.records import Results

_DECISIVE = ["verdict", "statistic", "n"]


def judge_other_starts(
    results: Results, findings: pd.DataFrame, paper: Path | None = None
) -> pd.DataFrame:
    """Return the places of claims that another teacher's rows decide, by that teacher's start.

    Parameters
    ----------
    results
        The record.
    findings
        From `judge`, of the same record.
    paper
        Folder of the paper's tables; default: the repository's.

    Returns
    -------
    DataFrame
        The columns of `findings`, `start` (the teacher's) and `tables_verdict` (of the same place,
        with the teachers whose students the tables show, or why the claim does not hold there). A
        place that is not known with this start is left out, and so is one that it leaves as it is.
    """
    shown = chosen_teachers(results).set_index("dataset")["start"].map(start_name)
    recorded = paper_teachers(results)
    starts = zip(recorded["dataset"], recorded["start"].map(start_name), strict=True)
    others = {start for dataset, start in starts if start != shown[dataset]}
    found = [_judged(results, findings, start, paper) for start in sorted(others)]
    columns = [*findings.columns, "start", "tables_verdict"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def _judged(
    results: Results, findings: pd.DataFrame, start: str, paper: Path | None
) -> pd.DataFrame:
    rows = judge(results, list(dict.fromkeys(findings["dataset"])), paper, start=start)
    before = findings.set_index(_places(findings)).loc[_places(rows)]
    rows = rows.assign(start=start, tables_verdict=_told(before))
    is_same = (rows[_DECISIVE].to_numpy() == before[_DECISIVE].to_numpy()).all(axis=1)
    changed: pd.DataFrame = rows[(rows["verdict"] != UNKNOWN) & ~is_same]
    return changed


def _places(findings: pd.DataFrame) -> pd.MultiIndex:
    """Return the claim, the data set and the how-manieth there: a subject may be a teacher's."""
    which = findings[["claim", "dataset"]]
    numbered = which.assign(number=findings.groupby(["claim", "dataset"]).cumcount())
    return pd.MultiIndex.from_frame(numbered)


def _told(findings: pd.DataFrame) -> list[str]:
    """Return verdicts as text, of those that do not hold the reason."""
    pairs = zip(findings["verdict"], findings["reason"], strict=True)
    return [reason or verdict for verdict, reason in pairs]


def other_starts_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `judge_other_starts` fit to be shown: without what the paper's table has."""
    table = finding_table(found).drop(columns=["reading", "papers_reading"])
    return table.assign(teacher="from " + found["start"], tables_verdict=found["tables_verdict"])


def read_other_starts(found: pd.DataFrame) -> str:
    """Return which verdicts another teacher changes, as Markdown, a line a start.

    Parameters
    ----------
    found
        From `judge_other_starts`.
    """
    if found.empty:
        return "**Not run yet**: no teacher that began with other weights has the rows."
    return "\n".join(_read(str(start), rows) for start, rows in found.groupby("start"))


def _read(start: str, rows: pd.DataFrame) -> str:
    rows = rows.assign(told=_told(rows))
    changed = rows[rows["told"] != rows["tables_verdict"]]
    names = [
        f"    - *{row['claim']}* ({row['dataset']}, {row['subject']}): {row['tables_verdict']} → "
        f"**{row['told']}**"
        for row in changed.to_dict("records")
    ]
    rest = "verdict rests" if len(rows) == 1 else "verdicts rest"
    head = (
        f"- With the teacher from {start} {len(rows)} {rest} on other numbers, and "
        f"**{len(changed)}** of them change{':' if names else '.'}"
    )
    return "\n".join([head, *names])
