"""Students that began with other weights: what they make of the same subsets."""

from pathlib import Path

import pandas as pd

from carto_helpers.config import start_name
from carto_helpers.findings.chosen_rows import chosen_teachers, from_papers_start, paper_students
from carto_helpers.findings.kept_rows import kept_rows
from carto_helpers.records import Results

FILE = "student_starts.csv"  # of a results folder: the networks that gave the weights
COLUMNS = (
    "key", "dataset", "network", "val_macro_f1", "seconds", "device", "dynamics_sha256",
)  # fmt: skip


def other_start(results: Results, dataset: str, student: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a student's rows under the tables' teacher, by the student's start.

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
    tuple
        The rows of the start that the tables show, and of another, the one with most rows; empty
        where there is none.
    """
    rows = paper_students(results)
    keys = chosen_teachers(results).set_index("dataset")["key"]
    is_asked = (rows["dataset"] == dataset) & (rows["student"] == student)
    rows = rows[is_asked & (rows["teacher_key"] == keys.get(dataset))]
    shown = from_papers_start(rows)
    return shown, from_papers_start(rows[~rows["start"].isin(shown["start"])])


def named(rows: pd.DataFrame) -> str:
    """Return what a page calls the start of some students; of none, "another start"."""
    return f"from {start_name(rows['start'].iloc[0])}" if len(rows) else "another start"


def read_starts(found: pd.DataFrame, first: pd.DataFrame, other: pd.DataFrame) -> str:
    """Return how far apart the thirds lie for each start, and in the paper, as Markdown."""
    if len(found) < 2:
        return "**Not run yet**: `carto distill --student-start` trains such students."
    spans = {
        named(first): found["first"],
        named(other): found["other"],
        "the paper's": found["paper"],
    }
    told = [f"{name} {_span(scores)}" for name, scores in spans.items() if scores.notna().all()]
    return (
        f"From the lowest to the highest of the {len(found)} thirds that both starts have, the "
        f"mean macro F1 goes: {'; '.join(told)}. {named(other).capitalize()} the students score "
        f"higher on **{int((found['difference'] > 0).sum())}** of them, on "
        f"**{int((found['low'] > 0).sum())}** with an interval above 0 and on "
        f"{int((found['high'] < 0).sum())} with one below; the fewest seeds of a third are "
        f"{int(found['n'].min())}, and so few make an interval wide."
    )


def _span(scores: "pd.Series[float]") -> str:
    return f"{scores.min():.3f} to {scores.max():.3f} (**{scores.max() - scores.min():.3f}** apart)"


def recorded(folder: Path) -> pd.DataFrame:
    """Return the rows of networks that gave students their weights alone, `COLUMNS` and others.

    They are no teachers of the paper's; `carto teacher` trained them by the teacher's recipe.
    """
    return kept_rows(folder / FILE, COLUMNS)


def read_weights(results: Results, other: pd.DataFrame) -> str:
    """Return where the other start's weights come from, as Markdown; "" if it is not recorded.

    Their network is one of the record's teachers or of `recorded`.
    """
    keys = {label.partition(":")[2] for label in other["start"]}
    both = [rows[list(COLUMNS)] for rows in (results.teachers(), recorded(results.folder))]
    networks = pd.concat([rows for rows in both if len(rows)] or both).drop_duplicates("key")
    lines = [
        f"The weights are those of `{row['network']}` trained on {row['dataset']} "
        f"(macro F1 {row['val_macro_f1']:.3f} on its validation split, {row['seconds'] / 60:.0f} "
        f"minutes on {row['device']}), the head replaced."
        for row in networks.to_dict("records")
        if row["key"] in keys
    ]
    return "\n".join(lines)
