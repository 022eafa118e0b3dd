"""One training step of a whole stack: gather, forward, losses, backward, clip, Adam.

On a GPU the step is a CUDA graph: a few steps run as they are, then one is recorded, and the rest
are replays, one launch each. Nothing in it waits for the device or depends on a value there.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from carto_helpers.config import Recipe
from carto_helpers.losses import distillation_losses_kl
from carto_helpers.stacked.lane_layers import Dropper
from carto_helpers.stacked.stacking import StackedNetwork
from carto_helpers.training import TrainingData

_STRETCH = 4096
_N_EAGER = 3  # steps before the recording, as PyTorch advises: libraries set themselves up


class LaneAdam:
    """Adam and the clipping of gradients, a lane at a time: a lane's weights are one row.

    PyTorch's own fused Adam, with a row as a parameter, so that each lane has its own count of
    steps, and `norm`, `clip` and moments are a network's own.
    """

    def __init__(self, weights: Float[Tensor, "K P"], recipe: Recipe) -> None:
        self._recipe = recipe
        self.gradients = torch.zeros_like(weights)
        self._rows = [nn.Parameter(row) for row in weights]
        self._adam = torch.optim.Adam(
            self._rows, lr=recipe.learning_rate, fused=True, capturable=weights.is_cuda
        )
        for row, gradient in zip(self._rows, self.gradients, strict=True):
            row.grad = gradient

    def step(self) -> None:
        """Clip each lane's `gradients` by its own norm, and take a step."""
        norms = _norms(self.gradients)
        factors = (self._recipe.clip_norm / (norms + 1e-6)).clamp(max=1)  # as clip_grad_norm_
        self.gradients.mul_(factors[:, None])
        self._adam.step()

    def reset(self, lane: int) -> None:
        """Begin a lane anew."""
        for tensor in self._adam.state[self._rows[lane]].values():
            tensor.zero_()

    def kept(self, lanes: Sequence[int], weights: Float[Tensor, "K P"]) -> "LaneAdam":
        """Return the optimiser of these lanes, whose weights now are `weights`."""
        new = LaneAdam(weights, self._recipe)
        for lane, row in zip(lanes, new._rows, strict=True):
            new._adam.state[row] = self._adam.state[self._rows[lane]]
        return new


def _norms(rows: Float[Tensor, "K P"]) -> Float[Tensor, " K"]:
    """Return the norm of each row, from those of its stretches.

    Millions of squares in one float32 sum lose its last three digits on a CPU.
    """
    n_stretches = rows.shape[1] // _STRETCH
    stretches = rows[:, : n_stretches * _STRETCH].unflatten(1, (n_stretches, _STRETCH))
    rest = rows[:, n_stretches * _STRETCH :]
    parts = torch.linalg.vector_norm(stretches, dim=2), torch.linalg.vector_norm(rest, dim=1)
    norms: Tensor = torch.linalg.vector_norm(torch.column_stack(parts), dim=1)
    return norms


class StackedStep:
    """A step of batches of up to `width` examples a lane.

    Parameters
    ----------
    stack, adam
        What is trained, and how.
    data
        All that the batches are drawn from.
    recipe
        The loss.
    width
        Examples in the longest batch, B.
    is_ragged
        Whether a lane's batch may be shorter.
    draw
        Returns the masks of a layer that drops out, (K, …, B), 0 behind a lane's batch.
    generator
        What `draw` draws from on a GPU; None on a CPU.
    pool
        Where recordings that are never replayed at once keep their memory; None on a CPU.
    """

    def __init__(
        self,
        stack: StackedNetwork,
        adam: LaneAdam,
        data: TrainingData,
        recipe: Recipe,
        *,
        width: int,
        is_ragged: bool,
        draw: Callable[[Dropper], Tensor],
        generator: torch.Generator | None = None,
        pool: Any = None,
    ) -> None:
        self._stack, self._adam, self._data, self._recipe = stack, adam, data, recipe
        self._draw, self._generator, self._pool = draw, generator, pool
        self._read: tuple[Tensor | None, ...] = ()  # what a recording reads, kept for its replays
        n, like = stack.lanes.n, stack.weights
        self._at = torch.zeros(n, width, dtype=torch.int64, device=like.device)
        self._valid = like.new_ones(n, width)
        self.width, self._is_ragged = width, is_ragged
        self._graph: torch.cuda.CUDAGraph | None = None
        self._losses = like.new_zeros(n)
        self._n_eager = 0

    def __call__(self, at: Int[Tensor, "K B"], valid: Float[Tensor, "K B"]) -> Float[Tensor, " K"]:
        """Train on one batch a lane; return the losses.

        Parameters
        ----------
        at
            Positions in the data, (K, width).
        valid
            1 for an example of the batch, 0 behind it.
        """
        self._at.copy_(at)
        self._valid.copy_(valid)
        if not self._at.is_cuda:
            return self._compute()
        if self._n_eager < _N_EAGER:
            self._n_eager += 1
            return self._aside()
        if self._graph is None:
            self._graph = self._recorded()
        self._graph.replay()
        return self._losses.clone()

    def _compute(self) -> Float[Tensor, " K"]:
        stack, lanes = self._stack, self._stack.lanes
        lanes.valid = self._valid if self._is_ragged else None
        lanes.draw = self._draw
        stack.forget_gradients()
        losses = self._lane_losses()
        losses.sum().backward()
        torch._foreach_copy_(stack.parts(self._adam.gradients), stack.gradients())
        self._adam.step()
        return losses.detach()

    def _lane_losses(self) -> Float[Tensor, " K"]:
        data, at = self._data, self._at.flatten()
        pixels = data.pixels(at)  # (K·B, C, H, W)
        logits = self._stack(pixels.view(*self._at.shape, *pixels.shape[1:]))  # (K, B, n)
        losses = distillation_losses_kl(
            logits.flatten(0, 1),
            data.labels[at],
            data.teacher(at),
            temperature=self._recipe.temperature,
            hard_weight=self._recipe.hard_weight,
        ).view_as(self._valid)
        return (losses * self._valid).sum(1) / self._valid.sum(1)

    def _aside(self) -> Float[Tensor, " K"]:
        """Take a step on a stream of its own, as must be before a recording."""
        stream = torch.cuda.Stream(self._at.device)
        stream.wait_stream(torch.cuda.current_stream(self._at.device))
        with torch.cuda.stream(stream):
            losses = self._compute()
        torch.cuda.current_stream(self._at.device).wait_stream(stream)
        return losses

    def _recorded(self) -> "torch.cuda.CUDAGraph":
        device = self._at.device
        self._read = self._data.labels, self._data.teacher_logits
        with torch.cuda.device(device):  # a graph's state lies on the current one
            graph = torch.cuda.CUDAGraph()
            if self._generator is not None:
                graph.register_generator_state(self._generator)
            with torch.cuda.graph(graph, pool=self._pool, stream=_capture_stream(device)):
                self._losses = self._compute()
        return graph


@cache
def _capture_stream(device: torch.device) -> "torch.cuda.Stream":
    """Return the stream of a device on which all its steps are recorded, as one pool needs."""
    return torch.cuda.Stream(device)
