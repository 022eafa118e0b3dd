"""Phases: a configuration becomes the runs that are missing, and those become rows.

`teachers` is the grid of table 2, `phase1` the 33 % subsets of table 3, `phase2` the mixes of
table 4, `phase3` the random sizes of table 5. Each prints its plan, trains what is not recorded,
and returns the rows of its runs, trained now or before.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64

from carto_helpers import data, models, own_subsets, selection
from carto_helpers.comparison import SUBSET, summary
from carto_helpers.config import PhaseConfig, Recipe, SubsetSpec, subset_size
from carto_helpers.engine import resolve_device
from carto_helpers.findings.chosen_rows import most_taught
from carto_helpers.findings.doubted_rows import doubt_lines, with_doubts
from carto_helpers.record_frame import record_frame
from carto_helpers.records import Results
from carto_helpers.runs.cluster import check_submitit
from carto_helpers.runs.grid import train_runs
from carto_helpers.runs.planning import make_plan
from carto_helpers.runs.progress import announced, progress
from carto_helpers.runs.starts import check_start, initialise
from carto_helpers.runs.workbench import Workbench
from carto_helpers.tracking import check_tracker


@dataclass(frozen=True, kw_only=True)
class PhaseResult:
    """What a phase leaves: its teacher's row, and the rows of its students that are recorded.

    `student` is the students' name in those rows; their column `doubts` holds marks of doubt.
    """

    config: PhaseConfig
    teacher: "pd.Series[Any]"
    student: str
    students: pd.DataFrame


def configure(namespace: Mapping[str, Any], phase: str) -> PhaseConfig:
    """Return the configuration of a notebook, from its `globals()` after the parameters cell.

    Whatever can be wrong without the images stops the notebook here: unknown parameters, values
    out of range, unknown data sets, networks, starts and devices.
    """
    config = PhaseConfig.from_notebook(namespace, phase)
    check_names(config)
    return config


def check_names(config: PhaseConfig) -> None:
    """Raise unless every name in `config` means something here."""
    if config.rule not in selection.RULES:
        raise ValueError(f"unknown rule {config.rule!r}; valid rules: {', '.join(selection.RULES)}")
    data.dataset_name(config.dataset)
    resolve_device(config.device)
    for name in (*config.architectures, *({config.teacher} - {"best"})):
        models.resolve(name, role="teacher")
    models.resolve(config.architecture, role="student")
    for start in (config.teacher_start, config.student_start):
        check_start(start)
    check_tracker(config.tracker)
    if config.executor == "slurm":
        check_submitit()


def teachers(config: PhaseConfig, *, dry_run: bool = False) -> pd.DataFrame:
    """Train the grid `architectures` × `learning_rates` of teachers; return their rows.

    Rows come best first, by macro F1 on the validation split (section 3.3.1). Without `train`
    all the recorded teachers of the data set and start are returned, as `most_taught` orders them.
    The column `doubts` holds marks of doubt.

    Raises
    ------
    FileNotFoundError
        If nothing may be trained and no such teacher is recorded.
    """
    check_names(config)
    bench = Workbench(config)
    if config.train:
        bench.results.tidy()
    else:
        recorded = bench.recorded_teachers()
        if recorded.empty:
            raise bench.no_teacher()
        ordered = most_taught(recorded, bench.results.students()).drop(columns="n_students")
        return with_doubts(bench.results, ordered.reset_index(drop=True))
    runs = [
        bench.teacher_run(models.resolve(name, role="teacher"), learning_rate)
        for name in config.architectures
        for learning_rate in config.learning_rates
    ]
    keys = set(bench.results.teachers()["key"])
    missing = [run for run in runs if run.key() not in keys]
    plan = make_plan("teacher", bench, teachers=missing, n_recorded=len(runs) - len(missing))
    print(plan, flush=True)
    if missing and not dry_run:
        with announced(bench.results, plan.title, [run.key() for run in missing], plan.seconds):
            train_runs(bench, missing)
    rows = bench.results.teachers()
    asked = _best_first(rows[rows["key"].isin([run.key() for run in runs])])
    return with_doubts(bench.results, asked)


def _best_first(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("val_macro_f1", ascending=False, ignore_index=True)


def phase1_subsets(config: PhaseConfig) -> list[SubsetSpec]:
    """Return the subsets of table 3: the whole split, and `fraction` of it by each of 12 rules."""
    return [
        _EVERYTHING,
        *(SubsetSpec(rule=rule, fraction=config.fraction) for rule in selection.PHASE1_RULES),
    ]


def phase2_subsets(config: PhaseConfig) -> list[SubsetSpec]:
    """Return the mixes of table 4, beside the whole split and `fraction` of it at random.

    The shares are the paper's, of 0.33; for another `fraction` they keep their proportions.
    """
    random = SubsetSpec(rule="random", fraction=config.fraction)
    return [_EVERYTHING, random, *selection.scaled_mixes(config.fraction)]


def phase3_subsets(config: PhaseConfig) -> list[SubsetSpec]:
    """Return the random subsets of table 5, `fractions` of the training split."""
    return [
        SubsetSpec(rule="random", fraction=fraction) if fraction < 1 else _EVERYTHING
        for fraction in config.fractions
    ]


def every_subset(config: PhaseConfig) -> list[SubsetSpec]:
    """Return the subsets of all three phases, each once."""
    phases = (phase1_subsets, phase2_subsets, phase3_subsets)
    return list(dict.fromkeys(subset for subsets in phases for subset in subsets(config)))


_EVERYTHING = SubsetSpec(rule="all", fraction=1.0)
SUBSETS: dict[str, Callable[[PhaseConfig], list[SubsetSpec]]] = {
    "phase1": phase1_subsets,
    "phase2": phase2_subsets,
    "phase3": phase3_subsets,
    "phases 1 to 3": every_subset,
    "distill": lambda config: [config.spec],
}


def phase1(config: PhaseConfig, *, dry_run: bool = False) -> PhaseResult | None:
    """Run `phase1_subsets`; return the rows, or None after a dry run without a teacher."""
    return _run_phase("phase1", config, dry_run=dry_run)


def phase2(config: PhaseConfig, *, dry_run: bool = False) -> PhaseResult | None:
    """Run `phase2_subsets`; return the rows, or None after a dry run without a teacher."""
    return _run_phase("phase2", config, dry_run=dry_run)


def phase3(config: PhaseConfig, *, dry_run: bool = False) -> PhaseResult | None:
    """Run `phase3_subsets`; return the rows, or None after a dry run without a teacher."""
    return _run_phase("phase3", config, dry_run=dry_run)


def phases(config: PhaseConfig, *, dry_run: bool = False) -> PhaseResult | None:
    """Run the three phases as one, the same processes training all their students."""
    return _run_phase("phases 1 to 3", config, dry_run=dry_run)


def distill(config: PhaseConfig, *, dry_run: bool = False) -> PhaseResult | None:
    """Distil students on one subset; return the rows, or None after a dry run without a teacher.

    The subset is `rule` with `fraction` (and `shares`, for a mix), or that of the CSV file `subset`
    (a column `index` or `file`, as `carto select` and the data map write it).

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, it is no subset of the training split, or a fraction or a share
        is too small or too large for it.
    """
    return _run_phase("distill", config, dry_run=dry_run)


PHASES: dict[str, Callable[..., PhaseResult | None]] = {
    "phase1": phase1,
    "phase2": phase2,
    "phase3": phase3,
    "distill": distill,
}


def _check(bench: Workbench, subsets: list[SubsetSpec]) -> None:
    """Raise now for what would only fail after a teacher's hours."""
    to_train = ("student",) if bench.chosen_teacher() is not None else ("teacher", "student")
    for role in to_train:
        spec = bench.network(role)
        bench.engine(spec, role)
        start = bench.start(role, spec)
        if start.label != "scratch":  # weights may be missing, or another network's
            initialise(spec, start, bench.dataset.train, seed=0)
    n_train = len(bench.split.train)
    for subset in subsets:
        selection.check_sizes(subset, n_train)
        _check_size(subset_size(subset.fraction, n_train), f"a fraction of {subset.fraction}")


