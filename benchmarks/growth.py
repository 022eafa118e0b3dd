"""What a size that was not run would take: the line through the sizes that were."""

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.measuring import Comparison

Measured = Mapping[int, Sequence[float]]  # seconds of each repeat by number of examples


def seconds_on_paper(measured: Measured, n: int) -> float:
    """Return the seconds that the line through the medians of `measured` gives for `n` examples.

    The line, a start and so much an example, is the one of least relative errors: of absolute ones
    the largest size alone would decide.

    Examples
    --------
    >>> round(seconds_on_paper({10: [1.2], 100: [3.0], 1000: [21.0]}, 10_000), 6)
    201.0
    """
    sizes = np.array(list(measured), dtype=np.float64)
    medians = np.array([statistics.median(seconds) for seconds in measured.values()])
    per_example, start = np.polyfit(sizes, medians, deg=1, w=1 / medians)
    return float(start + per_example * n)


def exponent(measured: Measured) -> float:
    """Return b of "seconds grow as N to the b" from the second largest size to the largest.

    Examples
    --------
    >>> round(exponent({10: [1.0], 100: [2.0], 1000: [20.0]}), 6)
    1.0
    """
    (n, before), (n_last, after) = sorted(measured.items())[-2:]
    ratio = statistics.median(after) / statistics.median(before)
    return float(np.log(ratio) / np.log(n_last / n))


def on_paper(section: str, what: str, measured: Measured, n: int, n_bytes: int) -> Comparison:
    """Return the line of the results for `n` examples, computed from `measured`."""
    return Comparison(
        section=section,
        what=f"{what}, N = {n:,}, computed",
        unit="s",
        ours=[seconds_on_paper(measured, n)],
        note=f"not run; on the line through {', '.join(f'{size:,}' for size in measured)}, which "
        f"grows as N to the {exponent(measured):.2f} at its end; it needs {n_bytes / 1e9:.1f} GB",
    )
