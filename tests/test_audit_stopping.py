"""Audit of how the authors' code ends a run."""

from pathlib import Path

import pandas as pd
import pytest
from made_audit import made_record

from carto_helpers.audit import audit_stopping as audit
from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import Sources
from carto_helpers.findings.stopping import FILE
from carto_helpers.records import published


@pytest.fixture
def bare(tmp_path: Path) -> Sources:
    return Sources(made_record(tmp_path))


@pytest.fixture
def studied(tmp_path: Path) -> Sources:
    results = made_record(tmp_path, {("mnist", "mobilenet", "random", 0.01): [0.5, 0.5]})
    keys = results.students()["key"].tolist()
    rows = [
        ("mnist", "mobilenet", "random", 0.01, key, epoch, loss, 0.5 + epoch / 100, 0.5)
        for key, losses in zip(
            [*keys, "no student of the tables"],
            ([1.0, *[2.0] * 9], range(10, 0, -1), [1.0] * 10),
            strict=True,
        )
        for epoch, loss in enumerate(losses, start=1)
    ]
    columns = [
        "dataset", "student", "rule", "fraction", "key", "epoch", "val_loss", "test_macro_f1",
        "running_macro_f1",
    ]  # fmt: skip
    pd.DataFrame(rows, columns=columns).to_csv(results.folder / FILE, index=False)
    return Sources(results)


def test_single_runs_have_the_means_that_the_notebook_prints() -> None:
    runs = published("authors_runs")
    means = published("authors_val_accuracy")
    means = means[(means["train_data"] == "random") & (means["fraction"].astype(float) == 0.33)]
    phases = {"phase1": "first", "phase3": "second"}
    for row in means.to_dict("records"):
        cell = runs[(runs["batch"] == phases[row["phase"]]) & (runs["student"] == row["student"])]
        assert cell["val_accuracy"].mean() == pytest.approx(
            float(row["mean_val_accuracy"]), abs=1e-6
        )


def test_seven_of_the_authors_runs_stopped_early(bare: Sources) -> None:
    point = audit.stopping(bare)
    assert point.reading.endswith(
        "7 of the 27 runs that the notebook shows ended before the tenth epoch, the shortest "
        "after 8."
    )
    assert point.evidence["epochs"].tolist()[:3] == ["10, 10, 10", "8, 8, 8", "9, 10, 10"]
    assert point.ours == NO_ROWS


def test_a_line_that_ends_no_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the last line of 1 to 10 epochs of 13,200"):
        audit.epochs_logged(156, 13_200)


def test_our_students_that_would_stop_are_told(studied: Sources) -> None:
    ours = audit.stopping(studied).ours
    assert "1 of 2 students would be stopped" in ours
    assert "MobileNet on 1% random of mnist after 4 to 10" in ours


def test_how_far_the_running_score_is_off(bare: Sources, studied: Sources) -> None:
    assert audit.running_score(bare).ours == NO_ROWS
    point = audit.running_score(studied)
    assert point.ours == "Of our students the mean is off by mnist −0.1000."
    assert point.evidence["students"].tolist() == ["2"]
