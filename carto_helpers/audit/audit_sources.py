"""What the audit reads: the paper's tables, its authors' notebook, and our rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from carto_helpers.charts.table_style import markdown
from carto_helpers.claims.claim_cells import subset_labels
from carto_helpers.claims.claim_list import Evidence
from carto_helpers.config import FAMILIES
from carto_helpers.findings import stopping
from carto_helpers.printed_numbers import number
from carto_helpers.records import Results, published

NAMES = {"mobilenet": "MobileNet", "efficientnet": "EfficientNet", "resnet": "ResNet"}
NOT_RUN = "not run"
WHOLE_SPLIT, A_THIRD = 40_000, 13_200  # images of CIFAR-10


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of the audit: what the paper's numbers give, and what ours say where there are any.

    `evidence` holds text, one row a thing compared; `reading` and `ours` are Markdown sentences.
    """

    number: int
    title: str
    evidence: pd.DataFrame
    reading: str
    ours: str

    def text(self) -> str:
        """Return the point as Markdown: reading, our rows, and the numbers as a table."""
        table = markdown(_upright(self.evidence))
        return f"{self.reading}\n\n**Our rows.** {self.ours}\n\n{table}"


def _upright(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of few rows and many columns on its side, so that it fits a narrow page."""
    if len(table) > 3 or table.shape[1] <= 5:
        return table
    first = str(table.columns[0])
    return table.set_index(first).T.rename_axis("of each", axis=0).reset_index()


class Sources:
    """The paper's numbers beside ours, by data set, student and subset.

    Parameters
    ----------
    results
        The record.
    paper
        Folder of the paper's tables; default: the repository's.
    """

    def __init__(self, results: Results, paper: Path | None = None) -> None:
        self.evidence = Evidence(results, paper)
        self._folder = paper
        notebook = self.table("authors_val_accuracy")
        notebook["label"] = [_notebook_label(row) for row in notebook.to_dict("records")]
        self.notebook = notebook
        students = self.evidence.students
        epochs = stopping.recorded(results.folder)
        self.epochs = epochs[epochs["key"].isin(students["key"])]
        self._students = students.assign(label=subset_labels(students))

    def table(self, name: str) -> pd.DataFrame:
        """Return one of the paper's tables as it stands, e.g. "table6_worked_example"."""
        return published(name, self._folder)

    def printed(self, table: str, dataset: str, student: str) -> dict[str, float]:
        """Return the scores of table "table3_phase1", "table4_phase2" or "table5_phase3"."""
        return self.evidence.paper(table, dataset, student)

    def noted(self, phase: str, student: str) -> dict[str, float]:
        """Return the notebook's mean validation accuracies of a phase, by subset; mixes apart."""
        rows = self.notebook
        rows = rows[(rows["phase"] == phase) & (rows["student"] == student) & (rows["label"] != "")]
        return dict(zip(rows["label"], rows["mean_val_accuracy"].astype(float), strict=True))

    def rows(self, dataset: str, student: str, label: str) -> pd.DataFrame:
        """Return our rows of one cell; maybe none."""
        rows = self._students
        is_here = (rows["dataset"] == dataset) & (rows["student"] == student)
        return rows[is_here & (rows["label"] == label)]

    def means(self, dataset: str, student: str, score: str = "test_macro_f1") -> dict[str, float]:
        """Return our mean of each subset that has rows."""
        rows = self._students
        rows = rows[(rows["dataset"] == dataset) & (rows["student"] == student)]
        return {str(k): float(v) for k, v in rows.groupby("label")[score].mean().items()}

    def ours(self, dataset: str, student: str, label: str, score: str = "test_macro_f1") -> str:
        """Return our mean and n of one cell as text, `NOT_RUN` if there are no rows.

        Rows of several starts or versions would be one mean; the book's choice of rows has one.
        """
        rows = self.rows(dataset, student, label)
        return f"{rows[score].mean():.3f} (n = {len(rows)})" if len(rows) else NOT_RUN


def _notebook_label(row: Mapping[Any, Any]) -> str:
    name, fraction = str(row["train_data"]), float(row["fraction"])
    if name == "mix":
        return ""
    return name if pd.isna(fraction) else f"{100 * fraction:g}% {name}"


def last_line(epochs: int, n_images: int) -> int:
    """Return the number, from 0, of the last line that the authors' code logs of a run.

    One of the network's size, one every hundred steps of 32 images, three an epoch (learning rate,
    training, validation), and one of the test.

    Examples
    --------
    >>> last_line(10, WHOLE_SPLIT), last_line(10, A_THIRD)
    (156, 72)
    """
    steps = -(-n_images // 32)
    return 1 + epochs * steps // 100 + 3 * epochs


def frame(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Return evidence: one row each, all text."""
    return pd.DataFrame(list(rows), dtype=object)


def students() -> list[tuple[str, str]]:
    """Return each student as the rows and as the text call it."""
    return [(family, NAMES[family]) for family in FAMILIES]


def score(values: Mapping[str, float], label: str, digits: int = 3) -> str:
    """Return one score as text, "–" if there is none."""
    return number(values[label], digits) if label in values else "–"


def listed(words: Sequence[str]) -> str:
    """Return words as a phrase.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
