"""Promise 7: the same numbers again, on as many threads; subsets on any number of threads."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from carto_helpers import dynamics, scoring
from carto_helpers.selection import METRICS
from torture.job import Job, differences, rows
from torture.promise import Outcome

_SHAPE = (50_000, 10)


def measure(folder: Path, *, n_repeats: int) -> Iterator[Outcome]:
    """Yield an outcome for each number of threads, and one for what subsets rest on."""
    yield from (trained(folder, threads, n_repeats) for threads in (1, 2))
    yield scored()


def trained(folder: Path, threads: int, n_repeats: int) -> Outcome:
    """Run the job again and again on a number of threads."""
    places = [folder / f"{threads}-{i}" for i in range(n_repeats + 1)]
    for place in places:
        Job(place, threads=threads).status()
    reference = rows(places[0])
    found = [differences(place, reference) for place in places[1:]]
    return Outcome(
        promise="on a CPU the same engine gives the same rows to the bit",
        harm=f"the job repeated on {threads} thread{'s' * (threads > 1)}",
        n=n_repeats,
        broken=[problem for problem in found if problem],
        note="between numbers of threads it is not promised: sums are rounded in other orders",
    )


def scored() -> Outcome:
    """Compute every statistic of made dynamics on one thread and on more."""
    p_gold = np.random.default_rng(0).random(_SHAPE, dtype=np.float32)
    is_right = p_gold > 0.5
    statistics: dict[str, Callable[[], np.ndarray]] = {
        name: functools.partial(_of_torch, name, is_right if name == "correctness" else p_gold)
        for name in METRICS
    }
    before, broken = torch.get_num_threads(), []
    alone = scoring.scores(p_gold[:1_000], is_right[:1_000])  # a block: one thread
    whole = scoring.scores(p_gold, is_right)
    for name, statistic in statistics.items():
        found = []
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            found.append(statistic())
        torch.set_num_threads(before)
        if any(not np.array_equal(found[0], other) for other in found[1:]):
            broken.append(f"{name} in PyTorch")
        if not np.array_equal(alone[name], whole[name][:1_000]):
            broken.append(f"{name} in `scores`")
    return Outcome(
        promise="what subsets rest on is the same to the bit on any number of threads",
        harm=f"each statistic of {_SHAPE[0]:,} × {_SHAPE[1]} dynamics on 1, 2 and 4 threads",
        n=2 * len(METRICS),
        broken=broken,
    )


def _of_torch(name: str, values: np.ndarray) -> np.ndarray:
    statistic = getattr(dynamics, name)
    result: np.ndarray = statistic(torch.from_numpy(values)).numpy()
    return result
