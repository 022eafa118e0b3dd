"""Audit of single facts."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_audit import made_record
from made_maps import made_map, steady

from carto_helpers.audit import audit_details as audit
from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import Sources


@pytest.fixture
def bare(tmp_path: Path) -> Sources:
    return Sources(made_record(tmp_path))


def test_one_row_of_the_worked_example_is_no_distribution(bare) -> None:
    point = audit.worked_example(bare)
    assert point.reading.startswith("Epoch 3 sums to 1.543, so that it is no probability")
    assert "4 of the 4 derived numbers come out as printed" in point.reading


def test_resnet18_has_neither_count(bare) -> None:
    point = audit.parameter_count(bare)
    assert point.reading == (
        "Table 1 has 11.5M; the network has 11.18 M with 10 classes, 11.23 M with 100 classes and "
        "11.69 M with 1,000 classes."
    )


def test_mnists_classes_are_told_and_ours_counted(bare) -> None:
    assert audit.balanced_classes(bare).ours == NO_ROWS
    assert "1.24 times" in audit.balanced_classes(bare).reading
    found = made_map(steady(0.9, 5), labels=[0, 0, 0, 1, 1])
    bare.evidence.map = {"cifar10": found}.get
    point = audit.balanced_classes(bare)
    assert point.ours == "Training splits (80 %): cifar10 2 to 3 images a class."
    assert point.evidence["ratio"].tolist() == ["1.24", "1.00", "1.50"]


def test_class_names_are_the_records(bare) -> None:
    assert audit.no_truck(bare).ours == NO_ROWS
    found = made_map(steady(0.9, 2))
    trucks = replace(found.record, classes=("pickup_truck", "apple"))
    bare.evidence.map = {"cifar100": replace(found, record=trucks), "cifar10": found}.get
    point = audit.no_truck(bare)
    assert point.ours.endswith("cifar10: none; cifar100: pickup_truck.")
