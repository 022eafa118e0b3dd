"""Which rows the paper's tables show: one teacher a data set, its students, the paper's recipe."""

from pathlib import Path

from made_runs import student_row, teacher_row

from carto_helpers.config import Recipe
from carto_helpers.findings.chosen_rows import chosen_students, chosen_teachers
from carto_helpers.records import Results

TAUGHT = Recipe(hard_weight=1.0).to_json()
OTHER = Recipe(epochs=3).to_json()


def made_results(folder: Path, *students: dict[str, object]) -> Results:
    results = Results(folder)
    for key, dataset, f1 in (
        ("a", "cifar10", 0.5), ("b", "cifar10", 0.7), ("c", "mnist", 0.9), ("d", "digits", 0.9),
    ):  # fmt: skip
        row = teacher_row(key=key, dataset=dataset, val_macro_f1=f1, split_seed=0, recipe=TAUGHT)
        results.append_teacher(row)
    other = teacher_row(key="e", dataset="mnist", val_macro_f1=1.0, split_seed=0, recipe=OTHER)
    results.append_teacher(other)
    for i, student in enumerate(students):
        results.append_student(student_row(**({"key": str(i), "dataset": "cifar10"} | student)))
    return results


def test_the_best_teacher_by_the_papers_recipe_of_each_of_its_data_sets(tmp_path: Path) -> None:
    assert chosen_teachers(made_results(tmp_path))["key"].tolist() == ["c", "b"]


def test_a_network_outside_the_papers_families_is_the_tables_teacher_once_it_taught(
    tmp_path: Path,
) -> None:
    """One that is trained so that students can begin with its weights could be the best."""
    results = made_results(tmp_path)
    facts = {"dataset": "cifar10", "val_macro_f1": 0.9, "split_seed": 0, "recipe": TAUGHT}
    results.append_teacher(teacher_row(key="g", teacher="tf_efficientnet_b0", **facts))
    assert chosen_teachers(results)["key"].tolist() == ["c", "b"]
    results.append_student(student_row(key="1", dataset="cifar10", teacher_key="g"))
    assert chosen_teachers(results)["key"].tolist() == ["c", "g"]


def test_a_teacher_with_students_comes_before_one_without(tmp_path: Path) -> None:
    results = made_results(tmp_path, {"teacher_key": "a"})
    assert chosen_teachers(results)["key"].tolist() == ["c", "a"]
    results = made_results(tmp_path / "both", {"teacher_key": "a"}, {"teacher_key": "b"})
    assert chosen_teachers(results)["key"].tolist() == ["c", "b"]


def test_the_teacher_with_most_students_comes_before_a_better_one(tmp_path: Path) -> None:
    results = made_results(tmp_path, *[{"teacher_key": key} for key in "aab"])
    assert chosen_teachers(results)["key"].tolist() == ["c", "a"]
    assert chosen_students(results)["key"].tolist() == ["0", "1"]


def test_students_of_that_teacher_by_the_papers_recipe(tmp_path: Path) -> None:
    results = made_results(
        tmp_path, {"teacher_key": "a"}, {"teacher_key": "b"}, {"teacher_key": "b", "recipe": OTHER}
    )
    assert chosen_students(results)["key"].tolist() == ["1"]


def test_a_student_is_shown_from_the_papers_start(tmp_path: Path) -> None:
    results = made_results(
        tmp_path,
        {"teacher_key": "b", "student": "efficientnet", "start": "paper"},
        {"teacher_key": "b", "student": "efficientnet", "start": "scratch"},
        {"teacher_key": "b", "student": "resnet", "start": "scratch"},
    )
    assert chosen_students(results)["key"].tolist() == ["0", "2"]


def test_a_student_without_the_papers_start_is_shown_from_scratch_or_the_commonest(
    tmp_path: Path,
) -> None:
    """Two starts in a cell stopped the pages."""
    starts = ["cifar100:0a", "scratch", "cifar100:0a"]
    rows = [{"teacher_key": "b", "student": "efficientnet", "start": start} for start in starts]
    assert chosen_students(made_results(tmp_path / "a", *rows))["key"].tolist() == ["1"]
    rows[1]["start"] = "mnist:0b"
    assert chosen_students(made_results(tmp_path / "b", *rows))["key"].tolist() == ["0", "2"]


def test_nothing_recorded_gives_no_rows(tmp_path: Path) -> None:
    assert chosen_teachers(Results(tmp_path)).empty
    assert chosen_students(Results(tmp_path)).empty


def test_teachers_and_students_of_one_start(tmp_path: Path) -> None:
    results = made_results(tmp_path, {"teacher_key": "a"}, {"teacher_key": "f"})
    other = teacher_row(
        key="f", dataset="cifar10", start="mnist:0a", val_macro_f1=0.1, split_seed=0, recipe=TAUGHT
    )
    results.append_teacher(other)
    assert chosen_teachers(results, "mnist")["key"].tolist() == ["f"]
    assert chosen_students(results, "mnist")["key"].tolist() == ["1"]
    assert chosen_teachers(results, "scratch")["key"].tolist() == ["c", "a"]
    assert chosen_teachers(results, "imagenet").empty


def test_students_of_a_teacher_that_was_made_again_are_left_out(tmp_path: Path) -> None:
    """Else a table would hold two teachers' students in a cell, and refuses that."""
    again = [{"dynamics_sha256": "0" * 64}, {"dynamics_sha256": "0" * 64}, {}]
    results = made_results(tmp_path, *[{"teacher_key": "a"} | student for student in again])
    assert chosen_students(results)["key"].tolist() == ["2"]
    results = made_results(tmp_path / "b", {"teacher_key": "b"}, {"teacher_key": "a"} | again[0])
    assert chosen_teachers(results)["key"].tolist() == ["c", "b"]
