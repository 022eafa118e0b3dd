"""Configuration: sizes, keys and ranges; whatever is wrong is refused when it is made."""

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carto_helpers import config
from carto_helpers.config import (
    PARAMETERS,
    PhaseConfig,
    Recipe,
    StudentRun,
    SubsetSpec,
    TeacherRun,
    check_fraction,
    check_hard_weight,
    check_temperature,
    subset_size,
)

PHASES = tuple(PARAMETERS)


def teacher_run(**changes):
    run = {"dataset": "digits", "fingerprint": "f" * 16, "teacher": "best", "network": "resnet50"}
    return TeacherRun(**run | changes)


def student_run(**changes):
    run = {
        "dataset": "digits", "fingerprint": "f" * 16, "teacher_key": "a" * 16,
        "dynamics_sha256": "b" * 64, "student": "mobilenet", "network": "mobilenetv2_035",
        "subset": SubsetSpec(),
    }  # fmt: skip
    return StudentRun(**run | changes)


# Sizes


@settings(deadline=None)
@given(st.integers(1, 1_000), st.integers(1, 100_000))
def test_a_subset_has_the_floor_of_the_decimal_product(thousandths, n):
    size = thousandths * n // 1_000
    if size < 1:
        with pytest.raises(ValueError, match="at least one example"):
            subset_size(thousandths / 1_000, n)
    else:
        assert subset_size(thousandths / 1_000, n) == size


@settings(deadline=None)
@given(st.integers(1, 100_000))
def test_the_whole_is_the_whole(n):
    assert subset_size(1.0, n) == n


def test_thirds_of_the_papers_splits_are_the_papers():
    assert subset_size(0.33, 40_000) == 13_200
    assert subset_size(0.33, 48_000) == 15_840


def test_an_empty_subset_is_refused():
    with pytest.raises(ValueError, match=r"at least one example, got fraction 0.01 of 99; pass a"):
        subset_size(0.01, 99)


# Ranges


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, 33.0, math.nan, math.inf])
def test_fractions_outside_0_to_1_are_refused(fraction):
    with pytest.raises(ValueError, match=r"`fraction` must lie in \(0, 1\], got .*; pass 0.33"):
        check_fraction(fraction)
    with pytest.raises(ValueError, match=r"`fraction` must lie in \(0, 1\], got .*; pass 0.33"):
        subset_size(fraction, 100)


@pytest.mark.parametrize("fraction", ["0.33", True, None, Fraction(1, 3)])
def test_fractions_that_are_no_numbers_are_refused(fraction):
    with pytest.raises(TypeError, match=r"`share` must be a number in \(0, 1\], got .*; pass 0.33"):
        check_fraction(fraction, "share")


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_temperatures_must_be_positive_and_finite(temperature):
    for make in (check_temperature, lambda t: Recipe(temperature=t),
                 lambda t: PhaseConfig(temperature=t)):  # fmt: skip
        with pytest.raises(ValueError, match=r"`temperature` must be positive and finite, got "):
            make(temperature)
    check_temperature(1e-3)


@pytest.mark.parametrize("temperature", [1e-7, 1e7, 1e200])
def test_temperatures_whose_square_rounding_would_decide_are_refused(temperature):
    with pytest.raises(
        ValueError, match="`temperature` must be positive and finite, got .*; pass 1e-6"
    ):
        check_temperature(temperature)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperature": "hot"}, "`temperature` must be a number, got 'hot'"),
        ({"temperature": True}, "`temperature` must be a number, got True"),
        ({"seeds": "3"}, "`seeds` must be a whole number, got '3'"),
        ({"fractions": 0.1}, "`fractions` must be a list, each a number, got 0.1"),
        ({"architectures": "resnet"}, "`architectures` must be a list, each a text, got 'resnet'"),
        ({"device": 3}, "`device` must be a text, got 3"),
    ],
)
def test_values_of_the_wrong_kind_are_named_in_python_too(given, message):
    """Set behind the back of beartype, which checks them in tests alone."""
    config = PhaseConfig()
    for name, value in given.items():
        object.__setattr__(config, name, value)
    with pytest.raises(TypeError, match=message):
        config.__post_init__()


@pytest.mark.parametrize("hard_weight", [-0.1, 1.1, math.nan, math.inf])
def test_hard_weights_must_lie_in_0_to_1(hard_weight):
    for make in (check_hard_weight, lambda a: Recipe(hard_weight=a),
                 lambda a: PhaseConfig(hard_weight=a)):  # fmt: skip
        with pytest.raises(ValueError, match=r"`hard_weight` must lie in \[0, 1\], got "):
            make(hard_weight)
    check_hard_weight(0.0)
    check_hard_weight(1.0)


