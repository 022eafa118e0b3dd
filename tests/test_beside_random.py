"""Differences from a random subset, whose values are known."""

import pandas as pd
import pytest
from scipy.stats import ttest_rel

from carto_helpers import tables
from carto_helpers.findings.beside_random import (
    BESIDE,
    beside_random,
    beside_table,
    between_students,
    read_between,
    read_subsets,
    students_table,
)
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
    assert found["gain"].tolist() == pytest.approx([-0.1, 0.08])
    assert found["n"].tolist() == [3, 2]
    test = ttest_rel(EASY, RANDOM)
    assert found["p"].tolist() == pytest.approx([2 * test.pvalue, float("nan")], nan_ok=True)
    low, high = test.confidence_interval()
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([low, high])
    assert found.loc[1, ["low", "high"]].notna().all()  # two seeds have an interval, no test


def test_p_values_are_corrected_by_holms_rule() -> None:
    other = [0.5, 0.55, 0.49]
    students = made_students(random=RANDOM, easy_to_learn=EASY, ambiguous=other)
    found = beside_random(made_table(students), students)
    tests = [ttest_rel(EASY, RANDOM), ttest_rel(other, RANDOM)]
    assert found["p"].tolist() == pytest.approx(holm([test.pvalue for test in tests]))


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
    assert found["gain"].tolist() == pytest.approx([-0.2, 0.1])
    assert found[["low", "high", "p"]].isna().all(axis=None)


def test_fractions_are_compared_to_six_decimals() -> None:
    students = made_students(random=[0.4], easy_to_learn=[0.5])
    table = made_table(students)
    found = beside_random(table.replace({0.33: 1 / 3}), students.replace({0.33: 0.333333}))
    assert found["gain"].tolist() == pytest.approx([0.1])


def test_a_subset_of_another_size_is_another() -> None:
    students = made_students(random=[0.4], easy_to_learn=[0.5])
    other = students.assign(fraction=0.5, test_macro_f1=0.9)
    found = beside_random(made_table(students), pd.concat([students, other]))
    assert found["gain"].tolist() == pytest.approx([0.1])


def test_the_sentence_counts_what_is_above_and_what_is_shown() -> None:
    students = made_students(
        random=[*RANDOM, 0.91], easy_to_learn=[0.5, 0.511, 0.519], ambiguous=[0.3, 0.31, 0.32, 0.8],
        all=[0.7],
    )  # fmt: skip
    table = made_table(students)
    text = read_subsets(table, beside_random(table, students))
    assert "mean macro F1 of **0.535** (n = 4)" in text
    assert "Over the seeds that both have, **1 of 2** subsets" in text
    assert "the best, 33 % easy, differs from it by +0.100 (+0.098 to +0.102, n = 3)." in text
    assert "shows 1 of 2 above random and 1 below (p ≤ 0.05, corrected for 2 comp" in text
    assert text.endswith("The whole training split gives 0.700.")


def test_what_was_not_run_counts_among_the_comparisons_of_the_sentence() -> None:
    students = made_students(random=RANDOM, easy_to_learn=RANDOM)
    table = made_table(students)
    text = read_subsets(table, beside_random(table, students))
    assert "**0 of 1** subsets" in text  # an equal one is not above
    assert "shows 0 of 1 above random and 0 below (p ≤ 0.05, corrected for 2 comp" in text


def test_a_difference_that_could_be_chance_is_not_shown() -> None:
    students = made_students(random=RANDOM, easy_to_learn=EASY, ambiguous=[0.5, 0.4, 0.42])
    table = made_table(students)
    found = beside_random(table, students)
    assert ((found["p"] > 0.05) & (found["p"] < 0.5)).any()
    n_shown = int((found["p"] <= 0.05).sum())
    assert f"shows 0 of 2 above random and {n_shown} below" in read_subsets(table, found)


