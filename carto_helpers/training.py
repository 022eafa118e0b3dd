"""One training loop for teachers and students, images and teacher logits resident on the device."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from carto_helpers.adam import Adam
from carto_helpers.config import Recipe
from carto_helpers.engine import Engine
from carto_helpers.losses import distillation_loss_kl
from carto_helpers.memory import EVALUATION_BATCH
from carto_helpers.metrics import accuracy, macro_f1
from carto_helpers.networks.small_maps import as_products
from carto_helpers.networks.trimmed import trimmed_convolutions
from carto_helpers.replayed_step import ReplayedStep
from carto_helpers.tracking import NoTracker, Tracker

_STREAMS = {"weights": 1, "batches": 2}  # one seed gives independent streams
_LEAST_REPLAYED = 500  # steps that are worth the second that recording one takes


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a trained network reaches on one split; both in [0, 1], best 1."""

    accuracy: float
    macro_f1: float


def tracked_scores(val: Scores, test: Scores) -> dict[str, float]:
    """Return the scores of a trained network as trackers show them."""
    return {
        f"{split}/{name}": value
        for split, scores in (("val", val), ("test", test))
        for name, value in vars(scores).items()
    }


class TrainingData:
    """Images, labels and (for a student) teacher logits on the device, in the split's order.

    Parameters
    ----------
    images
        uint8, (N, C, H, W).
    labels
        Gold labels, (N,).
    engine
        Where they are kept.
    teacher_logits
        (N, K) in float16, or None for a teacher.
    """

    def __init__(
        self,
        images: UInt8[Tensor, "N C H W"],
        labels: Int[Tensor, " N"],
        engine: Engine,
        teacher_logits: Float[Tensor, "N K"] | None = None,
    ) -> None:
        self._is_nhwc = engine.layout == "channels_last"
        self._dtype = engine.torch_dtype
        stored = images.permute(0, 2, 3, 1) if self._is_nhwc else images
        self._images = stored.contiguous().to(engine.device)
        self.labels = labels.to(engine.device)
        self.teacher_logits = None if teacher_logits is None else teacher_logits.to(engine.device)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    def pixels(self, at: Int[Tensor, " B"] | slice) -> Float[Tensor, "B C H W"]:
        """Return normalised images: `ToTensor`, then `Normalize((0.5,), (0.5,))`, in [-1, 1]."""
        pixels = self._images[at].to(self._dtype).div_(255).sub_(0.5).div_(0.5)
        return pixels.permute(0, 3, 1, 2) if self._is_nhwc else pixels

    def teacher(self, at: Int[Tensor, " B"]) -> Float[Tensor, "B K"] | None:
        """Return the teacher's logits as the loss takes them, or None without a teacher."""
        return None if self.teacher_logits is None else self.teacher_logits[at].to(self._dtype)

    def batch(self, at: Int[Tensor, " B"]) -> tuple[Tensor, ...]:
        """Return pixels, labels and, if there is a teacher, its logits."""
        teacher = self.teacher(at)
        return self.pixels(at), self.labels[at], *(() if teacher is None else (teacher,))


def stream(seed: int, name: str) -> int:
    """Return the seed of one stream of draws ("weights": also dropout; "batches")."""
    return seed * 1_000 + _STREAMS[name]


