"""What makes a recorded number doubtful: marks on rows, each with the words that explain it.

A mark refuses nothing. It stands beside the number wherever a table shows it, so that a wrong one
does not look like a right one.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from carto_helpers.config import DATASETS, Recipe

LEVEL = 0.05  # of the test whether an accuracy is better than chance
N_ERRORS = 3  # standard errors that an accuracy may lie below what the dynamics say
MEANINGS = {
    "diverged": "the loss on the images trained on ended above that of a uniform guess (of a "
    "teacher the median, or the mean if it is right no more often than chance), or a score is no "
    "number in 0 … 1",
    "at chance": "on the validation split no better than naming the largest class every time "
    f"(binomial test, {LEVEL:.0%}), while most other students of its size are better",
    "other dynamics": "the row and the dynamics disagree: validation accuracy against that of the "
    f"last epoch ({N_ERRORS} standard errors), or a probability against its verdict",
    "class lost": "the subset holds no image of a class",
    "mixed versions": "these rows, or a student and its teacher, were made by more than one "
    "version of the method",
    "mixed data": "rows of one data set have different data fingerprints, or a student others, or "
    "other dynamics, than its teacher's row",
    "unchecked": "the teacher's row or dynamics, or a subset of one's own, are missing or damaged",
    "its teacher": "a mark of the teacher that it learnt from",
}
_SCORES = ("val_accuracy", "val_macro_f1", "test_accuracy", "test_macro_f1")
_SOURCE = ("fingerprint", "dynamics_sha256")  # a student's are its teacher's
_PEERS = ["dataset", "fingerprint", "network", "start", "recipe", "fraction"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a teacher's dynamics say of its training split.

    Attributes
    ----------
    n
        Number of examples.
    n_classes
        Number of classes C.
    chance
        Share of the largest class: what naming it every time would score.
    accuracy, loss, median_loss
        Accuracy, mean and median cross entropy, in nats, after the last epoch.
    is_consistent
        Whether every right example's probability is at least 1 / C, and every one above a half
        right, after every epoch.
    """

    n: int
    n_classes: int
    chance: float
    accuracy: float
    loss: float
    median_loss: float
    is_consistent: bool


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A validation split: its size, its largest class's share, and whether chance drew it.

    A drawn one is as the training split is, so what is true of one is true of the other.
    """

    n: int
    chance: float
    is_drawn: bool


def validation(row: Mapping[Any, Any], seen: Evidence) -> Validation | None:
    """Return the validation split of a teacher's row, None where it is not known.

    It is recorded, but in older rows: of those only the named data sets' is known, the fifth of the
    images that the training split leaves.
    """
    if not math.isnan(row["val_chance"]):
        return Validation(n=int(row["n_val"]), chance=row["val_chance"], is_drawn=False)
    if not math.isnan(row["n_val"]):
        return Validation(n=int(row["n_val"]), chance=seen.chance, is_drawn=True)
    if row["dataset"] in DATASETS:
        return Validation(n=max(1, round(seen.n / 4)), chance=seen.chance, is_drawn=True)
    return None


def evidence(
    labels: Int[np.ndarray, " N"], n_classes: int, quantities: Mapping[str, np.ndarray]
) -> Evidence:
    """Return what dynamics say.

    Parameters
    ----------
    labels
        Gold labels, (N,), 0 … C − 1.
    n_classes
        C.
    quantities
        `p_gold` and `is_right`, each (N, E).
    """
    p_gold, is_right = quantities["p_gold"], quantities["is_right"]
    slack = 1e-6  # of float32
    last = p_gold[:, -1].astype(np.float64)
    loss = -np.log(np.maximum(last, np.finfo(np.float32).tiny))  # the cross entropy; finite
    is_wrong = np.where(is_right, p_gold < 1 / n_classes - slack, p_gold > 0.5 + slack)
    return Evidence(
        n=len(labels),
        n_classes=n_classes,
        chance=float(np.bincount(labels, minlength=n_classes).max() / len(labels)),
        accuracy=float(is_right[:, -1].mean()),
        loss=float(loss.mean()),
        median_loss=float(np.median(loss)),
        is_consistent=not bool(is_wrong.any()),
    )


def is_at_chance(accuracy: float, n: int, chance: float) -> bool:
    """Return whether `accuracy` on `n` examples is no better than `chance`, at `LEVEL`.

    Examples
    --------
    >>> is_at_chance(0.12, 100, 0.1), is_at_chance(0.12, 10_000, 0.1)
    (True, False)
    """
    from scipy.stats import binom

    return not binom.sf(round(accuracy * n) - 1, n, chance) < LEVEL


def teacher_doubts(
    teachers: pd.DataFrame, found: Mapping[str, Evidence | None]
) -> dict[str, tuple[str, ...]]:
    """Return the marks of each teacher by its key, none where nothing is doubtful.

    Parameters
    ----------
    teachers
        Rows of teachers.csv that are shown together.
    found
        By the teachers' keys; None or absent where the dynamics are.
    """
    mixed = _mixed(teachers)
    marks = {}
    for row in teachers.to_dict("records"):
        key = str(row["key"])
        marks[key] = (*_of_teacher(row, found.get(key)), *mixed[key])
    return marks


def _of_teacher(row: Mapping[Any, Any], seen: Evidence | None) -> Iterable[str]:
    if _has_no_numbers(row):
        yield "diverged"
        return
    if seen is None:
        yield "unchecked"
        return
    if _is_lost(seen):
        yield "diverged"
    split = validation(row, seen)
    if not seen.is_consistent or _is_denied(row["val_accuracy"], split, seen):
        yield "other dynamics"
    elif _is_low(row, split):
        yield "at chance"


def _is_lost(seen: Evidence) -> bool:
    """Whether a teacher ended worse than a uniform guess.

    A mean alone does not say so: after one epoch on CIFAR-10 it can be above that of a guess by one
    image in a hundred, while two in five are right.
    """
    guess = math.log(seen.n_classes)
    is_blind = is_at_chance(seen.accuracy, seen.n, seen.chance)
    return not seen.median_loss <= guess or (is_blind and not seen.loss <= guess)


def _is_denied(accuracy: float, split: Validation | None, seen: Evidence) -> bool:
    """Whether the dynamics deny an accuracy on a validation split that was drawn."""
    if split is None or not split.is_drawn:
        return False
    is_lost = is_at_chance(accuracy, split.n, split.chance)
    has_learnt = not is_at_chance(seen.accuracy, seen.n, seen.chance)
    return (is_lost and has_learnt) or _is_above(accuracy, split.n, seen)


def _is_above(accuracy: float, n: int, seen: Evidence) -> bool:
    """Whether an accuracy on n validation images exceeds the training split's beyond chance."""
    pooled = (accuracy * n + seen.accuracy * seen.n) / (n + seen.n)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / seen.n))
    return accuracy - seen.accuracy > N_ERRORS * error + 1e-9


