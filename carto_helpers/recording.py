"""What a teacher leaves per image and epoch: six numbers, from one pass in evaluation mode."""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int, Shaped
from torch import Tensor

QUANTITIES = ("p_gold", "is_right", "margin", "el2n", "entropy", "loss")
_LARGEST = torch.finfo(torch.float16).max
_COARSE = 64.0


def epoch_quantities(
    logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]
) -> dict[str, Float[Tensor, " N"] | Bool[Tensor, " N"]]:
    r"""Return what one epoch says of every example.

    Parameters
    ----------
    logits
        The network's outputs in evaluation mode, (N, C); -inf where a class is masked.
    labels
        Gold labels, (N,), 0 … C − 1.

    Returns
    -------
    dict
        Six arrays (N,), on the device of `logits`: `p_gold`, the softmax probability of the gold
        label, in [0, 1]; `is_right`, whether the argmax is the gold label; `margin`, `p_gold` less
        the largest other probability, in [-1, 1] (Pleiss et al. 2020 take it of the logits);
        `el2n`, the Euclidean norm of softmax less one-hot, in [0, √2] (Paul et al. 2021);
        `entropy` of the softmax in nats; `loss`, the cross entropy in nats, at most 65504, the
        largest number of float16.

    Notes
    -----
    Appendix A of the paper: :math:`p_{\theta^{(e)}}(y_i^* | x_i)`.

    Examples
    --------
    >>> quantities = epoch_quantities(torch.tensor([[0.0, 0.0]]), torch.tensor([0]))
    >>> quantities["p_gold"].item(), quantities["is_right"].item()
    (0.5, True)
    """
    log_p = torch.log_softmax(logits.float(), dim=1)  # (N, C)
    p = log_p.exp()
    gold = labels[:, None]  # (N, 1)
    p_gold = p.gather(1, gold)[:, 0]
    off_gold = p.scatter(1, gold, 0.0)  # the other classes' probabilities
    error = (off_gold.square().sum(1) + (1 - p_gold).square()).sqrt()
    return {
        "p_gold": p_gold,
        "is_right": logits.argmax(1) == labels,
        "margin": p_gold - off_gold.amax(1),
        "el2n": error,
        "entropy": -(p * log_p.clamp(min=-_LARGEST)).sum(1),  # 0 · log 0 is 0
        "loss": (-log_p.gather(1, gold)[:, 0]).clamp(max=_LARGEST),
    }


def half_logits(logits: Float[Tensor, "N C"]) -> Float16[Tensor, "N C"]:
    """Return finite logits in float16, their softmax kept.

    A row with numbers beyond 64, where float16's steps are a sixteenth and more, or beyond its
    largest, 65504, has its maximum subtracted: that changes no softmax, and the classes that share
    the probability lie where the steps are small. What then lies below the smallest stays there,
    where its probability is 0 at any temperature below 600.

    Examples
    --------
    >>> half_logits(torch.tensor([[1.0, 2.0], [60_000.0, 60_001.0], [-1.0, 100_000.0]])).tolist()
    [[1.0, 2.0], [-1.0, 0.0], [-65504.0, 0.0]]
    """
    is_coarse = (logits.abs().amax(1, keepdim=True) > _COARSE).expand_as(logits)
    shifted = (logits - logits.amax(1, keepdim=True)).clamp(min=-_LARGEST)
    return torch.where(is_coarse, shifted, logits).half()


@dataclass(frozen=True, kw_only=True)
class DynamicsRecord:
    """The training dynamics of one teacher.

    Rows are the training split in its own (seeded, shuffled) order: `index` is each row's position
    in the loaded set, `labels` its gold label, `classes` the labels' names; every quantity is
    (N, E), one column an epoch. `mode` says in which pass they were taken: "evaluation" (after
    each epoch, by one network) or "training" (as the batches went by). `ids` are the examples'
    own names, if they have any: whole numbers or, as objects, strings.
    """

    index: Int[np.ndarray, " N"]
    labels: Int[np.ndarray, " N"]
    classes: tuple[str, ...]
    quantities: dict[str, np.ndarray] = field(repr=False)
    mode: str = "evaluation"
    ids: Shaped[np.ndarray, " N"] | None = None

    @property
    def p_gold(self) -> Float[np.ndarray, "N E"]:
        """The gold label's probability after each epoch."""
        return self.quantities["p_gold"]

    @property
    def is_right(self) -> Bool[np.ndarray, "N E"]:
        """Whether the argmax was the gold label after each epoch."""
        return self.quantities["is_right"]

    @property
    def n_epochs(self) -> int:
        """Number of epochs recorded."""
        return int(self.p_gold.shape[1])


def stack_epochs(
    index: Int[np.ndarray, " N"],
    labels: Int[np.ndarray, " N"],
    classes: tuple[str, ...],
    epochs: list[dict[str, Tensor]],
) -> DynamicsRecord:
    """Return the record of `epochs`, each the six arrays (N,) of `epoch_quantities`.

    `p_gold` is kept in float32, since its ranking chooses the subsets; the others, kept for later
    questions, in float16.
    """
    columns = {
        name: np.stack([epoch[name].cpu().numpy() for epoch in epochs]).T for name in QUANTITIES
    }  # each (N, E), an epoch after the other in memory: the statistics read it as it lies
    kept = {
        name: array if name in ("p_gold", "is_right") else array.astype(np.float16)
        for name, array in columns.items()
    }
    return DynamicsRecord(index=index, labels=labels, classes=classes, quantities=kept)