def _check_size(n: int, what: str) -> None:
    if n < 2:
        raise ValueError(
            "a training subset must hold at least 2 examples for batch normalisation, "
            f"got {n}; pass more than {what}"
        )


def _run_phase(phase: str, config: PhaseConfig, *, dry_run: bool) -> PhaseResult | None:
    """Plan, train what is missing, return the rows; None after a dry run without a teacher."""
    check_names(config)
    bench, subsets = Workbench(config), SUBSETS[phase](config)
    own = None if config.subset is None else _read_own(bench)
    if config.train:
        bench.results.tidy()
        _check(bench, subsets if own is None else [])
    teacher = chosen_or_trained(phase, bench, subsets * config.seeds, dry_run=dry_run)
    if teacher is None:
        return None
    if own is not None:
        record = bench.results.dynamics(teacher["key"])
        subsets = [own_subsets.keep_subset(bench.results, own, record)]
    runs = [
        bench.student_run(teacher, subset, seed)
        for seed in range(config.seeds)
        for subset in subsets
    ]
    if config.train:
        recorded = set(bench.results.students()["key"])
        missing = [run for run in runs if run.key() not in recorded]
        parts = [run.subset for run in missing]
        plan = make_plan(phase, bench, subsets=parts, n_recorded=len(runs) - len(missing))
        print(plan, flush=True)
        if missing and not dry_run:
            with announced(bench.results, plan.title, [run.key() for run in missing], plan.seconds):
                train_runs(bench, missing)
    rows = bench.results.students().set_index("key", drop=False)
    rows["student"] = bench.student_name()  # one run may have been asked for by two names
    keys = [run.key() for run in runs if run.key() in rows.index]
    if not keys and not config.train:
        print(
            f"{phase} on {teacher['dataset']}: none of {len(runs)} runs with these parameters is "
            f"recorded in {config.results}; allow training, or change them"
        )
    return PhaseResult(
        config=config,
        teacher=teacher,
        student=bench.student_name(),
        students=with_doubts(bench.results, rows.loc[keys].reset_index(drop=True)),
    )


