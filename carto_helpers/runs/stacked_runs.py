"""Students' runs as one network: which may, how many fit, who claims and records them."""

from collections.abc import Iterator, Sequence
from itertools import chain

from filelock import FileLock, Timeout
from tqdm import tqdm

from carto_helpers.config import StudentRun
from carto_helpers.engine import Engine
from carto_helpers.memory import n_lanes_that_fit
from carto_helpers.runs.student_run import (
    begin,
    finish,
    outcome,
    train_student,
)
from carto_helpers.runs.workbench import Workbench
from carto_helpers.stacked.stacked_training import StackedTraining
from carto_helpers.stacked.stacking import obstacles
from carto_helpers.training import Training


def can_stack(bench: Workbench) -> bool:
    """Return whether the students train as one network: on a GPU, if their layers allow it."""
    spec = bench.network("student")
    is_on_gpu = bench.engine(spec, "student").device.startswith("cuda")
    return is_on_gpu and not obstacles(bench.unstarted(spec))


def train_stacked(bench: Workbench, runs: Sequence[StudentRun]) -> Iterator[str]:
    """Train runs as one network, as many at a time as fit; a run is claimed when it starts.

    Yields
    ------
    str
        What came out of each, in the order in which they are done.
    """
    n = _n_lanes(bench, runs)
    engine = bench.engine(bench.network("student"), "student").of_stack(n)
    for alike in _alike(runs):
        queue = _Queue(bench, alike, engine)
        first = next(queue, None)
        if first is not None:
            for training, seconds in StackedTraining(chain([first], queue), n).run():
                yield queue.finish(training, seconds)
        for run in queue.elsewhere:
            yield train_student(bench, run)


def _alike(runs: Sequence[StudentRun]) -> list[list[StudentRun]]:
    """Return the runs by what a stack shares."""
    groups: dict[object, list[StudentRun]] = {}
    for run in runs:
        groups.setdefault((run.teacher_key, run.network, run.recipe), []).append(run)
    return list(groups.values())


def _n_lanes(bench: Workbench, runs: Sequence[StudentRun]) -> int:
    """Return how many runs to stack, and say it."""
    spec = bench.network("student")
    need = bench.footprint(spec)
    engine = bench.engine(spec, "student")
    n = n_lanes_that_fit(need, engine, len(runs))
    less = f" (memory allows no {len(runs)})" if n < len(runs) else ""
    tqdm.write(
        f"{spec.name} runs on {engine.device}, {n} stacked{less}, each with up to "
        f"{need.lane / 1e9:.2f} GB"
    )
    return n


class _Queue(Iterator[Training]):
    """The runs of a stack, each claimed and begun when its turn comes.

    `elsewhere` are those that another process has under way, or has recorded meanwhile.
    """

    def __init__(self, bench: Workbench, runs: Sequence[StudentRun], engine: Engine) -> None:
        self._bench, self._engine, self._left = bench, engine, iter(runs)
        self._train = bench.resident(engine, runs[0].teacher_key)["train"]
        self._under_way: dict[int, tuple[StudentRun, FileLock]] = {}
        self.elsewhere: list[StudentRun] = []

    def __next__(self) -> Training:
        for run in self._left:
            claim = self._claimed(run)
            if claim is not None:
                self._bench.results.clear(run.key())
                training = begin(self._bench, run, self._train, self._engine)
                self._under_way[id(training)] = run, claim
                return training
            self.elsewhere.append(run)
        raise StopIteration

    def _claimed(self, run: StudentRun) -> FileLock | None:
        results = self._bench.results
        claim = results.claim(run.key())
        try:
            claim.acquire(blocking=False)
        except Timeout:
            return None
        if run.key() in set(results.students()["key"]):
            claim.release()
            return None
        return claim

    def finish(self, training: Training, seconds: float) -> str:
        """Record a student that is done; return a line that says what came out."""
        run, claim = self._under_way.pop(id(training))
        try:
            row = finish(self._bench, run, training, seconds=seconds)
            self._bench.results.append_student(row)
        finally:
            claim.release()
        return outcome(run, row)
