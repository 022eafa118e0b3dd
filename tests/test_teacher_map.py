"""Maps of recorded teachers: nearest anchors, soft labels, and what a record without some gives."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from made_maps import made_map, steady
from made_runs import teacher_row

from carto_helpers.findings.teacher_map import recorded_maps, softmax, strengths, teacher_map
from carto_helpers.records import Results


def made_record(folder: Path, *, logits: bool = True) -> Results:
    results = Results(folder)
    made = (("weak", 0.5, steady(0.5, 10)), ("strong", 0.9, steady(0.95, 9) + steady(0.5, 1)))
    for key, f1, p_gold in made:
        row = teacher_row(key=key, dataset="mnist", network=key, val_macro_f1=f1)
        row["dynamics_sha256"] = results.save_dynamics(key, made_map(p_gold).record)
        if logits:
            row["logits_sha256"] = results.save_logits(key, torch.eye(2).repeat(5, 1).half())
        results.append_teacher(row)
    results.append_teacher(teacher_row(key="no-map", dataset="mnist", val_macro_f1=1.0))
    return results


def test_each_example_counts_to_its_nearest_anchor() -> None:
    swinging = [[0.0, 1.0] * 5]  # variability 0.5
    found = made_map(steady(0.9, 1) + swinging + steady(0.1, 1))
    regions = ("easy-to-learn", "ambiguous", "hard-to-learn")
    nearest = [found.lies_nearest(name).tolist() for name in regions]
    assert nearest == [[True, False, False], [False, True, False], [False, False, True]]
    assert found.n == 3


def test_a_subset_is_the_rules() -> None:
    found = made_map(steady(0.9, 2) + steady(0.1, 1))
    assert found.subset("hard-to-learn", fraction=0.34).tolist() == [2]


def test_entropy_equals_scipys() -> None:
    soft = np.array([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]])
    found = made_map(steady(0.9, 3), soft=soft)
    assert found.entropy() == pytest.approx(scipy.stats.entropy(soft, axis=1))


def test_entropy_needs_logits() -> None:
    with pytest.raises(ValueError, match="the entropy of soft labels needs logits, got none"):
        made_map(steady(0.9, 3)).entropy()


def test_softmax_equals_torchs() -> None:
    logits = np.random.default_rng(0).normal(size=(5, 3)) * 30
    assert softmax(logits) == pytest.approx(torch.tensor(logits).softmax(1).numpy())


def test_maps_come_strongest_first_and_only_those_that_are_kept(tmp_path: Path) -> None:
    results = made_record(tmp_path)
    assert recorded_maps(results, "mnist") == ["strong", "weak"]
    assert recorded_maps(results, "cifar10") == []


def test_strengths_count_the_map(tmp_path: Path) -> None:
    results = made_record(tmp_path)
    table = strengths(results, recorded_maps(results, "mnist")).set_index("network")
    assert table.index.tolist() == ["strong", "weak"]
    assert table.loc["strong", ["easy", "middle_left"]].tolist() == pytest.approx(
        [0.9, 0.1], abs=0.11
    )
    assert table.loc["weak", "middle_left"] == 1.0
    assert strengths(Results(tmp_path / "none"), []).empty


def test_soft_labels_are_there_where_logits_are(tmp_path: Path) -> None:
    found = teacher_map(made_record(tmp_path / "with"), "strong")
    assert found.soft.shape == (10, 2)
    assert found.soft.sum(axis=1) == pytest.approx(1)
    assert teacher_map(made_record(tmp_path / "without", logits=False), "strong").soft is None


def test_a_teacher_without_dynamics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-map.parquet, got none"):
        teacher_map(made_record(tmp_path), "no-map")
