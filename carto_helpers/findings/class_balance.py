"""Is it the classes or the images? Subsets that differ from a rule's in one of the two.

A rule's subset may hold many images of one class and few of another. Two more subsets of its size
tell what that does to a student: one with the rule's class counts, whose images are drawn at random
within each class, and one for which the rule chooses within each class, so that the classes keep
their shares.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Int64

from carto_helpers.config import PhaseConfig, SubsetSpec, start_name
from carto_helpers.findings.chosen_rows import (
    from_papers_start,
    most_taught,
    paper_students,
    paper_teachers,
)
from carto_helpers.findings.kept_rows import kept_rows
from carto_helpers.paired import paired_comparison
from carto_helpers.printed_numbers import signed, signed_interval
from carto_helpers.records import Results
from carto_helpers.selection import PHASE1_RULES, random_subset, select

ARMS = ("class counts of the rule, images at random", "the rule within each class")
COLUMNS = ("rule", "arm", "seed", "teacher_key", "dynamics_sha256", "test_macro_f1")
_WORDS = {
    "classes": "its class counts alone, with images at random, change a random subset's score by",
    "images": "its choice within the classes changes that by",
    "classes mended": "choosing within each class changes the rule's own score by",
    "against random": "which then lies above the random subset's by",
}


def matched_random(
    labels: Int[np.ndarray, " N"], positions: Int64[np.ndarray, " n"], *, seed: int
) -> Int64[np.ndarray, " n"]:
    """Return positions drawn at random that hold as many images of each class as `positions`.

    Parameters
    ----------
    labels
        Gold labels of the training split, (N,).
    positions
        The rule's subset, (n,).
    seed
        Of the draw.

    Returns
    -------
    ndarray
        Sorted unique positions, (n,).

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 1, 1, 1])
    >>> labels[matched_random(labels, np.array([0, 1, 3]), seed=0)]
    array([0, 0, 1])
    """
    counts = np.bincount(labels[positions], minlength=int(labels.max()) + 1)

    def choose(of_class: Int64[np.ndarray, " m"], k: int) -> Int64[np.ndarray, " n"]:
        return random_subset(len(of_class), int(counts[k]), seed) if counts[k] else of_class[:0]

    return _by_class(labels, choose)


def rule_by_class(
    labels: Int[np.ndarray, " N"],
    statistics: Mapping[str, Float[np.ndarray, " N"]],
    spec: SubsetSpec,
) -> Int64[np.ndarray, " n"]:
    """Return what a rule chooses within each class, the same fraction of every class.

    Parameters
    ----------
    labels
        Gold labels of the training split, (N,).
    statistics
        The four scores by name, each (N,).
    spec
        Rule and fraction; no rule that draws.

    Returns
    -------
    ndarray
        Sorted unique positions, (n,); n is the fraction of each class, rounded class by class.

    Raises
    ------
    ValueError
        If the rule draws: it keeps the classes' shares by itself.

    Examples
    --------
    >>> labels, score = np.array([0, 0, 1, 1]), np.array([0.9, 0.8, 0.1, 0.2])
    >>> spec = SubsetSpec(rule="high-confidence", fraction=0.5)
    >>> rule_by_class(labels, {"confidence": score}, spec)
    array([0, 3])
    """
    if spec.is_seeded:
        raise ValueError(f"expected a rule that ranks, got {spec.rule!r}; pass one of table 3's")

    def choose(of_class: Int64[np.ndarray, " m"], _: int) -> Int64[np.ndarray, " n"]:
        return select(spec, {name: s[of_class] for name, s in statistics.items()}, seed=0)

    return _by_class(labels, choose)


def _by_class(
    labels: Int[np.ndarray, " N"],
    choose: Callable[[Int64[np.ndarray, " m"], int], Int64[np.ndarray, " n"]],
) -> Int64[np.ndarray, " n"]:
    """Return the sorted positions of what `choose` takes of each class's positions."""
    places = [(np.flatnonzero(labels == k), int(k)) for k in np.unique(labels)]
    return np.sort(np.concatenate([of_class[choose(of_class, k)] for of_class, k in places]))


def class_effects(
    studied: pd.DataFrame, students: pd.DataFrame, *, score: str = "test_macro_f1"
) -> pd.DataFrame:
    """Return what a rule's classes cost its students, and what its images do, over paired seeds.

    Parameters
    ----------
    studied
        Rows of the study: rule, arm (one of `ARMS`), seed and the score.
    students
        Rows of phase 1 of the same teacher and student: rule, student_seed and the score; the
        rule "random" among them.
    score
        Column, in [0, 1].

    Returns
    -------
    DataFrame
        One row a rule and effect: rule, effect, difference, low and high (95 %, fractions), n.
        "classes" is the random subset with the rule's class counts less the random one, "images"
        the rule's less that; "classes mended" the rule within each class less the rule, and
        "against random" less the random subset. An effect with fewer than two shared seeds is
        left out.
    """
    columns = ["arm", "rule", "seed", score]
    ours = students.rename(columns={"student_seed": "seed"}).assign(arm="")
    types = {"seed": int, score: float}  # an empty table has none of its own
    both = pd.concat([studied[columns].astype(types), ours[columns].astype(types)])
    rows = both.groupby(["arm", "rule"])
    seeds = {(arm, rule): group.set_index("seed")[score] for (arm, rule), group in rows}
    nothing = pd.Series(dtype=float)
    matched, within = ARMS
    pairs = [
        (rule, effect, seeds.get(first, nothing), seeds.get(second, nothing))
        for rule in dict.fromkeys(studied["rule"])
        for effect, first, second in (
            ("classes", (matched, rule), ("", "random")),
            ("images", ("", rule), (matched, rule)),
            ("classes mended", (within, rule), ("", rule)),
            ("against random", (within, rule), ("", "random")),
        )
    ]
    return pd.DataFrame(
        [
            {"rule": rule, "effect": effect, **_paired(first, second)}
            for rule, effect, first, second in pairs
            if len(first.index.intersection(second.index)) > 1
        ]
    )


