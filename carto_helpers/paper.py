"""The whole paper as steps in order of worth: teachers, phases, data sets; each goes on from rows.

The seeds are the numbers 0, 1, 2, … in this order for every cell; none is left out or replaced.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from carto_helpers import experiments, models
from carto_helpers.config import FAMILIES, PhaseConfig, start_name
from carto_helpers.records import Results

RATES = (1e-3, 1e-4)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One phase on one data set: with each of these students, or the teachers of one start."""

    number: int
    dataset: str
    phase: str
    students: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ("resnet",)
    start: str = "scratch"

    def __str__(self) -> str:
        """Say it in a few words."""
        who = ", ".join(self.students) or f"{', '.join(self.teachers)} from {self.start}"
        return f"step {self.number}: {self.phase} on {self.dataset} ({who})"


def _phases(number: int, dataset: str, *phases: str) -> list[Step]:
    students = ("mobilenet", "resnet", "efficientnet")
    return [
        Step(number=number, dataset=dataset, phase=phase, students=students) for phase in phases
    ]


# There are no ImageNet weights everywhere: a teacher of the other CIFAR stands in for them.
STEPS = (
    Step(number=1, dataset="cifar10", phase="teacher"),
    Step(number=1, dataset="cifar100", phase="teacher"),
    Step(number=1, dataset="cifar10", phase="teacher", start="cifar100"),
    *_phases(2, "cifar10", "phase1"),
    *_phases(3, "cifar10", "phase3"),
    *_phases(4, "cifar10", "phase2"),
    Step(number=5, dataset="mnist", phase="teacher", teachers=FAMILIES),
    *_phases(5, "mnist", "phase2", "phase3", "phase1"),
    Step(number=6, dataset="cifar100", phase="teacher", start="cifar10"),
    *_phases(6, "cifar100", "phase2", "phase3", "phase1"),
    *(
        Step(number=7, dataset=dataset, phase="teacher", teachers=("mobilenet", "efficientnet"))
        for dataset in ("cifar10", "cifar100")
    ),
    Step(number=7, dataset="cifar10", phase="teacher", teachers=("resnet34", "resnet18")),  # maps
)  # fmt: skip
N_STEPS = STEPS[-1].number


def run(shared: PhaseConfig, *, steps: Sequence[int] = (), dry_run: bool = False) -> None:
    """Run what the record misses of the given steps (default: all), one after another.

    Parameters
    ----------
    shared
        What all steps share: data root, device, results, seeds, epochs.
    steps
        Numbers in 1 … `N_STEPS`.
    dry_run
        Print the plans and train nothing; a step whose teacher is not there yet says so.

    Raises
    ------
    ValueError
        If a step is unknown.
    """
    unknown = sorted(set(steps) - {step.number for step in STEPS})
    if unknown:
        raise ValueError(f"steps must lie in 1 … {N_STEPS}, got {unknown}; pass some of them")
    for step in STEPS:
        if step.number in (steps or range(1, N_STEPS + 1)):
            print(step, flush=True)
            for config in _configurations(step, shared):
                _run(step, config, dry_run=dry_run)


def _configurations(step: Step, shared: PhaseConfig) -> Iterator[PhaseConfig]:
    here = replace(shared, dataset=step.dataset)
    if step.phase == "teacher":
        yield replace(
            here, architectures=step.teachers, learning_rates=RATES, teacher_start=step.start
        )
    else:
        for student in step.students:
            yield replace(chosen_teacher(here), architecture=student)


def _run(step: Step, config: PhaseConfig, *, dry_run: bool) -> None:
    try:
        if step.phase == "teacher":
            experiments.teachers(config, dry_run=dry_run)
        else:
            experiments.PHASES[step.phase](config, dry_run=dry_run)
    except FileNotFoundError as error:
        if not dry_run:
            raise
        print(f"no plan yet: {error}")


def chosen_teacher(config: PhaseConfig) -> PhaseConfig:
    """Return the configuration with the data set's chosen teacher, if one is recorded.

    Chosen is the ResNet-50 (the paper's choice on every data set, table 2) with the highest
    validation macro F1, whatever its start and learning rate.
    """
    rows, recipes = Results(config.results).teachers(), {}
    for rate in RATES:
        recipes[config.teacher_recipe(rate).to_json()] = rate
    network = models.resolve("resnet", role="teacher").name
    rows = rows[
        (rows["dataset"] == config.dataset)
        & (rows["network"] == network)
        & (rows["split_seed"] == config.split_seed)
        & rows["recipe"].isin(list(recipes))
    ]
    if rows.empty:
        return replace(config, teacher="resnet")
    best = rows.iloc[int(rows["val_macro_f1"].argmax())]
    return replace(
        config,
        teacher="resnet",
        teacher_start=start_name(best["start"]),
        teacher_learning_rate=float(json.loads(best["recipe"])["learning_rate"]),
    )
