"""What the audit reads: the paper's cells, the notebook's means, our rows."""

from pathlib import Path

import pytest
from made_audit import made_record

from carto_helpers.audit.audit_sources import Point, Sources, frame, listed, score, students
from carto_helpers.claims.claim_cells import RANDOM, WHOLE


def test_the_notebook_is_read_by_subset(tmp_path: Path) -> None:
    sources = Sources(made_record(tmp_path))
    assert sources.noted("phase1", "resnet")["33% easy-to-learn"] == 0.6191
    assert sources.noted("phase1", "resnet")[WHOLE] == 0.7699
    assert sources.noted("phase3", "mobilenet")[RANDOM] == 0.469183
    assert sources.noted("phase2", "mobilenet") == {}  # mixes have no label of their own


def test_our_cells_are_means_with_n_or_not_run(tmp_path: Path) -> None:
    made = {("cifar10", "resnet", "random", 0.33): [0.5, 0.6, 0.7]}
    sources = Sources(made_record(tmp_path, made))
    assert sources.ours("cifar10", "resnet", RANDOM) == "0.600 (n = 3)"
    assert sources.ours("cifar10", "resnet", WHOLE) == "not run"
    assert sources.means("cifar10", "resnet") == {RANDOM: pytest.approx(0.6)}
    assert len(sources.rows("cifar10", "resnet", RANDOM)) == 3


def test_a_point_is_its_reading_our_rows_and_its_evidence() -> None:
    evidence = frame([{"student": "ResNet", "score": "0.5"}])
    point = Point(number=1, title="t", evidence=evidence, reading="It is so.", ours="None.")
    assert point.text() == (
        "It is so.\n\n**Our rows.** None.\n\n| student | score |\n| --- | ---: |\n| ResNet | 0.5 |"
    )


def test_wide_evidence_is_shown_upright() -> None:
    evidence = frame([{"student": name} | dict.fromkeys("abcde", "1") for name in ("M", "R")])
    point = Point(number=1, title="t", evidence=evidence, reading="r", ours="o")
    assert point.text().endswith("| of each | M | R |\n| --- | ---: | ---: |" + "".join(
        f"\n| {name} | 1 | 1 |" for name in "abcde"
    ))  # fmt: skip


def test_small_words() -> None:
    assert listed(["a", "b"]) == "a and b"
    assert score({"x": -0.25}, "x", 2) == "−0.25"
    assert score({}, "x") == "–"
    assert [name for _, name in students()] == ["MobileNet", "EfficientNet", "ResNet"]
