"""Students stopped and scored as the authors' code does, instead of after the last epoch.

Its trainer stops once the validation split's cross entropy has not fallen for three epochs, and
keeps the weights of that moment; its test step logs the F1 of all images so far, of which the mean
over the steps is reported (github.com/timohromadka/L46_datamaps, utils/trainer_utils.py and
models/models.py).
"""

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pandas as pd

from carto_helpers.comparison import SUBSET, round_shares, summary
from carto_helpers.findings.kept_rows import kept_rows

FILE = "epoch_scores.csv"  # of a results folder
COLUMNS = (
    "key", "dataset", "student", "rule", "fraction", "seed", "epoch", "val_loss", "val_accuracy",
    "test_macro_f1", "running_macro_f1", "device",
)  # fmt: skip
PATIENCE = 3  # epochs
EPOCHS = 10  # of the tables' students
BY_ACCURACY = {"table3_phase1": ("random",), "table5_phase3": ("random", "all")}  # of CIFAR-10
CELLS = (
    "dataset", "student", "train_data", "paper", "ours", "mark_ours", "theirs", "mark_theirs",
    "stopped", "n",
)  # fmt: skip


def recorded(folder: Path) -> pd.DataFrame:
    """Return the study's rows in a results folder, one an epoch; none if not run.

    Raises
    ------
    ValueError
        If a student has not one row of every epoch from 1 on.
    """
    rows = kept_rows(folder / FILE, COLUMNS)
    for key, epochs in rows.groupby("key")["epoch"]:
        if sorted(epochs) != list(range(1, len(epochs) + 1)):
            raise ValueError(
                f"{folder / FILE} must hold the epochs of {key} from 1 on, once each, got "
                f"{sorted(epochs)}; take its rows out and run `python -m studies.stopping`"
            )
    return rows


def stopped_after(losses: Sequence[float], patience: int = PATIENCE) -> int:
    """Return how many epochs are trained if `patience` of them in a row bring no lower loss.

    Parameters
    ----------
    losses
        On the validation split after each epoch.
    patience
        As Lightning's EarlyStopping counts: epochs since the lowest loss. One that is not finite
        ends the run at once.

    Examples
    --------
    >>> stopped_after([3.0, 1.0, 2.0, 1.0, 1.5, 0.5]), stopped_after([3.0, 2.0, 1.0, 4.0])
    (5, 4)
    """
    lowest, since = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if not math.isfinite(loss):
            return epoch
        since = 0 if loss < lowest else since + 1
        lowest = min(lowest, loss)
        if since == patience:
            return epoch
    return len(losses)


def as_authors_score(
    students: pd.DataFrame, epochs: pd.DataFrame, accuracies: Collection[str] = ()
) -> pd.DataFrame:
    """Return students with the score that the authors' code would have given them.

    Parameters
    ----------
    students
        Rows of students.csv.
    epochs
        From `recorded`.
    accuracies
        Rules whose CIFAR-10 cells in the paper's table are validation accuracies (audit, point 2).

    Returns
    -------
    DataFrame
        The rows of `students` that were trained again, `test_macro_f1` replaced by the running F1
        after the last epoch that the authors' code trains, of CIFAR-10 and `accuracies` by the
        validation accuracy. Beside it `stopped`, the epochs trained, `is_same`, whether the score
        after the last epoch is the student's own, to the last bit, and `again_on`, the device.

    Raises
    ------
    ValueError
        If a student has not ten epochs.
    """
    names = ["test_macro_f1", "stopped", "is_same", "again_on"]
    own = students.set_index("key")["test_macro_f1"]
    rows = epochs[epochs["key"].isin(own.index)].sort_values(["key", "epoch"])
    found = [(key, *_scored(run, own[key], accuracies)) for key, run in rows.groupby("key")]
    scores = pd.DataFrame(found, columns=["key", *names]).astype({"key": students["key"].dtype})
    return students.drop(columns="test_macro_f1").merge(scores, on="key")


def _scored(
    run: pd.DataFrame, own: float, accuracies: Collection[str]
) -> tuple[float, int, bool, str]:
    if len(run) != EPOCHS:
        raise ValueError(
            f"expected {EPOCHS} epochs of {run['key'].iloc[0]}, as the tables' students have, got "
            f"{len(run)}; take its rows out of {FILE} and run `python -m studies.stopping`"
        )
    stopped = stopped_after(run["val_loss"].tolist())
    end = run.iloc[stopped - 1]
    is_accuracy = end["dataset"] == "cifar10" and end["rule"] in accuracies
    score = float(end["val_accuracy" if is_accuracy else "running_macro_f1"])
    return score, stopped, bool(run["test_macro_f1"].iloc[-1] == own), str(end["device"])


