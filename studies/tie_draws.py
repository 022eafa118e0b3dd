"""`python -m studies.tie_draws`: students of high-correctness with its ties drawn anew.

For each draw of `carto_helpers.findings.tie_draws` a subset of one's own and a student for every
seed, by the recipe of phase 1. A row that is recorded is not made again.
"""

import argparse

import numpy as np

from carto_helpers.config import PhaseConfig, SubsetSpec
from carto_helpers.findings.tie_draws import DRAWS, FRACTION, RULE, redrawn
from carto_helpers.own_subsets import keep_subset
from carto_helpers.runs.distilling import train_students
from carto_helpers.runs.workbench import Workbench
from carto_helpers.scoring import scores


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", required=True, help="CIFAR-10's folder")
    parser.add_argument("--results", required=True, help="where teacher and phase 1 are recorded")
    parser.add_argument("--architecture", default="mobilenet", help="the student (mobilenet)")
    parser.add_argument("--teacher-start", default="cifar100", help="of the teacher (cifar100)")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    config = PhaseConfig(
        dataset="cifar10",
        data_root=asked.data_root,
        results=asked.results,
        architecture=asked.architecture,
        teacher_start=asked.teacher_start,
    )
    bench = Workbench(config)
    teacher = bench.chosen_teacher()
    if teacher is None:
        raise FileNotFoundError(f"expected a teacher in {config.results}, got none; train it")
    record = bench.results.dynamics(teacher["key"])
    statistics = scores(record.p_gold, record.is_right)
    runs = []
    for draw in DRAWS:
        chosen = redrawn(statistics, SubsetSpec(rule=RULE, fraction=FRACTION), draw=draw)
        spec = keep_subset(bench.results, np.sort(record.index[chosen]), record)
        runs += [bench.student_run(teacher, spec, seed) for seed in range(asked.seeds)]
    recorded = set(bench.results.students()["key"])
    train_students(bench, [run for run in runs if run.key() not in recorded])


if __name__ == "__main__":
    main()
