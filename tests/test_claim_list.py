"""The list of claims: every one has its places, and evidence is what the book's tables show."""

from pathlib import Path

import pandas as pd
import pytest
from made_runs import student_row, teacher_row

from carto_helpers.claims.claim_cells import HIGH_CORRECTNESS, MIXES, RANDOM, SIZES, WHOLE
from carto_helpers.claims.claim_list import CLAIMS, Evidence
from carto_helpers.claims.verdicts import UNKNOWN
from carto_helpers.config import Recipe
from carto_helpers.findings.chosen_rows import PAPERS_DATASETS
from carto_helpers.records import Results

BOOK = Path(__file__).parents[1] / "book" / "results"

TAUGHT = Recipe(hard_weight=1.0).to_json()


def test_names_are_unique_and_everything_is_said() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.where and claim.test for claim in CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_an_empty_record_leaves_every_place_unknown(claim, tmp_path: Path) -> None:
    found = claim.find(Evidence(Results(tmp_path)), PAPERS_DATASETS)
    assert found
    assert {finding.verdict for finding in found} == {UNKNOWN}
    assert {finding.dataset for finding in found} <= set(PAPERS_DATASETS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_another_data_set_is_tested_as_the_papers(claim, tmp_path: Path) -> None:
    found = claim.find(Evidence(Results(tmp_path)), ["digits"])
    assert {finding.dataset for finding in found} == {"digits"}


def test_the_papers_numbers_are_those_of_its_tables(tmp_path: Path) -> None:
    evidence = Evidence(Results(tmp_path))
    three = evidence.paper("table3_phase1", "cifar10", "mobilenet")
    assert (three[RANDOM], three[HIGH_CORRECTNESS]) == (0.469, 0.4955)
    assert set(MIXES) <= set(evidence.paper("table4_phase2", "mnist", "resnet"))
    assert set(evidence.paper("table5_phase3", "cifar10", "resnet")) == {*SIZES, WHOLE}
    assert evidence.paper("table5_phase3", "digits", "resnet") == {}


def test_of_the_papers_data_sets_one_teachers_students_are_taken(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for key, f1 in (("a", 0.5), ("b", 0.7)):
        results.append_teacher(
            teacher_row(key=key, dataset="cifar10", val_macro_f1=f1, split_seed=0, recipe=TAUGHT)
        )
    places = (("a", "cifar10"), ("b", "cifar10"), ("z", "digits"))
    for i, (teacher, dataset) in enumerate(places):
        results.append_student(student_row(key=str(i), teacher_key=teacher, dataset=dataset))
    assert sorted(Evidence(results).students["key"]) == ["1", "2"]
    assert Evidence(results).map("cifar10") is None  # no dynamics are kept


def test_without_any_student_there_is_an_empty_frame(tmp_path: Path) -> None:
    students = Evidence(Results(tmp_path)).students
    assert isinstance(students, pd.DataFrame)
    assert students.empty


def test_where_no_teacher_began_so_none_is_mapped() -> None:
    """Another start's map would be told as this one's."""
    results = Results(BOOK)
    starts = results.teachers().set_index("key")["start"]
    (key,) = Evidence(results, start="cifar100").mapped("cifar10")
    assert starts[key].startswith("cifar100:")
    assert Evidence(results, start="cifar100").mapped("mnist") == []
    assert len(Evidence(results).mapped("mnist")) == len(Evidence(results).mapped("digits")) == 1


def test_teachers_by_another_recipe_than_the_papers_are_left_out(tmp_path: Path) -> None:
    results = Results(tmp_path)
    other = Recipe(hard_weight=1.0, epochs=3).to_json()
    for key, dataset, recipe in (
        ("a", "cifar10", TAUGHT), ("b", "cifar10", other), ("z", "digits", other),
    ):  # fmt: skip
        results.append_teacher(teacher_row(key=key, dataset=dataset, split_seed=0, recipe=recipe))
    assert sorted(Evidence(results).teachers["key"]) == ["a", "z"]
