"""A made record for the tests of the audit: one CIFAR teacher a data set, and given scores."""

from pathlib import Path

from made_runs import student_row, teacher_row

from carto_helpers.config import Recipe
from carto_helpers.records import Results

Cells = dict[tuple[str, str, str, float], list[float]]


def made_record(folder: Path, cells: Cells | None = None, mixes: dict | None = None) -> Results:
    """Return a record with these test scores, one a seed, by data set, student, rule, fraction.

    Validation accuracies are 0.1 higher. `mixes` has shares of hard, ambiguous and easy instead of
    a fraction.
    """
    results = Results(folder)
    for dataset in ("cifar10", "cifar100", "mnist"):
        recipe = Recipe(hard_weight=1.0).to_json()
        row = teacher_row(key=dataset, dataset=dataset, split_seed=0, recipe=recipe)
        results.append_teacher(row)
    plain = {"hard": 0.0, "ambiguous": 0.0, "easy": 0.0}
    for (dataset, student, rule, fraction), found in (cells or {}).items():
        place = {"dataset": dataset, "student": student, "rule": rule, "fraction": fraction}
        _append(results, plain | place, found)
    for (dataset, student, *shares), found in (mixes or {}).items():
        place = {"dataset": dataset, "student": student, "rule": "mix", "fraction": 0.33}
        _append(results, place | dict(zip(plain, shares, strict=True)), found)
    return results


def _append(results: Results, place: dict, found: list[float]) -> None:
    for seed, f1 in enumerate(found):
        scores = {"test_macro_f1": f1, "val_accuracy": f1 + 0.1, "student_seed": seed}
        name = "-".join(map(str, (*place.values(), seed))).replace(".", "_")
        key = {"key": name, "teacher_key": place["dataset"]}
        results.append_student(student_row(**place, **scores, **key))
