"""What a size that was not run would take: the line through the largest that were."""

import math
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.measuring import Comparison

Measured = Mapping[int, Sequence[float]]  # seconds of each repeat by number of examples


def seconds_on_paper(measured: Measured, n: int) -> float:
    """Return the seconds of `n` examples on the line through the two largest sizes measured.

    The smaller sizes have no say: what fits a cache costs less an example. It is no less than in
    proportion to the largest size: that one had more time for what comes once.

    Examples
    --------
    >>> round(seconds_on_paper({1: [0.0], 10: [0.1], 100: [3.0, 9.0, 3.0]}, 1_000), 6)
    32.0
    >>> seconds_on_paper({10: [1.0], 100: [2.0]}, 1_000)
    20.0
    """
    (size, before), (largest, after) = _two_largest(measured)
    line = after + (after - before) / (largest - size) * (n - largest)
    return max(line, after / largest * n)


def exponent(measured: Measured) -> float:
    """Return b of "seconds grow as N to the b" from the second largest size to the largest.

    Examples
    --------
    >>> round(exponent({10: [1.0], 100: [2.0], 1000: [20.0]}), 6)
    1.0
    """
    (size, before), (largest, after) = _two_largest(measured)
    return math.log(after / before) / math.log(largest / size)


def _two_largest(measured: Measured) -> tuple[tuple[int, float], tuple[int, float]]:
    """Return the two largest sizes and their median seconds, the largest last."""
    (size, before), (largest, after) = sorted(measured.items())[-2:]
    return (size, statistics.median(before)), (largest, statistics.median(after))


def on_paper(what: str, lines: Mapping[int, Comparison], n: int, n_bytes: int) -> Comparison:
    """Return the line of the results for `n` examples, computed from the lines by size."""
    measured = {size: line.ours for size, line in lines.items()}
    largest = lines[max(lines)]
    return Comparison(
        section=largest.section,
        what=f"{what}, N = {n:,}, computed",
        unit="s",
        ours=[seconds_on_paper(measured, n)],
        floor=(largest.floor or 0.0) * n / max(lines),
        floor_from=largest.floor_from,
        note="not run; on the line through the two largest sizes measured, or in proportion to the "
        "largest where that is more; between them it grew "
        f"as N to the {exponent(measured):.2f}; it needs {n_bytes / 1e9:.1f} GB",
    )
