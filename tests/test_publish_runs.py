"""Runs are taken from one record into another, files and all; teachers without a page shortened."""

from pathlib import Path

import numpy as np
import torch
from made_runs import student_row, teacher_row
from publish_runs import KEPT, publish, shorten

from carto_helpers.config import Recipe
from carto_helpers.recording import QUANTITIES, DynamicsRecord
from carto_helpers.records import Results

TAUGHT = Recipe(hard_weight=1.0).to_json()


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
    facts = {"dataset": "mnist", "split_seed": 0, "recipe": TAUGHT}
    results.append_teacher(teacher_row(key=key, **(facts | files | changed)))


def test_runs_come_with_their_files_once(tmp_path: Path) -> None:
    source, target = Results(tmp_path / "from"), Results(tmp_path / "to")
    add_teacher(source, "a")
    source.save_thumbnails("mnist", "f" * 16, np.array([3]), [b"image"])
    source.append_student(student_row(key="1", teacher_key="a"))
    assert publish(source, target) == ["a", "1"]
    assert target.dynamics("a").p_gold.tolist() == source.dynamics("a").p_gold.tolist()
    assert target.logits("a").shape == (4, 2)
    assert target.thumbnails("mnist", "f" * 16) == {3: b"image"}
    assert target.students().equals(source.students())
    assert publish(source, target) == []


def test_a_beaten_teacher_without_students_is_shortened_once(tmp_path: Path) -> None:
    results = Results(tmp_path)
    add_teacher(results, "beaten", val_macro_f1=0.3)
    add_teacher(results, "best", val_macro_f1=0.4)
    before = results.dynamics("beaten")
    assert shorten(results) == ["beaten"]
    left = results.dynamics("beaten")
    assert tuple(left.quantities) == KEPT
    assert (left.p_gold == before.p_gold).all() and (left.is_right == before.is_right).all()
    assert not (tmp_path / "logits" / "beaten.safetensors").exists()
    assert set(results.dynamics("best").quantities) == set(QUANTITIES)
    assert results.logits("best").shape == (4, 2)
    assert shorten(results) == []


def test_a_teacher_with_students_another_start_or_data_set_stays_whole(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for key, changed in (
        ("a", {}), ("b", {}), ("c", {"start": "cifar100:0a"}), ("d", {"dataset": "cifar10"}),
        ("e", {"network": "other"}),
    ):  # fmt: skip
        add_teacher(results, key, **changed)
    for key in "ab":
        results.append_student(student_row(key=f"of-{key}", teacher_key=key))
    assert shorten(results) == []
