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
    names = ("one pass, an epoch in one piece", "one pass, an example in one piece", STREAMED)
    notes = (f"{_memory(by_epoch)}; {fresh}", _memory(dynamics), _stream_note(by_epoch))
    for what, line, note in zip(names, ours, notes, strict=True):
        is_pandas = what == names[1]  # the order in which pandas got them
        yield Comparison(
            section=SECTION,
            what=f"{what}, N = {len(dynamics[0]):,}",
            unit="s",
            ours=line,
            baseline_name="pandas: mean, std, slope, mean by rows" if is_pandas else "",
            baseline=pandas if is_pandas else [],
            floor=needed_bytes(dynamics) / (8 * COPIED) * min(copy),
            floor_from=f"input read once, results written once, at the rate of {COPY}",
            note=f"{_rates(needed_bytes(dynamics), line, copy)}; {note}",
        )


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


def _memory(dynamics: Dynamics) -> str:
    peak, result = traced(partial(scores, *dynamics))
    share = (peak - _kept(result)) / sum(array.nbytes for array in dynamics)
    return f"memory beyond input and results {share:.3f} of the input (goal: 0.1)"


def _stream_note(by_epoch: Dynamics) -> str:
    n, batch = len(by_epoch[0]), scores(*by_epoch)
    peak, result = traced(partial(streamed, *by_epoch))
    most = max(float(np.abs(batch[name] - result[name]).max()) for name in batch)
    return (
        "its state is read and written each epoch, which the floor leaves out; "
        f"{(peak - _kept(result)) / n:.0f} bytes an example beyond one epoch's input and the "
        f"results, whatever E; furthest from the one pass {most:.1g} (goal: 1e-6)"
    )


def _kept(result: Scores) -> int:
    return sum(score.nbytes for score in result.values())


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
