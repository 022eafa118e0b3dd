"""What another start of the teacher does, on a made record whose answer is known."""

from pathlib import Path

import pandas as pd
import pytest
from made_maps import made_map, steady
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
        "train_data": [f"33% {rule}" for rule in SHOWN],
        "score": [0.50, 0.20, 0.60, 0.40],
    }
)
OTHER = {"random": 0.50, "low-confidence": 0.35, "high-confidence": 0.65, "ambiguous": 0.45}


def made_record(folder: Path, *, others: tuple[int, ...] = (0,)) -> Results:
    results = Results(folder)
    rising = steady(0.2, 4) + steady(0.5, 4) + steady(0.9, 4)
    made = {
        "shown": ("scratch", 0.7, rising), "less": ("scratch", 0.6, rising),
        "other": ("cifar100:0a1b", 0.8, rising[::-1]),
    }  # fmt: skip
    for key, (start, f1, p_gold) in made.items():
        row = teacher_row(
            key=key, dataset="cifar10", start=start, val_macro_f1=f1, split_seed=0, recipe=TAUGHT
        )
        row["dynamics_sha256"] = results.save_dynamics(key, made_map(p_gold).record)
        results.append_teacher(row)
    runs = [("shown", rule, score, seed) for rule, score in SHOWN.items() for seed in range(3)]
    runs += [
        ("other", rule, score + 0.01 * seed * (rule == "ambiguous"), seed)
        for rule, score in OTHER.items()
        for seed in others
    ]
    for i, (teacher, rule, score, seed) in enumerate(runs):
        row = student_row(
            key=str(i), dataset="cifar10", teacher_key=teacher, rule=rule, fraction=0.33,
            student_seed=seed, subset_seed=seed, test_macro_f1=score + seed,
            recipe=Recipe().to_json(),
        )  # fmt: skip
        results.append_student(row)
    return results


def test_the_tables_teacher_comes_first_then_the_best_of_each_other_start(tmp_path: Path) -> None:
    found = starts(made_record(tmp_path), "cifar10")
    assert found["key"].tolist() == ["shown", "other"]
    assert found["start"].tolist() == ["scratch", "cifar100"]
    assert found["n_students"].tolist() == [12, 4]
    assert found["right_first"].between(0.3, 0.7).all()  # of 12 made examples 4 are right, 4 maybe
    assert starts(Results(tmp_path / "none"), "cifar10").empty


def test_rules_are_compared_over_the_seeds_of_both(tmp_path: Path) -> None:
    found = contrast(made_record(tmp_path), "cifar10", "mobilenet", PAPER).set_index("rule")
    scores = ["ours", "other", "ours_gain", "other_gain", "n"]
    best, not_run = found.loc["high-confidence", scores], found.loc["low-variability", scores]
    assert best.tolist() == pytest.approx([0.40, 0.65, -0.10, 0.15, 1])
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
    chosen = subset_table(found).set_index("rule")
    assert chosen.loc["high-confidence", ["ours right", "other right"]].tolist() == [1, 1]
    run = score_table(found).set_index("rule")
    assert set(run.index) == set(SHOWN)
    assert run.loc["high-confidence", "95 %"] == "+0.150 to +0.150"
    assert run.loc["random", "95 %"] == "–"


def test_the_reading_counts_what_beats_random_under_either_teacher(tmp_path: Path) -> None:
    results = made_record(tmp_path)
    teachers = starts(results, "cifar10")
    said = read_contrast(contrast(results, "cifar10", "mobilenet", PAPER), teachers)
    assert "**1 of 3** subsets score above the random one, with the teacher from scratch 0" in said
    assert "one seed of both. The best, high-confidence, differs from the random one by +0." in said
    assert (
        "paper's scores is +1.00 for the teacher from cifar100 and +0.33 for the one from" in said
    )


def test_two_seeds_have_an_interval_and_a_p_corrected_for_all_eleven(tmp_path: Path) -> None:
    results = made_record(tmp_path, others=(0, 1))
    found = contrast(results, "cifar10", "mobilenet", PAPER).set_index("rule")
    assert found.loc["high-confidence", "p"] == 0  # both seeds gain the same
    assert found.loc["ambiguous", "low"] < -0.045 < found.loc["ambiguous", "high"]
    alone = paired_comparison([0.45, 0.46], [0.50, 0.50]).p
    assert found.loc["ambiguous", "p"] == pytest.approx(min(1, 9 * alone))  # 2 of 11 are smaller
    said = read_contrast(found.reset_index(), starts(results, "cifar10"))
    assert "by +0.150 (+0.150 to +0.150); for 1 of the 1 a paired t test shows it" in said


def test_without_students_of_another_start_it_says_so(tmp_path: Path) -> None:
    results = made_record(tmp_path, others=())
    teachers = starts(results, "cifar10")
    said = read_contrast(contrast(results, "cifar10", "mobilenet", PAPER), teachers)
    assert said.startswith("**Not run yet**")
    assert read_contrast(pd.DataFrame(columns=["n", "rule"]), teachers) == said
