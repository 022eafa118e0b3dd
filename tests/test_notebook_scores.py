"""Ours beside the authors' notebook, by validation accuracy."""

from pathlib import Path

import pytest
from made_audit import made_record

from carto_helpers.audit import notebook_scores
from carto_helpers.audit.audit_scores import AMBIGUOUS, EASY
from carto_helpers.audit.audit_sources import Sources
from carto_helpers.claims.claim_cells import CHOSEN, RANDOM, WHOLE
from carto_helpers.metrics import confidence_interval


def like_the_notebook(folder: Path, *, off: float = 0.0) -> Sources:
    """Return a record whose validation accuracies lie around the notebook's, and `off` it."""
    noted = Sources(made_record(folder / "none"))
    means = noted.noted("phase1", "resnet")
    means |= {RANDOM: noted.noted("phase3", "resnet")[RANDOM]}
    cells = {}
    for label in (*CHOSEN, RANDOM, WHOLE):
        rule = "all" if label == WHOLE else label.partition(" ")[2]
        f1 = means[label] - 0.1 + off  # of which made accuracies are 0.1 higher
        cells["cifar10", "resnet", rule, 1.0 if rule == "all" else 0.33] = [f1 - 0.01, f1 + 0.01]
    return Sources(made_record(folder / "rows", cells))


def test_equal_means_agree_and_stand_in_one_order(tmp_path: Path) -> None:
    sources = like_the_notebook(tmp_path)
    found = notebook_scores.by_accuracy(sources, "resnet")
    assert len(found) == 13
    assert (found["mean"] - found["notebook"]).abs().max() < 1e-9
    row = found.set_index("subset").loc[RANDOM]
    assert row["notebook"] == pytest.approx(0.681117)  # the second batch's
    expected = confidence_interval(
        sources.rows("cifar10", "resnet", RANDOM)["val_accuracy"].to_numpy()
    )
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    told = notebook_scores.read_accuracies(found, sources, "resnet")
    assert "holds the notebook's in 11 of 11 chosen thirds and 2 of 2 other subsets" in told
    assert "the median distance is 0.000" in told
    assert "ours and the notebook's **1.00**" in told
    assert (notebook_scores.accuracy_table(found)["holds the notebook's"] == "yes").all()


def test_sizes_are_phase_3s_and_a_cell_of_one_seed_is_left_out(tmp_path: Path) -> None:
    cells = {
        ("cifar10", "resnet", "random", 0.01): [0.4, 0.5], ("cifar10", "resnet", "all", 1.0): [0.7],
    }  # fmt: skip
    found = notebook_scores.by_accuracy(Sources(made_record(tmp_path, cells)), "resnet")
    [row] = found.to_dict("records")
    assert (row["subset"], row["n"]) == ("1% random", 2)
    assert (row["notebook"], row["mean"]) == pytest.approx((0.51525, 0.55))


def test_rows_that_changed_places_are_told_by_the_order(tmp_path: Path) -> None:
    sources = Sources(made_record(tmp_path))
    printed = sources.printed("table3_phase1", "cifar10", "mobilenet")
    swapped = printed | {EASY: printed[AMBIGUOUS], AMBIGUOUS: printed[EASY]}
    cells = {
        ("cifar10", "mobilenet", label.partition(" ")[2], 0.33): [swapped[label]] * 2
        for label in CHOSEN
    }
    sources = Sources(made_record(tmp_path / "rows", cells))
    found = notebook_scores.by_accuracy(sources, "mobilenet")
    told = notebook_scores.read_accuracies(found, sources, "mobilenet")
    assert told.endswith("and **1.00** with ambiguous and easy-to-learn exchanged.")


def test_means_that_are_off_do_not(tmp_path: Path) -> None:
    sources = like_the_notebook(tmp_path, off=0.3)
    found = notebook_scores.by_accuracy(sources, "resnet")
    told = notebook_scores.read_accuracies(found, sources, "resnet")
    assert "in 0 of 11 chosen thirds and 0 of 2 other subsets" in told
    assert "the median distance is 0.300" in told
    assert (notebook_scores.accuracy_table(found)["holds the notebook's"] == "no").all()


def test_a_record_without_every_third_says_so(tmp_path: Path) -> None:
    sources = Sources(made_record(tmp_path))
    found = notebook_scores.by_accuracy(sources, "resnet")
    assert found.empty
    assert "**not run yet**" in notebook_scores.read_accuracies(found, sources, "resnet")
