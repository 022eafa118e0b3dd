r"""Training dynamics (appendix A): what a teacher's epochs say of each training example.

:math:`p_{\theta^{(e)}}(y_i^* | x_i)`, the probability that the teacher gives to example i's gold
label after epoch e, is `p_gold[i, e - 1]`; whether its argmax was the gold label is
`is_right[i, e - 1]`. Each function turns such an (N, E) array into one number an example, (N,), on
the device and of the kind it came as. Sums are taken in float64, so that equal rows give equal
scores (on Apple's GPUs, which have no float64, in float32).
"""

from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def confidence(p_gold: Float[Array, "N E"]) -> Float[Array, " N"]:
    r"""Return the mean probability of the gold label over the epochs.

    Parameters
    ----------
    p_gold
        Gold-label probability of each example after each epoch, (N, E), in [0, 1].

    Returns
    -------
    array
        (N,), in [0, 1], of the kind and dtype of `p_gold`; high is easy-to-learn.

    Raises
    ------
    ValueError
        If `p_gold` holds no example or no epoch, NaN or a number outside [0, 1].
    TypeError
        If `p_gold` is not floating, since the result is of its dtype.

    Notes
    -----
    Appendix A:

    .. math:: \hat{\mu}_i = \frac{1}{E} \sum_{e=1}^E p_{\theta^{(e)}}(y_i^* | x_i)

    Examples
    --------
    >>> confidence(np.array([[0.2, 0.4], [1.0, 1.0]])).round(3)
    array([0.3, 1. ])
    """
    p = _checked_wide(p_gold)
    return _narrowed(p.mean(1), p_gold)


def variability(p_gold: Float[Array, "N E"]) -> Float[Array, " N"]:
    r"""Return the population standard deviation of the gold-label probability over the epochs.

    Parameters
    ----------
    p_gold
        Gold-label probability of each example after each epoch, (N, E), in [0, 1].

    Returns
    -------
    array
        (N,), in [0, 0.5], of the kind and dtype of `p_gold`; high is ambiguous, 0 for one epoch.

    Raises
    ------
    ValueError
        If `p_gold` holds no example or no epoch, NaN or a number outside [0, 1].
    TypeError
        If `p_gold` is not floating, since the result is of its dtype.

    Notes
    -----
    Appendix A (no Bessel correction: `ddof` is 0):

    .. math::

        \hat{\sigma}_i = \sqrt{\frac{1}{E} \sum_{e=1}^E
        (p_{\theta^{(e)}}(y_i^* | x_i) - \hat{\mu}_i)^2}

    Examples
    --------
    >>> variability(np.array([[0.0, 1.0], [0.7, 0.7]]))
    array([0.5, 0. ])
    """
    p = _checked_wide(p_gold)
    deviation = p - p.mean(1)[:, None]  # (N, E)
    return _narrowed((deviation**2).mean(1) ** 0.5, p_gold)


def correctness(is_right: Bool[Array, "N E"]) -> Float[Array, " N"]:
    r"""Return the fraction of the epochs after which the example was classified right.

    A fraction, where Swayamdipta et al. (2020) give the count.

    Parameters
    ----------
    is_right
        Whether the argmax was the gold label, (N, E).

    Returns
    -------
    array
        (N,), in [0, 1], float32; 1 is right after every epoch.

    Raises
    ------
    ValueError
        If `is_right` holds no example or no epoch.
    TypeError
        If `is_right` is not boolean.

    Notes
    -----
    Appendix A, in words: "the ratio of how often a model correctly predicts a data point's true
    label".

    .. math::

        C_i = \frac{1}{E} \sum_{e=1}^E \mathbb{1}[\arg\max_y p_{\theta^{(e)}}(y | x_i) = y_i^*]

    Examples
    --------
    >>> correctness(torch.tensor([[True, True, False, False, True]]))
    tensor([0.6000])
    """
    return _float32(_fraction_right(is_right))


def forgetfulness(p_gold: Float[Array, "N E"]) -> Float[Array, " N"]:
    r"""Return the least-squares slope of the gold-label probability over the epochs 1 … E.

    Mind the sign, which is the paper's: an example that is being forgotten has a *negative*
    forgetfulness, and high forgetfulness means still being learnt. The count of forgetting events
    (Toneva et al. 2019) is another quantity, `forgetting_events`.

    Parameters
    ----------
    p_gold
        Gold-label probability of each example after each epoch, (N, E), in [0, 1].

    Returns
    -------
    array
        (N,), in probability per epoch, in [-1, 1], of the kind and dtype of `p_gold`; 0 for one
        epoch, which has no slope.

    Raises
    ------
    ValueError
        If `p_gold` holds no example or no epoch, NaN or a number outside [0, 1].
    TypeError
        If `p_gold` is not floating, since the result is of its dtype.

    Notes
    -----
    Appendix A, whose N is the number of epochs E:

    .. math::

        f_i = \frac{E \sum_e e \, p_{\theta^{(e)}}(y_i^*) - \sum_e e \sum_e p_{\theta^{(e)}}(y_i^*)}
        {E \sum_e e^2 - (\sum_e e)^2}
        = \frac{\sum_e (e - \bar{e}) \, p_{\theta^{(e)}}(y_i^*)}{\sum_e (e - \bar{e})^2}

    The second form, with :math:`\bar{e} = (E + 1) / 2`, is the one computed: it does not subtract
    large numbers from each other.

    Examples
    --------
    >>> forgetfulness(np.array([[0.1, 0.2, 0.3], [0.9, 0.9, 0.9]])).round(3)
    array([0.1, 0. ])
    """
    p = _checked_wide(p_gold)
    offset, spread = epoch_offsets(p.shape[1])
    return _narrowed((p * _like(offset, p)).sum(1) / spread, p_gold)


