"""A comparison of two ways to do one thing, timed in turns in one run."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K")
Seconds = Callable[[], float]  # does the work once, returns how long the timed part took


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One line of the results: ours beside a baseline, in repeats that took turns.

    `ours` and `baseline` are in `unit`, one number a repeat; `floor` is the least that the machine
    could take, in the same unit, and `floor_from` says what it is counted from.
    """

    section: str
    what: str
    unit: str
    ours: Sequence[float]
    baseline_name: str = ""
    baseline: Sequence[float] = ()
    floor: float | None = None
    floor_from: str = ""
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Return how many times faster ours was in each repeat; none without a baseline."""
        if not self.baseline:
            return []
        return [theirs / ours for ours, theirs in zip(self.ours, self.baseline, strict=True)]


def in_turns(n_repeats: int, *ways: Seconds) -> list[list[float]]:
    """Return the seconds of each way, `n_repeats` each, taking turns."""
    rounds = [[way() for way in ways] for _ in range(n_repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def fastest(n_repeats: int, ways: Mapping[K, Seconds]) -> K:
    """Return which of these ways is fastest by the median of repeats that take turns."""
    seconds = dict(zip(ways, in_turns(n_repeats, *ways.values()), strict=True))
    return min(seconds, key=lambda way: statistics.median(seconds[way]))


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return median, least and most.

    Examples
    --------
    >>> spread([3.0, 1.0, 2.0])
    '2 (1–3)'
    """
    low, middle, high = min(values), statistics.median(values), max(values)
    if len(values) == 1:
        return f"{middle:.{digits}g}"
    return f"{middle:.{digits}g} ({low:.{digits}g}–{high:.{digits}g})"
