"""Audit of the text against the tables: MNIST's median, bold marks, exceptions."""

from pathlib import Path

import pytest
from made_audit import made_record

from carto_helpers.audit import audit_claims as audit
from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import Sources
from carto_helpers.selection import PHASE2_MIXES


@pytest.fixture
def bare(tmp_path: Path) -> Sources:
    return Sources(made_record(tmp_path))


def test_random_is_last_or_tied_last_on_mnist(bare) -> None:
    point = audit.median_on_mnist(bare)
    assert point.reading.endswith("8 of 8 for MobileNet and 7 or 8 (tied) of 8 for ResNet.")
    assert point.ours == NO_ROWS
    assert point.evidence.set_index("student").loc["EfficientNet", "table 4"] == "no column"


def test_our_place_is_told_where_all_eight_are_run(tmp_path: Path) -> None:
    mixes = {("mnist", "resnet", *mix): [0.9] * 3 for mix in PHASE2_MIXES}
    cells = {("mnist", "resnet", "random", 0.33): [0.95] * 3}
    point = audit.median_on_mnist(Sources(made_record(tmp_path, cells, mixes)))
    assert point.ours == "ResNet: random: 1 of 8, best first."


def test_two_bold_cells_are_not_their_columns_best(bare) -> None:
    point = audit.bold_marks(bare)
    assert point.reading.startswith("2 of 11 bold cells are not the best of their column")
    assert "MobileNet: 0.977 where 0.979 is" in point.reading
    assert "ResNet: 0.989 where 0.990 is" in point.reading
    exception = "In table 3 above random: MobileNet, high-correctness (0.4955 against 0.469)."
    assert point.reading.endswith(exception)
    assert point.ours == NO_ROWS


def test_our_exceptions_are_counted(tmp_path: Path) -> None:
    cells = {
        ("cifar10", "resnet", "random", 0.33): [0.5] * 3,
        ("cifar10", "resnet", "high-correctness", 0.33): [0.6] * 3,
        ("cifar10", "resnet", "low-correctness", 0.33): [0.4] * 3,
    }
    point = audit.bold_marks(Sources(made_record(tmp_path, cells)))
    assert point.ours == "Subsets of table 3 whose mean lies above random's: ResNet 1 of 2."
