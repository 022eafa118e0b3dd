"""Students stopped and scored as the authors' code does, instead of after the last epoch.

Its trainer stops once the validation split's cross entropy has not fallen for three epochs, and
keeps the weights of that moment; its test step logs the F1 of all images so far, of which the mean
over the steps is reported (github.com/timohromadka/L46_datamaps, utils/trainer_utils.py and
models/models.py).
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from carto_helpers.comparison import SUBSET, round_shares
from carto_helpers.findings.kept_rows import kept_rows

FILE = "epoch_scores.csv"  # of a results folder
COLUMNS = (
    "key", "dataset", "student", "rule", "fraction", "seed", "epoch", "val_loss", "val_accuracy",
    "test_macro_f1", "running_macro_f1",
)  # fmt: skip
PATIENCE = 3  # epochs
CELLS = (
    "dataset", "student", "train_data", "paper", "ours", "mark_ours", "theirs", "mark_theirs",
    "stopped", "n",
)  # fmt: skip


def recorded(folder: Path) -> pd.DataFrame:
    """Return the study's rows in a results folder, one an epoch; none if not run."""
    return kept_rows(folder / FILE, COLUMNS)


def stopped_after(losses: Sequence[float], patience: int = PATIENCE) -> int:
    """Return how many epochs are trained if `patience` of them in a row bring no lower loss.

    Parameters
    ----------
    losses
        On the validation split after each epoch.
    patience
        As Lightning's EarlyStopping counts: epochs since the lowest loss.

    Examples
    --------
    >>> stopped_after([3.0, 1.0, 2.0, 1.0, 1.5, 0.5]), stopped_after([3.0, 2.0, 1.0, 4.0])
    (5, 4)
    """
    lowest, since = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        since = 0 if loss < lowest else since + 1
        lowest = min(lowest, loss)
        if since == patience:
            return epoch
    return len(losses)


def as_authors_score(students: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return students with the score that the authors' code would have given them.

    Parameters
    ----------
    students
        Rows of students.csv.
    epochs
        From `recorded`.

    Returns
    -------
    DataFrame
        The rows of `students` that were trained again, `test_macro_f1` replaced: the running F1
        after the last epoch that the authors' code trains; for random subsets and the whole split
        of CIFAR-10 the validation accuracy, which the paper's tables have there (audit, point 2).
        Beside it `running`, the running F1 in any case, `stopped`, the epochs trained, and
        `is_same`, whether the score after the last epoch is the student's own, to the last bit.
    """
    names = ["test_macro_f1", "running", "stopped", "is_same"]
    own = students.set_index("key")["test_macro_f1"]
    rows = epochs[epochs["key"].isin(own.index)].sort_values(["key", "epoch"])
    found = [(key, *_scored(run, own[key])) for key, run in rows.groupby("key")]
    scores = pd.DataFrame(found, columns=["key", *names]).astype({"key": students["key"].dtype})
    return students.drop(columns="test_macro_f1").merge(scores, on="key")


def _scored(run: pd.DataFrame, own: float) -> tuple[float, float, int, bool]:
    stopped = stopped_after(run["val_loss"].tolist())
    end, first = run.iloc[stopped - 1], run.iloc[0]
    is_accuracy = first["dataset"] == "cifar10" and first["rule"] in ("random", "all")
    running = float(end["running_macro_f1"])
    score = float(end["val_accuracy"]) if is_accuracy else running
    return score, running, stopped, bool(run["test_macro_f1"].iloc[-1] == own)


def beside_paper(before: pd.DataFrame, after: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's cells by either way of scoring.

    Parameters
    ----------
    before, after
        From `tables.table5`, of the tables' students and of those of `as_authors_score`.
    scored
        From `as_authors_score`.

    Returns
    -------
    DataFrame
        `CELLS`, one row a cell of `after` with a value of the paper: `ours`, `theirs` (means by
        either way), `mark_ours`, `mark_theirs` as `comparison.mark` gives them, `stopped` (the
        epochs, one a seed, as text) and `n`.
    """
    places = ["dataset", "student", "train_data", "paper"]
    both = before[[*places, "mean", "mark", *SUBSET]].merge(
        after[after["n"] > 0][[*places, "mean", "mark", "n"]],
        on=places,
        suffixes=("_ours", "_theirs"),
    )
    both = both[both["paper"].notna()]
    subsets = round_shares(scored)
    lines = []
    for cell in round_shares(both).to_dict("records"):
        is_here = (subsets[["dataset", "student", *SUBSET]] == [
            cell[name] for name in ("dataset", "student", *SUBSET)
        ]).all(axis=1)  # fmt: skip
        stopped = sorted(subsets.loc[is_here, "stopped"])
        lines.append((
            *(cell[name] for name in places), cell["mean_ours"], cell["mark_ours"],
            cell["mean_theirs"], cell["mark_theirs"], ", ".join(map(str, stopped)), cell["n"],
        ))  # fmt: skip
    return pd.DataFrame(lines, columns=list(CELLS))


def cell_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `beside_paper` of one data set and student as a page shows it."""
    return pd.DataFrame({
        "train data": found["train_data"],
        "paper": found["paper"],
        "ours": found["ours"],
        "the authors' way": found["theirs"],
        "ours and the paper's": found["mark_ours"],
        "so scored and the paper's": found["mark_theirs"],
        "epochs": found["stopped"],
        "n": found["n"],
    })  # fmt: skip


def read_cells(found: pd.DataFrame, place: str) -> str:
    """Return how near the scores by either way come to the paper's, as Markdown.

    Parameters
    ----------
    found
        From `beside_paper`, of one place.
    place
        What to call it.
    """
    if found.empty:
        return f"{place}: **not run yet**."
    gaps = [(found[side] - found["paper"]).abs().mean() for side in ("ours", "theirs")]
    marks = [int((found[f"mark_{side}"] == "differs").sum()) for side in ("ours", "theirs")]
    return (
        f"{place}: **{marks[0]} of {len(found)}** cells differ from the paper's as the tables "
        f"score them, **{marks[1]}** as the authors' code does; the mean distance goes from "
        f"{gaps[0]:.3f} to **{gaps[1]:.3f}**."
    )


def read_again(scored: pd.DataFrame) -> str:
    """Return how many students came out as recorded when trained again, as Markdown."""
    if scored.empty:
        return "**Not run yet**: `python -m studies.stopping` does."
    n, same = len(scored), int(scored["is_same"].sum())
    return (
        f"Of {n} students {same} came out with the recorded score after the last epoch, to the "
        f"last bit; {int((scored['stopped'] < 10).sum())} would have been stopped before it."
    )
