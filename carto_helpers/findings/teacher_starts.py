"""Teachers that began with other weights: what that does to their subsets and their students."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from carto_helpers.comparison import learning_rate, published_scores
from carto_helpers.config import PhaseConfig, start_name
from carto_helpers.findings.chosen_rows import (
    chosen_teachers,
    from_papers_start,
    most_taught,
    paper_students,
    paper_teachers,
)
from carto_helpers.findings.teacher_map import TeacherMap, recorded_maps, teacher_map
from carto_helpers.paired import LEAST_ROWS, LEVEL, holm, paired_or_single, rank_correlation
from carto_helpers.printed_numbers import interval_column, printed_p, signed, signed_interval
from carto_helpers.records import Results
from carto_helpers.selection import PHASE1_RULES

_FRACTION = PhaseConfig().fraction
_SUSPECTED = ("ambiguous", "easy-to-learn")  # rows of table 3 that may be exchanged (audit)
STARTS = (
    "key", "start", "learning_rate", "val_macro_f1", "test_macro_f1", "right_first", "right_last",
    "n_students",
)  # fmt: skip
CONTRAST = (
    "start", "rule", "shared", "ours_right", "other_right", "paper", "ours", "ours_gain", "other",
    "other_gain", "low", "high", "p", "n",
)  # fmt: skip


def starts(results: Results, dataset: str, student: str) -> pd.DataFrame:
    """Return the teachers of the chosen one's network and images, one of each start.

    Parameters
    ----------
    results
        The record.
    dataset
        One of the paper's.
    student
        Family or timm name.

    Returns
    -------
    DataFrame
        `STARTS`, one row a start: first the teacher whose students the tables show, then of each
        other start the one that most such students have learnt from, of equals the best by macro
        F1 on the validation split. `right_first` and `right_last` are the shares of the training
        split that it got right after its first and its last epoch. Teachers without recorded
        dynamics are left out; none is left if the first is without.
    """
    chosen = chosen_teachers(results)
    chosen = chosen[chosen["dataset"] == dataset]
    rows = most_taught(paper_teachers(results), _students(results, dataset, student))
    rows = rows[
        rows["key"].isin(recorded_maps(results, dataset))
        & rows["network"].isin(chosen["network"])
        & rows["fingerprint"].isin(chosen["fingerprint"])
    ]
    rows = rows.assign(
        start=rows["start"].map(start_name),
        learning_rate=rows["recipe"].map(learning_rate),
        is_chosen=rows["key"].isin(chosen["key"]),
    )
    chosen_first = rows.sort_values("is_chosen", ascending=False, kind="stable")
    best = chosen_first.drop_duplicates("start").reset_index(drop=True)
    if not best["is_chosen"].any():
        best = best[:0]
    right = [results.dynamics(key).is_right.mean(axis=0) for key in best["key"]]
    best["right_first"] = [float(shares[0]) for shares in right]
    best["right_last"] = [float(shares[-1]) for shares in right]
    return best[list(STARTS)]


def contrast(
    results: Results,
    dataset: str,
    student: str,
    published: pd.DataFrame,
    *,
    score: str = "test_macro_f1",
) -> pd.DataFrame:
    """Return what the subsets of phase 1 become when the teacher began with other weights.

    Parameters
    ----------
    results
        The record.
    dataset
        One of the paper's.
    student
        Family or timm name.
    published
        The paper's table 3, as `records.published` gives it.
    score
        Column of students.csv, in [0, 1].

    Returns
    -------
    DataFrame
        `CONTRAST`: for every start after the first of `starts` one row a rule. `shared` is the
        share of the first teacher's subset that this one's holds too (of the random one all);
        `ours_right` and `other_right` on what share of its own subset each teacher ends right;
        `paper` is what the paper prints; `ours` and `other` are the mean scores of the first
        teacher's students and of this one's, `ours_gain` and `other_gain` what they exceed the
        same teacher's random subset by, `low` and `high` the 95 % interval of the latter, paired
        over seeds, and `p` of its paired t test, corrected for the number of rules
        (`paired.holm`); all over the `n` seeds for which the four are run. NaN where there are
        too few.
    """
    found, lines = starts(results, dataset, student), []
    students = _students(results, dataset, student)
    students = students[students["fraction"] == _FRACTION]
    cells = published_scores(published)
    cells = cells[(cells["dataset"] == dataset) & (cells["student"] == student)]
    paper = dict(zip(cells["rule"], cells["paper"], strict=True))
    for _, other in found.iloc[1:].iterrows():
        keys = [found["key"].iloc[0], other["key"]]
        maps = [teacher_map(results, key) for key in keys]
        for rule in PHASE1_RULES:
            chosen = _subsets(maps, rule)
            four = pd.concat(
                [_by_seed(students, key, of, score) for of in (rule, "random") for key in keys],
                axis=1,
                join="inner",
            )
            scored = _scores(four.to_numpy(), paired=rule != "random")
            lines.append(
                (other["start"], rule, *chosen, paper.get(rule, np.nan), *scored, len(four))
            )
    table = pd.DataFrame(lines, columns=list(CONTRAST))
    tested = table["p"].notna()
    for _, rows in table[tested].groupby("start"):
        table.loc[rows.index, "p"] = holm(rows["p"].tolist(), len(PHASE1_RULES) - 1)
    return table


def _subsets(maps: Sequence[TeacherMap], rule: str) -> tuple[float, ...]:
    """Return what share both subsets hold, and on what share of its own each teacher ends right."""
    right = [
        float(one.record.is_right[one.subset(rule, fraction=_FRACTION), -1].mean()) for one in maps
    ]
    return maps[0].shared(maps[1], rule, fraction=_FRACTION), *right


def _scores(four: Float[np.ndarray, "n 4"], *, paired: bool) -> tuple[float, ...]:
    """Return the columns `ours` to `p`, from the two scores and those of the random subsets."""
    ours, other, *random = (four.mean(axis=0) if len(four) else np.full(4, np.nan)).tolist()
    low = high = p = float("nan")
    if paired and len(four):
        _, low, high, _, n, p, _ = paired_or_single(four[:, 1], four[:, 3])
        p = p if n >= LEAST_ROWS else float("nan")
    return ours, ours - random[0], other, other - random[1], low, high, p


def _students(results: Results, dataset: str, student: str) -> pd.DataFrame:
    """Return the rows of a student from the paper's start, of the method's latest version."""
    rows = paper_students(results)
    rows = rows[(rows["dataset"] == dataset) & (rows["student"] == student)]
    return from_papers_start(rows[rows["method_version"] == rows["method_version"].max()])


def _by_seed(students: pd.DataFrame, key: str, rule: str, score: str) -> "pd.Series[float]":
    rows = students[(students["teacher_key"] == key) & (students["rule"] == rule)]
    return rows.set_index("student_seed")[score]


def start_table(teachers: pd.DataFrame) -> pd.DataFrame:
    """Return `starts` for a page; `n_students` counts those of the student that was asked for."""
    names = {
        "learning_rate": "learning rate",
        "val_macro_f1": "validation macro F1",
        "test_macro_f1": "test macro F1",
        "right_first": "right after epoch 1",
        "right_last": "right after the last",
        "n_students": "its students",
    }
    return teachers.drop(columns="key").rename(columns=names)


def subset_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return the part of `contrast` that needs no student, for a page."""
    shown = found[["start", "rule", "shared", "ours_right", "other_right"]]
    names = {"ours_right": "first ends right", "other_right": "other ends right"}
    return shown.rename(columns=names)


