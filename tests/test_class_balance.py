"""Subsets that differ from a rule's in its classes, or in its images within them, alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import student_row, teacher_row

from carto_helpers.config import Recipe, SubsetSpec
from carto_helpers.findings import class_balance
from carto_helpers.findings.class_balance import ARMS, class_effects, matched_random, rule_by_class
from carto_helpers.records import Results


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_a_matched_subset_holds_as_many_of_each_class(seed: int, n: int) -> None:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 7, 200)
    positions = np.sort(draw.choice(200, n, replace=False))
    found = matched_random(labels, positions, seed=seed)
    assert np.array_equal(found, np.unique(found))
    assert np.array_equal(
        np.bincount(labels[found], minlength=7), np.bincount(labels[positions], minlength=7)
    )


def test_a_matched_subset_is_drawn() -> None:
    labels, positions = np.zeros(1_000, np.int64), np.arange(300)
    one, other = (matched_random(labels, positions, seed=seed) for seed in (0, 1))
    assert 200 < len(np.setdiff1d(one, positions)) < 220  # 0.7 of 300 are outside
    assert not np.array_equal(one, other)
    assert np.array_equal(one, matched_random(labels, positions, seed=0))


def test_a_rule_by_class_takes_the_same_share_of_each_and_its_highest() -> None:
    draw = np.random.default_rng(0)
    labels, score = draw.integers(0, 5, 500), draw.random(500)
    spec = SubsetSpec(rule="high-confidence", fraction=0.2)
    found = rule_by_class(labels, {"confidence": score}, spec)
    for k in range(5):
        ours = score[found][labels[found] == k]
        assert len(ours) == max(1, int(0.2 * np.sum(labels == k)))
        assert np.array_equal(np.sort(ours), np.sort(score[labels == k])[-len(ours) :])


def test_a_rule_that_draws_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a rule that ranks, got 'random'"):
        rule_by_class(np.zeros(4, int), {"confidence": np.ones(4)}, SubsetSpec(rule="random"))


def made_rows(**means: float) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "rule": rule.replace("_", "-"),
                "student_seed": seed,
                "test_macro_f1": mean + 0.01 * seed,
            }
            for rule, mean in means.items()
            for seed in range(3)
        ]
    )


def test_effects_add_up_to_what_a_rule_loses() -> None:
    students = made_rows(random=0.5, ambiguous=0.3)
    arms = [
        made_rows(ambiguous=mean).assign(arm=arm)
        for mean, arm in zip((0.4, 0.45), ARMS, strict=True)
    ]
    found = class_effects(pd.concat(arms).rename(columns={"student_seed": "seed"}), students)
    assert found["effect"].tolist() == ["classes", "images", "classes mended", "against random"]
    assert found["difference"].tolist() == pytest.approx([-0.1, -0.1, 0.15, -0.05])
    assert found["n"].tolist() == [3, 3, 3, 3]


def test_an_arm_without_rows_has_no_effect() -> None:
    students = made_rows(random=0.5, ambiguous=0.3)
    arm = made_rows(ambiguous=0.4).assign(arm=class_balance.ARMS[1])
    found = class_effects(arm.rename(columns={"student_seed": "seed"}), students)
    assert found["effect"].tolist() == ["classes mended", "against random"]


def test_mean_scores_leave_a_gap_where_nothing_is_run() -> None:
    studied = made_rows(ambiguous=0.4).rename(columns={"student_seed": "seed"}).assign(arm=ARMS[0])
    more = made_rows(random=9.0).tail(1).assign(student_seed=7)  # a seed that is not the study's
    students = pd.concat([made_rows(random=0.5, ambiguous=0.3), more])
    found = class_balance.mean_scores(studied, students)
    assert found.columns.tolist() == ["rule", "random", "the rule", *ARMS]
    assert found["rule"].tolist() == ["ambiguous"]
    assert found.iloc[0, 1:4].tolist() == pytest.approx([0.51, 0.31, 0.41])
    assert np.isnan(found.iloc[0, 4])
    nothing = class_balance.recorded(Path("nowhere"))
    assert class_balance.mean_scores(nothing, students).empty


def test_one_seed_shows_no_effect() -> None:
    one = made_rows(ambiguous=0.4).rename(columns={"student_seed": "seed"}).assign(arm=ARMS[1])
    assert class_effects(one.head(1), made_rows(random=0.5, ambiguous=0.3)).empty


def test_a_reading_tells_every_effect_and_that_nothing_is_run(tmp_path: Path) -> None:
    nothing = class_balance.recorded(tmp_path)
    effects = class_effects(nothing, made_rows(random=0.5))
    assert class_balance.read_effects(effects, start="").startswith("**Not run yet**")
    rows = made_rows(ambiguous=0.4).rename(columns={"student_seed": "seed"}).assign(arm=ARMS[0])
    rows.assign(teacher_key="07").to_csv(tmp_path / "class_balance.csv", index=False)
    effects = class_effects(class_balance.recorded(tmp_path), made_rows(random=0.5, ambiguous=0.3))
    assert class_balance.mended_table(effects).empty
    text = class_balance.read_effects(effects, start="scratch")
    assert text.startswith("All learnt from the teacher from scratch.\n\n* **ambiguous** (n = 3): ")
    assert "score by **−0.100** (−0.100 to −0.100), its choice" in text


def test_the_rule_that_exceeds_random_most_is_told_first() -> None:
    rows = made_rows(ambiguous=0.4, easy_to_learn=0.6).rename(columns={"student_seed": "seed"})
    students = made_rows(random=0.5, ambiguous=0.3, easy_to_learn=0.3)
    table = class_balance.mended_table(class_effects(rows.assign(arm=ARMS[1]), students))
    assert table.to_numpy().tolist() == [
        ["easy-to-learn", "**+0.300** (+0.300 to +0.300), n = 3",
         "**+0.100** (+0.100 to +0.100), n = 3"],
        ["ambiguous", "**+0.100** (+0.100 to +0.100), n = 3",
         "**−0.100** (−0.100 to −0.100), n = 3"],
    ]  # fmt: skip
    is_second = (students["rule"] == "ambiguous") & (students["student_seed"] > 1)
    fewer = class_effects(rows.assign(arm=ARMS[1]), students[~is_second])
    assert class_balance.mended_table(fewer).iloc[1, 1] in (
        "–",
        "**+0.100** (+0.100 to +0.100), n = 2",
    )
    alone = class_effects(rows.assign(arm=ARMS[1]), students[students["rule"] != "ambiguous"])
    assert class_balance.mended_table(alone).iloc[1].tolist() == [
        "ambiguous", "–", "**−0.100** (−0.100 to −0.100), n = 3",
    ]  # fmt: skip
    assert class_balance.mended_table(pd.DataFrame()).empty


def test_other_sizes_and_mixes_are_not_compared() -> None:
    """Phase 3 records its sizes under the rule "random" too, phase 2 seven mixes a seed."""
    recorded = Results(Path(__file__).parents[1] / "book" / "results")
    study = class_balance.compared(recorded)
    rows = study.students
    assert set(rows["fraction"]) == {0.33}
    assert not rows.duplicated(["rule", "student_seed"]).any()
    assert set(rows["dataset"]) == {"cifar10"} and set(rows["student"]) == {"mobilenet"}
    assert set(rows["teacher_key"]) == set(study.studied["teacher_key"])


def test_a_study_is_compared_with_its_own_teachers_students(tmp_path: Path) -> None:
    """The tables may have turned to another teacher since."""
    results, taught = Results(tmp_path), Recipe(hard_weight=1.0).to_json()
    assert class_balance.compared(results).studied.empty
    for key, start, n_students in (("studied", "scratch", 1), ("shown", "cifar100:x", 2)):
        facts = {"dataset": "cifar10", "start": start, "recipe": taught, "split_seed": 0}
        results.append_teacher(teacher_row(key=key, dynamics_sha256=key, **facts))
        for seed in range(n_students):
            row = {"key": f"{key}{seed}", "teacher_key": key, "dynamics_sha256": key}
            row |= {"dataset": "cifar10", "fraction": 0.33, "student_seed": seed}
            results.append_student(student_row(**row))
    rows = made_rows(ambiguous=0.4).rename(columns={"student_seed": "seed"}).assign(arm=ARMS[0])
    now, before = ({"teacher_key": "studied", "dynamics_sha256": of} for of in ("studied", "old"))
    both = pd.concat([rows.assign(**now), rows.assign(**before)])
    both.to_csv(tmp_path / "class_balance.csv", index=False)
    study = class_balance.compared(results)
    assert study.start == "scratch"
    assert study.students["key"].tolist() == ["studied0"]
    assert study.studied["dynamics_sha256"].tolist() == ["studied"] * len(rows)
