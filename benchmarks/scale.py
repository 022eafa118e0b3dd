"""Statistics and selection over millions of examples."""

import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from sklearn.neighbors import KDTree

from benchmarks import floors
from benchmarks.measuring import Comparison, in_turns
from carto_helpers.config import SubsetSpec, subset_size
from carto_helpers.scoring import StreamingDynamics, scores
from carto_helpers.selection import ANCHORS, lowest, mix, region

EPOCHS = 10
FRACTION = 0.33
MIX = SubsetSpec(rule="mix", fraction=FRACTION, hard=0.11, ambiguous=0.11, easy=0.11)


def measure(*, sizes: Sequence[int], tree_size: int, n_repeats: int) -> Iterator[Comparison]:
    """Yield statistics and selections at each of `sizes`; the tree's at `tree_size` at most."""
    for n in sizes:
        p_gold, is_right = made_dynamics(n)
        yield from _statistics(p_gold, is_right, n_repeats)
        yield from _selections(scores(p_gold, is_right), tree_size, n_repeats)


def made_dynamics(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities that grow from epoch to epoch, each example at its own pace."""
    draw = np.random.default_rng(0)
    pace = draw.gamma(1.0, 0.4, n).astype(np.float32)[:, None]
    noise = draw.random((n, EPOCHS), dtype=np.float32)
    p_gold = 1 - np.exp(-pace * np.arange(1, EPOCHS + 1, dtype=np.float32)) * noise
    return p_gold, p_gold > 0.5


def _statistics(p_gold: np.ndarray, is_right: np.ndarray, n_repeats: int) -> Iterator[Comparison]:
    n = len(p_gold)
    needed = p_gold.nbytes + is_right.nbytes + 4 * 8 * n  # read once, written once
    epochs = np.asfortranarray(p_gold), np.asfortranarray(is_right)
    ours, theirs, by_epoch, stream = in_turns(
        n_repeats,
        partial(_seconds, partial(scores, p_gold, is_right)),
        partial(_seconds, partial(_pandas, p_gold, is_right)),
        partial(_seconds, partial(scores, *epochs)),
        partial(_seconds, partial(_stream, *epochs)),
    )
    floor, copied = needed / floors.copy_rate("cpu"), "the bytes read and written, copied"
    line = Comparison(
        section="Statistics of the dynamics",
        what=f"N = {n:,}, E = {EPOCHS}, one row an example",
        unit="s",
        ours=ours,
        baseline_name="pandas: mean, std, slope, mean by rows",
        baseline=theirs,
        floor=floor,
        floor_from=copied,
        goal="at most 2 × the floor",
        note=f"working memory {working_memory(p_gold, is_right):.3f} of the input (goal: 0.1)",
    )
    yield line
    for what, seconds in (("one row an epoch", by_epoch), ("streamed epoch by epoch", stream)):
        yield Comparison(
            section=line.section, what=f"N = {n:,}, E = {EPOCHS}, {what}", unit="s", ours=seconds,
            floor=floor, floor_from=copied,
        )  # fmt: skip


def working_memory(p_gold: np.ndarray, is_right: np.ndarray) -> float:
    """Return the most memory beyond input and results that `scores` takes, as part of the input."""
    tracemalloc.start()
    result = scores(p_gold, is_right)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = sum(score.nbytes for score in result.values())
    return (peak - kept) / (p_gold.nbytes + is_right.nbytes)


def _pandas(p_gold: np.ndarray, is_right: np.ndarray) -> pd.DataFrame:
    frame, right = pd.DataFrame(p_gold), pd.DataFrame(is_right)
    epochs = np.arange(1, EPOCHS + 1) - (EPOCHS + 1) / 2
    return pd.DataFrame(
        {
            "confidence": frame.mean(axis=1),
            "variability": frame.std(axis=1, ddof=0),
            "correctness": right.mean(axis=1),
            "forgetfulness": frame.mul(epochs, axis=1).sum(axis=1) / (epochs**2).sum(),
        }
    )


def _stream(p_gold: np.ndarray, is_right: np.ndarray) -> None:
    stream = StreamingDynamics(len(p_gold))
    for epoch in range(p_gold.shape[1]):
        stream.update(p_gold[:, epoch], is_right[:, epoch])
    stream.scores()


def _selections(
    found: dict[str, np.ndarray], tree_size: int, n_repeats: int
) -> Iterator[Comparison]:
    n_total = len(found["confidence"])
    n = subset_size(FRACTION, n_total)
    rules: dict[str, Callable[[], object]] = {
        "ranking, low confidence": partial(lowest, found["confidence"], n),
        "ranking, low correctness": partial(lowest, found["correctness"], n),
        "mix of three regions": partial(mix, found, MIX),
    }
    for what, rule in rules.items():
        (seconds,) = in_turns(n_repeats, partial(_seconds, rule))
        yield _selection(what, n_total, seconds)
    regions = partial(_seconds, lambda: [region(found, name, n) for name in ANCHORS])
    if n_total > tree_size:
        (seconds,) = in_turns(n_repeats, regions)
        yield _selection("three regions", n_total, seconds)
        return
    points = np.column_stack([found["variability"], found["confidence"]])
    tree = KDTree(points)
    ours, whole, queries = in_turns(
        min(n_repeats, 3),
        regions,
        partial(_seconds, lambda: _three_queries(KDTree(points), n)),
        partial(_seconds, partial(_three_queries, tree, n)),
    )
    line = _selection("three regions", n_total, ours)
    named = "scikit-learn KDTree, "
    yield replace(
        line, baseline_name=f"{named}built and queried three times", baseline=whole, goal="20×"
    )
    yield replace(line, baseline_name=f"{named}the three queries alone", baseline=queries)


def _three_queries(tree: KDTree, n: int) -> None:
    for anchor in ANCHORS.values():
        tree.query([anchor], k=n)


def _selection(what: str, n_total: int, seconds: list[float]) -> Comparison:
    goal = "2 s" if n_total == 10_000_000 else ""
    return Comparison(
        section="Selection", what=f"{what}, N = {n_total:,}", unit="s", ours=seconds, goal=goal
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
