"""Audit of how the runs were made."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_audit import made_record

from carto_helpers.audit import audit_runs as audit
from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import Sources

MOBILENETS = (0.4716, 0.4536, 0.4695, 0.4762, 0.4587, 0.4855)  # the notebook's, second batch


@pytest.fixture
def bare(tmp_path: Path) -> Sources:
    return Sources(made_record(tmp_path))


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_a_mean_of_n_runs_never_needs_more_than_n(n_right) -> None:
    mean = Fraction(sum(n_right), 10_000 * len(n_right))
    assert 1 <= audit.least_runs(round(float(mean), 6)) <= len(n_right)


def test_a_mean_of_no_few_runs_is_told() -> None:
    assert audit.least_runs(0.123456, most=2) == 0


def test_the_runs_of_a_cell_differed(bare) -> None:
    point = audit.seeds(bare)
    assert "14 of the 39 means of phase 1 are, where chance gives about 13" in point.reading
    assert point.ours == NO_ROWS


def test_our_spread_is_the_median_over_cells(tmp_path: Path) -> None:
    cells = {
        ("cifar10", "resnet", "random", 0.33): [0.4, 0.5, 0.6],
        ("cifar10", "resnet", "all", 1.0): [0.5, 0.5, 0.5],
        ("cifar10", "resnet", "low-confidence", 0.33): [0.2, 0.5, 0.8],
        ("cifar10", "resnet", "random", 0.1): [0.5, 0.9],  # two runs: no cell
    }
    point = audit.seeds(Sources(made_record(tmp_path, cells)))
    assert point.ours == "Standard deviation over real seeds: ResNet 0.1000 (3 cells)."


def test_starts_are_told_beside_what_little_data_gives(bare, tmp_path: Path) -> None:
    assert "reaches 0.241, ResNet 0.114 and MobileNet 0.009" in audit.starts(bare).reading
    cells = {("cifar10", "resnet", "random", 0.33): [0.5]}
    point = audit.starts(Sources(made_record(tmp_path / "rows", cells)))
    assert point.ours.endswith("EfficientNet not run, ResNet scratch.")


def test_nineteen_cells_are_empty(bare, tmp_path: Path) -> None:
    point = audit.missing_cells(bare)
    assert point.reading.startswith("19 cells of tables 4 and 5 are empty")
    assert point.evidence["empty"].iloc[0] == "9 of 9 (all)"
    assert point.ours.startswith("0 of 19")
    cells = {("cifar100", "resnet", "random", 0.1): [0.2, 0.2, 0.2]}
    found = audit.missing_cells(Sources(made_record(tmp_path / "rows", cells)))
    assert found.ours.startswith("1 of 19")


def test_some_means_are_not_of_three_runs(bare, tmp_path: Path) -> None:
    point = audit.runs_behind_means(bare)
    assert point.reading.startswith("14 of 93 means cannot be those of three runs")
    assert "They fit 2 or 6 runs" in point.reading
    assert point.ours == NO_ROWS
    cells = {("mnist", "resnet", "random", 0.33): [0.5] * 3, ("mnist", "resnet", "all", 1.0): [0.5]}
    found = audit.runs_behind_means(Sources(made_record(tmp_path / "rows", cells)))
    assert found.ours == "Every table here prints n; so far 1 to 3 runs a cell."


def test_single_runs_are_told_where_the_notebook_shows_them(bare) -> None:
    reading = audit.runs_behind_means(bare).reading
    assert reading.endswith("3 a mean in the first batch, 6 in the second, which the tables use.")
    found = audit.seeds(bare).evidence.set_index("what")["found"]
    name = "standard deviation of its 6 single runs on random thirds, MobileNet"
    assert found[name] == f"{np.std(MOBILENETS, ddof=1):.4f}"
