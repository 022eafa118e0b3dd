"""Students by another recipe beside those of the tables."""

from pathlib import Path

import pandas as pd
import pytest
from made_runs import student_row, teacher_row

from carto_helpers import tables
from carto_helpers.config import PhaseConfig
from carto_helpers.findings.other_recipes import beside, other_recipe, read_recipe
from carto_helpers.findings.side_by_side import side_by_side, side_table
from carto_helpers.records import Results, published

SCORES = {0.5: {0.05: [0.80, 0.82, 0.81], 0.10: [0.90, 0.91]}, 1.0: {0.05: [0.70, 0.73, 0.70]}}
ALONE = PhaseConfig(hard_weight=1.0).student_recipe.to_json()


def made_results(folder: Path) -> Results:
    results = Results(folder)
    recipe = PhaseConfig().teacher_recipe(1e-3).to_json()
    results.append_teacher(teacher_row(key="a", dataset="mnist", split_seed=0, recipe=recipe))
    shared = {"dataset": "mnist", "student": "mobilenet", "teacher_key": "a", "split_seed": 0}
    rows = [
        {"recipe": PhaseConfig(hard_weight=weight).student_recipe.to_json(), "rule": "random",
         "fraction": size, "student_seed": seed, "test_macro_f1": score}
        for weight, sizes in SCORES.items() for size, found in sizes.items()
        for seed, score in enumerate(found)
    ]  # fmt: skip
    others = [
        {"start": "cifar10:0a1b"}, {"teacher_key": "b"}, {"split_seed": 1}, {"student": "resnet"},
        {"network": "resnet18"}, {"method_version": 0}, {"dataset": "cifar10"},
        {"recipe": PhaseConfig(hard_weight=0.9).student_recipe.to_json()},
    ]  # fmt: skip
    rows += [rows[-1] | other | {"test_macro_f1": 0.1} for other in others]
    rows.append(rows[0] | {"student": "resnet", "test_macro_f1": 0.2})
    for i, row in enumerate(rows):
        results.append_student(student_row(**(shared | {"key": str(i)} | row)))
    return results


@pytest.fixture
def both(tmp_path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return other_recipe(made_results(tmp_path), "mnist", "mobilenet", hard_weight=1.0)


def made_table(rows: pd.DataFrame) -> pd.DataFrame:
    paper = published("table5_phase3")
    return tables.table5(tables.summary(rows), paper, datasets=["mnist"], students=["mobilenet"])


def test_they_differ_in_nothing_but_what_is_changed(both) -> None:
    rows, alone = both
    assert sorted(rows["test_macro_f1"]) == sorted(SCORES[0.5][0.05] + SCORES[0.5][0.10])
    assert alone["test_macro_f1"].tolist() == SCORES[1.0][0.05]
    assert set(alone["recipe"]) == {ALONE}
    assert set(alone["doubts"]) == {("unchecked",)}  # made runs have no dynamics


def test_they_stay_out_of_the_tables(both) -> None:
    cells = made_table(both[0]).set_index("train_data")
    assert cells.loc["5 % random", ["mean", "n"]].tolist() == pytest.approx([0.81, 3])


def test_a_page_tells_what_they_lose_and_how_far_either_is_from_the_paper(both) -> None:
    found = side_by_side(made_table(both[0]), *both)
    assert found[["train_data", "n"]].to_numpy().tolist() == [["5 % random", 3]]
    assert found["difference"].iloc[0] == pytest.approx(-0.1)
    told = read_recipe(found.assign(paper=0.75), "mnist, mobilenet", "no teacher")
    assert told == (
        "mnist, mobilenet: with no teacher **1 of 1** subsets score lower, 1 with an interval "
        "below 0, and 0 have one above. On average the paper's recipe is +0.060 from the paper's "
        "values, this one **−0.040**."
    )
    other_way = found.assign(difference=0.1, low=0.05, high=0.15)
    assert "**0 of 1** subsets score lower, 0 with an interval below 0, and 1 have one above." in (
        read_recipe(other_way, "", "")
    )
    shown = side_table(found, "with", "without")
    assert shown[["with", "without"]].to_numpy().tolist() == [pytest.approx([0.81, 0.71])]


def test_none_are_not_run_yet(tmp_path: Path) -> None:
    rows, alone = other_recipe(Results(tmp_path), "mnist", "mobilenet", hard_weight=1.0)
    assert rows.empty
    assert alone.empty
    found = side_by_side(made_table(rows), rows, alone)
    assert read_recipe(found, "mnist", "no teacher") == "mnist, no teacher: **not run yet**."


def test_a_column_that_is_missing_is_named(both) -> None:
    with pytest.raises(ValueError, match="student_seed"):
        side_by_side(made_table(both[0]), both[0], both[1].drop(columns="student_seed"))


def test_a_page_gets_a_sentence_a_table_and_the_rows(tmp_path: Path) -> None:
    results = made_results(tmp_path)
    table = made_table(other_recipe(results, "mnist", "mobilenet", hard_weight=1.0)[0])
    more = pd.concat([table, table.assign(student="resnet"), table.assign(dataset="cifar10")])
    found = beside(results, more, "mnist", "mobilenet", "no teacher", hard_weight=1.0)
    assert found.told.startswith("mnist, mobilenet: with no teacher **1 of 1** subsets")
    assert found.table[["the paper's recipe", "no teacher"]].to_numpy().tolist() == [
        pytest.approx([0.81, 0.71])
    ]
    assert found.rows["test_macro_f1"].tolist() == SCORES[1.0][0.05]