def compared(
    table: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame],
    students: pd.DataFrame,
    epochs: pd.DataFrame,
    paper: pd.DataFrame,
    accuracies: Collection[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the paper's cells by either way of scoring the same students.

    Parameters
    ----------
    table
        `tables.table3` or `table5`.
    students, epochs
        Of `as_authors_score`.
    paper
        What the paper prints, as `records.published` gives it.
    accuracies
        Of `as_authors_score`.

    Returns
    -------
    tuple
        `CELLS`, one row a cell that the paper has and students of which were trained again: `ours`
        and `theirs` (their means as the tables and as the authors' code score them), `mark_ours`
        and `mark_theirs` as `comparison.mark` gives them, `stopped` (the epochs, one a student, as
        text) and `n`; and the students, from `as_authors_score`.
    """
    scored = as_authors_score(students, epochs, accuracies)
    again = students[students["key"].isin(scored["key"])]
    names = ["dataset", "student", *SUBSET]
    stopped = (
        round_shares(scored)
        .groupby(names)["stopped"]
        .agg(lambda ends: ", ".join(map(str, sorted(ends))))
    )
    ours, theirs = (round_shares(table(summary(rows), paper)) for rows in (again, scored))
    both = ours[[*names, "train_data", "paper", "mean", "mark"]].merge(
        theirs[[*names, "mean", "mark", "n"]], on=names, suffixes=("_ours", "_theirs")
    )
    both = both[(both["n"] > 0) & both["paper"].notna()].join(stopped, on=names)
    means = {"mean_ours": "ours", "mean_theirs": "theirs"}
    return both.rename(columns=means)[list(CELLS)].reset_index(drop=True), scored


def cell_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `compared` of one data set and student as a page shows it."""
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
        From `compared`, of one place.
    place
        What to call it.
    """
    if found.empty:
        return f"{place}: **not run yet**."
    if (found["n"] == 1).all():
        n_early = int((found["stopped"].astype(int) < EPOCHS).sum())
        return (
            f"{place}: one seed of {len(found)} cells so far; **{n_early}** of these students "
            "would be stopped before the tenth epoch."
        )
    found = found[found["n"] > 1]
    (near, n_differ), (nearer, n_still) = (_beside(found, side) for side in ("ours", "theirs"))
    n = len(found)
    return (
        f"{place}: **{int((nearer < near).sum())} of {n}** cells come nearer to the paper's, "
        f"their median distance goes from {near.median():.3f} to {nearer.median():.3f}; "
        f"{n_differ} of {n} differ from it as the tables score them, **{n_still}** as the authors' "
        "code does."
    )


def _beside(found: pd.DataFrame, side: str) -> tuple["pd.Series[float]", int]:
    """Return each cell's distance from the paper's, and how many differ from it."""
    return (found[side] - found["paper"]).abs(), int((found[f"mark_{side}"] == "differs").sum())


def read_predictions(found: pd.DataFrame) -> str:
    """Return which of the predictions held, as Markdown; those of the study's first places.

    Parameters
    ----------
    found
        From `compared`, of table 5.
    """
    found = found[found["dataset"].isin(["mnist", "cifar100"]) & (found["n"] > 1)]
    smallest = found.loc[found["train_data"] == "1 % random", "stopped"]
    if smallest.empty:
        return "**Not run yet** on 1 % of MNIST and CIFAR-100 with two seeds."
    ends = sorted({int(end) for text in smallest for end in text.split(", ")})
    (near, before), (nearer, after) = (_beside(found, side) for side in ("ours", "theirs"))
    n_nearer = int((nearer < near).sum())
    held = [max(ends) < EPOCHS / 2, n_nearer == len(found), after < before / 2]
    first, second, third = ("held" if is_so else "**failed**" for is_so in held)
    return (
        f"MNIST and CIFAR-100: on 1 % the runs end after {' or '.join(map(str, ends))} epochs (the "
        f"first prediction {first}); {n_nearer} of {len(found)} cells come nearer (the second "
        f"{second}); of {before} cells that differ {after} still do (the third {third})."
    )


def read_again(scored: pd.DataFrame) -> str:
    """Return how many students came out as recorded when trained again, as Markdown."""
    if scored.empty:
        return "**Not run yet**: `python -m studies.stopping` does."
    is_here = scored["device"] == scored["again_on"]
    told = [
        f"{int(rows['is_same'].sum())} of {len(rows)} students recorded on {where} processor"
        for rows, where in ((scored[is_here], "the same kind of"), (scored[~is_here], "another"))
        if len(rows)
    ]
    return (
        "The score after the last epoch came out as recorded, to the last bit, for "
        f"{', and '.join(told)}. {int((scored['stopped'] < EPOCHS).sum())} of all would have been "
        "stopped before it."
    )
