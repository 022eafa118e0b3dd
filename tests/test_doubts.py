"""Marks of doubt: each law on rows and dynamics that break it, and on such as do not."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_runs import student_row, teacher_row
from scipy import stats

from carto_helpers.config import Recipe
from carto_helpers.doubts import (
    MEANINGS,
    Evidence,
    evidence,
    is_at_chance,
    meanings,
    student_doubts,
    teacher_doubts,
    validation,
)
from carto_helpers.losses import distillation_loss_kl

SEEN = Evidence(
    n=4_000,
    n_classes=10,
    chance=0.1,
    accuracy=0.9,
    loss=0.3,
    median_loss=0.1,
    is_consistent=True,
)  # of 1,000 validation images one standard error is about 0.01
GOOD = dict.fromkeys(("val_accuracy", "val_macro_f1", "test_accuracy", "test_macro_f1"), 0.8)
CHANCE = GOOD | {"val_accuracy": 0.1}


def of_teacher(seen: Evidence | None = SEEN, **changed: object) -> tuple[str, ...]:
    rows = pd.DataFrame([teacher_row(key="t", **(GOOD | changed))])
    return teacher_doubts(rows, {"t": seen})["t"]


def of_students(*changed: dict[str, object], seen: Evidence | None = SEEN, lost=None, teacher=()):
    """Return the marks of students that differ in `changed`, in their order."""
    rows = [student_row(key=str(i), teacher_key="t", **(GOOD | c)) for i, c in enumerate(changed)]
    teachers = pd.DataFrame([teacher_row(key="t", **(GOOD | dict(teacher)))])
    marks = student_doubts(pd.DataFrame(rows), teachers, {"t": seen}, lost or {})
    return [marks[str(i)] for i in range(len(rows))]


def test_a_good_run_has_no_mark() -> None:
    assert of_teacher() == ()
    assert of_students({}, {}) == [(), ()]


def test_nothing_has_no_marks() -> None:
    nothing = pd.DataFrame([teacher_row()]).iloc[:0]
    assert teacher_doubts(nothing, {}) == {}
    assert student_doubts(pd.DataFrame([student_row()]).iloc[:0], nothing, {}, {}) == {}


@pytest.mark.parametrize("loss", [math.log(10) + 0.01, math.inf, math.nan])
def test_a_teacher_whose_loss_ends_above_a_uniform_guess_has_diverged(loss: float) -> None:
    assert of_teacher(dataclasses.replace(SEEN, median_loss=loss)) == ("diverged",)
    blind = dataclasses.replace(SEEN, loss=loss, accuracy=0.1)  # some constant answers lose nothing
    assert "diverged" in of_teacher(blind)
    assert of_students({}, seen=dataclasses.replace(SEEN, median_loss=loss)) == [
        ("its teacher: diverged",)
    ]


def test_a_loss_of_a_uniform_guess_is_not_above_it() -> None:
    guess = math.log(10)
    assert of_teacher(dataclasses.replace(SEEN, loss=guess, median_loss=guess)) == ()


def test_a_few_images_of_a_large_loss_are_no_divergence() -> None:
    """As of ResNet-50 after one epoch on CIFAR-10: 0.40 right, mean 3.96, median 1.38."""
    assert of_teacher(dataclasses.replace(SEEN, loss=3.96, median_loss=1.38)) == ()


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.1])
@pytest.mark.parametrize("name", GOOD)
def test_a_score_that_is_no_number_in_its_range_has_diverged(name: str, score: float) -> None:
    assert of_teacher(**{name: score}) == ("diverged",)
    assert of_students({name: score}, {}) == [("diverged",), ()]


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.01, 0.99))
def test_chance_is_scipys_binomial_test(right: int, n: int, chance: float) -> None:
    right = min(right, n)
    p = stats.binomtest(right, n, chance, alternative="greater").pvalue
    assert is_at_chance(right / n, n, chance) == (not p < 0.05)


def test_a_student_at_chance_is_marked_where_most_of_its_peers_are_not() -> None:
    assert of_students(CHANCE, {}, {}) == [("at chance",), (), ()]
    assert of_students(CHANCE, {}) == [("at chance",), ()]


def test_a_student_at_chance_is_not_marked_among_such_or_alone() -> None:
    assert of_students(CHANCE) == [()]
    assert of_students(CHANCE, CHANCE, {}) == [(), (), ()]


@pytest.mark.parametrize(
    "other",
    [{"dataset": "mnist"}, {"network": "x"}, {"start": "paper"}, {"recipe": "{}"}, {"fraction": 1}],
)
def test_a_peer_is_of_the_same_data_network_start_recipe_and_size(other: dict) -> None:
    assert of_students(CHANCE, other, other) == [(), (), ()]


def test_a_row_without_numbers_is_no_better_peer() -> None:
    """Its mark is another one."""
    assert of_students({"val_accuracy": math.nan}, CHANCE, {}, {})[1] == ("at chance",)


def test_a_teacher_at_chance_whose_dynamics_agree_is_marked_so() -> None:
    lost = dataclasses.replace(SEEN, accuracy=0.1, loss=2.3)
    assert of_teacher(lost, val_accuracy=0.1) == ("at chance",)
    assert of_students({}, seen=lost, teacher=CHANCE) == [("its teacher: at chance",)]


@pytest.mark.parametrize(
    ("accuracy", "recorded"),
    [(0.7, 0.8), (0.1, 0.8), (0.9, 0.1)],
)
def test_an_accuracy_that_the_dynamics_deny_is_marked(accuracy: float, recorded: float) -> None:
    """Better than on the training split, or chance where the dynamics have learnt."""
    seen = dataclasses.replace(SEEN, accuracy=accuracy)
    assert of_teacher(seen, val_accuracy=recorded) == ("other dynamics",)


@given(st.floats(0.3, 1), st.floats(-0.02, 0.5))
def test_an_accuracy_below_the_training_splits_or_little_above_it_is_not(
    accuracy: float, below: float
) -> None:
    """Of 1,000 images two in a hundred are less than three standard errors at 0.3 … 0.93."""
    below = below if 0.3 <= accuracy <= 0.9 else abs(below)
    seen = dataclasses.replace(SEEN, accuracy=accuracy)
    assert of_teacher(seen, val_accuracy=max(accuracy - below, 0.2)) == ()


def test_a_probability_against_its_verdict_is_marked() -> None:
    assert of_teacher(dataclasses.replace(SEEN, is_consistent=False)) == ("other dynamics",)


def quantities(p_gold: list[list[float]], is_right: list[list[bool]]) -> dict[str, np.ndarray]:
    p = np.array(p_gold, dtype=np.float32)
    return {"p_gold": p, "is_right": np.array(is_right)}


def test_evidence_is_the_last_epochs() -> None:
    labels = np.array([0, 0, 1])
    found = quantities(
        [[0.4, 0.9], [0.6, 0.9], [0.7, 0.2]], [[False, True], [True] * 2, [True, False]]
    )
    seen = evidence(labels, 2, found)
    assert (seen.n, seen.n_classes, seen.chance) == (3, 2, pytest.approx(2 / 3))
    assert seen.accuracy == pytest.approx(2 / 3)
    assert seen.loss == pytest.approx(-np.log([0.9, 0.9, 0.2]).mean())
    assert seen.median_loss == pytest.approx(-np.log(0.9))
    assert seen.is_consistent


def test_a_probability_that_underflowed_loses_much_and_one_that_diverged_everything() -> None:
    labels = np.array([0, 1])
    seen = evidence(labels, 2, quantities([[0.0], [1.0]], [[False], [True]]))
    assert seen.loss == pytest.approx(87.34 / 2, abs=0.01)  # float32's least normal number
    seen = evidence(labels, 2, quantities([[math.nan], [math.nan]], [[False], [False]]))
    assert math.isnan(seen.median_loss)


@pytest.mark.parametrize(
    ("p", "is_right", "is_consistent"),
    [(0.32, True, False), (0.34, True, True), (0.51, False, False), (0.49, False, True)],
)
def test_a_right_example_has_at_least_one_part_in_c_a_wrong_one_at_most_a_half(
    p: float, is_right: bool, is_consistent: bool
) -> None:
    labels, found = np.array([0, 1]), quantities([[p], [0.9]], [[is_right], [True]])
    assert evidence(labels, 3, found).is_consistent == is_consistent


@given(st.integers(2, 10_000))
def test_the_validation_split_is_a_fifth_of_the_images(n: int) -> None:
    n_train = n * 4 // 5
    split = validation(teacher_row(dataset="digits"), dataclasses.replace(SEEN, n=n_train))
    assert split is not None and split.is_drawn and split.chance == SEEN.chance
    assert split.n == pytest.approx(n - n_train, abs=1)


def test_the_size_of_a_validation_split_is_the_recorded_one() -> None:
    """Half right of a thousand is better than a third by chance, of six it is not."""
    lost = dataclasses.replace(SEEN, chance=1 / 3, accuracy=0.5)
    for n_val, marks in ((1_000, ()), (6, ("other dynamics",))):
        assert of_teacher(lost, dataset="own", n_val=n_val, val_accuracy=0.5) == marks


@pytest.mark.parametrize("accuracy", [0.1, 1.0])
def test_an_older_row_of_own_images_is_not_tested_on_a_split_that_is_not_known(
    accuracy: float,
) -> None:
    older = {"dataset": "own", "val_accuracy": accuracy}
    seen = dataclasses.replace(SEEN, accuracy=0.8)
    assert of_teacher(seen, **older) == ()
    assert of_students(older, {"dataset": "own"}, {"dataset": "own"}, teacher=older) == [()] * 3


OWN = {"dataset": "own", "n_val": 100, "val_chance": 0.9}


def test_a_validation_split_of_ones_own_may_be_easier_or_harder() -> None:
    """Clean images beside noisy labels, or nine tenths of one class."""
    seen = dataclasses.replace(SEEN, accuracy=0.7)
    assert of_teacher(seen, **OWN, val_accuracy=1.0) == ()
    assert of_teacher(seen, **OWN, val_accuracy=0.9) == ("at chance",)


def test_chance_is_that_of_the_validation_split_of_ones_own() -> None:
    place, always = {"dataset": "own"}, {"dataset": "own", "val_accuracy": 0.9}
    better = {"dataset": "own", "val_accuracy": 0.97}
    teacher = OWN | {"val_accuracy": 0.97}
    marks = of_students(always, better, better, teacher=teacher)
    assert marks == [("at chance",), (), ()]
    assert of_students(always, better, better, teacher=place) == [(), (), ()]


def test_a_subset_without_a_class_is_marked_with_its_name() -> None:
    lost = {"1": ["cat", "dog"], "2": [f"{i}\n" + "x" * 99 for i in range(7)]}
    marks = of_students({}, {}, {}, lost=lost)
    assert marks[:2] == [(), ("class lost: cat, dog",)]
    assert marks[2][0].startswith("class lost: 0 xxx") and marks[2][0].endswith(" and 2 others")
    assert len(marks[2][0]) < 200 and "\n" not in marks[2][0]


def test_rows_of_two_method_versions_are_marked_within_their_data_set() -> None:
    apart = [{"method_version": 2}, {}, {"dataset": "mnist"}]
    assert of_students(*apart) == [("mixed versions",), ("mixed versions",), ()]
    rows = pd.DataFrame([teacher_row(key=k, method_version=k, **GOOD) for k in (1, 2)])
    assert teacher_doubts(rows, {"1": SEEN, "2": SEEN})["1"] == ("mixed versions",)


def test_a_student_of_another_method_version_than_its_teachers_is_marked() -> None:
    assert of_students({"method_version": 2}, {"method_version": 2}) == [("mixed versions",)] * 2
    assert of_students({}, {}, teacher={"method_version": 2}) == [("mixed versions",)] * 2


def test_rows_of_two_fingerprints_are_marked_once() -> None:
    """The second is not its teacher's either."""
    assert of_students({}, {"fingerprint": "g"}) == [("mixed data",), ("mixed data",)]
    assert of_students({}, {"fingerprint": "g", "dataset": "mnist"}) == [(), ("mixed data",)]


