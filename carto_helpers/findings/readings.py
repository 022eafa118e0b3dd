"""What a page says of its numbers: sentences made from rows and tables, nothing typed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from carto_helpers.comparison import MARKS, require_columns
from carto_helpers.config import DATASETS, start_name
from carto_helpers.doubts import meanings
from carto_helpers.printed_numbers import signed


def read_teachers(rows: pd.DataFrame) -> str:
    """Return which of the recorded teachers a page shows, as Markdown.

    Parameters
    ----------
    rows
        Rows of teachers.csv, as `experiments.teachers` orders them: the one that is shown first.
    """
    if rows.empty:
        return "**No teacher is recorded yet.**"
    first = rows.iloc[0]
    better = rows[rows["val_macro_f1"] > first["val_macro_f1"]]
    place, others = f"is the best of {len(rows)} recorded", ""
    if len(better):
        place = f"is shown on this page, of {len(rows)} recorded"
        scores = zip(better["network"], better["val_macro_f1"], strict=True)
        listed = ", ".join(f"{network} {score:.3f}" for network, score in scores)
        others = (
            f" Higher on the validation split: {listed}; a page shows the teacher that most "
            "students have learnt from, of equals one of the paper's families."
        )
    chooses = "" if len(better) else ", which chooses,"
    return (
        f"**{first['network']}** (start: {first['start'].partition(':')[0]}) {place}: "
        f"macro F1 **{first['val_macro_f1']:.3f}** on the validation split{chooses} and "
        f"{first['test_macro_f1']:.3f} on the test set. One pass over the "
        f"training split after every epoch, for the dynamics, took "
        f"{first['dynamics_seconds'] / first['seconds']:.0%} of its {first['seconds']:.0f} s."
        f"{others}"
    )


def teacher_link(teacher: "Mapping[str, Any] | pd.Series[Any]") -> str:
    """Return a Markdown link to the page of a teacher's data set and start, if it can have one.

    Parameters
    ----------
    teacher
        A row of teachers.csv.

    Examples
    --------
    >>> teacher_link({"dataset": "cifar10", "start": "cifar100:0a1b"})
    "[the teacher's page](teacher-cifar10-cifar100.ipynb)"
    >>> teacher_link({"dataset": "cifar10", "start": "file:0a1b"})
    "the teacher's page"
    """
    dataset, start = teacher["dataset"], start_name(teacher["start"])
    if dataset not in DATASETS or start.startswith("file:"):
        return "the teacher's page"
    page = "-".join(part for part in ("teacher", dataset, start) if part != "scratch")
    return f"[the teacher's page]({page}.ipynb)"


def read_sizes(table: pd.DataFrame) -> str:
    """Return how the score grows with a random subset's size, as Markdown.

    Parameters
    ----------
    table
        From `tables.table5`, of one data set and student.
    """
    require_columns(table, ("rule", "fraction", "mean", "n"), "table")
    run = table[table["n"] > 0].sort_values("fraction")
    if len(run) < 2:
        return "**Not enough sizes are recorded yet to compare them.**"
    gains = run["mean"].diff().iloc[1:]
    sizes = run["fraction"].map("{:.3g}".format).tolist()
    steps = [
        f"{a} → {b}: {signed(gain)}" for a, b, gain in zip(sizes, sizes[1:], gains, strict=False)
    ]
    return (
        f"From a fraction of {sizes[0]} to {sizes[-1]} of the training split, mean macro F1 goes "
        f"from **{run['mean'].iloc[0]:.3f}** to **{run['mean'].iloc[-1]:.3f}**; step by step "
        f"{', '.join(steps)}."
    )


def read_coverage(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return how many cells of each table are filled and what their marks are, as Markdown.

    Parameters
    ----------
    tables
        By number, each from `tables.table3`, `table4` or `table5`.
    """
    lines = []
    for number, table in tables.items():
        require_columns(table, ("n", "mark"), "table")
        counts = table["mark"].value_counts()
        marks = ", ".join(f"{counts[word]} {word}" for word in MARKS if word in counts)
        lines.append(
            f"- Table {number}: **{int((table['n'] > 0).sum())} of {len(table)} cells** are run, "
            f"by {int(table['n'].sum())} students ({marks})."
        )
    return "\n".join(lines)