def chosen_or_trained(
    phase: str, bench: Workbench, subsets: Sequence[SubsetSpec] = (), *, dry_run: bool = False
) -> "pd.Series[Any] | None":
    """Return the row of the asked teacher, trained now if it is not recorded.

    The plan, which counts students on `subsets`, is printed first; None after a dry run.
    """
    teacher = bench.chosen_teacher()
    if teacher is not None:
        return teacher
    run = bench.teacher_run(bench.network("teacher"))
    print(make_plan(phase, bench, teachers=[run], subsets=subsets, n_recorded=0), flush=True)
    if dry_run:
        return None
    train_runs(bench, [run])
    return bench.results.teacher(run.key())


def _read_own(bench: Workbench) -> Int64[np.ndarray, " n"]:
    """Return the subset of a CSV file; what can be wrong with it is known before a teacher is."""
    config = bench.config
    default = PhaseConfig()
    if config.rule != default.rule or config.shares or config.fraction != default.fraction:
        raise ValueError(
            f"a subset of one's own has no rule and no fraction, got {config.rule!r} and "
            f"{config.fraction} with {config.subset}; leave one of them out"
        )
    train = bench.dataset.train
    index = own_subsets.read_subset(Path(str(config.subset)), train.files)
    if outside := [int(i) for i in index if i >= len(train)]:
        raise ValueError(
            f"{config.subset} must name positions in 0 … {len(train) - 1}, got {outside[0]}; is it "
            f"of another data set than {train.name}?"
        )
    own_subsets.places(index, bench.split.train)
    _check_size(len(index), f"the {len(index)} of {config.subset}")
    return index


