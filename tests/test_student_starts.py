"""Students of another start beside those of the tables, on the same subsets."""

from pathlib import Path

import pandas as pd
import pytest
from made_runs import student_row, teacher_row
from scipy.stats import ttest_rel

from carto_helpers import tables
from carto_helpers.config import PhaseConfig
from carto_helpers.findings import side_by_side, student_starts
from carto_helpers.records import Results, published

BEGUN = "cifar100:0a1b"
SCORES = {
    "scratch": {"random": [0.50, 0.52, 0.51, 0.9], "hard-to-learn": [0.20, 0.25, 0.21]},
    BEGUN: {"random": [0.60, 0.61, 0.62], "hard-to-learn": [0.50, 0.52, 0.54], "ambiguous": [0.4]},
}


def made_results(folder: Path) -> Results:
    results = Results(folder)
    recipe = PhaseConfig().teacher_recipe(1e-3).to_json()
    facts = {"dataset": "cifar10", "split_seed": 0, "recipe": recipe}
    results.append_teacher(teacher_row(key="a", **facts))
    rows = [
        {"start": start, "rule": rule, "student_seed": seed, "test_macro_f1": score}
        for start, found in SCORES.items()
        for rule, scores in found.items()
        for seed, score in enumerate(scores)
    ]
    shared = {"dataset": "cifar10", "student": "efficientnet", "teacher_key": "a", "fraction": 0.33}
    for i, row in enumerate(rows):
        results.append_student(student_row(**(shared | {"key": str(i)} | row)))
    return results


@pytest.fixture
def found(tmp_path: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    first, other = student_starts.other_start(made_results(tmp_path), "cifar10", "efficientnet")
    table = tables.table3(
        tables.summary(first), published("table3_phase1"), datasets=["cifar10"],
        students=["efficientnet"],
    )  # fmt: skip
    return side_by_side.side_by_side(table, first, other), first, other


def test_scores_are_paired_over_the_seeds_of_both_starts(found) -> None:
    rows, first, other = found
    assert (set(first["start"]), set(other["start"])) == ({"scratch"}, {BEGUN})
    assert rows["train_data"].tolist() == ["33 % random", "33 % hard-to-learn"]
    assert rows["first"].tolist() == pytest.approx([0.51, 0.22])
    assert rows["difference"].tolist() == pytest.approx([0.1, 0.3])
    assert rows["n"].tolist() == [3, 3]
    test = ttest_rel(SCORES[BEGUN]["hard-to-learn"], SCORES["scratch"]["hard-to-learn"])
    low, high = test.confidence_interval()
    assert rows.loc[1, ["low", "high"]].tolist() == pytest.approx([low, high])


def test_a_page_names_the_starts_and_tells_how_far_the_thirds_lie_apart(found) -> None:
    rows, first, other = found
    names = student_starts.named(first), student_starts.named(other)
    table = side_by_side.side_table(rows, *names)
    assert list(table)[2:4] == ["from scratch", "from cifar100"]
    assert table["difference"].tolist() == ["+0.100", "+0.300"]
    told = student_starts.read_starts(*found)
    assert "from scratch 0.220 to 0.510 (**0.290** apart); from cifar100 0.520 to 0.610" in told
    assert "From cifar100 the students score higher on **2** of them, on **2** with" in told


def test_one_start_is_not_run_yet(tmp_path: Path) -> None:
    first, other = student_starts.other_start(Results(tmp_path), "cifar10", "efficientnet")
    assert first.empty
    assert other.empty
    rows = pd.DataFrame(columns=list(side_by_side.SIDES))
    assert student_starts.read_starts(rows, first, other).startswith("**Not run yet**")


def test_the_weights_are_told_by_the_row_of_their_network(tmp_path: Path, found) -> None:
    assert student_starts.recorded(tmp_path / "none").empty
    row = teacher_row(
        key="0a1b",
        dataset="cifar100",
        network="tf_efficientnet_b0",
        val_macro_f1=0.3,
        seconds=900.0,
    )
    told = (
        "The weights are those of `tf_efficientnet_b0` trained on cifar100 (macro F1 "
        "0.300 on its validation split, 15 minutes on made), the head replaced."
    )
    own = Results(tmp_path / "own")  # where they were trained: among the teachers
    own.append_teacher(row)
    assert student_starts.read_weights(own, found[2]) == told
    pd.DataFrame([row, row | {"key": "ffff"}]).to_csv(tmp_path / student_starts.FILE, index=False)
    assert student_starts.read_weights(Results(tmp_path), found[2]) == told
    assert student_starts.read_weights(Results(tmp_path / "none"), found[2]) == ""


def test_a_third_of_one_seed_has_no_interval_and_another_start_alone_is_shown(
    tmp_path: Path,
) -> None:
    results = Results(tmp_path)
    recipe = PhaseConfig().teacher_recipe(1e-3).to_json()
    results.append_teacher(teacher_row(key="a", dataset="cifar10", split_seed=0, recipe=recipe))
    shared = {"dataset": "cifar10", "student": "efficientnet", "teacher_key": "a", "fraction": 0.33}
    results.append_student(student_row(**shared, key="1", start=BEGUN, test_macro_f1=0.75))
    shown, other = student_starts.other_start(results, "cifar10", "efficientnet")
    assert shown["key"].tolist() == ["1"]
    assert other.empty
    table = tables.table3(
        tables.summary(shown), published("table3_phase1"), datasets=["cifar10"],
        students=["efficientnet"],
    )  # fmt: skip
    assert side_by_side.side_by_side(table, shown, other).empty
    results.append_student(student_row(**shared, key="2", test_macro_f1=0.5))
    shown, other = student_starts.other_start(results, "cifar10", "efficientnet")
    assert (shown["key"].tolist(), other["key"].tolist()) == (["2"], ["1"])
    found = side_by_side.side_by_side(table, shown, other)
    assert found[["difference", "n"]].to_numpy().tolist() == [[0.25, 1]]
    assert found[["low", "high"]].isna().all(axis=None)
    assert side_by_side.side_table(found, "one", "other")["95 % interval"].tolist() == ["–"]
