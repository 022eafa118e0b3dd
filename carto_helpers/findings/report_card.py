"""A report card of every subset: its classes, its overlaps, what the teacher makes of it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int64

from carto_helpers.config import SubsetSpec
from carto_helpers.findings.teacher_map import TeacherMap
from carto_helpers.selection import PHASE1_RULES, RANKINGS, scaled_mixes, select

Subsets = Mapping[str, Int64[np.ndarray, " n"]]


def ranked_subsets(
    found: TeacherMap, *, fraction: float = 0.33, seed: int = 0
) -> dict[str, Int64[np.ndarray, " n"]]:
    """Return the subsets of table 3 by their label, as positions in the training split.

    Parameters
    ----------
    found
        The teacher's map.
    fraction
        Size of each, in (0, 1].
    seed
        Of the random one.
    """
    specs = [SubsetSpec(rule=rule, fraction=fraction) for rule in PHASE1_RULES]
    return {spec.label(): select(spec, found.statistics, seed=seed) for spec in specs}


def mixed_subsets(
    found: TeacherMap, *, fraction: float = 0.33, seed: int = 0
) -> dict[str, Int64[np.ndarray, " n"]]:
    """Return a random subset and the mixes of table 4 by their label; as `ranked_subsets`."""
    specs = [SubsetSpec(rule="random", fraction=fraction), *scaled_mixes(fraction)]
    return {spec.label(): select(spec, found.statistics, seed=seed) for spec in specs}


def random_subsets(
    found: TeacherMap, fractions: Sequence[float], *, seed: int = 0
) -> dict[str, Int64[np.ndarray, " n"]]:
    """Return the random subsets of table 5 by their label; as `ranked_subsets`.

    Parameters
    ----------
    found
        The teacher's map.
    fractions
        Sizes, in (0, 1]; 1 is the whole split.
    seed
        Of all of them.
    """
    specs = [
        SubsetSpec(rule="random" if fraction < 1 else "all", fraction=fraction)
        for fraction in fractions
    ]
    return {spec.label(): select(spec, found.statistics, seed=seed) for spec in specs}


def report_card(found: TeacherMap, subsets: Subsets) -> pd.DataFrame:
    """Return one row a subset: size, classes, nearest other subset, the teacher on it.

    Parameters
    ----------
    found
        The map of the teacher that students learn from.
    subsets
        Positions by label, at least one, none empty.

    Returns
    -------
    DataFrame
        subset; size; fewest and most, images of its smallest and largest class; twin, the other
        subset that holds most of it, and twin_share, how much; accuracy, the share that
        the teacher has right after its last epoch; entropy, the mean of its soft labels in nats,
        NaN where the record keeps no logits.

    Raises
    ------
    ValueError
        If there is no subset, or one is empty.
    """
    _check(subsets)
    shared = overlaps(subsets)
    is_right = found.record.is_right[:, -1]
    entropy = np.full(found.n, np.nan) if found.soft is None else found.entropy()
    rows = []
    for name, positions in subsets.items():
        counts = np.bincount(found.record.labels[positions], minlength=len(found.record.classes))
        others = shared.loc[[name]].drop(columns=name).iloc[0]
        rows.append({
            "subset": name,
            "size": len(positions),
            "fewest": int(counts.min()),
            "most": int(counts.max()),
            "twin": str(others.idxmax()) if len(others) else "",
            "twin_share": float(others.to_numpy().max()) if len(others) else np.nan,
            "accuracy": float(is_right[positions].mean()),
            "entropy": float(entropy[positions].mean()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def read_card(card: pd.DataFrame) -> str:
    """Return the card's extremes, as Markdown.

    Parameters
    ----------
    card
        From `report_card`.
    """
    least, largest = card.loc[card["fewest"].argmin()], card.loc[card["most"].argmax()]
    text = (
        f"The smallest class of a subset is that of {least['subset']}, "
        f"**{least['fewest']:,}** images, the largest that of {largest['subset']}, "
        f"**{largest['most']:,}**."
    )
    low, high = card.loc[card["accuracy"].argmin()], card.loc[card["accuracy"].argmax()]
    text = (
        f"{text} The teacher ends right on {low['accuracy']:.1%} ({low['subset']}) to "
        f"{high['accuracy']:.1%} ({high['subset']})"
    )
    if card["entropy"].isna().any():
        return f"{text}."
    return (
        f"{text}; the mean entropy of its soft labels lies between {card['entropy'].min():.3f} and "
        f"{card['entropy'].max():.3f} nats."
    )


def ties(found: TeacherMap, *, fraction: float = 0.33) -> pd.DataFrame:
    """Return how much of the subsets that rank by a statistic is decided by ties.

    Parameters
    ----------
    found
        The map of the teacher that students learn from.
    fraction
        Size of each, in (0, 1].

    Returns
    -------
    DataFrame
        One row a rule of `selection.RANKINGS`: rule; n_equal, the examples whose score is that of
        the last one taken, if some of them are left out, else 0; share, the part of the subset
        that is taken from among these.
    """
    rows = []
    for rule in RANKINGS:
        score = found.statistics[rule.partition("-")[2]]
        is_in = np.zeros(found.n, dtype=bool)
        is_in[found.subset(rule, fraction=fraction)] = True
        is_tied = is_in & np.isin(score, score[~is_in])
        n_equal = int(np.isin(score, score[is_tied]).sum())
        share = float(is_tied.sum() / is_in.sum())
        rows.append({"rule": rule, "n_equal": n_equal, "share": share})
    return pd.DataFrame(rows)


def read_ties(tied: pd.DataFrame, *, least: float = 0.01) -> str:
    """Return which rules leave at least this share of their subset to ties, as Markdown."""
    shown = tied[tied["share"] >= least].sort_values("share", ascending=False, kind="stable")
    if shown.empty:
        return f"Ties decide less than {least:.0%} of each subset that ranks by a statistic."
    listed = ", ".join(
        f"{row['share']:.0%} of {row['rule']} (from {row['n_equal']:,} images of one score)"
        for row in shown.to_dict("records")
    )
    return (
        f"Ties fill {listed}. Of equal images the first in the split's shuffled order are "
        "taken, the same ones for every student: no interval covers this draw."
    )


def overlaps(subsets: Subsets) -> pd.DataFrame:
    """Return the share of each subset (row) that another one (column) holds too, in [0, 1].

    Examples
    --------
    >>> print(overlaps({"a": np.array([0, 1]), "b": np.array([1, 2, 3, 4])}).loc["a", "b"])
    0.5
    """
    _check(subsets)
    top = 1 + max(int(positions.max()) for positions in subsets.values())
    is_in = np.zeros((len(subsets), top), dtype=np.float32)
    for row, positions in zip(is_in, subsets.values(), strict=True):
        row[positions] = 1
    common = (is_in @ is_in.T).astype(np.float64)  # counts below 2^24 are exact
    names = list(subsets)
    return pd.DataFrame(common / is_in.sum(axis=1, keepdims=True), index=names, columns=names)


def class_counts(found: TeacherMap, subsets: Subsets) -> pd.DataFrame:
    """Return how many images of each class (column) every subset (row) holds."""
    _check(subsets)
    classes = found.record.classes
    counts = [
        np.bincount(found.record.labels[positions], minlength=len(classes))
        for positions in subsets.values()
    ]
    return pd.DataFrame(counts, index=list(subsets), columns=list(classes))


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table by subset fit for a narrow page: rows numbered, overlaps in percent.

    A square table of overlaps has its columns named by the rows' numbers. Of more than 20 classes
    the 20 whose counts differ most between subsets are kept.
    """
    if list(table.index) == list(table.columns):
        shown = (100 * table).round().astype(int)
        shown.columns = pd.Index([str(i) for i in range(1, 1 + len(table))])
    else:
        spread = table.max() - table.min()
        keep = spread.sort_values(ascending=False, kind="stable").index[:20]
        shown = table[[name for name in table if name in keep]]
    rows = shown.reset_index(names="subset")
    rows.insert(0, "no.", range(1, 1 + len(rows)))
    return rows


def _check(subsets: Subsets) -> None:
    if not subsets or any(not len(positions) for positions in subsets.values()):
        sizes = {name: len(positions) for name, positions in subsets.items()}
        raise ValueError(
            f"`subsets` must hold at least one and none empty, got {sizes}; "
            "pass positions by label, e.g. from `ranked_subsets`"
        )
