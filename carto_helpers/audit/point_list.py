"""The audit: where the paper disagrees with itself, its data or its code, in numbers.

Each point is computed from the paper's tables, the authors' notebook and our rows. Most look like
slips of a hand or of a copied cell, as every table of this kind has; none is more than a question
until it is checked.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from carto_helpers.audit import (
    audit_claims,
    audit_details,
    audit_runs,
    audit_scores,
    audit_stopping,
)
from carto_helpers.audit.audit_sources import Point, Sources
from carto_helpers.records import Results

POINTS: tuple[Callable[[Sources], Point], ...] = (
    audit_scores.swapped_rows,
    audit_scores.validation_accuracies,
    audit_runs.seeds,
    audit_scores.two_tables,
    audit_runs.starts,
    audit_runs.missing_cells,
    audit_details.worked_example,
    audit_scores.small_sizes,
    audit_details.parameter_count,
    audit_runs.runs_behind_means,
    audit_scores.first_batch,
    audit_claims.median_on_mnist,
    audit_claims.bold_marks,
    audit_details.balanced_classes,
    audit_details.no_truck,
    audit_scores.above_half,
    audit_stopping.stopping,
    audit_stopping.running_score,
)


def audit(results: Results, paper: Path | None = None) -> dict[int, Point]:
    """Return every point by its number.

    Parameters
    ----------
    results
        The record; a point for which it has no rows says so.
    paper
        Folder of the paper's tables; default: the repository's.
    """
    sources = Sources(results, paper)
    return {point.number: point for point in (make(sources) for make in POINTS)}


def point_table(points: dict[int, Point]) -> pd.DataFrame:
    """Return one row a point: number, title, and what the paper's numbers give."""
    return pd.DataFrame(
        [
            {"number": str(n), "point": point.title, "reading": point.reading}
            for n, point in points.items()
        ]
    )
