"""What another start of the teacher does, on a made record whose answer is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_maps import learnt, made_map, steady
from made_runs import student_row, teacher_row

from carto_helpers.config import Recipe
from carto_helpers.findings.teacher_starts import (
    contrast,
    read_contrast,
    score_table,
    starts,
    subset_table,
)
from carto_helpers.paired import paired_comparison
from carto_helpers.records import Results

TAUGHT = Recipe(hard_weight=1.0).to_json()
SHOWN = {"random": 0.50, "low-confidence": 0.30, "high-confidence": 0.40, "ambiguous": 0.45}
PAPER = pd.DataFrame(
    {
        "dataset": "cifar10",
        "student": "mobilenet",
        "train_data": [*(f"33% {rule}" for rule in SHOWN), "33% easy-to-learn"],
        "score": [0.50, 0.20, 0.60, 0.40, 0.30],
    }
)
OTHER = {"random": 0.45, "low-confidence": 0.30, "high-confidence": 0.60, "ambiguous": 0.40}
DECOYS = (
    {"recipe": Recipe(epochs=2).to_json()}, {"fraction": 0.1}, {"student": "resnet"},
    {"start": "file:0a"}, {"dataset": "mnist"}, {"dynamics_sha256": "before"},
    {"method_version": 0},
)  # fmt: skip


def made_record(
    folder: Path, *, others: tuple[int, ...] = (0,), rules: tuple[str, ...] = tuple(SHOWN)
) -> Results:
    """Return a record of four teachers, of which two have students, and rows that count for none.

    The map of the teacher from cifar100 is that of the one from scratch turned around, and both
    begin with less right than they end with.
    """
    results = Results(folder)
    rising = learnt(2) + steady(0.2, 2) + steady(0.4, 4) + steady(0.9, 4)
    made = {
        "shown": ("scratch", 0.7, rising, 1), "less": ("scratch", 0.6, rising, 1),
        "other": ("cifar100:0a1b", 0.8, rising[::-1], 1),
        "untaught": ("cifar100:2c3d", 0.9, rising, 1),
        "elsewhere": ("mnist:4e5f", 0.9, rising, 2),
    }  # fmt: skip
    for key, (start, f1, p_gold, fingerprint) in made.items():
        row = teacher_row(
            key=key, dataset="cifar10", start=start, val_macro_f1=f1, split_seed=0, recipe=TAUGHT,
            fingerprint=str(fingerprint),
        )  # fmt: skip
        row["dynamics_sha256"] = results.save_dynamics(key, made_map(p_gold).record)
        results.append_teacher(row)
    runs = [("shown", rule, SHOWN[rule], seed, {}) for rule in rules for seed in range(3)]
    runs += [
        ("other", rule, OTHER[rule] + 0.01 * seed * (rule == "ambiguous"), seed, {})
        for rule in rules
        for seed in others
    ]
    runs += [("other", rule, 9.0, 0, decoy) for decoy in DECOYS if others for rule in OTHER]
    runs += [("shown", "mix", 0.1, seed, {"student": "resnet"}) for seed in range(30)]
    dynamics = results.teachers().set_index("key")["dynamics_sha256"]
    for i, (teacher, rule, score, seed, changed) in enumerate(runs):
        facts = {
            "key": str(i), "dataset": "cifar10", "teacher_key": teacher, "rule": rule,
            "fraction": 0.33, "student_seed": seed, "subset_seed": seed,
            "recipe": Recipe().to_json(), "dynamics_sha256": dynamics[teacher],
            "test_macro_f1": score + seed * (1 if teacher == "shown" else 1.1),
        }  # fmt: skip
        results.append_student(student_row(**facts | changed))
    return results


def test_the_tables_teacher_comes_first_then_the_most_taught_of_each_start(tmp_path: Path) -> None:
    found = starts(made_record(tmp_path), "cifar10", "mobilenet")
    assert found["key"].tolist() == ["shown", "other"]
    assert found["start"].tolist() == ["scratch", "cifar100"]
    assert found["n_students"].tolist() == [12, 8]  # the decoys of another size are its, too
    assert found["right_first"].tolist() == pytest.approx([4 / 12] * 2)
    assert found["right_last"].tolist() == pytest.approx([6 / 12] * 2)
    assert starts(Results(tmp_path / "none"), "cifar10", "mobilenet").empty


def test_without_the_dynamics_of_the_tables_teacher_no_other_takes_its_place(
    tmp_path: Path,
) -> None:
    results = made_record(tmp_path)
    (tmp_path / "dynamics" / "shown.parquet").unlink()
    assert starts(results, "cifar10", "mobilenet").empty
    assert contrast(results, "cifar10", "mobilenet", PAPER).empty


def test_weights_of_ones_own_are_a_start_each(tmp_path: Path) -> None:
    results = made_record(tmp_path, others=())
    for key in ("1a", "2b"):
        row = results.teacher("less").to_dict() | {"key": key, "start": f"file:{key}"}
        row["dynamics_sha256"] = results.save_dynamics(key, results.dynamics("less"))
        results.append_teacher(row)
    found = starts(results, "cifar10", "mobilenet")
    assert found["start"].tolist() == ["scratch", "cifar100", "file:1a", "file:2b"]


def test_rules_are_compared_over_the_seeds_of_both(tmp_path: Path) -> None:
    found = contrast(made_record(tmp_path), "cifar10", "mobilenet", PAPER).set_index("rule")
    scores = ["ours", "other", "ours_gain", "other_gain", "n"]
    best, not_run = found.loc["high-confidence", scores], found.loc["low-variability", scores]
    assert best.tolist() == pytest.approx([0.40, 0.60, -0.10, 0.15, 1])
    assert not_run.isna().tolist() == [True, True, True, True, False]
    assert not_run["n"] == 0


def test_opposite_maps_share_no_ranked_example_and_every_random_one(tmp_path: Path) -> None:
    shared = contrast(made_record(tmp_path), "cifar10", "mobilenet", PAPER).set_index("rule")[
        "shared"
    ]
    assert shared["high-confidence"] == 0
    assert shared["random"] == 1


def test_a_page_shows_what_is_chosen_and_what_is_run(tmp_path: Path) -> None:
    found = contrast(made_record(tmp_path, others=(0, 1)), "cifar10", "mobilenet", PAPER)
    chosen = subset_table(found).set_index("rule")[["first ends right", "other ends right"]]
    assert chosen.loc["high-confidence"].tolist() == [1, 1]
    # the third of the lowest confidence is the same examples' turned around: 4 of 12
    assert chosen.loc["low-confidence"].tolist() == [0, 0]
    by_slope = chosen.loc["high-forgetfulness"]
    assert by_slope.between(0.5, 1).all()  # those learnt late, and what noise says
    run = score_table(found).set_index("rule")
    assert set(run.index) == set(SHOWN)
    assert run.loc["high-confidence", "95 % of other − random"] == "+0.150 to +0.150"
    assert run.loc["random", "95 % of other − random"] == "–"


def test_the_reading_counts_what_beats_random_under_either_teacher(tmp_path: Path) -> None:
    results = made_record(tmp_path)
    teachers = starts(results, "cifar10", "mobilenet")
    said = read_contrast(contrast(results, "cifar10", "mobilenet", PAPER), teachers)
    assert "**1 of 3** subsets score above random with the teacher from cifar100, against 0" in said
    assert (
        "(one seed of each). The best, high-confidence, differs from random by +0.150. On the"
        in said
    )
    assert "t test" not in said
    assert "(1 is the same order): +1.00 from cifar100, +0.33 from scratch; of" in said
    assert "exchanged" not in said


def test_two_seeds_have_an_interval_and_test_nothing(tmp_path: Path) -> None:
    results = made_record(tmp_path, others=(0, 1))
    found = contrast(results, "cifar10", "mobilenet", PAPER)
    one = found.set_index("rule").loc["high-confidence"]
    assert one[["low", "high"]].notna().all() and np.isnan(one["p"])
    said = read_contrast(found, starts(results, "cifar10", "mobilenet"))
    assert "(2 seeds of each)" in said and "(95 %: +0.150 to +0.150)" in said
    assert "t test" not in said


def test_three_seeds_have_a_p_corrected_for_all_eleven(tmp_path: Path) -> None:
    results = made_record(tmp_path, others=(0, 1, 2))
    found = contrast(results, "cifar10", "mobilenet", PAPER).set_index("rule")
    assert found.loc["high-confidence", "p"] == 0  # all seeds gain the same
    assert found.loc["ambiguous", "low"] < -0.04 < found.loc["ambiguous", "high"]
    alone = paired_comparison([0.40, 1.51, 2.62], [0.45, 1.55, 2.65]).p
    assert found.loc["ambiguous", "p"] == pytest.approx(min(1, 9 * alone))  # 2 of 11 are smaller
    said = read_contrast(found.reset_index(), starts(results, "cifar10", "mobilenet"))
    assert "(3 seeds of each)" in said
    assert "by +0.150 (95 %: +0.150 to +0.150). A paired t test shows this lead (p" in said
    assert "with this teacher the claim is contradicted" in said
    found.loc["high-confidence", "p"] = 0.2
    unsure = read_contrast(found.reset_index(), starts(results, "cifar10", "mobilenet"))
    assert "A paired t test does not show this lead (p" in unsure
    found.loc["ambiguous", ["other_gain", "p"]] = [0.01, 0.01]
    two = read_contrast(found.reset_index(), starts(results, "cifar10", "mobilenet"))
    assert "A paired t test shows the lead of 1 of the 2 (p" in two


def test_seeds_that_differ_by_rule_are_told(tmp_path: Path) -> None:
    found = contrast(made_record(tmp_path, others=(0, 1)), "cifar10", "mobilenet", PAPER)
    is_best = found["rule"] == "high-confidence"
    found.loc[is_best, ["n", "p", "low", "high"]] = [1, float("nan"), float("nan"), float("nan")]
    found.loc[found["rule"] == "ambiguous", ["other_gain", "p"]] = [0.01, 0.2]
    said = read_contrast(found, starts(made_record(tmp_path / "again"), "cifar10", "mobilenet"))
    assert "(1 to 2 seeds)" in said
    assert "by +0.150. A paired t test shows the lead of none of 1 with 3 seeds" in said


def test_rows_that_may_be_exchanged_are_tried_so(tmp_path: Path) -> None:
    results = made_record(tmp_path)
    found = contrast(results, "cifar10", "mobilenet", PAPER)
    is_easy = found["rule"] == "easy-to-learn"
    found.loc[is_easy, ["ours", "other", "other_gain", "n"]] = [0.5, 0.5, 0.05, 1]
    said = read_contrast(found, starts(results, "cifar10", "mobilenet"))
    # the paper's order low, easy, ambiguous, high; ours low, high, ambiguous, easy
    assert "+0.67 from cifar100, +0.00 from scratch (" in said
    assert "(+1.00 and +0.33 if the paper's ambiguous and easy-to-learn are exchanged" in said


def test_without_students_of_another_start_it_says_so(tmp_path: Path) -> None:
    results = made_record(tmp_path, others=())
    teachers = starts(results, "cifar10", "mobilenet")
    said = read_contrast(contrast(results, "cifar10", "mobilenet", PAPER), teachers)
    assert said.startswith("**Not run yet**: no student has learnt")
    assert read_contrast(pd.DataFrame(columns=["n", "rule"]), teachers) == said


def test_students_without_a_seed_in_common_are_told(tmp_path: Path) -> None:
    results = made_record(tmp_path, others=(7,))
    teachers = starts(results, "cifar10", "mobilenet")
    said = read_contrast(contrast(results, "cifar10", "mobilenet", PAPER), teachers)
    assert said.startswith("**Not run yet**: 8 students learnt from a teacher with another start")