def epoch_offsets(n_epochs: int) -> tuple[Float[np.ndarray, " E"], float]:
    """Return each epoch less the mean epoch, (E,), and the sum of their squares (of one, 1)."""
    spread = (n_epochs**3 - n_epochs) / 12 or 1.0
    return np.arange(1, n_epochs + 1) - (n_epochs + 1) / 2, spread


def forgetting_events(is_right: Bool[Array, "N E"]) -> Int[Array, " N"]:
    """Return how often each example went from right to wrong between one epoch and the next.

    Toneva et al. (2019), at epochs instead of minibatches. An example that was never right has
    none; `never_learnt` tells it from one that was never forgotten.

    Parameters
    ----------
    is_right
        Whether the argmax was the gold label, (N, E).

    Returns
    -------
    array
        (N,), whole numbers in 0 … E / 2.

    Raises
    ------
    ValueError
        If `is_right` holds no example or no epoch.
    TypeError
        If `is_right` is not boolean.

    Examples
    --------
    >>> forgetting_events(np.array([[True, False, True, False], [False, False, False, False]]))
    array([2, 0])
    """
    check_is_right(is_right)
    events: Array = (is_right[:, :-1] & ~is_right[:, 1:]).sum(1)
    return events


def never_learnt(is_right: Bool[Array, "N E"]) -> Bool[Array, " N"]:
    """Return whether the example was wrong after every epoch.

    Parameters
    ----------
    is_right
        Whether the argmax was the gold label, (N, E).

    Returns
    -------
    array
        (N,), boolean.

    Raises
    ------
    ValueError
        If `is_right` holds no example or no epoch.
    TypeError
        If `is_right` is not boolean.

    Examples
    --------
    >>> never_learnt(np.array([[False, True], [False, False]]))
    array([False,  True])
    """
    check_is_right(is_right)
    never: Array = is_right.sum(1) == 0
    return never


def _fraction_right(is_right: Bool[Array, "N E"]) -> Float[Array, " N"]:
    check_is_right(is_right)
    fraction: Array = is_right.sum(1) / is_right.shape[1]
    return fraction


def _checked_wide(p_gold: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    """Return `p_gold` in float64 (float32 where the device has no float64), checked."""
    check_shape(p_gold, "p_gold")
    _check_floating(p_gold)
    if isinstance(p_gold, Tensor):
        low, high = (float(end) for end in torch.aminmax(p_gold))
        wide = torch.float32 if p_gold.device.type == "mps" else torch.float64
        check_range(low, high)
        return p_gold.to(wide)
    check_range(float(p_gold.min()), float(p_gold.max()))
    return np.asarray(p_gold, dtype=np.float64, order="F")  # epochs are added one by one


def _check_floating(p_gold: Shaped[Array, "..."]) -> None:
    """Raise unless `p_gold` is floating: whole numbers would round the result, which they type."""
    if isinstance(p_gold, Tensor):
        is_floating = p_gold.is_floating_point()
    else:
        is_floating = bool(np.issubdtype(p_gold.dtype, np.floating))
    if not is_floating:
        raise TypeError(
            f"`p_gold` must be floating, got {p_gold.dtype}; pass probabilities, or cast it"
        )


def _narrowed(result: Shaped[Array, " N"], p_gold: Shaped[Array, "..."]) -> Shaped[Array, " N"]:
    """Return `result` in the dtype of `p_gold`."""
    if isinstance(result, Tensor):
        return result.to(p_gold.dtype)
    return result.astype(p_gold.dtype, copy=False)


def _float32(result: Shaped[Array, " N"]) -> Shaped[Array, " N"]:
    return result.float() if isinstance(result, Tensor) else result.astype(np.float32)


def _like(values: np.ndarray, array: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    """Return `values` as the kind, the dtype and on the device of `array`."""
    if isinstance(array, Tensor):
        return torch.tensor(values, dtype=array.dtype, device=array.device)
    return values


def check_shape(array: Shaped[Array, "..."], name: str) -> None:
    """Raise unless `array` is (N, E) with N and E at least 1."""
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"`{name}` must have shape (N, E) with at least one example and one epoch, "
            f"got {tuple(array.shape)}; pass one row an example, one column an epoch"
        )


def check_range(low: float, high: float) -> None:
    """Raise unless the least and the largest probability lie in [0, 1]."""
    if np.isnan(low):
        raise ValueError("`p_gold` must hold no NaN, got some; look for diverged epochs")
    if low < 0 or high > 1:
        raise ValueError(
            f"`p_gold` must lie in [0, 1], got {low:g} to {high:g}; "
            "pass the softmax probability of the gold label, not its logit or its percentage"
        )


def check_is_right(is_right: Shaped[Array, "..."]) -> None:
    """Raise unless `is_right` is boolean, (N, E)."""
    check_shape(is_right, "is_right")
    if is_right.dtype not in (np.dtype(bool), torch.bool):
        raise TypeError(
            f"`is_right` must be boolean, got {is_right.dtype}; pass predictions == labels"
        )