def map_frame(results: Results, teacher_key: str) -> pd.DataFrame:
    """Return a teacher's data map: one row per training example.

    Returns
    -------
    DataFrame
        `index` (position in the loaded set), `label`, `class`, the four statistics, `region` (the
        nearest 33 % of easy-to-learn, else of hard-to-learn, else of ambiguous, or ""), `p_gold`
        (list, one value an epoch) and `image` (a data URI, or "" where the record has none).
    """
    row = results.teacher(teacher_key)
    record = results.dynamics(teacher_key)
    images = {
        index: f"data:image/webp;base64,{base64.b64encode(image).decode()}"
        for index, image in results.thumbnails(row["dataset"], row["fingerprint"]).items()
    }
    return record_frame(record, images)


def status_facts(results: Results) -> dict[str, Any]:
    """Return what a results folder holds and what is under way, as plain values.

    Each teacher and each group of students has its marks of doubt in `doubts`, "" for none.
    """
    teachers_, students = (with_doubts(results, f()) for f in (results.teachers, results.students))
    columns = ["key", "dataset", "network", "start", "val_macro_f1", "finished_at", "doubts"]
    teachers_["doubts"] = teachers_["doubts"].map("; ".join)
    return {
        "folder": str(results.folder),
        "teachers": teachers_[columns].to_dict("records"),
        "students": _counts(students).to_dict("records"),
        "under_way": progress(results),
    }


def _counts(students: pd.DataFrame) -> pd.DataFrame:
    """Return how many students there are of each cell and setting, and their mean score.

    Cells and settings are those of `summary`, with `subset` (its label) and `teacher` (its key).
    """
    groups = summary(students).rename(columns={"n": "count"}).drop(columns=["low", "high"])
    keys = students.drop_duplicates("dynamics_sha256").set_index("dynamics_sha256")["teacher_key"]
    subsets = [{name: row[name] for name in SUBSET} for row in groups.to_dict("records")]
    return groups.assign(
        subset=[SubsetSpec(**subset).label() for subset in subsets],
        teacher=groups["dynamics_sha256"].map(keys),
    )


def _changes(recipe: str) -> str:
    """Return what a student's recipe changes of the paper's, in a few words.

    Examples
    --------
    >>> _changes('{"epochs": 2, "hard_weight": 1.0}'), _changes("{}")
    ('epochs 2, hard_weight 1', "paper's")
    """
    own, papers = vars(Recipe.from_json(recipe)), vars(Recipe())
    changed = [f"{name} {value:g}" for name, value in own.items() if value != papers[name]]
    return ", ".join(changed) or "paper's"


def status(results: Results) -> str:
    """Return what a results folder holds and what is under way, as text."""
    teachers_, students = results.teachers(), results.students()
    lines = [f"{results.folder}: {len(teachers_)} teachers, {len(students)} students"]
    if len(teachers_):
        columns = ["dataset", "network", "start", "val_macro_f1", "finished_at"]
        lines += ["", teachers_[columns].to_string(index=False)]
    if len(students):
        counts = _counts(students)
        counts["recipe"] = counts["recipe"].map(_changes)
        columns = ["dataset", "student", "start", "teacher", "subset", "count", "mean"]
        columns += ["recipe"] * bool(counts["recipe"].nunique() > 1)
        lines += ["", counts[columns].to_string(index=False)]
    lines += [f"{path} has no checksum: it is read unchecked" for path in results.unsealed()]
    lines += doubt_lines(results)
    running = progress(results)
    lines += ["", "under way:" if running else "under way: nothing", *running]
    return "\n".join(lines)
