"""How much of the paper is recorded: what each step holds, misses, and cost so far."""

from collections.abc import Iterator

import pandas as pd

from carto_helpers.config import PhaseConfig, SubsetSpec, start_name
from carto_helpers.experiments import SUBSETS
from carto_helpers.findings.chosen_rows import chosen_students, paper_teachers
from carto_helpers.models import resolve
from carto_helpers.paper import RATES, STEPS, Step
from carto_helpers.records import Results

COLUMNS = ("step", "dataset", "phase", "who", "done", "planned", "hours", "on")


def coverage(results: Results, *, seeds: int = 3) -> pd.DataFrame:
    """Return one row a step of `paper.STEPS` and student (or start of its teachers).

    Parameters
    ----------
    results
        The record.
    seeds
        How many a cell shall have.

    Returns
    -------
    DataFrame
        `step`, `dataset`, `phase`, `who`, `done` and `planned` (runs; phases share those on the
        whole split and on the random third), `hours` (of training, of the runs that are done) and
        `on` (the devices).
    """
    students, teachers = _labelled(chosen_students(results)), paper_teachers(results)
    rows = [
        _row(step, who, part, planned)
        for step in STEPS
        for who, part, planned in _parts(step, teachers, students, seeds)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _parts(
    step: Step, teachers: pd.DataFrame, students: pd.DataFrame, seeds: int
) -> Iterator[tuple[str, pd.DataFrame, int]]:
    if step.phase == "teacher":
        networks = [resolve(name, role="teacher").name for name in step.teachers]
        found = teachers[
            (teachers["dataset"] == step.dataset)
            & teachers["network"].isin(networks)
            & (teachers["start"].map(start_name) == step.start)
        ]
        yield f"{', '.join(step.teachers)} from {step.start}", found, len(networks) * len(RATES)
        return
    subsets = SUBSETS[step.phase](PhaseConfig())
    labels = [subset.label() for subset in subsets]
    for student in step.students:
        part = students[(students["dataset"] == step.dataset) & (students["student"] == student)]
        is_asked = part["label"].isin(labels) & (part["student_seed"] < seeds)
        yield student, part[is_asked], len(subsets) * seeds


def _labelled(students: pd.DataFrame) -> pd.DataFrame:
    names = ["rule", "fraction", "hard", "ambiguous", "easy"]
    labels = [
        SubsetSpec(rule=rule, fraction=fraction, hard=hard, ambiguous=ambiguous, easy=easy).label()
        for rule, fraction, hard, ambiguous, easy in students[names].itertuples(index=False)
    ]
    return students.assign(label=labels)


def _row(step: Step, who: str, part: pd.DataFrame, planned: int) -> tuple[object, ...]:
    hours = float(part["seconds"].sum()) / 3600
    devices = ", ".join(sorted(set(part["device"])))
    return step.number, step.dataset, step.phase, who, len(part), planned, hours, devices
