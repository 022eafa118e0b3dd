r"""Distillation losses: equations 1 to 4, and the form that the authors' code trains on.

In the paper's letters, logits are the student's :math:`\hat{y}`, `teacher_logits` the teacher's
:math:`y^T`, `temperature` is T and `hard_weight` is α, the weight of the *hard* loss as in
equations 2 and 4. (The authors' code gives the letter to the weight of the soft loss; at 0.5 they
agree.) Every loss is a mean over the batch, in nats. The teacher's logits are constants: no
gradient flows into them. No value on a device is looked at, so nothing waits for it; labels must
lie in 0 … C − 1, which is checked where they are loaded.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from carto_helpers.config import check_hard_weight, check_temperature

_SMALLEST_PLAIN, _LARGEST_PLAIN = 0.1, 100.0  # T between which float32 keeps the differences


class DistillationLoss(NamedTuple):
    """A distillation loss and its parts, each a scalar tensor, a mean over the batch.

    `hard` and `soft` come unweighted: `total` is α · `hard` + (1 − α) · T² · `soft`.
    """

    total: Float[Tensor, ""]
    hard: Float[Tensor, ""]
    soft: Float[Tensor, ""]


def cross_entropy(logits: Float[Tensor, "B C"], labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
    r"""Return the hard loss: cross entropy to the gold labels.

    Parameters
    ----------
    logits
        The student's, (B, C).
    labels
        Gold labels, (B,), in 0 … C − 1.

    Returns
    -------
    Tensor
        Scalar, at least 0, best 0.

    Notes
    -----
    Equation 1, with the one-hot gold label y and the softmax of `logits` as :math:`\hat{y}`:

    .. math:: L_{CE}(y, \hat{y}) = - \sum_i y_i \log(\hat{y}_i)

    Examples
    --------
    >>> cross_entropy(torch.zeros(1, 10), torch.tensor([3]))  # ln 10
    tensor(2.3026)
    """
    return functional.cross_entropy(logits, labels)


def soft_cross_entropy(
    logits: Float[Tensor, "B C"], teacher_logits: Float[Tensor, "B K"], temperature: float
) -> Float[Tensor, ""]:
    r"""Return the soft loss of equation 4: cross entropy to the teacher's softened prediction.

    Parameters
    ----------
    logits
        The student's, (B, C).
    teacher_logits
        The teacher's for the same examples, (B, C).
    temperature
        T of equation 3, positive and finite.

    Returns
    -------
    Tensor
        Scalar; never below the teacher's entropy, which it reaches where both agree.

    Raises
    ------
    ValueError
        If T is not positive and finite, or the shapes differ.

    Notes
    -----
    Equations 3 and 4, without the factor :math:`T^2`:

    .. math::

        L_{CE}(\mathrm{softmax}(y^T/T), \mathrm{softmax}(\hat{y}/T)), \qquad
        \mathrm{softmax}(z_i, T) = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}

    Examples
    --------
    >>> soft_cross_entropy(torch.zeros(1, 10), torch.zeros(1, 10), temperature=4.0)
    tensor(2.3026)
    """
    student, teacher = _softened(logits, teacher_logits, temperature)
    log_p, log_q = functional.log_softmax(teacher, dim=1), functional.log_softmax(student, dim=1)
    return -(log_p.exp() * log_q).sum(1).mean().to(logits.dtype)


def kl_divergence(
    logits: Float[Tensor, "B C"], teacher_logits: Float[Tensor, "B K"], temperature: float
) -> Float[Tensor, ""]:
    r"""Return the soft loss of the authors' code: KL(teacher ‖ student) at temperature T.

    Parameters
    ----------
    logits
        The student's, (B, C).
    teacher_logits
        The teacher's for the same examples, (B, C).
    temperature
        T of equation 3, positive and finite.

    Returns
    -------
    Tensor
        Scalar, at least 0, best 0: the student predicts what the teacher does.

    Raises
    ------
    ValueError
        If T is not positive and finite, or the shapes differ.

    Notes
    -----
    With :math:`p = \mathrm{softmax}(y^T/T)`, :math:`q = \mathrm{softmax}(\hat{y}/T)` and the
    teacher's entropy :math:`H(p)`, which has no gradient:

    .. math:: KL(p \| q) = \sum_i p_i \log \frac{p_i}{q_i} = L_{CE}(p, q) - H(p)

    Examples
    --------
    >>> kl_divergence(torch.zeros(1, 10), torch.zeros(1, 10), temperature=4.0)
    tensor(0.)
    """
    kl = _kl_divergence(logits, teacher_logits, temperature, reduction="batchmean")
    return kl.to(logits.dtype)


def distillation_loss_kl(
    logits: Float[Tensor, "B C"],
    labels: Int[Tensor, " B"],
    teacher_logits: Float[Tensor, "B K"] | None,
    *,
    temperature: float,
    hard_weight: float,
) -> DistillationLoss:
    r"""Return the loss that students train on, as in the authors' code: hard loss and KL.

    Parameters
    ----------
    logits
        The student's, (B, C).
    labels
        Gold labels, (B,), in 0 … C − 1.
    teacher_logits
        The teacher's for the same examples, (B, C); may be None where `hard_weight` is 1.
    temperature
        T, positive and finite; the paper's is 1.
    hard_weight
        α, in [0, 1]; the paper's is 0.5.

    Returns
    -------
    DistillationLoss
        `total`, at least 0; `hard`; `soft`, the KL divergence, or 0 where `hard_weight` is 1.

    Raises
    ------
    ValueError
        If T is not positive and finite, α lies outside [0, 1], the teacher's logits are missing
        or have another shape.

    Notes
    -----
    Equation 4 with KL in the place of the second cross entropy. It is smaller by
    :math:`(1 - \alpha) T^2` times the teacher's entropy and has the same gradient.

    .. math::

        \alpha L_{CE}(y, \hat{y}) + (1 - \alpha) T^2
        KL(\mathrm{softmax}(y^T/T) \| \mathrm{softmax}(\hat{y}/T))

    Examples
    --------
    >>> logits, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    >>> distillation_loss_kl(logits, labels, logits, temperature=1.0, hard_weight=0.5).soft
    tensor(0.)
    """
    _check(teacher_logits, temperature, hard_weight)
    hard = cross_entropy(logits, labels)
    if hard_weight == 1 or teacher_logits is None:
        return DistillationLoss(hard, hard, torch.zeros_like(hard))
    soft = kl_divergence(logits, teacher_logits, temperature)
    return _combined(hard, soft, temperature, hard_weight)


def distillation_losses_kl(
    logits: Float[Tensor, "B C"],
    labels: Int[Tensor, " B"],
    teacher_logits: Float[Tensor, "B K"] | None,
    *,
    temperature: float,
    hard_weight: float,
) -> Float[Tensor, " B"]:
    r"""Return `distillation_loss_kl`'s total an example: their mean over a batch is the loss.

    For batches that share one tensor. Parameters and errors are those of `distillation_loss_kl`.

    Returns
    -------
    Tensor
        (B,), each at least 0.

    Examples
    --------
    >>> logits, labels = torch.zeros(2, 10), torch.tensor([3, 5])
    >>> distillation_losses_kl(logits, labels, logits, temperature=1.0, hard_weight=1.0)  # ln 10
    tensor([2.3026, 2.3026])
    """
    _check(teacher_logits, temperature, hard_weight)
    hard = functional.cross_entropy(logits, labels, reduction="none")
    if hard_weight == 1 or teacher_logits is None:
        return hard
    soft = _kl_divergence(logits, teacher_logits, temperature, reduction="none").sum(1)
    soft = soft.to(logits.dtype)
    return hard_weight * hard + (1 - hard_weight) * temperature**2 * soft


def distillation_loss_cross_entropy(
    logits: Float[Tensor, "B C"],
    labels: Int[Tensor, " B"],
    teacher_logits: Float[Tensor, "B K"] | None,
    *,
    temperature: float,
    hard_weight: float,
) -> DistillationLoss:
    r"""Return the loss of equation 4: two cross entropies, to the labels and to the teacher.

    Parameters
    ----------
    logits
        The student's, (B, C).
    labels
        Gold labels, (B,), in 0 … C − 1.
    teacher_logits
        The teacher's for the same examples, (B, C); may be None where `hard_weight` is 1.
    temperature
        T, positive and finite; the paper's is 1, with which this is equation 2.
    hard_weight
        α, in [0, 1]; the paper's is 0.5.

    Returns
    -------
    DistillationLoss
        `total`, at least 0; `hard`; `soft`, cross entropy to the softened teacher, or 0 where
        `hard_weight` is 1.

    Raises
    ------
    ValueError
        If T is not positive and finite, α lies outside [0, 1], the teacher's logits are missing
        or have another shape.

    Notes
    -----
    Equation 4:

    .. math::

        L_{KD-T}(y, \hat{y}, y^T, T) = \alpha L_{CE}(y, \hat{y}) + (1 - \alpha) T^2
        L_{CE}(\mathrm{softmax}(y^T/T), \mathrm{softmax}(\hat{y}/T))

    :math:`T^2` undoes the :math:`1/T^2` by which a high temperature shrinks the soft gradient
    (Hinton et al. 2015).

    Examples
    --------
    >>> logits, labels = torch.zeros(1, 10), torch.tensor([3])
    >>> distillation_loss_cross_entropy(
    ...     logits, labels, logits, temperature=1.0, hard_weight=0.5
    ... ).total  # ln 10, as each of its parts
    tensor(2.3026)
    """
    _check(teacher_logits, temperature, hard_weight)
    hard = cross_entropy(logits, labels)
    if hard_weight == 1 or teacher_logits is None:
        return DistillationLoss(hard, hard, torch.zeros_like(hard))
    soft = soft_cross_entropy(logits, teacher_logits, temperature)
    return _combined(hard, soft, temperature, hard_weight)


def _combined(
    hard: Float[Tensor, ""], soft: Float[Tensor, ""], temperature: float, hard_weight: float
) -> DistillationLoss:
    total = hard_weight * hard + (1 - hard_weight) * temperature**2 * soft
    return DistillationLoss(total, hard, soft)


def _kl_divergence(
    logits: Float[Tensor, "B C"],
    teacher_logits: Float[Tensor, "B K"],
    temperature: float,
    *,
    reduction: str,
) -> Tensor:
    student, teacher = _softened(logits, teacher_logits, temperature)
    if temperature <= _LARGEST_PLAIN:
        log_q = functional.log_softmax(student, dim=1)
        log_p = functional.log_softmax(teacher, dim=1)
        return functional.kl_div(log_q, log_p, reduction=reduction, log_target=True)
    log_q, log_p = _log_softmax_above_uniform(student), _log_softmax_above_uniform(teacher)
    times_c = functional.kl_div(log_q, log_p, reduction=reduction, log_target=True)
    return times_c / logits.shape[1]


def _log_softmax_above_uniform(z: Float[Tensor, "B C"]) -> Float[Tensor, "B C"]:
    """Return the logarithm of softmax(z) C: beside ln C the differences at a high T would be lost.

    Near 0 for every class then, and with as many digits as `z` has.
    """
    below = z - z.detach().amax(1, keepdim=True)
    return below - below.expm1().mean(1, keepdim=True).log1p()


def _softened(
    logits: Float[Tensor, "B C"], teacher_logits: Float[Tensor, "B K"], temperature: float
) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B C"]]:
    """Return the student's and the teacher's logits by T, of which equation 3 is the softmax.

    In float64 for a T at which float32 would lose their difference, where the device has it.
    """
    check_temperature(temperature)
    if teacher_logits.shape != logits.shape:
        raise ValueError(
            f"`teacher_logits` must have the student's shape {tuple(logits.shape)}, got "
            f"{tuple(teacher_logits.shape)}; take them for the same examples and classes"
        )
    teacher_logits = teacher_logits.detach()
    is_plain = _SMALLEST_PLAIN <= temperature <= _LARGEST_PLAIN
    if not is_plain and logits.device.type != "mps":  # which has no float64
        logits, teacher_logits = logits.double(), teacher_logits.double()
    return logits / temperature, teacher_logits / temperature


def _check(teacher_logits: Tensor | None, temperature: float, hard_weight: float) -> None:
    check_temperature(temperature)
    check_hard_weight(hard_weight)
    if teacher_logits is None and hard_weight < 1:
        raise ValueError(
            f"`hard_weight` {hard_weight} needs the teacher's logits, got None; "
            "pass them, or 1.0 to train on the labels alone"
        )