def test_seeds_of_a_random_subset_alone_do_not_move_the_count() -> None:
    students = made_students(random=[0.3, 0.9, 0.9], easy_to_learn=[0.4])
    table = made_table(students)
    text = read_subsets(table, beside_random(table, students))
    assert "mean macro F1 of **0.700** (n = 3)" in text
    assert "**1 of 1** subsets" in text
    assert "differs from it by +0.100 (n = 1). Fewer than 3 seeds test nothing." in text
    assert "whole" not in text


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t, s: (t[t["rule"] != "random"], s), "must hold one random subset, got 0"),
        (lambda t, s: (t, pd.concat([s, s])), "must hold a seed of 33 % random once, got"),
        (lambda t, s: (t, s.drop(columns="hard")), "hard"),
    ],
)
def test_what_cannot_be_compared_is_refused(spoil, message) -> None:
    students = made_students(random=RANDOM, easy_to_learn=EASY)
    with pytest.raises(ValueError, match=message):
        beside_random(*spoil(made_table(students), students))


def test_what_was_not_run_is_said() -> None:
    for students in (made_students(random=[0.4]), made_students(easy_to_learn=[0.4])):
        table = made_table(students)
        assert "Not enough runs" in read_subsets(table, beside_random(table, students))


def test_numbers_are_printed_as_text() -> None:
    students = made_students(random=RANDOM, easy_to_learn=EASY, ambiguous=[0.5])
    shown = beside_table(beside_random(made_table(students), students))
    assert shown["gain"].tolist() == ["−0.100", "+0.100"]
    assert shown["interval"].tolist()[1] == shown["p"].tolist()[1] == "–"
    assert shown["interval"].tolist()[0].startswith("−0.1")
    printed = tables.printed(shown)
    assert printed.columns.tolist() == ["train data", "minus random", "95 % interval", "n", "p"]


def test_two_students_are_compared_over_the_seeds_that_all_four_runs_have() -> None:
    small = made_students(random=[*RANDOM, 0.9], easy_to_learn=EASY, ambiguous=[0.5])
    large = made_students(random=[0.6, 0.61, 0.6], easy_to_learn=[0.7, 0.73, 0.74], all=[0.8])
    found = between_students(made_table(small), large, small)
    assert found["train_data"].tolist() == ["33 % easy"]
    gains = [0.1, 0.12, 0.14], [-0.1, -0.08, -0.12]
    assert found.loc[0, ["first", "second", "gain"]].tolist() == pytest.approx([0.12, -0.1, 0.22])
    test = ttest_rel(*gains)
    assert found.loc[0, "p"] == pytest.approx(2 * test.pvalue)  # of two subsets in the table
    low, high = test.confidence_interval()
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([low, high])
    said = read_between(found, "Large", "Small")
    assert "larger for Large than for Small in **1**" in said
    assert "shows this for **1** and the reverse for **0**" in said
    shown = students_table(found, "Large", "Small").iloc[0].to_dict()
    assert shown["Large − random"] == "+0.120" and shown["Small − random"] == "−0.100"
    assert shown["difference"] == "+0.220" and shown["n"] == 3


def test_the_reverse_is_counted_too() -> None:
    small = made_students(random=RANDOM, easy_to_learn=EASY)
    large = made_students(random=[0.6, 0.61, 0.6], easy_to_learn=[0.7, 0.73, 0.74])
    found = between_students(made_table(small), small, large)
    said = read_between(found, "Small", "Large")
    assert "in **0**; a paired t test shows this for **0** and the reverse for **1**" in said


def test_with_too_few_seeds_of_one_student_nothing_is_tested() -> None:
    small = made_students(random=RANDOM, easy_to_learn=EASY)
    large = made_students(random=[0.6], easy_to_learn=[0.7])
    found = between_students(made_table(small), large, small)
    assert found.loc[0, "gain"] == pytest.approx(0.2)
    assert "nothing is tested" in read_between(found, "Large", "Small")
    assert students_table(found, "Large", "Small").loc[0, "95 % interval"] == "–"
    none = between_students(made_table(small), large.iloc[:0], small)
    assert none.empty and "nothing is tested" in read_between(none, "Large", "Small")


def test_rows_without_a_column_are_named() -> None:
    small = made_students(random=RANDOM)
    with pytest.raises(ValueError, match="second.*student_seed|student_seed.*second"):
        between_students(made_table(small), small, small.drop(columns="student_seed"))
