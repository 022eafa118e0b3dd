"""Adam as PyTorch computes it, without what its optimiser does at every step beside it."""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class Adam:
    """Adam (Kingma and Ba, 2015) with PyTorch's defaults, equal to `torch.optim.Adam` to the bit.

    That one gathers its lists anew at every step, which for a network of many small tensors takes
    as long as the update itself; here they are made once.

    Parameters
    ----------
    parameters
        What is updated; those without a gradient stay as they are.
    learning_rate
        Step size, > 0.
    is_fused
        Whether PyTorch's fused kernel is used, which the device must have.
    """

    def __init__(
        self, parameters: list[nn.Parameter], *, learning_rate: float, is_fused: bool
    ) -> None:
        self._parameters = parameters
        self._learning_rate, self._is_fused = learning_rate, is_fused

    @cached_property
    def _rows(self) -> list[tuple[nn.Parameter, Tensor, Tensor, Tensor]]:
        """Parameters, moments and counts of steps, made when first needed: a stack needs none."""
        return [(p, *_begun(p, is_fused=self._is_fused)) for p in self._parameters]

    def zero_grad(self) -> None:
        """Let go of the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step along the gradients."""
        used = [(row, grad) for row in self._rows if (grad := row[0].grad) is not None]
        adam(
            [parameter for (parameter, *_), _ in used],
            [gradient for _, gradient in used],
            [mean for (_, mean, _, _), _ in used],
            [square for (_, _, square, _), _ in used],
            [],
            [step for (*_, step), _ in used],
            fused=self._is_fused,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def moments(self) -> Iterator[dict[str, Tensor]]:
        """Yield what is kept of each parameter, by the names that `torch.optim.Adam` gives it."""
        for _, mean, square, step in self._rows:
            yield {"step": step, "exp_avg": mean, "exp_avg_sq": square}


def _begun(parameter: Tensor, *, is_fused: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return the moments, laid out as their parameter, and the count of steps, all 0."""
    mean, square = (torch.zeros_like(parameter.detach()) for _ in range(2))
    where = parameter.device if is_fused else "cpu"
    return mean, square, torch.zeros((), dtype=torch.float32, device=where)
