"""The paper's claims against the record: for each the test, the statistic, n and a verdict.

Nothing is trained. Scores are compared in pairs over seeds, p values corrected by Holm's rule for
the comparisons of a claim in one place (a data set and a student, or a teacher's map).
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd

from carto_helpers.claims.claim_list import CLAIMS, Evidence
from carto_helpers.claims.verdicts import CONTRADICTED, DOES_NOT, HOLDS, UNKNOWN, Finding, overall
from carto_helpers.config import FAMILIES
from carto_helpers.findings.chosen_rows import PAPERS_DATASETS
from carto_helpers.paired import LEAST_ROWS
from carto_helpers.printed_numbers import printed_p
from carto_helpers.records import Results

_NUMBERS = ("statistic", "n", "low", "high")


def judge(
    results: Results,
    datasets: Sequence[str] = PAPERS_DATASETS,
    paper: Path | None = None,
    *,
    start: str | None = None,
) -> pd.DataFrame:
    """Return what the record says of every claim, in every place that the claim speaks of.

    Parameters
    ----------
    results
        The record; where it has no rows, the verdict is "not yet known".
    datasets
        On which; each claim speaks of some of the paper's data sets, and one that is not the
        paper's is tested as all of them.
    paper
        Folder of the paper's tables; default: the repository's.
    start
        Of the teachers, on whose maps and students claims are judged; default: of each data set
        the teacher whose students the tables show.

    Returns
    -------
    DataFrame
        One row a claim and place: claim, where, test, and the fields of `Finding`.
    """
    evidence = Evidence(results, paper, start)
    rows = [
        {"claim": claim.name, "where": claim.where, "test": claim.test, **asdict(finding)}
        for claim in CLAIMS
        for finding in claim.find(evidence, datasets)
    ]
    names = [field.name for field in fields(Finding)]
    return pd.DataFrame(rows, columns=["claim", "where", "test", *names])


def claim_table(findings: pd.DataFrame) -> pd.DataFrame:
    """Return one row a claim: its verdict, how many places are known, and the one that decides.

    A claim does not hold where one of its known places denies it; it holds where all that are
    known do; it is not yet known where none is. Of the places that give the verdict, one where it
    is contradicted decides, else the one with the largest p value.

    Parameters
    ----------
    findings
        From `judge`.

    Returns
    -------
    DataFrame
        claim, verdict, reason, known ("2 of 3"), statistic (and its place), n, p, low, high, and
        doubts: by place, the marks of the rows behind the claim.
    """
    groups = findings.groupby("claim", sort=False)
    return pd.DataFrame([_claim_row(rows) for _, rows in groups])


def _claim_row(rows: pd.DataFrame) -> dict[str, Any]:
    verdict = overall(rows["verdict"].tolist())
    deciding = rows[rows["verdict"] == verdict]
    is_contradicted = deciding["reason"] == CONTRADICTED
    order = deciding.assign(is_contradicted=is_contradicted, p=deciding["p"].fillna(-1))
    row = rows.loc[order.sort_values(["is_contradicted", "p"], kind="stable").index[-1]]
    place = f"{row['dataset']}, {row['subject']}; "
    return {
        "claim": row["claim"],
        "verdict": verdict,
        "reason": row["reason"],
        "known": f"{int((rows['verdict'] != UNKNOWN).sum())} of {len(rows)}",
        **{name: row[name] for name in _NUMBERS},
        "statistic": place + row["statistic"] if verdict != UNKNOWN else "",
        "p": printed_p(row["p"]),
        "doubts": _doubts(rows),
    }


def _doubts(rows: pd.DataFrame) -> str:
    marked = rows[rows["doubts"] != ""]
    places = marked["dataset"] + ", " + marked["subject"]
    by_marks = places.groupby(marked["doubts"], sort=False).agg("; ".join)
    return "; ".join(f"{where}: {marks}" for marks, where in by_marks.items())


def claim_tests(findings: pd.DataFrame) -> pd.DataFrame:
    """Return where each claim stands in the paper and how it is tested: claim, where, test."""
    return findings[["claim", "where", "test"]].drop_duplicates(ignore_index=True)


def finding_table(findings: pd.DataFrame) -> pd.DataFrame:
    """Return every place of every claim, fit to be shown.

    Returns
    -------
    DataFrame
        claim, place, verdict, reason, reading, papers_reading, statistic, n, p (text), low, high,
        doubts.
    """
    return pd.DataFrame(
        {
            "claim": findings["claim"],
            "place": findings["dataset"] + ", " + findings["subject"],
            "verdict": findings["verdict"],
            "reason": findings["reason"],
            "reading": findings["reading"],
            "papers_reading": findings["paper"],
            **{name: findings[name] for name in _NUMBERS},
            "p": findings["p"].map(printed_p),
            "doubts": findings["doubts"],
        }
    )


def read_claims(findings: pd.DataFrame) -> str:
    """Return how many claims hold, do not, and are not yet known, and on what, as Markdown."""
    table = claim_table(findings)
    n = {
        verdict: int((table["verdict"] == verdict).sum()) for verdict in (HOLDS, DOES_NOT, UNKNOWN)
    }
    n_contradicted = int((table["reason"] == CONTRADICTED).sum())
    known = findings[findings["verdict"] != UNKNOWN]
    taught = known[known["subject"].isin(FAMILIES)]
    n_places = len(taught[["dataset", "subject"]].drop_duplicates())
    n_doubted = int((table["doubts"] != "").sum())
    doubted = f" Behind **{n_doubted}** of the claims stand rows with marks of doubt."
    return (
        f"Of {len(table)} claims of the paper **{n[HOLDS]}** hold in every place that could be "
        f"tested (a data set and a student, or a data set's teachers). **{n_contradicted}** are "
        "contradicted in at least one place: a test shows the reverse of what they say there. For "
        f"**{n[DOES_NOT] - n_contradicted}** more the runs cannot tell in at least one place: what "
        f"was found could be chance. **{n[UNKNOWN]}** could not be tested yet. Of "
        f"{len(findings)} tests, one a claim and place, {len(known)} could be made: {len(taught)} "
        f"on students, in {n_places} place{'s' * (n_places != 1)} and with at least {LEAST_ROWS} "
        f"seeds a side, and {len(known) - len(taught)} on teachers and their maps, where one "
        "teacher may be all there is. Where the paper's word needed a number (*competitive*, "
        "*nearly all*, *less overhead*), the number is ours; p values are corrected within a claim "
        f"and place, not over all of them.{doubted if n_doubted else ''}"
    )
