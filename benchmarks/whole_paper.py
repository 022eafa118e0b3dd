"""What the paper's student runs take together, computed from the step that was timed of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.material import BATCH_SIZE, EPOCHS, STUDENTS
from benchmarks.measuring import Comparison
from carto_helpers.config import PhaseConfig, SubsetSpec, subset_size
from carto_helpers.experiments import every_subset, phase2_subsets, phase3_subsets

N_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class Part:
    """The paper's students on one data set: which networks, on which subsets of how many images."""

    students: tuple[str, ...]
    n_train: int
    subsets: Callable[[PhaseConfig], list[SubsetSpec]]

    def sizes(self) -> list[int]:
        """Return the number of images of each subset."""
        return [
            subset_size(subset.fraction, self.n_train) for subset in self.subsets(PhaseConfig())
        ]


def _tables_4_and_5(config: PhaseConfig) -> list[SubsetSpec]:
    return list(dict.fromkeys([*phase2_subsets(config), *phase3_subsets(config)]))


PAPER = (
    Part(students=STUDENTS, n_train=40_000, subsets=every_subset),  # CIFAR-10, tables 3 to 5
    Part(students=STUDENTS, n_train=40_000, subsets=_tables_4_and_5),  # CIFAR-100
    Part(students=STUDENTS[:2], n_train=48_000, subsets=_tables_4_and_5),  # MNIST
)


def n_runs() -> int:
    """Return how many students the paper trained.

    Examples
    --------
    >>> n_runs()
    435
    """
    return sum(N_SEEDS * len(part.students) * len(part.sizes()) for part in PAPER)


def n_steps(family: str) -> int:
    """Return how many steps of training all students of one family take.

    Examples
    --------
    >>> sum(map(n_steps, STUDENTS))
    1858950
    """
    sizes = (size for part in PAPER if family in part.students for size in part.sizes())
    return N_SEEDS * EPOCHS * sum(-(-size // BATCH_SIZE) for size in sizes)


def whole_paper(timed: Sequence[Comparison], baseline: str) -> Comparison:
    """Return all students' runs beside one baseline, from each family's line beside it.

    Parameters
    ----------
    timed
        Of every family, in the order of `STUDENTS`; in milliseconds a step, with a floor.
    baseline
        How its name begins.
    """
    lines = [line for line in timed if line.baseline_name.startswith(baseline)]
    hours = [n_steps(family) / 3.6e6 for family in STUDENTS]

    def together(of: Callable[[Comparison], Sequence[float]]) -> list[float]:
        each = [[h * ms for ms in of(line)] for h, line in zip(hours, lines, strict=True)]
        return [sum(repeat) for repeat in zip(*each, strict=True)]

    [floor] = together(lambda line: [line.floor] if line.floor else [])
    return Comparison(
        section=lines[0].section,
        what=f"the paper's {n_runs()} students, computed",
        unit="h",
        ours=together(lambda line: line.ours),
        baseline_name=lines[0].baseline_name.partition(",")[0],
        baseline=together(lambda line: line.baseline),
        floor=floor,
        floor_from=lines[0].floor_from,
        note=f"not run; {sum(map(n_steps, STUDENTS)):,} steps of batch {BATCH_SIZE}, each as long "
        "as the one of CIFAR-10 above, though MNIST's images are smaller and CIFAR-100 has more "
        "classes; evaluation, recording a step, what a stack takes to begin and lanes that idle "
        "are not counted",
    )
