"""The paper's claims about teachers: rows of teachers.csv in, findings out."""

import pandas as pd

from carto_helpers.claims.verdicts import (
    CONTRADICTED,
    DOES_NOT,
    HOLDS,
    NOT_SHOWN,
    Finding,
    below,
    decide,
    unknown,
)
from carto_helpers.config import start_name
from carto_helpers.metrics import confidence_interval
from carto_helpers.paired import LEAST_ROWS, LEVEL, paired_comparison, rank_correlation
from carto_helpers.printed_numbers import number, printed_p

LEAST_MAPS = 4  # the best order of three has p = 1/6
LITTLE = 0.1  # our reading of "less overhead": this share of a teacher's time
_SETTING = [
    "dataset", "fingerprint", "network", "recipe", "split_seed", "teacher_seed", "method_version",
]  # fmt: skip


def stronger_means_easier(strengths: pd.DataFrame, dataset: str) -> Finding:
    """Test: the stronger the teacher, the more examples lie in the easy-to-learn region.

    Kendall's rank correlation over teachers, one-sided.

    Parameters
    ----------
    strengths
        From `teacher_map.strengths`.
    dataset
        Whose.
    """
    return _ordered(strengths, dataset, "easy", sign=1, what="share easy-to-learn")


def stronger_means_decisive(strengths: pd.DataFrame, dataset: str) -> Finding:
    """Test: the stronger the teacher, the fewer examples at low variability and middle confidence.

    As `stronger_means_easier`, with the sign turned.
    """
    return _ordered(strengths, dataset, "middle_left", sign=-1, what="share in the middle left")


def _ordered(
    strengths: pd.DataFrame, dataset: str, column: str, *, sign: int, what: str
) -> Finding:
    n = len(strengths)
    if n < LEAST_MAPS:
        return unknown(dataset, "teachers", f"{n} of at least {LEAST_MAPS} maps are recorded", n)
    shares = strengths[column].to_numpy(dtype=float)
    tau, p = rank_correlation(strengths["val_macro_f1"].to_numpy(dtype=float), sign * shares)
    _, p_reverse = rank_correlation(-shares * sign, strengths["val_macro_f1"].to_numpy(dtype=float))
    first, last = (strengths.iloc[i] for i in (0, -1))
    networks = ", ".join(sorted(set(strengths["network"])))
    return Finding(
        dataset=dataset,
        subject="teachers",
        verdict=HOLDS if p <= LEVEL else DOES_NOT,
        reason="" if p <= LEVEL else CONTRADICTED if p_reverse <= LEVEL else NOT_SHOWN,
        reading=(
            f"{n} maps of {networks}; {what}: {first[column]:.1%} for the strongest "
            f"({first['network']} from {first['start']}), {last[column]:.1%} for the weakest "
            f"({last['network']} from {last['start']})"
        ),
        statistic=f"Kendall's τ = {number(sign * tau, 2)}, p = {printed_p(p)} one-sided",
        n=n,
        p=p,
    )


def pretrained_wins(teachers: pd.DataFrame, dataset: str) -> Finding:
    """Test: a pre-trained teacher above the same network and recipe from scratch.

    Pairs are settings of the grid that differ in their start alone, by validation macro F1, which
    chooses. Weights of another data set count as pre-trained too; the reading tells them apart.

    Parameters
    ----------
    teachers
        Rows of teachers.csv; may be empty.
    dataset
        Whose.
    """
    here = teachers[teachers["dataset"] == dataset]
    is_scratch = here["start"] == "scratch"
    pairs = here[~is_scratch].merge(here[is_scratch], on=_SETTING, suffixes=("", "_scratch"))
    if len(pairs) < LEAST_ROWS:
        reading = f"{len(pairs)} of at least {LEAST_ROWS} pairs of one setting are recorded"
        return unknown(dataset, "teachers", reading, len(pairs))
    starts = pairs["start"].map(start_name).value_counts()
    best = here.iloc[int(here["val_macro_f1"].argmax())]
    listed = ", ".join(f"{n} from {start}" for start, n in starts.items())
    start = start_name(best["start"])
    found = paired_comparison(
        pairs["val_macro_f1"].to_numpy(dtype=float),
        pairs["val_macro_f1_scratch"].to_numpy(dtype=float),
    )
    return decide(
        {"pre-trained minus scratch": found},
        n_planned=1,
        dataset=dataset,
        subject="teachers",
        reading=f"pairs: {listed}; best of the grid: {best['network']} from {start}",
    )


def dynamics_add_little(teachers: pd.DataFrame, dataset: str) -> Finding:
    """Test: recording takes less than `LITTLE` of a teacher's time, by its 95 % interval.

    Parameters
    ----------
    teachers
        Rows of teachers.csv; may be empty.
    dataset
        Whose.
    """
    here = teachers[(teachers["dataset"] == dataset) & (teachers["seconds"] > 0)]
    shares = (here["dynamics_seconds"] / here["seconds"]).to_numpy(dtype=float)
    listed = f"{shares.min():.0%} to {shares.max():.0%} of the time" if len(shares) else ""
    if len(shares) < LEAST_ROWS:
        reading = f"{len(shares)} of at least {LEAST_ROWS} teachers are recorded"
        reading += f" ({listed})" if listed else ""
        return unknown(dataset, "teachers", reading, len(shares))
    return below(
        confidence_interval(shares),
        LITTLE,
        what="mean share",
        dataset=dataset,
        subject="teachers",
        reading=listed,
    )