def student_doubts(
    students: pd.DataFrame,
    teachers: pd.DataFrame,
    found: Mapping[str, Evidence | None],
    lost: Mapping[str, Sequence[str] | None],
) -> dict[str, tuple[str, ...]]:
    """Return the marks of each student by its key, none where nothing is doubtful.

    Parameters
    ----------
    students
        Rows of students.csv that are shown together.
    teachers
        Rows of teachers.csv, at least of those that taught them.
    found
        By the teachers' keys; None or absent where the dynamics are.
    lost
        By the students' keys: the classes that the subset holds no image of, None where the subset
        is not known.
    """
    rows, mixed = students.to_dict("records"), _mixed(students)
    of_teachers = teacher_doubts(teachers, found)
    taught = {str(row["key"]): row for row in teachers.to_dict("records")}
    at_chance = _alone_at_chance(students, _splits(teachers, found))
    marks = {}
    for row in rows:
        key, teacher = str(row["key"]), str(row["teacher_key"])
        source = taught.get(teacher, row)
        has = {
            "diverged": _has_no_numbers(row) or _has_diverged(row, found.get(teacher)),
            "at chance": at_chance[key],
            f"class lost: {_listed(lost.get(key) or ())}": bool(lost.get(key)),
            "unchecked": found.get(teacher) is None or lost.get(key, ()) is None,
            "mixed versions": source["method_version"] != row["method_version"],
            "mixed data": any(source[name] != row[name] for name in _SOURCE),
        }
        inherited = [f"its teacher: {word}" for word in of_teachers.get(teacher, ())]
        own = [word for word, is_so in has.items() if is_so]
        marks[key] = tuple(dict.fromkeys([*own, *mixed[key], *filter(_is_own, inherited)]))
    return marks


