"""What the paper's student runs take together, computed from the step that was timed of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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


def whole_paper(lines: Mapping[str, Comparison], *, goal: str) -> Comparison:
    """Return all students' runs beside one baseline, from each family's line beside it.

    Parameters
    ----------
    lines
        By family, each in milliseconds a step.
    goal
        What was set beforehand.
    """
    hours = {family: n_steps(family) / 3.6e6 for family in lines}

    def together(repeats: Mapping[str, Sequence[float]]) -> list[float]:
        rounds = zip(*([hours[f] * ms for ms in repeats[f]] for f in lines), strict=True)
        return [sum(each) for each in rounds]

    some = next(iter(lines.values()))
    return Comparison(
        section=some.section,
        what=f"the paper's {n_runs()} students, computed",
        unit="h",
        ours=together({family: line.ours for family, line in lines.items()}),
        baseline_name=some.baseline_name.partition(",")[0],
        baseline=together({family: line.baseline for family, line in lines.items()}),
        floor=sum(hours[family] * (line.floor or 0.0) for family, line in lines.items()),
        floor_from=some.floor_from,
        goal=goal,
        note=f"not run; {sum(map(n_steps, lines)):,} steps of batch {BATCH_SIZE}, each as long as "
        "the one of CIFAR-10 above (MNIST's images are smaller), evaluation not counted",
    )


def measure(lines: Sequence[Comparison], *, on_gpu: bool) -> Iterator[Comparison]:
    """Yield the line beside (a) and the one beside (b), where every student was timed."""
    goals = ("", "10 min; 20×") if on_gpu else ("", "")
    for place, goal in enumerate(goals):
        each = dict(zip(STUDENTS, lines[place::2], strict=False))
        if len(each) == len(STUDENTS):
            yield whole_paper(each, goal=goal)
