"""Adam as PyTorch computes it, without what its optimiser does at every step beside it."""

from collections.abc import Iterator
from functools import cached_property
from itertools import compress
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

_DEFAULTS = {
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "weight_decay": 0.0,
    "amsgrad": False,
    "maximize": False,
}


class Adam:
    """Adam (Kingma and Ba, 2015) with PyTorch's defaults, equal to `torch.optim.Adam` to the bit.

    That one gathers its lists anew at every step and counts the steps of each tensor apart, which
    for a network of many small ones takes longer than the update itself; here the lists are made
    once and the counts are one tensor.

    Parameters
    ----------
    parameters
        What is updated, on one device; those without a gradient stay as they are.
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
    def _counts(self) -> Tensor:
        """How many steps each parameter took."""
        where = self._parameters[0].device if self._is_fused else "cpu"
        return torch.zeros(len(self._parameters), dtype=torch.float32, device=where)

    @cached_property
    def _rows(self) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Parameters, moments and counts, made when first needed: a stack needs none."""
        return [
            (parameter, torch.zeros_like(parameter), torch.zeros_like(parameter), count)
            for parameter, count in zip(self._parameters, self._counts.unbind(), strict=True)
        ]

    def zero_grad(self) -> None:
        """Let go of the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step along the gradients."""
        has_gradient = [parameter.grad is not None for parameter in self._parameters]
        if not any(has_gradient):
            return
        columns = zip(*compress(self._rows, has_gradient), strict=True)
        parameters, means, squares, counts = (list(column) for column in columns)
        gradients = [parameter.grad for parameter in parameters]
        settings: dict[str, Any] = _DEFAULTS | {"lr": self._learning_rate}
        if self._is_fused:
            self._counts += 1 if all(has_gradient) else torch.tensor(has_gradient).to(self._counts)
            torch._fused_adam_(parameters, gradients, means, squares, [], counts, **settings)
        else:
            adam(parameters, gradients, means, squares, [], counts, **settings)

    def moments(self) -> Iterator[dict[str, Tensor]]:
        """Yield what is kept of each parameter, by the names that `torch.optim.Adam` gives it."""
        for _, mean, square, count in self._rows:
            yield {"step": count, "exp_avg": mean, "exp_avg_sq": square}
