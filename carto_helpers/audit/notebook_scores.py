"""Ours beside the authors' notebook, by validation accuracy, which it has of every subset."""

import pandas as pd

from carto_helpers.audit.audit_scores import AMBIGUOUS, EASY
from carto_helpers.audit.audit_sources import Sources
from carto_helpers.claims.claim_cells import CHOSEN, SIZES, WHOLE
from carto_helpers.metrics import confidence_interval
from carto_helpers.paired import rank_correlation
from carto_helpers.printed_numbers import number

CELLS = ("subset", "notebook", "mean", "low", "high", "n")


def by_accuracy(sources: Sources, student: str) -> pd.DataFrame:
    """Return a student's subsets of CIFAR-10, in phases 1 and 3, that both sides have.

    Parameters
    ----------
    sources
        Of the audit.
    student
        Family.

    Returns
    -------
    DataFrame
        `CELLS`, one row a subset with two rows of ours or more: the notebook's mean validation
        accuracy (of 33 % random the second batch's; audit, point 11), our mean with its 95 %
        interval, and our number of seeds.
    """
    first, third = (sources.noted(phase, student) for phase in ("phase1", "phase3"))
    noted = {label: first[label] for label in (*CHOSEN, WHOLE)} | {x: third[x] for x in SIZES}
    lines = []
    for label, theirs in noted.items():
        ours = sources.rows("cifar10", student, label)["val_accuracy"].to_numpy(dtype=float)
        if len(ours) > 1:
            lines.append((label, theirs, *confidence_interval(ours)))
    return pd.DataFrame(lines, columns=list(CELLS))


def accuracy_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `by_accuracy` as a page shows it, its numbers as text."""
    ends = zip(found["low"], found["high"], strict=True)
    return pd.DataFrame({
        "subset": found["subset"],
        "notebook": [number(value, 3) for value in found["notebook"]],
        "ours": [number(value, 3) for value in found["mean"]],
        "95 % interval": [f"{number(low, 3)} to {number(high, 3)}" for low, high in ends],
        "holds the notebook's": ["yes" if is_in else "no" for is_in in _holds(found)],
        "n": found["n"],
    })  # fmt: skip


def _holds(found: pd.DataFrame) -> "pd.Series[bool]":
    return (found["low"] <= found["notebook"]) & (found["notebook"] <= found["high"])


def read_accuracies(found: pd.DataFrame, sources: Sources, student: str) -> str:
    """Return how near ours come to the notebook's, and how alike both order the thirds.

    Parameters
    ----------
    found
        From `by_accuracy`.
    sources, student
        Of `by_accuracy`.
    """
    thirds = found[found["subset"].isin(CHOSEN)].set_index("subset")
    if len(thirds) < len(CHOSEN):
        return f"{student}: **not run yet** with two seeds of every third."
    sizes = found[~found["subset"].isin(CHOSEN)]
    gap = (found["mean"] - found["notebook"]).abs().median()
    printed = sources.printed("table3_phase1", "cifar10", student)
    exchanged = printed | {AMBIGUOUS: printed[EASY], EASY: printed[AMBIGUOUS]}
    f1 = sources.means("cifar10", student)
    noted, ours = (thirds[name].to_dict() for name in ("notebook", "mean"))
    taus = [
        number(rank_correlation([one[x] for x in CHOSEN], [other[x] for x in CHOSEN])[0], 2)
        for one, other in ((ours, noted), (f1, printed), (f1, exchanged))
    ]
    n_thirds, n_sizes = (int(_holds(rows).sum()) for rows in (thirds, sizes))
    return (
        f"{student}: the interval of our mean holds the notebook's in {n_thirds} of {len(thirds)} "
        f"chosen thirds and {n_sizes} of {len(sizes)} other subsets (by chance alone about nine of "
        f"ten); the median distance is {gap:.3f}. How alike the chosen thirds are ordered, by "
        "Kendall's τ (1 is the same order): ours and the notebook's "
        f"**{taus[0]}**; by macro F1, ours and table 3's {taus[1]} as it is printed, and "
        f"**{taus[2]}** with ambiguous and easy-to-learn exchanged."
    )
