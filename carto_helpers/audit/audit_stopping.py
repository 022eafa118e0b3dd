"""Audit of how the authors' code ends a run: when it stops, and what its test score is."""

import pandas as pd

from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import (
    A_THIRD,
    NAMES,
    WHOLE_SPLIT,
    Point,
    Sources,
    frame,
    last_line,
    listed,
)
from carto_helpers.findings.stopping import EPOCHS, stopped_after
from carto_helpers.printed_numbers import number

SPLITS = {"first": WHOLE_SPLIT, "second": A_THIRD}  # what a batch of random runs was trained on


def epochs_logged(step: int, n_images: int) -> int:
    """Return how many epochs a run has trained whose last logged line is number `step`.

    Raises
    ------
    ValueError
        If none of ten epochs ends there.

    Examples
    --------
    >>> epochs_logged(156, 40_000), epochs_logged(65, 13_200)
    (10, 9)
    """
    ends = {last_line(epochs, n_images): epochs for epochs in range(1, EPOCHS + 1)}
    if step not in ends:
        raise ValueError(
            f"expected the last line of 1 to {EPOCHS} epochs of {n_images:,} images, got {step}; "
            "check the table of the authors' runs"
        )
    return ends[step]


def stopping(sources: Sources) -> Point:
    """Return point 17: the authors' runs that did not train for ten epochs."""
    runs = sources.table("authors_runs")
    runs["epochs"] = [
        epochs_logged(step, SPLITS[batch])
        for batch, step in zip(runs["batch"], runs["step"], strict=True)
    ]
    rows = []
    for (batch, student), cell in runs.groupby(["batch", "student"], sort=False):
        rows.append({
            "random runs": f"{batch} batch", "student": NAMES[str(student)],
            "last line": ", ".join(map(str, cell["step"])),
            "epochs": ", ".join(map(str, cell["epochs"])),
        })  # fmt: skip
    early = int((runs["epochs"] < EPOCHS).sum())
    shortest = int(runs["epochs"].min())
    return Point(
        number=17,
        title="Runs that stop early",
        evidence=frame(rows),
        reading=(
            f"By the number of the last line that they logged, {early} of the {len(runs)} runs "
            f"that the notebook shows ended before the tenth epoch, the shortest after {shortest}."
        ),
        ours=_our_stops(sources.epochs),
    )


def _our_stops(epochs: pd.DataFrame) -> str:
    if epochs.empty:
        return NO_ROWS
    cell = ["dataset", "student", "rule", "fraction"]
    runs = epochs.sort_values("epoch").groupby([*cell, "key"])
    ends = runs["val_loss"].agg(lambda losses: stopped_after(losses.tolist()))
    told = [
        f"{NAMES.get(str(student), student)} on {fraction:.0%} {rule} of {dataset} after {low}"
        + f" to {high}" * bool(low != high)
        for (dataset, student, rule, fraction), low, high in (
            ends.groupby(cell).agg(["min", "max"]).itertuples()
        )
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