def _paired(first: "pd.Series[float]", second: "pd.Series[float]") -> dict[str, float]:
    both = pd.concat([first, second], axis=1, join="inner").to_numpy()
    found = paired_comparison(both[:, 0], both[:, 1])
    return {"difference": found.difference, "low": found.low, "high": found.high, "n": found.n}


def mean_scores(
    studied: pd.DataFrame, students: pd.DataFrame, *, score: str = "test_macro_f1"
) -> pd.DataFrame:
    """Return the mean scores of each rule's four subsets over the study's seeds.

    Returns
    -------
    DataFrame
        One row a rule: rule, random, the rule, and the two of `ARMS`; NaN where nothing is run.
    """
    means = studied.groupby(["rule", "arm"])[score].mean().unstack().reindex(columns=list(ARMS))
    paired = students[students["student_seed"].isin(studied["seed"])]
    own = paired.groupby("rule")[score].mean()
    means.insert(0, "random", own.get("random", np.nan))
    means.insert(1, "the rule", own.reindex(means.index))
    return means.rename_axis(columns=None).reset_index()


class Compared(NamedTuple):
    """The study's rows of one teacher, its students of phase 1, and the start of the teacher."""

    studied: pd.DataFrame
    students: pd.DataFrame
    start: str


def compared(results: Results) -> Compared:
    """Return the study and the students that its are compared with; empty frames if not run.

    Of several studied teachers it is the one that most students have learnt from. The students are
    MobileNet's on a third of CIFAR-10, by a rule of phase 1 and that teacher's dynamics or at
    random; mixes and other sizes are not among them.
    """
    studied, students = recorded(results.folder), paper_students(results)
    teachers = paper_teachers(results)
    one = most_taught(teachers[teachers["key"].isin(studied["teacher_key"])], students)[:1]
    source = ["teacher_key", "dynamics_sha256"]
    same = one.rename(columns={"key": "teacher_key"})[source]
    rows = from_papers_start(students.merge(same, on=source))
    is_here = (rows["dataset"] == "cifar10") & (rows["student"] == "mobilenet")
    is_phase1 = (rows["fraction"] == PhaseConfig().fraction) & rows["rule"].isin(PHASE1_RULES)
    start = "" if one.empty else start_name(one["start"].iloc[0])
    return Compared(studied.merge(same, on=source), rows[is_here & is_phase1], start)


def recorded(folder: Path) -> pd.DataFrame:
    """Return the rows of the study in a results folder: `COLUMNS` and others; none if not run."""
    return kept_rows(folder / "class_balance.csv", COLUMNS)


def read_effects(effects: pd.DataFrame, *, start: str) -> str:
    """Return what `class_effects` found, a line a rule, as Markdown; `start` is the teacher's."""
    if effects.empty:
        return "**Not run yet**: `python -m studies.class_balance` does."
    lines = []
    for rule, group in effects.groupby("rule", sort=False):
        said = ", ".join(
            f"{_WORDS[row['effect']]} {_signed(row)}" for row in group.to_dict("records")
        )
        lines.append(f"* **{rule}** (n = {group['n'].min()}): {said}.")
    return f"All learnt from the teacher from {start}.\n\n" + "\n".join(lines)


def mended_table(effects: pd.DataFrame) -> pd.DataFrame:
    """Return what choosing within each class changes, as text; empty if no rule was tried so.

    Parameters
    ----------
    effects
        From `class_effects`.

    Returns
    -------
    DataFrame
        Each rule, by how much its student's score changes when it chooses within each class, and
        by how much that then differs from the random subset's (95 % intervals, n seeds; "–" where
        nothing is run); the highest first.
    """
    columns = {"classes mended": "change", "against random": "then, minus random"}
    rows = effects[effects["effect"].isin(list(columns))] if len(effects) else effects
    if rows.empty:
        return pd.DataFrame(columns=["rule", *columns.values()])
    told = rows.assign(said=[f"{_signed(row)}, n = {row['n']}" for row in rows.to_dict("records")])
    table = told.pivot(index="rule", columns="effect", values="said").reindex(columns=list(columns))
    order = rows[rows["effect"] == "against random"].set_index("rule")["difference"]
    ranked = table.loc[order.reindex(table.index).sort_values(ascending=False).index]
    return ranked.fillna("–").rename(columns=columns).rename_axis(columns=None).reset_index()


def _signed(row: Mapping[Any, Any]) -> str:
    return f"**{signed(row['difference'])}** ({signed_interval(row['low'], row['high'])})"
