"""Many students trained as one network, each as it would be trained alone.

A lane is a student's place in the stack. Lanes do not wait for each other: in one step each takes
its own next batch, of its own epoch, and short last batches are masked. A student that is done
leaves its lane to the next; without a next the lane idles, and idle lanes are given up once they
are half of all. No lane's result depends on another's.
"""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from carto_helpers.engine import Engine
from carto_helpers.stacked.lane_layers import Dropper
from carto_helpers.stacked.stacked_step import LaneAdam, StackedStep
from carto_helpers.stacked.stacking import StackedNetwork
from carto_helpers.training import Training, stream, threads


class _Lane:
    """One student at work, and what of its epoch is left to do."""

    def __init__(self, training: Training, place: int) -> None:
        self.training, self.place, self.seconds = training, place, 0.0
        self.begin_epoch()

    def begin_epoch(self) -> None:
        batches = self.training.draw_epoch()
        self.at = pad_sequence(batches, batch_first=True)  # (steps, longest)
        self.sizes = torch.tensor([len(batch) for batch in batches])
        self.losses: list[Tensor] = []
        self.n_done = 0

    @property
    def n_left(self) -> int:
        return len(self.sizes) - self.n_done

    def advance(self, losses: Float[Tensor, " n"], seconds: float) -> None:
        self.losses.append(losses)
        self.seconds += seconds
        self.n_done += len(losses)

    def is_done(self) -> bool:
        """Return whether the student is, after its epoch's end begin the next, if there is one."""
        if self.n_left:
            return False
        self.training.end_epoch(torch.cat(self.losses))
        if self.training.epochs_done == self.training.recipe.epochs:
            return True
        self.begin_epoch()
        return False


