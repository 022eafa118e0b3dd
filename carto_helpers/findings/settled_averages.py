"""Running averages of batch normalisation after few steps: the same students with settled ones."""

from pathlib import Path

import pandas as pd

from carto_helpers.findings.kept_rows import kept_rows
from carto_helpers.paired import paired_or_single
from carto_helpers.printed_numbers import interval_column, signed, signed_interval

FILE = "settled_averages.csv"  # of a results folder
COLUMNS = (
    "key", "network", "fraction", "seed", "n_train", "steps", "momentum", "test_macro_f1",
    "settled_macro_f1",
)  # fmt: skip
SETTLED = ("network", "fraction", "steps", "unsettled", "scored", "settled", "difference", "low",
    "high", "n")  # fmt: skip


def recorded(folder: Path) -> pd.DataFrame:
    """Return the study's rows in a results folder, `COLUMNS` and others; none if not run."""
    return kept_rows(folder / FILE, COLUMNS)


def by_size(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what settled averages change, one row a network and size.

    Parameters
    ----------
    rows
        From `recorded`.

    Returns
    -------
    DataFrame
        `SETTLED`: the steps that the students were trained; `unsettled`, the share of the averages
        that is still what they began with, (1 - momentum) to the power of the steps; the mean
        macro F1 on the test set as `scored` and with averages over the student's own training
        images, the difference with its 95 % interval, paired over `n` seeds. The interval is NaN
        for one seed.
    """
    lines = []
    for (network, fraction), group in rows.groupby(["network", "fraction"]):
        before, after = (group[name].to_numpy() for name in ("test_macro_f1", "settled_macro_f1"))
        found = paired_or_single(after, before)
        steps, momentum = group["steps"].iloc[0], group["momentum"].iloc[0]
        facts = network, fraction, steps, (1 - momentum) ** steps
        lines.append((*facts, before.mean(), after.mean(), *found[:3], len(group)))
    return pd.DataFrame(lines, columns=list(SETTLED))


def settled_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `by_size` as a page shows it, its numbers as text."""
    return pd.DataFrame({
        "student": found["network"],
        "of the split": [f"{fraction:.0%}" for fraction in found["fraction"]],
        "steps": found["steps"],
        "not settled": [f"{share:.1%}" for share in found["unsettled"].astype(float)],
        "macro F1 as scored": found["scored"],
        "with settled averages": found["settled"],
        "difference": found["difference"].map(signed),
        "95 % interval": interval_column(found),
        "n": found["n"],
    })  # fmt: skip


def read_settled(found: pd.DataFrame) -> str:
    """Return what settled averages change, a sentence a size, as Markdown."""
    if found.empty:
        return "**Not run yet**: `python -m studies.settled_averages` does."
    told = [
        f"On {row['fraction']:.0%} of the split, after {row['steps']} steps, "
        f"{row['unsettled']:.1%} of the averages is what they began with; the macro F1 is "
        f"{row['scored']:.3f} as scored and **{row['settled']:.3f}** with settled ones "
        f"(difference {signed_interval(row['low'], row['high']) or 'of one seed'})."
        for row in found.to_dict("records")
    ]
    return " ".join(told)
