"""Audit of the score tables: the readings that the paper's own numbers give, and made rows."""

from pathlib import Path

import pytest
from made_audit import made_record

from carto_helpers.audit import audit_scores as audit
from carto_helpers.audit.audit_sources import Sources

EVERY = (
    audit.swapped_rows,
    audit.validation_accuracies,
    audit.two_tables,
    audit.small_sizes,
    audit.first_batch,
    audit.above_half,
)


@pytest.fixture
def bare(tmp_path: Path) -> Sources:
    return Sources(made_record(tmp_path))


@pytest.mark.parametrize("point", EVERY)
def test_a_record_without_students_says_so(point, bare) -> None:
    assert point(bare).ours == audit.NO_ROWS


def test_two_rows_are_nearer_to_the_notebook_if_swapped(bare) -> None:
    point = audit.swapped_rows(bare)
    assert point.reading.startswith("For MobileNet and ResNet the two rows lie nearer")
    assert "for EfficientNet either reading fits as well" in point.reading
    row = point.evidence.set_index("student").loc["MobileNet"]
    printed = abs(0.4427 - 0.286333) + abs(0.2084 - 0.4896)
    swapped = abs(0.4427 - 0.4896) + abs(0.2084 - 0.286333)
    assert row["apart as printed"] == f"{printed:.3f}"
    assert row["apart if swapped"] == f"{swapped:.3f}"


def test_our_rows_say_which_of_the_two_is_higher(tmp_path: Path) -> None:
    cells = {
        ("cifar10", "resnet", "easy-to-learn", 0.33): [0.6, 0.6, 0.6],
        ("cifar10", "resnet", "ambiguous", 0.33): [0.5, 0.5, 0.5],
    }
    point = audit.swapped_rows(Sources(made_record(tmp_path, cells)))
    assert point.ours == "ResNet's easy-to-learn lies above its ambiguous."


def test_table_5_holds_the_notebooks_validation_accuracies(bare) -> None:
    point = audit.validation_accuracies(bare)
    assert point.reading.startswith("21 of 21 cells of table 5's CIFAR-10 columns equal")
    assert "5 for MobileNet (as printed 1), 0 for EfficientNet (as printed 0)" in point.reading


def test_both_of_our_scores_are_told(tmp_path: Path) -> None:
    cells = {("cifar10", "resnet", "random", 0.33): [0.5, 0.6, 0.7]}
    point = audit.validation_accuracies(Sources(made_record(tmp_path, cells)))
    assert point.ours.endswith("validation accuracy minus test macro F1: ResNet +0.100 (n = 3).")
    row = point.evidence.set_index("student").loc["ResNet"]
    assert row["ours: validation accuracy"] == "0.700 (n = 3)"
    assert row["ours: test macro F1"] == "0.600 (n = 3)"


def test_one_cell_differs_between_tables_4_and_5(bare, tmp_path: Path) -> None:
    point = audit.two_tables(bare)
    assert point.reading == (
        "Apart by more than rounding: ResNet: 0.447 and 0.3106; ResNet's value in table 4 is "
        "EfficientNet's in table 5, rounded."
    )
    cells = {("cifar100", "resnet", "random", 0.33): [0.3, 0.3, 0.3]}
    found = audit.two_tables(Sources(made_record(tmp_path / "rows", cells)))
    assert found.ours == "ResNet reaches 0.300 (n = 3)."


def test_resnet_on_400_images(bare, tmp_path: Path) -> None:
    point = audit.small_sizes(bare)
    assert "the table has 0.515 for a ResNet-18 from scratch, 67% of its score" in point.reading
    assert point.reading.endswith("it falls by 0.00037.")
    sizes = {("cifar10", "resnet", "random", size): [0.1, 0.2, 0.3] for size in (0.01, 0.05, 0.1)}
    found = audit.small_sizes(Sources(made_record(tmp_path / "rows", sizes)))
    assert found.ours.startswith("At 1, 5 and 10 %: 0.200 (n = 3), 0.200")


def test_the_first_random_batch_scores_as_the_whole_split(bare, tmp_path: Path) -> None:
    assert "for 3 of 3 students" in audit.first_batch(bare).reading
    cells = {
        ("cifar10", "resnet", "random", 0.33): [0.5] * 3,
        ("cifar10", "resnet", "all", 1.0): [0.7] * 3,
    }
    found = audit.first_batch(Sources(made_record(tmp_path / "rows", cells)))
    assert found.ours.endswith("validation accuracy: ResNet −0.200.")


def test_the_gain_above_half_is_large_on_cifar100(bare, tmp_path: Path) -> None:
    reading = audit.above_half(bare).reading
    assert f"{0.1884 / 0.1229 - 1:.0%} on cifar100" in reading
    cells = {
        ("mnist", "resnet", "random", 0.55): [0.5] * 3,
        ("mnist", "resnet", "all", 1.0): [0.7] * 3,
    }
    found = audit.above_half(Sources(made_record(tmp_path / "rows", cells)))
    assert found.ours == "In the last two columns."
