"""All statistics of the training dynamics at once: in one pass over (N, E), or epoch by epoch."""

import numpy as np
from jaxtyping import Bool, Float

from carto_helpers.blocks import blocks_of, in_stretches
from carto_helpers.dynamics import check_is_right, check_range, check_shape, epoch_offsets

Scores = dict[str, Float[np.ndarray, " N"]]

_BLOCK = 1 << 14  # examples at a time: what is computed of them stays in a core's cache


def scores(p_gold: Float[np.ndarray, "N E"], is_right: Bool[np.ndarray, "N E"]) -> Scores:
    """Return the paper's four statistics by name, as the selection rules take them.

    One pass over the memory, a block of examples at a time on every core; each number is the one
    that `confidence`, `variability`, `correctness` and `forgetfulness` give in float64, to the bit.

    Parameters
    ----------
    p_gold
        Gold-label probability of each example after each epoch, (N, E), in [0, 1].
    is_right
        Whether the argmax was the gold label, (N, E).

    Returns
    -------
    dict
        "confidence", "variability", "correctness" and "forgetfulness", each (N,) in float64.

    Raises
    ------
    ValueError
        If the shapes differ, there is no example or no epoch, or `p_gold` holds NaN or a number
        outside [0, 1].
    TypeError
        If `is_right` is not boolean.

    Examples
    --------
    >>> scores(np.array([[0.25, 0.75]]), np.array([[False, True]]))["forgetfulness"]
    array([0.5])
    """
    check_shape(p_gold, "p_gold")
    check_is_right(is_right)
    _check_same_shape(p_gold, is_right)
    names = ("confidence", "variability", "correctness", "forgetfulness")
    result = {name: np.empty(len(p_gold)) for name in names}

    def work(part: slice) -> None:
        _score_part({n: r[part] for n, r in result.items()}, p_gold[part], is_right[part])

    in_stretches(work, len(p_gold), _BLOCK)
    return result


def _score_part(result: Scores, p_gold: np.ndarray, is_right: np.ndarray) -> None:
    """Fill `result` for these examples, block by block, in buffers of one block."""
    n_total, n_epochs = p_gold.shape
    size = min(_BLOCK, n_total)
    p, work = np.empty((n_epochs, size)), np.empty((n_epochs, size))
    right = np.empty((n_epochs, size), dtype=bool)
    count_kind = np.uint8 if n_epochs < 256 else np.int64  # bytes are added 64 at a time
    offset, spread = epoch_offsets(n_epochs)
    for start in range(0, n_total, size):
        last = min(start + size, n_total)
        rows = slice(last - size, last)  # the last block reaches back: all are of one size
        block = p_gold[rows]
        check_range(float(block.min()), float(block.max()))
        np.copyto(p, block.T)  # (E, size): epochs are added one by one
        mean = np.add.reduce(p, axis=0, out=result["confidence"][rows])
        mean /= n_epochs
        np.multiply(p, offset[:, None], out=work)
        slope = np.add.reduce(work, axis=0, out=result["forgetfulness"][rows])
        slope /= spread
        p -= mean
        np.square(p, out=p)
        variance = np.add.reduce(p, axis=0, out=result["variability"][rows])
        variance /= n_epochs
        np.sqrt(variance, out=variance)
        np.copyto(right, is_right[rows].T)
        n_right = np.add.reduce(right.view(np.uint8), axis=0, dtype=count_kind)
        np.divide(n_right, n_epochs, out=result["correctness"][rows])


