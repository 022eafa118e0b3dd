"""What a claim about students rests on: scores by subset and seed, and the paper's own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from carto_helpers.comparison import SETTING, SUBSET, require_columns
from carto_helpers.config import Recipe, SubsetSpec
from carto_helpers.doubts import told
from carto_helpers.paired import LEAST_ROWS
from carto_helpers.selection import PHASE1_RULES, scaled_mixes

RANDOM, WHOLE = "33% random", "100% train"
HIGH_CORRECTNESS = "33% high-correctness"
CHOSEN = tuple(f"33% {rule}" for rule in PHASE1_RULES if rule != "random")
MIXES = tuple(mix.label() for mix in scaled_mixes(0.33))
SIZES = tuple(f"{size}% random" for size in (1, 5, 10, 25, 33, 55))

Means = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Scores of one student on one data set, by subset ("33% random", "mix 14/5/14").

    `scores` holds a series by student seed for each subset, all of one setting; `paper` the
    paper's printed score for each subset that its table has; `doubts` tells the rows' marks.
    """

    dataset: str
    student: str
    scores: Mapping[str, "pd.Series[float]"]
    paper: Means
    doubts: str = ""

    def means(self) -> dict[str, float]:
        """Return the mean of each subset that has `LEAST_ROWS` rows, over the seeds that all share.

        Where they share fewer than `LEAST_ROWS`, each is the mean over its own.
        """
        known = {name: s for name, s in self.scores.items() if len(s) >= LEAST_ROWS}
        shared = set.intersection(*(set(s.index) for s in known.values())) if known else set()
        if len(shared) >= LEAST_ROWS:
            known = {name: s[s.index.isin(shared)] for name, s in known.items()}
        return {name: float(s.mean()) for name, s in known.items()}

    def by_seed(self, names: Sequence[str]) -> Float[np.ndarray, "n k"] | None:
        """Return the scores of k subsets, one row for each of the n seeds that all of them have.

        None where these are fewer than `LEAST_ROWS`.
        """
        if any(name not in self.scores for name in names):
            return None
        table = pd.concat([self.scores[name] for name in names], axis=1, join="inner")
        return table.to_numpy(dtype=float) if len(table) >= LEAST_ROWS else None


def cell(
    students: pd.DataFrame,
    dataset: str,
    student: str,
    *,
    names: Iterable[str],
    paper: Means,
) -> Cell:
    """Return the scores (macro F1 on the test set) that a claim about the subsets `names` needs.

    Only rows of the paper's recipe count. Where they are of several settings (teacher, start,
    version of the method), the setting with most rows is taken, else the one recorded first: the
    number of rows chooses, never their scores.

    Parameters
    ----------
    students
        Rows of students.csv, with or without marks of doubt; may be empty.
    dataset, student
        Which.
    names
        Labels of the subsets, as `SubsetSpec.label` gives them.
    paper
        The paper's scores by label.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    needed = ("dataset", "student", *SUBSET, *SETTING, "student_seed", "test_macro_f1")
    require_columns(students, needed, "students")
    is_here = (students["dataset"] == dataset) & (students["student"] == student)
    rows = students[is_here & (students["recipe"] == Recipe().to_json())]
    rows = rows.assign(label=subset_labels(rows))
    rows = _largest_setting(rows[rows["label"].isin(list(names))])
    scores = {
        str(label): group.set_index("student_seed")["test_macro_f1"]
        for label, group in rows.groupby("label", sort=False)
    }
    doubts = told(list(rows["doubts"])) if "doubts" in rows else ""
    return Cell(dataset=dataset, student=student, scores=scores, paper=dict(paper), doubts=doubts)


def subset_labels(rows: pd.DataFrame) -> list[str]:
    """Return the label of each row's subset, e.g. "33% random"."""
    subsets = rows[list(SUBSET)].itertuples(index=False)
    return [SubsetSpec(**dict(zip(SUBSET, subset, strict=True))).label() for subset in subsets]


def _largest_setting(rows: pd.DataFrame) -> pd.DataFrame:
    if rows.empty:
        return rows
    keys = list(SETTING)
    sizes = rows.groupby(keys, sort=False, dropna=False)["label"].transform("size")
    chosen = rows[keys].iloc[int(sizes.to_numpy().argmax())]  # the first of the largest
    return rows[(rows[keys] == chosen).all(axis=1)]