def read_cost(rows: pd.DataFrame) -> str:
    """Return how many runs a page rests on and what they took, as Markdown."""
    if rows.empty:
        return "No run is recorded yet."
    minutes = rows["seconds"].sum() / 60
    devices = ", ".join(sorted(rows["device"].unique()))
    return (
        f"This page rests on {len(rows)} recorded run{'s' * (len(rows) != 1)}, {minutes:.1f} "
        f"minutes of training in all (median {rows['seconds'].median():.0f} s a run), "
        f"on {devices}."
    )


def suspicious_table(frame: pd.DataFrame, n: int = 12) -> pd.DataFrame:
    """Return the examples of a data map whose label the teacher found least probable.

    Parameters
    ----------
    frame
        A data map's rows.
    n
        At most so many, the lowest confidence first.

    Returns
    -------
    DataFrame
        `index`, `file` where there are files, `class`, `confidence` and `correctness` (fractions).
    """
    names = ["index", "file", "class", "confidence", "correctness"]
    lowest = frame.sort_values("confidence", kind="stable").head(n).round({"confidence": 3})
    return lowest[[name for name in names if name in lowest]].reset_index(drop=True)


def read_subset(subset: pd.DataFrame, frame: pd.DataFrame, path: str) -> str:
    """Return what a subset holds of a data map, and where it was written, as Markdown."""
    counts = subset["class"].value_counts()
    lost = sorted(set(frame["class"]) - set(counts.index))
    without = f" **No image of {', '.join(map(str, lost))}.**" if lost else ""
    return (
        f"`{path}` names **{len(subset):,} of {len(frame):,}** training images, {counts.min()} of "
        f"the rarest class ({counts.idxmin()}) and {counts.max()} of the most frequent "
        f"({counts.idxmax()}).{without}"
    )


def read_student(teacher: "pd.Series[Any]", students: pd.DataFrame) -> str:
    """Return how one student fares beside its teacher, as Markdown."""
    if students.empty:
        return "**No such student is recorded yet.**"
    student = students.iloc[0]
    return (
        f"The student ({student['network']}, {student['n_train']:,} images, "
        f"{student['seconds']:.0f} s) reaches a macro F1 of **{student['test_macro_f1']:.3f}** on "
        f"the test set, its teacher ({teacher['network']}, {teacher['n_train']:,} images, "
        f"{teacher['seconds']:.0f} s) {teacher['test_macro_f1']:.3f}."
    )


def results_table(table: pd.DataFrame) -> str:
    """Return the students of a table that were run, as a Markdown table: a row a subset.

    Parameters
    ----------
    table
        From `tables.table3`, of one data set.

    Returns
    -------
    str
        Ours (mean, 95 % interval, n, marks of doubt) and the paper's value, two columns a student,
        then what the marks mean; "" if no student was run.
    """
    require_columns(table, ("student", "train_data", "mean", "low", "high", "n", "paper"), "table")
    run = table[table["n"] > 0]
    students = list(dict.fromkeys(run["student"]))
    if not students:
        return ""
    head = ["subset", *(f"{name}, {who}" for name in students for who in ("ours", "paper"))]
    lines = [head, ["---"] * len(head)]
    for subset in dict.fromkeys(table["train_data"]):
        of_subset = table[table["train_data"] == subset].set_index("student")
        cells = [text for name in students for text in _two_cells(of_subset.loc[name])]
        lines.append([str(subset), *cells])
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    doubts = meanings(run["doubts"]) if "doubts" in run else ""
    return f"{text}\n\n{doubts}" if doubts else text


def _two_cells(row: "pd.Series[Any]") -> tuple[str, str]:
    paper = "–" if pd.isna(row["paper"]) else f"{row['paper']:.{int(row['digits'])}f}"
    if row["n"] == 0:
        return "not run", paper
    interval = f" ({row['low']:.3f} to {row['high']:.3f})" if row["n"] > 1 else ""
    doubts = f"; {row['doubts']}" if row.get("doubts") else ""
    return f"{row['mean']:.3f}{interval}, n = {row['n']}{doubts}", paper
