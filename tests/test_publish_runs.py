"""Runs are taken from one record into another, files and all; teachers without a page shortened."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_runs import student_row, teacher_row
from publish_runs import publish, shorten

from carto_helpers.config import PhaseConfig
from carto_helpers.findings import student_starts
from carto_helpers.findings.doubted_rows import with_doubts
from carto_helpers.recording import QUANTITIES, DynamicsRecord
from carto_helpers.records import Results

LEFT = ("p_gold", "is_right")
FAST, SLOW = (PhaseConfig().teacher_recipe(rate).to_json() for rate in (1e-3, 1e-4))
IMAGE = {3: b"image"}


def add_teacher(results: Results, key: str, **changed: object) -> None:
    p = np.linspace(0.1, 0.9, 8, dtype=np.float32).reshape(4, 2)
    arrays = {name: p > 0.5 if name == "is_right" else p for name in QUANTITIES}
    record = DynamicsRecord(
        index=np.arange(4), labels=np.array([0, 1, 0, 1]), classes=("a", "b"), quantities=arrays
    )
    files = {
        "dynamics_sha256": results.save_dynamics(key, record),
        "logits_sha256": results.save_logits(key, torch.zeros(4, 2, dtype=torch.float16)),
    }
    facts = {"dataset": "mnist", "split_seed": 0, "recipe": FAST}
    results.append_teacher(teacher_row(key=key, **(facts | files | changed)))


def test_runs_come_with_their_files_once(tmp_path: Path) -> None:
    source, target = Results(tmp_path / "from"), Results(tmp_path / "to")
    add_teacher(source, "a")
    source.save_thumbnails("mnist", "f" * 16, np.array([*IMAGE]), list(IMAGE.values()))
    source.append_student(student_row(key="1", teacher_key="a"))
    assert publish(source, target) == ["a", "1"]
    assert target.dynamics("a").p_gold.tolist() == source.dynamics("a").p_gold.tolist()
    assert target.logits("a").shape == (4, 2)
    assert target.thumbnails("mnist", "f" * 16) == IMAGE
    assert target.students().equals(source.students())
    assert publish(source, target) == []


def test_of_a_network_that_students_only_began_with_the_row_is_published(tmp_path: Path) -> None:
    source, target = Results(tmp_path / "from"), Results(tmp_path / "to")
    add_teacher(source, "a")
    names = {"teacher": "tf_efficientnet_b0", "network": "tf_efficientnet_b0"}
    for key in ("0a", "0b"):
        add_teacher(source, key, dataset="cifar100", **names)
    source.append_student(student_row(key="1", teacher_key="a", start="cifar100:0a"))
    assert publish(source, target) == ["a", "1"]
    assert student_starts.recorded(target.folder)["key"].tolist() == ["0a"]
    assert not (target.folder / "dynamics" / "0a.parquet").exists()
    assert publish(source, target) == []
    assert student_starts.recorded(target.folder)["key"].tolist() == ["0a"]
    again = Results(tmp_path / "again")
    add_teacher(again, "0a", dynamics_sha256="0" * 64, **names)
    digest = student_starts.recorded(target.folder)["dynamics_sha256"].item()
    assert publish(again, target) == []
    assert student_starts.recorded(target.folder)["dynamics_sha256"].item() == digest
    again.append_student(student_row(key="2", teacher_key="a", start="cifar100:0a"))
    with pytest.raises(ValueError, match="weights of 0a that was trained again"):
        publish(again, target)
    assert target.students()["key"].tolist() == ["1"]


def test_a_damaged_file_is_not_published(tmp_path: Path) -> None:
    source, target = Results(tmp_path / "from"), Results(tmp_path / "to")
    add_teacher(source, "a")
    (source.folder / "logits" / "a.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="damaged"):
        publish(source, target)
    assert target.teachers().empty


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a record of runs in .*got no teacher"):
        publish(Results(tmp_path / "typo"), Results(tmp_path / "to"))


def test_students_of_a_teacher_in_neither_record_are_refused(tmp_path: Path) -> None:
    source, target = Results(tmp_path / "from"), Results(tmp_path / "to")
    add_teacher(source, "a")
    source.append_student(student_row(key="1", teacher_key="b"))
    with pytest.raises(ValueError, match="students of b have no teacher"):
        publish(source, target)
    assert target.students().empty


def test_a_beaten_teacher_without_students_is_shortened_once(tmp_path: Path) -> None:
    results = Results(tmp_path)
    add_teacher(results, "beaten", val_macro_f1=0.3, start="cifar100:0a", recipe=SLOW)
    add_teacher(results, "best", val_macro_f1=0.4, start="cifar100:0b")
    add_teacher(results, "digits", dataset="digits", val_macro_f1=0.1)
    add_teacher(results, "other", dataset="digits", val_macro_f1=0.2)
    before = results.dynamics("beaten")
    assert shorten(results) == ["beaten"]
    left = results.dynamics("beaten")
    assert tuple(left.quantities) == LEFT
    assert (left.is_right == before.is_right).all()
    assert not (tmp_path / "logits" / "beaten.safetensors").exists()
    assert set(results.dynamics("best").quantities) == set(QUANTITIES)
    assert results.logits("best").shape == (4, 2)
    assert len(with_doubts(results, results.teachers())) == 4
    assert shorten(results) == []


def test_probabilities_of_a_teacher_without_a_page_are_left_in_half_precision(
    tmp_path: Path,
) -> None:
    results = Results(tmp_path)
    add_teacher(results, "best", val_macro_f1=0.4)
    add_teacher(results, "other", val_macro_f1=0.3, network="resnet18", teacher="resnet18")
    whole = results.dynamics("other").p_gold
    assert shorten(results) == ["other"]
    left = results.dynamics("other").p_gold
    assert left.dtype == np.float32 and (left == left.astype(np.float16)).all()
    assert 0 < np.abs(left / whole - 1).max() <= 2**-11


def test_a_better_teacher_is_shortened_where_another_has_taught(tmp_path: Path) -> None:
    results = Results(tmp_path)
    add_teacher(results, "taught", val_macro_f1=0.3)
    add_teacher(results, "best", val_macro_f1=0.4, network="resnet34", teacher="resnet34")
    results.append_student(student_row(key="1", teacher_key="taught"))
    assert shorten(results) == ["best"]
    assert set(results.dynamics("taught").quantities) == set(QUANTITIES)


def test_a_better_network_that_is_no_family_of_the_papers_is_shortened(tmp_path: Path) -> None:
    results = Results(tmp_path)
    add_teacher(results, "family", val_macro_f1=0.3)
    add_teacher(results, "best", val_macro_f1=0.4, network="resnet34", teacher="resnet34")
    assert shorten(results) == ["best"]


def test_teachers_of_another_start_or_images_beat_none(tmp_path: Path) -> None:
    results = Results(tmp_path)
    add_teacher(results, "a", val_macro_f1=0.9)
    for key, changed in (
        ("c", {"start": "cifar100:0a"}), ("d", {"dataset": "cifar10"}),
        ("f", {"fingerprint": "g" * 16}),
    ):  # fmt: skip
        add_teacher(results, key, **changed)
    assert shorten(results) == []


def test_a_network_with_a_data_map_in_the_paper_is_published_as_a_teacher(tmp_path: Path) -> None:
    source, target = Results(tmp_path / "from"), Results(tmp_path / "to")
    names = {"network": "resnet34", "teacher": "resnet34"}
    add_teacher(source, "a", dataset="cifar10", **names)
    add_teacher(source, "b", dataset="cifar100", **names)  # for its weights: no map shows it
    assert publish(source, target) == ["a"]


def test_a_shortened_teacher_comes_whole_with_its_first_student(tmp_path: Path) -> None:
    source, target = Results(tmp_path / "from"), Results(tmp_path / "to")
    add_teacher(source, "beaten", val_macro_f1=0.3)
    add_teacher(source, "best", val_macro_f1=0.4)
    publish(source, target)
    assert shorten(target) == ["beaten"]
    assert publish(source, target) == []
    digest = source.teacher("beaten")["dynamics_sha256"]
    source.append_student(student_row(key="1", teacher_key="beaten", dynamics_sha256=digest))
    assert publish(source, target) == ["beaten", "1"]
    assert target.teacher("beaten")["dynamics_sha256"] == digest
    assert target.logits("beaten").shape == (4, 2)
    assert shorten(target) == ["best"]