def _listed(names: Sequence[str]) -> str:
    shown = [" ".join(name.split())[:30] for name in names[:5]]
    return ", ".join(shown) + (f" and {len(names) - 5} others" if len(names) > 5 else "")


def _is_own(word: str) -> bool:
    """Whether a teacher's mark is one that no mark of its students says."""
    return word.removeprefix("its teacher: ") in {"diverged", "at chance", "other dynamics"}


def _splits(
    teachers: pd.DataFrame, found: Mapping[str, Evidence | None]
) -> dict[str, Validation | None]:
    """Return by key the validation split of each teacher whose dynamics are there."""
    rows = {str(row["key"]): row for row in teachers.to_dict("records")}
    return {key: validation(row, seen) for key, row in rows.items() if (seen := found.get(key))}


def _alone_at_chance(
    students: pd.DataFrame, splits: Mapping[str, Validation | None]
) -> dict[str, bool]:
    """Return for each key whether it is at chance and most others of its kind and size are not."""
    rows = students.to_dict("records")
    low = pd.Series([_is_low(r, splits.get(str(r["teacher_key"]))) for r in rows], dtype=float)
    peers = low.groupby([students[name].to_numpy() for name in _PEERS], dropna=False)
    n_others, n_low_others = peers.transform("size") - 1, peers.transform("sum") - low
    is_alone = (low == 1) & (n_others > 0) & (n_low_others < n_others / 2)
    return dict(zip(students["key"].astype(str), is_alone, strict=True))


def _is_low(row: Mapping[Any, Any], split: Validation | None) -> bool:
    if split is None or _has_no_numbers(row):
        return False
    return is_at_chance(row["val_accuracy"], split.n, split.chance)


def _has_no_numbers(row: Mapping[Any, Any]) -> bool:
    return not all(0 <= row[name] <= 1 for name in _SCORES)  # NaN is not


def _has_diverged(row: Mapping[Any, Any], seen: Evidence | None) -> bool:
    """Whether a student's last epoch lost more than a uniform guess can, on any teacher's logits.

    The divergence of a guess from the teacher is at most log C, as its loss on the labels is.
    """
    if seen is None or math.isnan(row["train_loss"]):
        return False
    recipe = Recipe.from_json(row["recipe"])
    weight = recipe.hard_weight + (1 - recipe.hard_weight) * recipe.temperature**2
    return bool(row["train_loss"] > weight * math.log(seen.n_classes))


def _mixed(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Return for each key whether the rows of its data set are of several versions or data."""
    marks: dict[str, list[str]] = {str(key): [] for key in rows["key"]}
    for column, word in (("method_version", "mixed versions"), ("fingerprint", "mixed data")):
        counts = rows.groupby("dataset")[column].transform("nunique")
        for key in rows["key"][counts > 1]:
            marks[str(key)].append(word)
    return marks


def told(marks: Sequence[Sequence[str]]) -> str:
    """Return the marks of the rows behind one number, and of how many rows each is.

    Examples
    --------
    >>> told([("at chance",), (), ("at chance",)]), told([()])
    ('at chance (2 of 3)', '')
    """
    counts = Counter(word for words in marks for word in words)
    return "; ".join(
        word if n == len(marks) else f"{word} ({n} of {len(marks)})" for word, n in counts.items()
    )


def meanings(texts: Iterable[str]) -> str:
    """Return what the marks in some texts mean, one sentence each; "" where there is none."""
    listed = list(texts)
    words = [word for word in MEANINGS if any(word in text for text in listed)]
    return " ".join(f"{word.capitalize()}: {MEANINGS[word]}." for word in words)
