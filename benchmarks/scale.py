"""Statistics and selection over millions of examples, and on paper over more than fit."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np
from sklearn.neighbors import KDTree

from benchmarks import floors, statistics_rate
from benchmarks.growth import on_paper
from benchmarks.measuring import Comparison, in_turns
from benchmarks.statistics_rate import EPOCHS, Dynamics, peak_bytes, seconds
from carto_helpers.config import SubsetSpec, subset_size
from carto_helpers.scoring import Scores, scores
from carto_helpers.selection import ANCHORS, lowest, mix, region

SECTION = "Selection"
FRACTION = 0.33
MIX = SubsetSpec(rule="mix", fraction=FRACTION, hard=0.11, ambiguous=0.11, easy=0.11)
ON_PAPER = 100_000_000  # examples, more than the smaller machines hold
N_TREES = 3  # repeats at most: a tree of ten million takes its time


def measure(*, sizes: Sequence[int], n_repeats: int) -> Iterator[Comparison]:
    """Yield statistics and selections at each of `sizes`, then what `ON_PAPER` would take."""
    measured: dict[str, dict[int, Comparison]] = defaultdict(dict)
    for n in sizes:
        dynamics = made_dynamics(n)
        of_scores = _selections(scores(*dynamics), n_repeats)
        for line in chain(statistics_rate.measure(dynamics, n_repeats), of_scores):
            measured[line.what.partition(", N = ")[0]][n] = line
            yield line
    yield from statistics_rate.held(dynamics)
    n_bytes = _peak_bytes(dynamics)
    for what, by_size in measured.items():
        each = n_bytes[what.partition(",")[0]] / sizes[-1]
        yield on_paper(what, by_size, ON_PAPER, int(each * ON_PAPER))


def _peak_bytes(dynamics: Dynamics) -> dict[str, int]:
    """Return the most bytes that each kind of work held at once, what it is given included."""
    found = scores(*dynamics)
    n = subset_size(FRACTION, len(dynamics[0]))
    works: dict[str, Callable[[], object]] = {
        "ranking": partial(lowest, found["confidence"], n),
        "three regions": partial(region, found, "ambiguous", n),
        "mix of three regions": partial(mix, found, MIX),
    }
    given = found["confidence"].nbytes
    return peak_bytes(dynamics) | {
        what: statistics_rate.traced(work)[0] + (1 if what == "ranking" else 2) * given
        for what, work in works.items()
    }


def made_dynamics(n: int) -> Dynamics:
    """Return probabilities that grow from epoch to epoch, each example at its own pace."""
    draw = np.random.default_rng(0)
    pace = draw.gamma(1.0, 0.4, n).astype(np.float32)[:, None]
    noise = draw.random((n, EPOCHS), dtype=np.float32)
    p_gold = 1 - np.exp(-pace * np.arange(1, EPOCHS + 1, dtype=np.float32)) * noise
    return p_gold, p_gold > 0.5


def _selections(found: Scores, n_repeats: int) -> Iterator[Comparison]:
    n_total = len(found["confidence"])
    n = subset_size(FRACTION, n_total)
    rules: dict[str, Callable[[], object]] = {
        "ranking, low confidence": partial(lowest, found["confidence"], n),
        "ranking, low correctness": partial(lowest, found["correctness"], n),
        "mix of three regions": partial(mix, found, MIX),
    }
    for what, rule in rules.items():
        (ours,) = in_turns(n_repeats, partial(seconds, rule))
        n_read = 2 if "mix" in what else 1
        yield _selection(what, n_total, ours, 8 * (n_read * n_total + n))
    points = np.column_stack([found["variability"], found["confidence"]])
    tree = KDTree(points)
    ours, whole, queries = in_turns(
        min(n_repeats, N_TREES),
        partial(seconds, lambda: [region(found, name, n) for name in ANCHORS]),
        partial(seconds, lambda: _three_queries(KDTree(points), n)),
        partial(seconds, partial(_three_queries, tree, n)),
    )
    n_bytes = 8 * len(ANCHORS) * (2 * n_total + n)
    line = _selection("three regions", n_total, ours, n_bytes)
    built, alone = "built and queried three times", "the three queries alone"
    for name, beside in ((built, whole), (alone, queries)):
        yield replace(line, baseline_name=f"scikit-learn KDTree, {name}", baseline=beside)


def _three_queries(tree: KDTree, n: int) -> None:
    for anchor in ANCHORS.values():
        tree.query([anchor], k=n)


def _selection(what: str, n_total: int, ours: list[float], n_bytes: int) -> Comparison:
    return Comparison(
        section=SECTION, what=f"{what}, N = {n_total:,}", unit="s", ours=ours,
        floor=n_bytes / floors.copy_rate("cpu"),
        floor_from="each call reads the scores that it needs once and writes its positions once, "
        "at the measured copy rate",
    )  # fmt: skip
