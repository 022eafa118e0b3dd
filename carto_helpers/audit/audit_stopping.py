"""Audit of how the authors' code ends a run: when it stops, and what its test score is."""

import pandas as pd

from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import NAMES, Point, Sources, frame, listed
from carto_helpers.findings.stopping import stopped_after
from carto_helpers.printed_numbers import number

BATCH, EVERY = 32, 100  # images a step, steps a logged line
A_EPOCH = 3  # lines of an epoch's own: rate, training, validation
EPOCHS = 10
WHOLE_SPLIT, A_THIRD = 40_000, 13_200  # images of CIFAR-10


def epochs_logged(lines: int, n_images: int) -> int:
    """Return after how many epochs a run has logged so many lines, 0 if after none of ten.

    A line every hundred steps, three at an epoch's end and one of the test.

    Examples
    --------
    >>> epochs_logged(156, 40_000), epochs_logged(65, 13_200), epochs_logged(156, 13_200)
    (10, 9, 0)
    """
    steps = -(-n_images // BATCH)
    logged = {epoch * steps // EVERY + A_EPOCH * epoch + 1: epoch for epoch in range(1, EPOCHS + 1)}
    return logged.get(lines, 0)


def stopping(sources: Sources) -> Point:
    """Return point 17: the authors' runs that did not train for ten epochs."""
    runs = sources.table("authors_runs")
    runs["epochs"] = [
        epochs_logged(lines, WHOLE_SPLIT if batch == "first" else A_THIRD)
        for batch, lines in zip(runs["batch"], runs["lines"], strict=True)
    ]
    rows = []
    for (batch, student), cell in runs.groupby(["batch", "student"], sort=False):
        rows.append({
            "random runs": f"{batch} batch", "student": NAMES[str(student)],
            "lines logged": ", ".join(map(str, cell["lines"])),
            "epochs": ", ".join(map(str, cell["epochs"])),
        })  # fmt: skip
    early = int((runs["epochs"] < EPOCHS).sum())
    shortest = int(runs["epochs"].min())
    return Point(
        number=17,
        title="Runs that stop early",
        evidence=frame(rows),
        reading=(
            f"By the lines that the notebook shows as logged, {early} of {len(runs)} runs ended "
            f"before the tenth epoch, the shortest after {shortest}."
        ),
        ours=_our_stops(sources.epochs),
    )


def _our_stops(epochs: pd.DataFrame) -> str:
    if epochs.empty:
        return NO_ROWS
    runs = epochs.sort_values("epoch").groupby(["dataset", "student", "fraction", "key"])
    ends = runs["val_loss"].agg(lambda losses: stopped_after(losses.tolist()))
    least = ends.groupby(["dataset", "student", "fraction"]).agg(["min", "max"])
    told = [
        f"{NAMES.get(str(student), student)} on {fraction:.0%} of {dataset} after {low}"
        + f" to {high}" * bool(low != high)
        for (dataset, student, fraction), low, high in least.itertuples()
        if low < EPOCHS
    ]
    return (
        f"Trained again, {int((ends < EPOCHS).sum())} of {len(ends)} students would be stopped "
        f"before the tenth epoch: {'; '.join(told) or 'none'}. The tables' students train for ten."
    )


def running_score(sources: Sources) -> Point:
    """Return point 18: the mean over test steps, beside the F1 of the whole test set."""
    epochs = sources.epochs
    last = epochs[epochs["epoch"] == EPOCHS]
    rows: list[dict[str, str]] = []
    told = []
    for (dataset, student), runs in last.groupby(["dataset", "student"], sort=False):
        gaps = runs["running_macro_f1"] - runs["test_macro_f1"]
        told.append(f"{dataset} {number(float(gaps.mean()), 4)}")
        rows.append({
            "data set": str(dataset), "student": NAMES.get(str(student), str(student)),
            "students": str(len(runs)), "mean difference": number(float(gaps.mean()), 4),
            "least": number(float(gaps.min()), 4), "most": number(float(gaps.max()), 4),
        })  # fmt: skip
    none = [{"data set": "none", "student": "none trained again", "students": "0"}]
    return Point(
        number=18,
        title="A score taken on the way",
        evidence=frame(rows or none),
        reading=(
            "The code's test F1 is a mean over the test's steps of the F1 of all images so far, "
            "not the F1 of the test set."
        ),
        ours=f"Of our students the mean is off by {listed(told)}." if told else NO_ROWS,
    )
