"""`python -m studies.class_balance`: whether a rule's score is its classes' or its images' doing.

For each rule two more subsets of its size, as `carto_helpers.findings.class_balance` has them, and
a student on each for every seed, by the recipe of phase 1. A row that is in class_balance.csv of
the results folder is not made again.
"""

from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from carto_helpers.config import PhaseConfig, StudentRun, SubsetSpec
from carto_helpers.engine import Engine
from carto_helpers.findings.class_balance import ARMS, matched_random, recorded, rule_by_class
from carto_helpers.runs.provenance import provenance, score_columns
from carto_helpers.runs.starts import initialise
from carto_helpers.runs.student_run import subset_index
from carto_helpers.runs.workbench import Workbench
from carto_helpers.scoring import scores
from carto_helpers.training import Training, TrainingData, evaluate
from studies.options import configured, options, recorded_teacher

RULES = ("easy-to-learn", "ambiguous", "hard-to-learn", "high-correctness")
Task = tuple[str, str, int]


def main() -> None:
    """Run what is missing, two at a time, one thread each."""
    parser = options(__doc__, teacher_start="scratch")
    parser.add_argument("--rules", nargs="+", default=list(RULES), help=f"({' '.join(RULES)})")
    parser.add_argument("--only-within", action="store_true", help="only rules within each class")
    asked = parser.parse_args()
    config = configured(asked)
    path = Path(asked.results) / "class_balance.csv"
    done = _recorded(config)
    arms = ARMS[1:] if asked.only_within else ARMS
    tasks = [(rule, arm, s) for s in range(asked.seeds) for rule in asked.rules for arm in arms]
    with ProcessPoolExecutor(2, get_context("spawn"), initializer=_one_thread) as pool:
        started = [pool.submit(run, config, task) for task in tasks if task not in done]
        for future in as_completed(started):
            row = pd.DataFrame([future.result()])
            row.to_csv(path, mode="a", header=not path.exists(), index=False)
            print(row[["rule", "arm", "seed", "test_macro_f1"]].to_string(header=False), flush=True)


def _recorded(config: PhaseConfig) -> set[Task]:
    """Return what is run by the dynamics of the teacher that `run` takes."""
    rows = recorded(Path(config.results))
    own = rows[rows["dynamics_sha256"] == recorded_teacher(Workbench(config))["dynamics_sha256"]]
    return set(own[["rule", "arm", "seed"]].itertuples(index=False, name=None))


def _one_thread() -> None:
    torch.set_num_threads(1)


def run(config: PhaseConfig, task: Task) -> dict[str, Any]:
    """Train and score one student; return its row."""
    rule, arm, seed = task
    bench = Workbench(config)
    spec = SubsetSpec(rule=rule, fraction=config.fraction)
    student = bench.student_run(recorded_teacher(bench), spec, seed)
    engine = bench.engine(bench.network("student"), "student").alone()
    splits = bench.resident(engine, student.teacher_key)
    index = subset(bench, student, arm)
    training = _begin(bench, student, splits["train"], engine, index)
    for _ in range(student.recipe.epochs):
        training.run_epoch()
    val, test = (evaluate(training.network, splits[name], engine) for name in ("val", "test"))
    return {
        "rule": rule,
        "arm": arm,
        "seed": seed,
        "n_train": len(index),
        "teacher_key": student.teacher_key,
        "dynamics_sha256": student.dynamics_sha256,
        "network": student.network,
        "recipe": student.recipe.to_json(),
        **score_columns(val, test),
        **provenance(engine),
    }


def _begin(
    bench: Workbench, student: StudentRun, train: TrainingData, engine: Engine, index: np.ndarray
) -> Training:
    spec = bench.network("student")
    start = bench.start_of(student, spec)
    network = initialise(spec, start, bench.dataset.train, seed=student.student_seed)
    return Training(
        network, train, index, recipe=student.recipe, seed=student.student_seed, engine=engine
    )


def subset(bench: Workbench, student: StudentRun, arm: str) -> np.ndarray:
    """Return an arm's subset: sorted positions in the training split, (n,)."""
    record = bench.results.dynamics(student.teacher_key)
    if arm == ARMS[0]:
        return matched_random(record.labels, subset_index(bench, student), seed=student.subset_seed)
    statistics = scores(record.p_gold, record.is_right)
    return rule_by_class(record.labels, statistics, student.subset)


if __name__ == "__main__":
    main()