class StackedTraining:
    """Students of one architecture, recipe and engine in training, `n_lanes` at a time.

    Parameters
    ----------
    trainings
        As each would be run alone, untouched; taken one after another as lanes come free, so that
        an iterator need not hold all of them at once. They share the data.
    n_lanes
        How many at a time, at least 1.

    Raises
    ------
    ValueError
        If `n_lanes` is below 1, there is no training, one has begun, or they differ in recipe,
        engine, data or architecture; or if a layer cannot be stacked.

    Notes
    -----
    On a CPU a student draws the very masks of dropout that it draws alone, from its own stream.
    On a GPU the masks of all lanes are drawn together, within the recorded step.
    """

    def __init__(self, trainings: Iterable[Training], n_lanes: int) -> None:
        if n_lanes < 1:
            raise ValueError(f"`n_lanes` must be at least 1, got {n_lanes}; pass how many")
        self._waiting = iter(trainings)
        first = list(islice(self._waiting, n_lanes))
        if not first:
            raise ValueError("a stack needs at least one training, got none; pass one")
        self._first = first[0]
        for training in first:
            self._check(training)
        self._lanes = [_Lane(training, place) for place, training in enumerate(first)]
        self._stack = StackedNetwork([training.network for training in first])
        self._adam = LaneAdam(self._stack.weights, self._first.recipe)
        self._generator = self._own_generator()
        self._set_up_steps()

    @property
    def n_lanes(self) -> int:
        """Lanes of the stack, those included that idle."""
        return self._stack.lanes.n

    def run(self, progress: "tqdm[Any] | None" = None) -> Iterator[tuple[Training, float]]:
        """Train all to the end.

        Yields
        ------
        tuple
            Each training once it is done, its network trained as by itself, and its seconds: its
            share of the time of the steps that it took part in.

        Raises
        ------
        FloatingPointError
            If a loss is not finite: once the others under way are done; no other starts.
        """
        try:
            yield from self._trained(progress)
        finally:
            self._let_go()

    def _trained(self, progress: "tqdm[Any] | None") -> Iterator[tuple[Training, float]]:
        failure = None
        while self._lanes:
            self._stretch(progress)
            for lane in list(self._lanes):
                try:
                    is_done = lane.is_done()
                except FloatingPointError as error:
                    failure, self._waiting = error, iter(())
                    self._lanes.remove(lane)
                    continue
                if is_done:
                    self._stack.save(lane.place, lane.training.network)
                    yield lane.training, lane.seconds
                    self._refill(lane)
            self._compact()
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # its traceback holds this frame

    def _let_go(self) -> None:
        """Drop what holds this object in turn, the ways to draw masks.

        Else its memory would wait for Python to look for cycles, and the next stack might not fit
        on a device that this one fills.
        """
        self._stack.lanes.draw = None
        self._steps.clear()

    def _stretch(self, progress: "tqdm[Any] | None") -> None:
        """Take steps until a lane's epoch ends."""
        started, losses = time.monotonic(), []
        at, sizes = self._plan(min(lane.n_left for lane in self._lanes))
        on_device = at.to(self._engine.device), self._valid(sizes).to(self._engine.device)
        with threads(self._engine.threads):
            for rows, valid, counts in zip(*on_device, sizes, strict=True):
                losses.append(self._step(rows, valid, counts))
                if progress is not None:
                    progress.update(len(self._lanes))
        found = torch.stack(losses).cpu()  # waits for the device, whose time is to be counted
        seconds = (time.monotonic() - started) / len(self._lanes)
        for lane in self._lanes:
            lane.advance(found[:, lane.place], seconds)

    def _plan(self, n: int) -> tuple[Int[Tensor, "n K B"], Int[Tensor, "n K"]]:
        """Return the next n batches of each lane, example 0 behind them and where none is at work.

        With them come the batches' sizes.
        """
        at = torch.zeros(n, self.n_lanes, self._width, dtype=torch.int64)
        sizes = torch.full((n, self.n_lanes), self._first.recipe.batch_size)
        for lane in self._lanes:
            steps = slice(lane.n_done, lane.n_done + n)
            at[:, lane.place, : lane.at.shape[1]] = lane.at[steps]
            sizes[:, lane.place] = lane.sizes[steps]
        return at, sizes

    def _valid(self, sizes: Int[Tensor, "n K"]) -> Float[Tensor, "n K B"]:
        is_valid = torch.arange(self._width) < sizes[..., None]
        return is_valid.to(self._engine.torch_dtype)

    def _step(
        self, at: Int[Tensor, "K B"], valid: Float[Tensor, "K B"], sizes: Int[Tensor, " K"]
    ) -> Float[Tensor, " K"]:
        self._sizes = sizes.tolist()
        is_ragged = any(size != self._first.recipe.batch_size for size in self._sizes)
        step = self._steps[is_ragged]
        return step(at[:, : step.width], valid[:, : step.width])

    def _draw_apart(self, layer: Dropper, width: int) -> Tensor:
        """Return the masks that each lane's training would draw alone, 0 behind its batch."""
        masks = self._stack.weights.new_zeros(self.n_lanes, *layer.shape(width))
        for lane in self._lanes:
            n = self._sizes[lane.place]
            with lane.training.own_randomness():
                masks[lane.place, ..., :n] = layer.draw(n, masks)
        return masks

    def _draw_together(self, layer: Dropper, width: int) -> Tensor:
        """Return masks as probable as those, drawn for all lanes at once."""
        masks = self._stack.weights.new_empty(self.n_lanes, *layer.shape(width))
        return masks.bernoulli_(layer.keep, generator=self._generator).div_(layer.keep)

    def _refill(self, lane: _Lane) -> None:
        """Give the lane of a student that is done to the next one, if there is one."""
        self._lanes.remove(lane)
        training = next(self._waiting, None)
        if training is None:
            return
        self._check(training)
        self._stack.load(lane.place, training.network)
        self._adam.reset(lane.place)
        self._lanes.append(_Lane(training, lane.place))

    def _compact(self) -> None:
        """Give up the idle lanes once they are half of all."""
        if not self._lanes or 2 * len(self._lanes) > self.n_lanes:
            return
        places = [lane.place for lane in self._lanes]
        self._stack.keep(places)
        self._adam = self._adam.kept(places, self._stack.weights)
        for place, lane in enumerate(self._lanes):
            lane.place = place
        self._set_up_steps()

    def _set_up_steps(self) -> None:
        recipe = self._first.recipe
        pool = torch.cuda.graph_pool_handle() if self._stack.weights.is_cuda else None
        draw = self._draw_apart if self._generator is None else self._draw_together
        self._steps = {
            is_ragged: StackedStep(
                self._stack,
                self._adam,
                self._first.data,
                recipe,
                width=width,
                is_ragged=is_ragged,
                draw=partial(draw, width=width),
                generator=self._generator,
                pool=pool,
            )
            for is_ragged, width in ((False, recipe.batch_size), (True, self._width))
        }

    @property
    def _width(self) -> int:  # a last batch of one joins the batch before it
        return self._first.recipe.batch_size + 1

    @property
    def _engine(self) -> Engine:
        return self._first.engine

    def _own_generator(self) -> torch.Generator | None:
        """Return what masks come from on a GPU; on a CPU each student has its own stream."""
        if self._engine.device == "cpu":
            return None
        seed = stream(self._first.seed, "weights")
        return torch.Generator(self._engine.device).manual_seed(seed)

    def _check(self, training: Training) -> None:
        first = self._first
        if training.epochs_done:
            raise ValueError(
                f"expected a training that has not begun, got one of {training.epochs_done} "
                "epochs; run it alone"
            )
        for name in ("recipe", "engine"):
            if getattr(training, name) != getattr(first, name):
                raise ValueError(
                    f"the students of a stack must share the {name} {getattr(first, name)}, "
                    f"got {getattr(training, name)}; stack each {name} on its own"
                )
        if training.data is not first.data:
            raise ValueError("the students of a stack must share their data, got two; pass one")