# Recipes


def test_the_default_recipe_is_the_papers():
    assert dataclasses.astuple(Recipe()) == (10, 32, 1e-3, 0.5, 1.0, 0.5)
    assert json.loads(Recipe().to_json()) == dataclasses.asdict(Recipe())


@pytest.mark.parametrize("name", ["learning_rate", "clip_norm"])
@pytest.mark.parametrize("value", [0.0, -1e-3, math.nan, math.inf])
def test_rates_and_norms_must_be_positive_and_finite(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be positive and finite, got .*; pass a"):
        Recipe(**{name: value})


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
@pytest.mark.parametrize("value", [0, -1, True])
def test_counts_must_be_whole_numbers_from_1(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number >= 1, got .*; pass one"):
        Recipe(**{name: value})


# Subsets


def test_subsets_are_called_what_the_tables_call_them():
    assert SubsetSpec().label() == "33% random"
    assert SubsetSpec(rule="low-confidence", fraction=0.1).label() == "10% low-confidence"
    assert SubsetSpec(rule="all", fraction=1.0).label() == "100% train"
    mix = SubsetSpec(rule="mix", hard=0.165, easy=0.165)
    assert mix.label() == "mix 16.5/0/16.5"


def test_only_a_random_subset_is_seeded():
    assert SubsetSpec().is_seeded
    assert not SubsetSpec(rule="ambiguous").is_seeded


@pytest.mark.parametrize("share", [-0.1, 0.34, math.nan])
def test_a_share_outside_the_subset_is_refused(share):
    with pytest.raises(ValueError, match=r"`easy` must lie in \[0, 0.33\], got .*; the shares of"):
        SubsetSpec(rule="mix", easy=share)


def test_shares_of_what_is_no_mix_are_refused():
    with pytest.raises(ValueError, match="only a mix has shares, got rule 'random'; leave them"):
        SubsetSpec(hard=0.1)


def test_a_subset_of_no_fraction_is_refused():
    with pytest.raises(ValueError, match=r"`fraction` must lie in \(0, 1\], got 33.0; pass 0.33"):
        SubsetSpec(fraction=33.0)


# Keys


def test_a_key_is_16_hexadecimal_digits_and_stays():
    for run in (teacher_run, student_run):
        assert len(run().key()) == 16 and int(run().key(), 16) >= 0
        assert run().key() == run().key()


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "mnist"}, {"fingerprint": "e" * 16}, {"network": "resnet18"},
        {"start": "paper"}, {"split_seed": 1}, {"teacher_seed": 1}, {"recipe": Recipe(epochs=1)},
    ],
)  # fmt: skip
def test_what_a_teacher_depends_on_changes_its_key(change):
    assert teacher_run(**change).key() != teacher_run().key()


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "mnist"}, {"teacher_key": "c" * 16}, {"dynamics_sha256": "c" * 64},
        {"network": "resnet18"}, {"start": "paper"}, {"subset": SubsetSpec(fraction=0.5)},
        {"subset_seed": 1}, {"student_seed": 1}, {"recipe": Recipe(temperature=2.0)},
    ],
)  # fmt: skip
def test_what_a_student_depends_on_changes_its_key(change):
    assert student_run(**change).key() != student_run().key()


def test_the_name_that_a_network_was_asked_by_does_not_change_a_key():
    assert teacher_run(teacher="resnet").key() == teacher_run().key()
    assert student_run(student="mobilenetv2_035").key() == student_run().key()


def test_a_rule_that_draws_nothing_has_one_key_for_every_subset_seed():
    easy = SubsetSpec(rule="easy-to-learn")
    assert student_run(subset=easy, subset_seed=1).key() == student_run(subset=easy).key()


def test_a_new_method_version_changes_every_key(monkeypatch):
    before = teacher_run().key(), student_run().key()
    monkeypatch.setattr(config, "METHOD_VERSION", config.METHOD_VERSION + 1)
    assert teacher_run().key() != before[0]
    assert student_run().key() != before[1]


# Parameters of a phase


@pytest.mark.parametrize("phase", PHASES)
def test_every_parameter_of_a_phase_is_a_field_with_a_default(phase):
    fields = {field.name: field.default for field in dataclasses.fields(PhaseConfig)}
    defaults = {name: fields[name] for name in PARAMETERS[phase]}
    assert PhaseConfig.from_parameters(defaults, phase) == PhaseConfig()


