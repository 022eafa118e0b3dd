"""How much of a rule's score is the draw among its ties: its subset with ties drawn anew.

Where a statistic takes few values, many examples share the score of the last one taken, and a
subset holds the first of them in the split's order. Other draws among the same ties are subsets of
one's own in the record; they are told apart by being made again.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float, Int64

from carto_helpers.config import SubsetSpec
from carto_helpers.findings.teacher_map import TeacherMap
from carto_helpers.own_subsets import own_rule
from carto_helpers.paired import Paired, paired_comparison
from carto_helpers.printed_numbers import interval_column, signed, signed_interval
from carto_helpers.selection import select

RULE, FRACTION = "high-correctness", 0.33
DRAWS = (1, 2, 3)  # beside the split's own order
FIRST = "the first in the split's order"


def redrawn(
    statistics: Mapping[str, Float[np.ndarray, " N"]], spec: SubsetSpec, *, draw: int
) -> Int64[np.ndarray, " n"]:
    """Return what a rule chooses when ties go to the first in a shuffled order.

    Parameters
    ----------
    statistics
        The four scores by name, each (N,).
    spec
        A rule that ranks, and a fraction.
    draw
        Seed of the order, at least 0.

    Returns
    -------
    ndarray
        Sorted unique positions, (n,): as `selection.select` but for ties.

    Examples
    --------
    >>> spec = SubsetSpec(rule="high-correctness", fraction=0.5)
    >>> redrawn({"correctness": np.array([1.0, 1.0, 0.2, 1.0])}, spec, draw=1)
    array([0, 1])
    """
    order = np.random.default_rng(draw).permutation(len(next(iter(statistics.values()))))
    chosen = select(spec, {name: score[order] for name, score in statistics.items()}, seed=0)
    return np.sort(order[chosen])


def draw_rules(found: TeacherMap) -> dict[str, str]:
    """Return under which rule the record keeps the subset of each draw, by the draw's name."""
    spec = SubsetSpec(rule=RULE, fraction=FRACTION)
    rules = {FIRST: RULE}
    for draw in DRAWS:
        positions = redrawn(found.statistics, spec, draw=draw)
        rules[f"draw {draw}"] = own_rule(np.sort(found.record.index[positions]))
    return rules


def by_draw(
    found: TeacherMap, students: pd.DataFrame, *, score: str = "test_macro_f1"
) -> pd.DataFrame:
    """Return the scores of every draw among the ties, seed by seed.

    Parameters
    ----------
    found
        The map of the teacher that the students learnt from.
    students
        Rows of one student and that teacher: rule, fraction, student_seed and the score.
    score
        Column, in [0, 1].

    Returns
    -------
    DataFrame
        One row a seed that the random subset and the rule's have: these two and each draw that
        has all of them, by its name; empty if no draw has.
    """
    of_size = students[students["fraction"] == FRACTION]
    rules = {"random": "random", **draw_rules(found)}
    scores = {
        name: of_size[of_size["rule"] == rule].set_index("student_seed")[score]
        for name, rule in rules.items()
    }
    table = pd.DataFrame(scores)
    both = table[["random", FIRST]].dropna().index
    whole = table.loc[both].dropna(axis=1)  # draws that lack a seed wait
    return whole if {"random", FIRST} < set(whole) else whole.iloc[:0]


def draw_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return `by_draw` for a page: each draw's mean, and what it exceeds the random subset by."""
    if len(scores) < 2:
        return pd.DataFrame()
    draws = scores.columns.drop("random")
    found = [paired_comparison(*scores[[name, "random"]].to_numpy().T) for name in draws]
    gains = pd.DataFrame(found, columns=list(Paired._fields))
    return pd.DataFrame({
        "ties go to": draws,
        "macro F1": [f"{scores[name].mean():.3f}" for name in draws],
        "minus random": gains["difference"].map(signed),
        "95 % interval": interval_column(gains),
        "n": len(scores),
    })  # fmt: skip


def read_draws(scores: pd.DataFrame) -> str:
    """Return whether the lead over the random subset outlasts other draws, as Markdown."""
    if len(scores) < 2:
        return "**Not run yet**: `python -m studies.tie_draws` does."
    drawn = scores[[name for name in scores if name not in ("random", FIRST)]]
    means = drawn.mean()
    gain = paired_comparison(drawn.mean(axis=1).to_numpy(), scores["random"].to_numpy())
    first = scores[FIRST].mean()
    return (
        f"The mean macro F1 of {len(means)} other draws among the ties lies between "
        f"{means.min():.3f} and {means.max():.3f}, that of the split's own order is {first:.3f}. "
        f"Their mean exceeds the random subset's by **{signed(gain.difference)}** "
        f"({signed_interval(gain.low, gain.high)}, paired over {len(scores)} seeds)."
    )
