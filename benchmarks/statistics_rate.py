"""The statistics of the dynamics, held against a copy of as many bytes as they read and write."""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from benchmarks.measuring import Comparison, in_turns, spread
from carto_helpers.scoring import Scores, StreamingDynamics, scores

SECTION = "Statistics of the dynamics"
EPOCHS = 10
PASSES = ("one pass, an epoch in one piece", "one pass, an example in one piece")
STREAMED = "streamed epoch by epoch"
COPIED = 1 << 26  # float32 numbers: 256 MiB, more than a cache holds
COPY = "the fastest copy of 256 MiB among those that took turns, bytes read and written"

T = TypeVar("T")
Dynamics = tuple[np.ndarray, np.ndarray]  # p_gold and is_right, each (N, E)


def measure(dynamics: Dynamics, n_repeats: int) -> Iterator[Comparison]:
    """Yield the pass over `dynamics`, over their columns, and streamed; copies take turns."""
    by_epoch = np.asfortranarray(dynamics[0]), np.asfortranarray(dynamics[1])
    works: list[Callable[[], object]] = [
        partial(scores, *by_epoch),
        partial(scores, *dynamics),
        partial(streamed, *by_epoch),
        partial(_pandas, *dynamics),
        *_copies(),
    ]
    *ours, pandas, copy, anew = in_turns(n_repeats, *(partial(seconds, work) for work in works))
    fresh = f"{spread([8e-9 * COPIED / s for s in anew])} GB/s for a copy into new memory"
    notes = (fresh, "", "its state is read and written each epoch, which the floor leaves out")
    for what, line, note in zip((*PASSES, STREAMED), ours, notes, strict=True):
        is_pandas = what == PASSES[1]  # the order in which pandas got them
        yield Comparison(
            section=SECTION,
            what=f"{what}, N = {len(dynamics[0]):,}",
            unit="s",
            ours=line,
            baseline_name="pandas: mean, std, slope, mean by rows" if is_pandas else "",
            baseline=pandas if is_pandas else [],
            floor=needed_bytes(dynamics) / (8 * COPIED) * min(copy),
            floor_from=f"input read once, results written once, at the rate of {COPY}",
            note=_rates(needed_bytes(dynamics), line, copy) + f"; {note}" * bool(note),
        )


def held(dynamics: Dynamics) -> Iterator[Comparison]:
    """Yield the memory that either pass and the streamed form work in, and how they agree."""
    by_epoch = np.asfortranarray(dynamics[0]), np.asfortranarray(dynamics[1])
    n, n_input = len(dynamics[0]), sum(array.nbytes for array in dynamics)
    for name, given in zip(PASSES, (by_epoch, dynamics), strict=True):
        beyond = _beyond_result(partial(scores, *given))[0]
        yield _figure(f"{name}, {n:,} examples: memory beyond input and results",
                      beyond / n_input, "of the input")  # fmt: skip
    beyond, result = _beyond_result(partial(streamed, *by_epoch))
    batch = scores(*by_epoch)
    furthest = max(float(np.abs(batch[name] - result[name]).max()) for name in batch)
    name = f"{STREAMED}, {n:,} examples"
    yield _figure(f"{name}: memory beyond one epoch's input and the results, whatever E",
                  beyond / n, "bytes an example")  # fmt: skip
    yield _figure(f"{name}: furthest from the one pass", furthest, "in any statistic")


def _figure(what: str, seen: float, unit: str) -> Comparison:
    return Comparison(section=SECTION, what=what, unit=unit, ours=[seen])


def needed_bytes(dynamics: Dynamics) -> int:
    """Return the bytes that the statistics must read and write: the input, four float64 results."""
    return sum(array.nbytes for array in dynamics) + 4 * 8 * len(dynamics[0])


def peak_bytes(dynamics: Dynamics) -> dict[str, int]:
    """Return the most bytes held at once in one pass, and streamed, input and results included."""
    n_input = sum(array.nbytes for array in dynamics)
    passed, stream = (traced(partial(f, *dynamics))[0] for f in (scores, streamed))
    return {"one pass": n_input + passed, STREAMED: n_input // EPOCHS + stream}


def _copies() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a copy into memory that is there, by all threads, and one into new memory."""
    source, target = (torch.zeros(COPIED) for _ in range(2))
    return partial(target.copy_, source), source.numpy().copy


def _rates(n_bytes: int, ours: list[float], copy: list[float]) -> str:
    """Return bytes a second, the copy's, and the share of its fastest, which others slow."""
    rates, copied = [n_bytes / s for s in ours], [8 * COPIED / s for s in copy]
    shares = spread([rate / max(copied) for rate in rates])
    mine, theirs = (spread([r / 1e9 for r in each]) for each in (rates, copied))
    return f"{mine} GB/s, {shares} of the fastest copy's (copies: {theirs} GB/s)"


def _beyond_result(work: Callable[[], Scores]) -> tuple[int, Scores]:
    peak, result = traced(work)
    return peak - sum(score.nbytes for score in result.values()), result


def traced(work: Callable[[], T]) -> tuple[int, T]:
    """Return the most bytes that `work` held at once, and what it returns."""
    tracemalloc.start()
    result = work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, result


def streamed(p_gold: np.ndarray, is_right: np.ndarray) -> Scores:
    """Return the statistics of dynamics that are handed over epoch by epoch."""
    state = StreamingDynamics(len(p_gold))
    for epoch in range(p_gold.shape[1]):
        state.update(p_gold[:, epoch], is_right[:, epoch])
    return state.scores()


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


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