def test_lists_whole_numbers_and_paths_become_the_fields_kind():
    given = {
        "architectures": ["resnet", "mobilenet"],
        "learning_rates": [1],
        "data_root": Path("x"),
    }
    made = PhaseConfig.from_parameters(given, "teacher")
    assert made.architectures == ("resnet", "mobilenet")
    assert made.learning_rates == (1.0,) and type(made.learning_rates[0]) is float
    assert made.data_root == "x"
    assert type(PhaseConfig.from_parameters({"temperature": 2}, "phase1").temperature) is float


@pytest.mark.parametrize("phase", PHASES)
def test_an_unknown_parameter_is_refused_with_the_valid_ones(phase):
    match = f"unknown parameter lerning_rate for {phase}; valid parameters: dataset, data_root, "
    with pytest.raises(ValueError, match=match):
        PhaseConfig.from_parameters({"lerning_rate": 0.1}, phase)


def test_a_parameter_of_another_phase_is_unknown():
    with pytest.raises(ValueError, match="unknown parameter fractions for phase1; valid"):
        PhaseConfig.from_parameters({"fractions": [0.1]}, "phase1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", 3), ("data_root", 3), ("architectures", "resnet"), ("learning_rates", ["1e-3"]),
        ("temperature", "1"), ("batch_size", 32.0), ("seeds", True), ("train", 1),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused(name, value):
    phase = "teacher" if name in PARAMETERS["teacher"] else "phase1"
    with pytest.raises(TypeError, match=f"`{name}` must be .*, got .*; the default is "):
        PhaseConfig.from_parameters({name: value}, phase)


@pytest.mark.parametrize("name", ["architectures", "learning_rates", "fractions"])
def test_an_empty_list_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must name at least one, got an empty list"):
        PhaseConfig(**{name: ()})


@pytest.mark.parametrize(
    "parameters", [{"fractions": (1.0, 0.5, 1.0)}, {"learning_rates": (1e-3, 0.001)}]
)
def test_a_run_that_is_named_twice_is_refused(parameters):
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=f"`{name}` must name each once, got .*: leave the second"):
        PhaseConfig(**parameters)


def test_seeds_and_the_split_seed_have_lowest_values():
    with pytest.raises(ValueError, match="`seeds` must be at least 1, got 0; it is how many"):
        PhaseConfig(seeds=0)
    with pytest.raises(ValueError, match="`split_seed` must not be negative, got -1; pass 0"):
        PhaseConfig(split_seed=-1)


def test_every_fraction_and_learning_rate_is_checked():
    with pytest.raises(ValueError, match=r"`fraction` must lie in \(0, 1\], got 0.0; pass"):
        PhaseConfig(fraction=0.0)
    with pytest.raises(ValueError, match=r"`fractions` must lie in \(0, 1\], got 10.0; pass"):
        PhaseConfig(fractions=(0.1, 10.0))
    with pytest.raises(ValueError, match="`learning_rate` must be positive and finite, got -1.0"):
        PhaseConfig(learning_rates=(0.1, -1.0))


def test_a_notebooks_plain_values_are_its_parameters():
    namespace = {"__name__": "x", "_dh": [], "In": [""], "Out": 1, "json": json, "seeds": 2}
    assert PhaseConfig.from_notebook(namespace, "phase2").seeds == 2
    with pytest.raises(ValueError, match="unknown parameter sedes for phase2; valid parameters"):
        PhaseConfig.from_notebook(namespace | {"sedes": 2}, "phase2")


def test_a_teacher_learns_from_the_labels_alone_at_its_own_rate():
    made = PhaseConfig(teacher_learning_rate=1e-4, learning_rate=1e-2, temperature=3.0)
    assert made.student_recipe == Recipe(learning_rate=1e-2, temperature=3.0)
    assert made.teacher_recipe() == Recipe(learning_rate=1e-4, hard_weight=1.0)
    assert made.teacher_recipe(0.1).learning_rate == 0.1


@pytest.mark.parametrize("option", ["", "=gpu", "--", "$(touch x)", "a b=c", "comment=a\nb"])
def test_what_is_no_option_of_sbatch_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match="`slurm` must name options of sbatch"):
        PhaseConfig(executor="slurm", slurm=("partition=gpu", option))


@pytest.mark.parametrize("ignored", [{"workers": 2}, {"slurm": ("partition=gpu",)}])
def test_an_option_that_the_executor_would_ignore_is_refused(ignored: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="with 'here'; leave it out or pass executor 'slurm'"):
        PhaseConfig(**ignored)
    assert PhaseConfig(executor="slurm", **ignored)


def test_a_size_of_images_is_not_negative() -> None:
    with pytest.raises(ValueError, match="`image_size` must not be negative, got -1; 0 leaves"):
        PhaseConfig(image_size=-1)
