"""Cells of claims: which rows they take."""

import pandas as pd
import pytest
from made_runs import student_row

from carto_helpers.claims.claim_cells import (
    CHOSEN,
    MIXES,
    RANDOM,
    SIZES,
    WHOLE,
    cell,
    subset_labels,
)
from carto_helpers.config import STUDENT_COLUMNS, Recipe


def made_rows(*changes: dict) -> pd.DataFrame:
    plain = {"hard": 0.0, "ambiguous": 0.0, "easy": 0.0, "fraction": 0.33}
    rows = [student_row(**(plain | {"key": str(i)} | change)) for i, change in enumerate(changes)]
    return pd.DataFrame(rows, columns=list(STUDENT_COLUMNS))


def taken(rows: pd.DataFrame, names=(RANDOM,)) -> dict:
    return cell(rows, "digits", "mobilenet", names=names, paper={}).scores


def test_scores_stand_by_subset_and_seed() -> None:
    rows = made_rows(
        {"student_seed": 0, "test_macro_f1": 0.1},
        {"student_seed": 2, "test_macro_f1": 0.3},
        {"rule": "mix", "hard": 0.14, "ambiguous": 0.05, "easy": 0.14, "test_macro_f1": 0.4},
        {"rule": "all", "fraction": 1.0},
        {"fraction": 0.1},
    )
    scores = taken(rows, (RANDOM, "mix 14/5/14"))
    assert scores[RANDOM].to_dict() == {0: 0.1, 2: 0.3}
    assert scores["mix 14/5/14"].to_list() == [0.4]
    assert len(scores) == 2
    assert subset_labels(rows)[-2:] == [WHOLE, "10% random"]


def test_another_recipe_data_set_or_student_does_not_count() -> None:
    hot = Recipe(temperature=4.0).to_json()
    assert not taken(made_rows({"recipe": hot}, {"dataset": "mnist"}, {"student": "resnet"}))


def test_of_two_settings_the_one_with_most_rows_is_taken() -> None:
    one, other = {"dynamics_sha256": "a"}, {"dynamics_sha256": "b"}
    rows = made_rows(
        one | {"student_seed": 0, "test_macro_f1": 0.9},
        other | {"student_seed": 0, "test_macro_f1": 0.1},
        other | {"student_seed": 1, "test_macro_f1": 0.2},
    )
    assert taken(rows)[RANDOM].to_list() == [0.1, 0.2]
    assert taken(rows.iloc[:2])[RANDOM].to_list() == [0.9]  # as many: the first


def test_means_need_three_rows_and_pairs_three_common_seeds() -> None:
    seeds = [{"student_seed": i, "test_macro_f1": i / 10} for i in range(4)]
    whole = [s | {"rule": "all", "fraction": 1.0} for s in seeds[2:]]
    found = cell(made_rows(*seeds, *whole), "digits", "mobilenet", names=(RANDOM, WHOLE), paper={})
    assert found.means() == {RANDOM: pytest.approx(0.15)}
    assert found.by_seed((RANDOM,)).shape == (4, 1)
    assert found.by_seed((RANDOM, WHOLE)) is None
    assert found.by_seed((RANDOM, "5% random")) is None


def test_means_are_over_the_seeds_that_all_have() -> None:
    seeds = [{"student_seed": i, "test_macro_f1": i / 10} for i in range(5)]
    whole = [s | {"rule": "all", "fraction": 1.0} for s in seeds[1:4]]
    found = cell(made_rows(*seeds, *whole), "digits", "mobilenet", names=(RANDOM, WHOLE), paper={})
    assert found.means() == {RANDOM: pytest.approx(0.2), WHOLE: pytest.approx(0.2)}


def test_no_rows_are_an_empty_cell() -> None:
    assert taken(made_rows()) == {}


def test_the_subsets_are_those_of_the_papers_tables() -> None:
    assert (len(CHOSEN), len(MIXES), len(SIZES)) == (11, 7, 6)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="`students` must have the column student_seed"):
        taken(made_rows({}).drop(columns="student_seed"))