def score_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return the part of `contrast` that students fill, for a page: rows with `n` above 0."""
    run = found[found["n"] > 0]
    shown = run[["rule", "paper", "ours", "ours_gain", "other", "other_gain"]].assign(
        ours_gain=_gains(run, "ours_gain"), other_gain=_gains(run, "other_gain"),
        interval=interval_column(run), p=run["p"].map(printed_p), n=run["n"],
    )  # fmt: skip
    names = {
        "ours": "first",
        "ours_gain": "first − random",
        "other_gain": "other − random",
        "interval": "95 % of other − random",
    }
    return shown.rename(columns=names)


def _gains(run: pd.DataFrame, column: str) -> list[str]:
    """Return differences from the random subset as text, "–" for its own."""
    return [
        "–" if rule == "random" else signed(gain)
        for rule, gain in zip(run["rule"], run[column], strict=True)
    ]


def read_contrast(found: pd.DataFrame, teachers: pd.DataFrame) -> str:
    """Return how many subsets beat the random one under either teacher, as Markdown.

    Parameters
    ----------
    found
        From `contrast`.
    teachers
        From `starts`.
    """
    run = found[(found["n"] > 0) & (found["rule"] != "random")]
    if run.empty:
        return _nothing_to_compare(n_students=int(teachers["n_students"].iloc[1:].sum()))
    return "\n".join(_read_start(rows, teachers) for _, rows in run.groupby("start", sort=False))


def _nothing_to_compare(*, n_students: int) -> str:
    if n_students:
        return (
            f"**Not run yet**: {n_students} students learnt from a teacher with another start, but "
            "none on a subset, and on the random one, with a seed that the first one's have, too."
        )
    return "**Not run yet**: no student has learnt from a teacher with another start."


def _read_start(rows: pd.DataFrame, teachers: pd.DataFrame) -> str:
    first = teachers.iloc[0]
    other = teachers[teachers["start"] == rows["start"].iloc[0]].iloc[0]
    ours, theirs = (int((rows[name] > 0).sum()) for name in ("ours_gain", "other_gain"))
    best = rows.iloc[int(rows["other_gain"].argmax())]
    said = (
        f"- **{theirs} of {len(rows)}** subsets score above random with the teacher from "
        f"{other['start']}, against {ours} with the one from {first['start']} "
        f"({_seeds(rows['n'])}). The best, {best['rule']}, differs from random by "
        f"{signed(best['other_gain'])}"
    )
    if not np.isnan(best["low"]):
        said += f" (95 %: {signed_interval(best['low'], best['high'])})"
    return (
        f"{said}.{_read_tests(rows)} On the validation split the two teachers' macro F1 is "
        f"{other['val_macro_f1']:.3f} and {first['val_macro_f1']:.3f}."
        f"{_read_orders(rows, first['start'], other['start'])}"
    )


def _seeds(n: "pd.Series[int]") -> str:
    if n.max() == 1:
        return "one seed of each"
    return f"{n.max()} seeds of each" if n.min() == n.max() else f"{n.min()} to {n.max()} seeds"


def _read_tests(rows: pd.DataFrame) -> str:
    """Return for how many of the subsets above random a test shows it, "" for too few seeds."""
    above = rows[rows["other_gain"] > 0]
    tested = above["p"].dropna()
    if tested.empty:
        return ""
    of = (
        f"the {len(tested)}"
        if len(tested) == len(above)
        else f"{len(tested)} with {LEAST_ROWS} seeds"
    )
    n_shown = int((tested <= LEVEL).sum())
    if len(above) == 1:
        shown = f"{'shows' if n_shown else 'does not show'} this lead"
    else:
        shown = f"shows the lead of {n_shown or 'none'} of {of}"
    said = (
        f" A paired t test {shown} "
        f"(p ≤ {LEVEL} when corrected for {len(PHASE1_RULES) - 1} comparisons)"
    )
    return f"{said}{': with this teacher the claim is contradicted' * (n_shown > 0)}."


def _read_orders(rows: pd.DataFrame, first: str, other: str) -> str:
    """Return how far three orders of the subsets agree, "" for fewer than three subsets."""
    known = rows.dropna(subset=["paper"]).set_index("rule")
    if len(known) < 3:
        return ""
    said = (
        " How far the order of the subsets by score agrees with the paper's, by Kendall's τ (1 is "
        f"the same order): {_tau(known, 'paper', 'other')} from {other}, "
        f"{_tau(known, 'paper', 'ours')} from {first}"
    )
    if set(_SUSPECTED) <= set(known.index):
        known.loc[list(_SUSPECTED), "paper"] = known.loc[list(_SUSPECTED[::-1]), "paper"].to_numpy()
        said += (
            f" ({_tau(known, 'paper', 'other')} and {_tau(known, 'paper', 'ours')} if the paper's "
            f"{_SUSPECTED[0]} and {_SUSPECTED[1]} are exchanged, as the audit suspects)"
        )
    return f"{said}; of the two with each other {_tau(known, 'ours', 'other')}."


def _tau(rows: pd.DataFrame, first: str, second: str) -> str:
    return signed(rank_correlation(rows[first].tolist(), rows[second].tolist())[0], 2)