def batches(order: Int[Tensor, " n"], batch_size: int) -> list[Int[Tensor, " B"]]:
    """Cut an epoch's order into batches; a last batch of one joins the batch before it.

    Batch normalisation cannot be trained on one example, and no image is dropped.

    Examples
    --------
    >>> [len(batch) for batch in batches(torch.arange(7), 3)]
    [3, 4]
    """
    parts = list(order.split(batch_size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


class Training:
    """A network in training, an epoch at a time: weights, optimiser and random states.

    Everything it draws comes from its own streams, so one seed gives one result whatever else runs
    in the process; `state` and `restore` carry it over an interruption.

    Parameters
    ----------
    network
        What to train, e.g. from `initialise`; it is moved to the engine's device and run as the
        engine says.
    data
        All that the batches are drawn from.
    index
        The subset: positions in `data`, (n,), n ≥ 2.
    recipe
        Optimiser, loss, epochs.
    seed
        Sets batch order and dropout.
    engine
        Device, layout, threads.
    """

    def __init__(
        self,
        network: nn.Module,
        data: TrainingData,
        index: Int[np.ndarray, " n"],
        *,
        recipe: Recipe,
        seed: int,
        engine: Engine,
    ) -> None:
        _check_subset(data, index, recipe)
        network.to(engine.device, engine.torch_dtype)
        network.to(memory_format=engine.memory_format)  # type: ignore[call-overload]  # as documented
        if engine.products:
            as_products(network, data.pixels(slice(0, 1)))
        self.network, self._trimmed = network, trimmed_convolutions(network)
        self.recipe, self.engine, self.seed, self.epochs_done = recipe, engine, seed, 0
        self.train_loss = math.nan  # the mean of the last epoch's losses
        self.data = data
        self.tracker: Tracker = NoTracker()
        self._index = torch.from_numpy(index)
        self._order = torch.Generator().manual_seed(stream(seed, "batches"))
        self._dropout_states = _random_states(stream(seed, "weights"), engine)
        self._parameters = list(network.parameters())  # found once, not at every step
        self._is_replayed = engine.replayed and recipe.epochs * self.n_steps >= _LEAST_REPLAYED
        self._replayed: ReplayedStep | None = None  # made at the first whole batch
        self._adam = Adam(
            self._parameters,
            learning_rate=recipe.learning_rate,
            is_fused=engine.device != "mps",
        )

    @property
    def n_examples(self) -> int:
        """How many examples an epoch sees."""
        return len(self._index)

    @property
    def n_steps(self) -> int:
        """Optimiser steps an epoch."""
        return len(batches(self._index, self.recipe.batch_size))

    @property
    def when(self) -> str:
        """Where it stands, as an error tells it."""
        return f"after epoch {self.epochs_done}, step {self.n_steps}"

    def run_epoch(self, progress: "tqdm[Any] | None" = None) -> float:
        """Train for one epoch.

        Returns
        -------
        float
            The mean of the steps' losses.

        Raises
        ------
        FloatingPointError
            If a loss is not finite; the epoch and step are named.
        """
        losses = []
        with threads(self.engine.threads), self.own_randomness():
            self.network.train()
            for batch in self.draw_epoch(self.engine.device):
                losses.append(self._step(batch))
                if progress is not None:
                    progress.update()
        return self.end_epoch(torch.stack(losses))

    def draw_epoch(self, device: str = "cpu") -> list[Int[Tensor, " B"]]:
        """Return the next epoch's batches, from this training's own stream."""
        order = self._index[torch.randperm(len(self._index), generator=self._order)]
        return batches(order.to(device), self.recipe.batch_size)

    def _step(self, at: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        batch = self.data.batch(at)
        self._adam.zero_grad()
        if self._is_replayed and len(at) == self.recipe.batch_size:
            if self._replayed is None:
                self._replayed = ReplayedStep(self.network, self._loss, batch)
            loss = self._replayed(*batch)
        else:
            images, *others = batch
            loss = self._loss(self.network(images), *others)
            loss.backward()
        clip_grad_norm_(self._parameters, self.recipe.clip_norm)
        self._adam.step()
        return loss.detach()

    def _loss(
        self,
        logits: Float[Tensor, "B K"],
        labels: Int[Tensor, " B"],
        teacher: Float[Tensor, "B K"] | None = None,
    ) -> Float[Tensor, ""]:
        return distillation_loss_kl(
            logits,
            labels,
            teacher,
            temperature=self.recipe.temperature,
            hard_weight=self.recipe.hard_weight,
        ).total

    def end_epoch(self, losses: Float[Tensor, " steps"]) -> float:
        """Count an epoch as done; return the mean of its losses, or raise as `run_epoch` does."""
        self.epochs_done += 1
        is_bad = ~losses.isfinite()  # looked at once an epoch: no synchronisation a step
        if bool(is_bad.any()):
            step = int(is_bad.int().argmax()) + 1
            raise FloatingPointError(
                f"expected finite losses, got {losses[step - 1].item()} in epoch "
                f"{self.epochs_done}, step {step}; try a lower `learning_rate` than "
                f"{self.recipe.learning_rate}"
            )
        self.train_loss = float(losses.mean())
        self.tracker.log({"train/loss": self.train_loss}, self.epochs_done)
        return self.train_loss

    @contextmanager
    def own_randomness(self) -> Iterator[None]:
        """Let what is drawn within come from this training's own stream, and move that on."""
        outside = _get_random_states(self.engine)
        try:
            _set_random_states(self._dropout_states, self.engine)
            yield
            self._dropout_states = _get_random_states(self.engine)
        finally:
            _set_random_states(outside, self.engine)

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next epoch depends on, as tensors on the CPU."""
        return {
            "epochs_done": torch.tensor(self.epochs_done),
            "order": self._order.get_state(),
            **{f"random.{i}": s for i, s in enumerate(self._dropout_states)},
            **{
                f"network.{name}": t.cpu().contiguous()
                for name, t in self.network.state_dict().items()
            },
            **{
                f"adam.{i}.{name}": self._whole(i, tensor).cpu().contiguous()
                for i, values in enumerate(self._adam.moments())
                for name, tensor in values.items()
            },
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`, as `state()` of a training with the same arguments gave it."""
        self.epochs_done = int(state["epochs_done"])
        self._order.set_state(state["order"])
        self._dropout_states = [state[f"random.{i}"] for i in range(len(self._dropout_states))]
        prefix = "network."
        self.network.load_state_dict(
            {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        )
        for at, moments in enumerate(self._adam.moments()):
            for name, tensor in moments.items():
                if (saved := state.get(f"adam.{at}.{name}")) is not None:
                    tensor.copy_(self._met(at, saved))

    def _met(self, at: int, tensor: Tensor) -> Tensor:
        """Return what Adam keeps of `_whole`."""
        convolution = self._trimmed.get(at)
        return tensor if convolution is None or tensor.dim() == 0 else convolution.met(tensor)

    def _whole(self, at: int, tensor: Tensor) -> Tensor:
        """Return what Adam holds of a parameter; a kernel's taps that meet no pixel have zeros."""
        convolution = self._trimmed.get(at)
        if convolution is None or tensor.dim() == 0:
            return tensor
        return convolution.whole(tensor, torch.zeros_like(convolution.kernel))


def _check_subset(data: TrainingData, index: Int[np.ndarray, " n"], recipe: Recipe) -> None:
    if len(index) < 2:
        raise ValueError(
            f"a training subset must hold at least 2 examples for batch normalisation, "
            f"got {len(index)}; pass a larger fraction"
        )
    if data.teacher_logits is None and recipe.hard_weight < 1:
        raise ValueError(
            f"`hard_weight` {recipe.hard_weight} needs the teacher's logits, got none; "
            "pass them, or 1.0 to train on the labels alone"
        )


def _random_states(seed: int, engine: Engine) -> list[Tensor]:
    """Return the states of a seed, of the CPU's generator and of the device's own if it has one."""
    devices = ["cpu"] if engine.device.startswith("cpu") else ["cpu", engine.device]
    return [torch.Generator(device).manual_seed(seed).get_state() for device in devices]


def _get_random_states(engine: Engine) -> list[Tensor]:
    states = [torch.get_rng_state()]
    if engine.device.startswith("cuda"):
        states.append(torch.cuda.get_rng_state(engine.device))
    elif engine.device == "mps":
        states.append(torch.mps.get_rng_state())
    return states


def _set_random_states(states: list[Tensor], engine: Engine) -> None:
    torch.set_rng_state(states[0])
    if engine.device.startswith("cuda"):
        torch.cuda.set_rng_state(states[1], engine.device)
    elif engine.device == "mps":
        torch.mps.set_rng_state(states[1])


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Compute on `n` threads within."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def predict(
    network: nn.Module,
    data: TrainingData,
    engine: Engine,
    *,
    batch_size: int = EVALUATION_BATCH,
    when: str = "in evaluation",
) -> Float[Tensor, "N K"]:
    """Return the logits of every example in order, in evaluation mode, on the engine's device.

    Raises
    ------
    FloatingPointError
        If one is not finite, which no loss tells after the last step; `when` is named.
    """
    network.eval()
    with torch.inference_mode(), threads(engine.threads):
        parts = [
            network(data.pixels(slice(at, at + batch_size)))
            for at in range(0, len(data), batch_size)
        ]
    logits = torch.cat(parts).clone()
    check_logits(logits, when)
    return logits


def check_logits(logits: Float[Tensor, "N K"], when: str) -> None:
    """Raise FloatingPointError, naming `when`, unless every logit is finite."""
    if not bool(torch.stack(logits.aminmax()).isfinite().all()):
        kind = str(logits.dtype).removeprefix("torch.")
        raise FloatingPointError(
            f"expected finite logits in {kind}, got NaN or infinite ones {when}; "
            "try a lower `learning_rate`"
        )


def evaluate(
    network: nn.Module, data: TrainingData, engine: Engine, *, when: str = "in evaluation"
) -> Scores:
    """Return accuracy and macro F1 of `network` on `data`, or raise as `predict` does."""
    logits = predict(network, data, engine, when=when)
    predictions, labels = logits.argmax(1).cpu().numpy(), data.labels.cpu().numpy()
    return Scores(
        accuracy=accuracy(predictions, labels),
        macro_f1=macro_f1(predictions, labels, n_classes=logits.shape[1]),
    )