class StreamingDynamics:
    """The statistics of dynamics that come epoch by epoch and are never held whole.

    State is O(N): seven numbers an example, whatever the number of epochs.

    Parameters
    ----------
    n_examples
        N, at least 1.

    Raises
    ------
    ValueError
        If `n_examples` is below 1.

    Notes
    -----
    Mean and sum of squared deviations by Welford's recurrence (Technometrics 1962), the slope from
    the running sum of e · p, all in float64; equal to `scores` to about 1e-15 for ten epochs.

    Examples
    --------
    >>> stream = StreamingDynamics(1)
    >>> for p, right in ((0.25, False), (0.75, True)):
    ...     stream.update(np.array([p]), np.array([right]))
    >>> stream.scores()["forgetfulness"]
    array([0.5])
    """

    def __init__(self, n_examples: int) -> None:
        if n_examples < 1:
            raise ValueError(f"`n_examples` must be at least 1, got {n_examples}; pass N")
        self.n_epochs = 0
        self._mean = np.zeros(n_examples)
        self._squares = np.zeros(n_examples)  # sum of squared deviations from the mean
        self._weighted = np.zeros(n_examples)  # sum of e · p
        self._n_right = np.zeros(n_examples, dtype=np.int32)
        self._n_forgotten = np.zeros(n_examples, dtype=np.int32)
        self._was_right = np.zeros(n_examples, dtype=bool)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self._mean)

    def update(self, p_gold: Float[np.ndarray, " N"], is_right: Bool[np.ndarray, " N"]) -> None:
        """Take in one more epoch of all examples, in their order.

        Parameters
        ----------
        p_gold
            Gold-label probability of each example after this epoch, (N,), in [0, 1].
        is_right
            Whether the argmax was the gold label, (N,).

        Raises
        ------
        ValueError
            If a shape is not (N,), or `p_gold` holds NaN or a number outside [0, 1]; nothing is
            taken in then.
        TypeError
            If `is_right` is not boolean.
        """
        for name, array in (("p_gold", p_gold), ("is_right", is_right)):
            if array.shape != (len(self),):
                raise ValueError(
                    f"`{name}` must have shape ({len(self)},), got {array.shape}; "
                    "pass one epoch of all examples"
                )
        check_is_right(is_right[:, None])
        ends = in_stretches(lambda part: _ends(p_gold[part]), len(self), _BLOCK)
        check_range(float(np.min(ends)), float(np.max(ends)))
        self.n_epochs += 1
        in_stretches(lambda part: self._take(part, p_gold, is_right), len(self), _BLOCK)

    def _take(self, part: slice, p_gold: np.ndarray, is_right: np.ndarray) -> None:
        """Take in one part of an epoch, block by block, in buffers of one block."""
        buffers = np.empty((3, min(_BLOCK, part.stop - part.start)))
        for rows in blocks_of(part, _BLOCK):
            p, deviation, step = buffers[:, : rows.stop - rows.start]
            mean, right = self._mean[rows], is_right[rows]
            np.copyto(p, p_gold[rows])
            np.subtract(p, mean, out=deviation)
            mean += np.divide(deviation, self.n_epochs, out=step)
            deviation *= np.subtract(p, mean, out=step)
            self._squares[rows] += deviation
            p *= self.n_epochs
            self._weighted[rows] += p
            self._n_right[rows] += right
            self._n_forgotten[rows] += self._was_right[rows] > right
            self._was_right[rows] = right

    def scores(self) -> Scores:
        """Return what `scores` would of the epochs so far, and the count of forgetting events.

        Raises
        ------
        ValueError
            If no epoch has come yet.
        """
        if not self.n_epochs:
            raise ValueError("the statistics need at least one epoch, got none; call `update`")
        names = ("confidence", "variability", "correctness", "forgetfulness", "forgetting_events")
        result = {name: np.empty(len(self)) for name in names}
        in_stretches(lambda part: self._score(part, result), len(self), _BLOCK)
        return result

    def _score(self, part: slice, result: Scores) -> None:
        """Fill in one part of the results, block by block."""
        _, spread = epoch_offsets(self.n_epochs)
        for rows in blocks_of(part, _BLOCK):
            centre = (self.n_epochs + 1) / 2 * self.n_epochs * self._mean[rows]
            result["confidence"][rows] = self._mean[rows]
            np.sqrt(self._squares[rows] / self.n_epochs, out=result["variability"][rows])
            np.divide(self._n_right[rows], self.n_epochs, out=result["correctness"][rows])
            np.divide(self._weighted[rows] - centre, spread, out=result["forgetfulness"][rows])
            result["forgetting_events"][rows] = self._n_forgotten[rows]


def _ends(p_gold: np.ndarray) -> tuple[np.floating, np.floating]:
    """Return the least and the largest probability; NaN if there is one."""
    return p_gold.min(), p_gold.max()


def _check_same_shape(p_gold: np.ndarray, is_right: np.ndarray) -> None:
    if p_gold.shape != is_right.shape:
        raise ValueError(
            f"`p_gold` and `is_right` must have one shape, got {p_gold.shape} and "
            f"{is_right.shape}; take both from the same epochs of the same teacher"
        )
