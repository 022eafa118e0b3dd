"""Differences from a random subset, whose values are known."""

import pandas as pd
import pytest
from scipy.stats import ttest_rel

from carto_helpers.findings.beside_random import BESIDE, beside_random, beside_table, read_subsets
from carto_helpers.paired import holm

SUBSETS = {"random": "33 % random", "easy-to-learn": "33 % easy", "ambiguous": "33 % ambiguous"}


def made_students(**scores: list[float]) -> pd.DataFrame:
    """Return rows of each rule with seeds 0, 1 … and the whole split's."""
    rows = [
        {"rule": rule.replace("_", "-"), "fraction": 1.0 if rule == "all" else 0.33, "hard": 0.0,
         "ambiguous": 0.0, "easy": 0.0, "student_seed": seed, "test_macro_f1": score}
        for rule, found in scores.items() for seed, score in enumerate(found)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def made_table(students: pd.DataFrame) -> pd.DataFrame:
    grouped = students.groupby("rule")["test_macro_f1"]
    rules = [*SUBSETS, "all"]
    return pd.DataFrame({
        "rule": rules, "train_data": [SUBSETS.get(rule, "100 % train") for rule in rules],
        "fraction": [0.33, 0.33, 0.33, 1.0], "hard": 0.0, "ambiguous": 0.0, "easy": 0.0,
        "mean": grouped.mean().reindex(rules).to_numpy(),
        "n": grouped.size().reindex(rules, fill_value=0).to_numpy(),
    })  # fmt: skip


EASY, RANDOM = [0.3, 0.33, 0.3], [0.4, 0.41, 0.42]


def test_differences_are_paired_over_the_seeds_that_both_have() -> None:
    students = made_students(random=[*RANDOM, 0.9, 0.9], easy_to_learn=EASY, ambiguous=[0.5, 0.47])
    found = beside_random(made_table(students), students)
    assert tuple(found) == BESIDE
    assert found["train_data"].tolist() == ["33 % easy", "33 % ambiguous"]
    assert found["difference"].tolist() == pytest.approx([-0.1, 0.08])
    assert found["n"].tolist() == [3, 2]
    tests = [ttest_rel(EASY, RANDOM), ttest_rel([0.5, 0.47], RANDOM[:2])]
    assert found["p"].tolist() == pytest.approx(holm([test.pvalue for test in tests]))
    low, high = tests[0].confidence_interval()
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([low, high])


def test_subsets_that_were_not_run_count_as_comparisons() -> None:
    students = made_students(random=RANDOM, easy_to_learn=EASY)
    found = beside_random(made_table(students), students)
    assert found["p"].tolist() == pytest.approx([2 * ttest_rel(EASY, RANDOM).pvalue])


def test_a_mix_is_told_from_another_of_its_size() -> None:
    mixes = [
        {
            "rule": "mix",
            "fraction": 0.33,
            "hard": h,
            "ambiguous": 0.33 - h,
            "easy": 0.0,
            "student_seed": 0,
            "test_macro_f1": score,
        }
        for h, score in ((0.0, 0.2), (0.165, 0.5))
    ]
    students = pd.concat([made_students(random=[0.4]), pd.DataFrame(mixes)], ignore_index=True)
    table = students.assign(train_data=["random", "first", "second"], mean=0.4, n=1)
    found = beside_random(table, students)
    assert found["difference"].tolist() == pytest.approx([-0.2, 0.1])
    assert found[["low", "high", "p"]].isna().all(axis=None)


def test_the_sentence_counts_what_is_above_and_what_is_shown() -> None:
    students = made_students(
        random=RANDOM, easy_to_learn=[0.3, 0.312, 0.319], ambiguous=[0.41, 0.40, 0.43], all=[0.7]
    )
    table = made_table(students)
    text = read_subsets(table, beside_random(table, students))
    assert "mean macro F1 of **0.410** (n = 3)" in text
    assert "Over the 3 seeds that both have, **1 of 2** subsets" in text
    assert "the best, 33 % ambiguous, differs from it by +0.003 (−0.025 to +0.032)" in text
    assert "shows 0 of them above random and 1 below (p ≤ 0.05, corrected for 2 comp" in text
    assert text.endswith("The whole training split gives 0.700.")


def test_seeds_of_a_random_subset_alone_do_not_move_the_count() -> None:
    students = made_students(random=[0.3, 0.9, 0.9], easy_to_learn=[0.4])
    table = made_table(students)
    text = read_subsets(table, beside_random(table, students))
    assert "mean macro F1 of **0.700** (n = 3)" in text
    assert "Over the one seed that both have, **1 of 1** subsets" in text
    assert "differs from it by +0.100. One seed tests nothing." in text
    assert "whole" not in text


def test_what_was_not_run_is_said() -> None:
    for students in (made_students(random=[0.4]), made_students(easy_to_learn=[0.4])):
        table = made_table(students)
        assert "Not enough runs" in read_subsets(table, beside_random(table, students))


def test_p_values_are_printed_as_text() -> None:
    students = made_students(random=RANDOM, easy_to_learn=EASY, ambiguous=[0.5])
    found = beside_table(beside_random(made_table(students), students))
    assert found["p"].tolist()[1] == "–"
    assert found["p"].tolist()[0].startswith("0.0")