def test_a_student_of_other_dynamics_than_its_teachers_row_names_is_marked() -> None:
    assert of_students({}, {"dynamics_sha256": "0"}) == [(), ("mixed data",)]


def test_what_cannot_be_checked_says_so() -> None:
    assert of_teacher(None) == ("unchecked",)
    assert of_students({}, seen=None) == [("unchecked",)]
    rows = pd.DataFrame([student_row(key="0", teacher_key="gone", **GOOD)])
    nobody = pd.DataFrame([teacher_row()]).iloc[:0]
    assert student_doubts(rows, nobody, {}, {}) == {"0": ("unchecked",)}


def test_every_mark_has_a_meaning_and_a_text_tells_those_in_it() -> None:
    assert meanings(["", "–"]) == ""
    text = meanings(["class lost: cat (1 of 3)", "its teacher: diverged"])
    assert text.startswith("Diverged: the loss") and "Class lost: " in text
    assert "Its teacher: a mark of the teacher" in text
    assert text.count(": ") == 3 and "At chance" not in text
    assert all(meanings([word]) for word in MEANINGS)


@pytest.mark.parametrize(
    ("recipe", "bound"),
    [
        (Recipe(), math.log(10)),
        (Recipe(hard_weight=0.25, temperature=2.0), (0.25 + 0.75 * 4) * math.log(10)),
        (Recipe(hard_weight=1.0, temperature=9.0), math.log(10)),
    ],
)
def test_a_student_that_loses_more_than_a_uniform_guess_can_has_diverged(
    recipe: Recipe, bound: float
) -> None:
    rows = [{"recipe": recipe.to_json(), "train_loss": bound + d} for d in (-0.01, 0.01, math.inf)]
    assert of_students(*rows) == [(), ("diverged",), ("diverged",)]


def test_a_uniform_guess_loses_at_most_that_bound() -> None:
    """A teacher sure of another class than the label's is the most it can be from a guess."""
    teacher = torch.tensor([[0.0, 1e4, 0.0]])
    loss = distillation_loss_kl(
        torch.zeros(1, 3), torch.tensor([0]), teacher, temperature=2.0, hard_weight=0.25
    )
    assert float(loss.total) == pytest.approx((0.25 + 0.75 * 4) * math.log(3))


def test_a_row_without_a_loss_has_not_diverged() -> None:
    """Of an older record; nor is one judged whose classes are not known."""
    assert of_students({"train_loss": math.nan}) == [()]
    assert of_students({"train_loss": 1e6}, seen=None) == [("unchecked",)]
