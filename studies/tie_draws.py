"""`python -m studies.tie_draws`: students of high-correctness with its ties drawn anew.

For each draw of `carto_helpers.findings.tie_draws` a subset of one's own and a student for every
seed, by the recipe of phase 1. A row that is recorded is not made again.
"""

import numpy as np

from carto_helpers.config import SubsetSpec
from carto_helpers.findings.tie_draws import DRAWS, FRACTION, RULE, redrawn
from carto_helpers.own_subsets import keep_subset
from carto_helpers.runs.distilling import train_students
from carto_helpers.runs.workbench import Workbench
from carto_helpers.scoring import scores
from studies.options import configured, options, recorded_teacher


def main() -> None:
    """Run what is missing."""
    parser = options(__doc__, teacher_start="cifar100")
    parser.add_argument("--architecture", default="mobilenet", help="the student (mobilenet)")
    asked = parser.parse_args()
    bench = Workbench(configured(asked, architecture=asked.architecture))
    teacher = recorded_teacher(bench)
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
