"""The paper's students on photographs: each fast path beside a plain loop, in float64.

MobileNetV2 multiplies what rounding does by a hundred million within 30 steps of photographs: its
plain training, with the first weights moved by 1e-15 of themselves, is 1e-8 off by step 20, 4e-5 by
step 30, and 0.1 by step 40 (`benchmarks/notes.md`). Losses of two runs tell little from there on.
So a plain loop is also put, before every step, where the fast path stands, and has to take the very
step that it takes.
"""

import dataclasses
import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_training import STUDENTS, plain_step
from torch import Tensor, nn

from carto_helpers import models
from carto_helpers.config import Recipe
from carto_helpers.engine import Engine, choose_engine
from carto_helpers.records import Results
from carto_helpers.stacked.stacked_training import StackedTraining
from carto_helpers.training import Training, TrainingData, stream

BOOK = Path(__file__).parents[1] / "book" / "results"
TEACHER = "df2059330d22b508"  # a ResNet-50 of CIFAR-10
EXACT = Engine(dtype="float64")
RECIPE = Recipe(epochs=1)
STEPS_TO_1E8 = {"resnet18": 50, "mobilenetv2_035": 15, "tf_efficientnet_b0": 50}


@cache
def photographs() -> tuple[Tensor, Tensor, Tensor]:
    """Return CIFAR-10's images as the book shows them, their gold labels and a teacher's logits."""
    results = Results(BOOK)
    record, row = results.dynamics(TEACHER), results.teacher(TEACHER)
    shown = results.thumbnails(row["dataset"], row["fingerprint"])
    at = np.flatnonzero(np.isin(record.index, list(shown)))
    files = [shown[index] for index in record.index[at].tolist()]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    return images, torch.from_numpy(record.labels[at]), results.logits(TEACHER)[at]


@cache
def training_data(engine: Engine) -> TrainingData:
    images, labels, logits = photographs()
    return TrainingData(images, labels, engine, logits)


def made_network(name: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return models.create(models.resolve(name, role="student"), n_classes=10, n_channels=3)


RUNS = pytest.mark.parametrize(
    ("name", "n_steps"),
    [
        ("mobilenetv2_035", 3),
        *(pytest.param(name, 50, marks=pytest.mark.slow) for name in STUDENTS),
    ],
)


class PlainLoop:
    """One network, contiguous, a batch at a time; dropout from a stream of its own."""

    def __init__(self, name: str, seed: int) -> None:
        self.network = made_network(name, seed).double().train()
        self._adam = torch.optim.Adam(self.network.parameters(), lr=RECIPE.learning_rate)
        self._data = training_data(EXACT)
        self._masks = torch.Generator().manual_seed(stream(seed, "weights")).get_state()

    def step(self, batch: Tensor) -> float:
        with torch.random.fork_rng([]):
            torch.set_rng_state(self._masks)
            loss = plain_step(self.network, self._adam, self._data, batch, RECIPE)
            self._masks = torch.get_rng_state()
        return loss


class Shadow:
    """A plain loop that takes each step from where a training of the package stands."""

    def __init__(self, training: Training, name: str) -> None:
        self._training, self._plain = training, PlainLoop(name, training.seed)
        self.losses: list[float] = []
        self.batches: list[Tensor] = []
        self.off: list[list[float]] = []
        self._left: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Stand where the training stands, which is where its last step has left it."""
        state = self._training.network.state_dict()
        assert all(torch.equal(state[name], left) for name, left in self._left.items())
        self._plain.network.load_state_dict(state)

    def end(self, batch: Tensor, loss: float, gradients: list[Tensor]) -> None:
        """Take the step as well; keep how far off are loss, gradients, weights and statistics."""
        training, network = self._training, self._plain.network
        self.losses.append(loss)
        self.batches.append(batch.clone())
        plain_loss = self._plain.step(batch)
        state = training.network.state_dict()
        self._left = {name: tensor.clone() for name, tensor in state.items()}
        whole = [training._whole(place, gradient) for place, gradient in enumerate(gradients)]
        distances = [
            [abs(loss - plain_loss)],
            [
                float((ours - weight.grad).norm() / (1e-6 + weight.grad.norm()))
                for ours, weight in zip(whole, network.parameters(), strict=True)
            ],
            [largest(state[name], weight.detach()) for name, weight in network.named_parameters()],
            [largest(state[name], buffer) for name, buffer in network.named_buffers()],
        ]
        self.off.append([float(np.max(each)) for each in distances])  # NaN stays NaN


def largest(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max())


class FollowedTraining(Training):
    shadow: Shadow

    def _step(self, batch: Tensor) -> Tensor:
        self.shadow.begin()
        loss = super()._step(batch)
        self.shadow.end(batch, float(loss), [weight.grad for weight in self._parameters])
        return loss


class FollowedStack(StackedTraining):
    shadows: dict[int, Shadow]  # by the seed of what they follow

    def _step(self, at: Tensor, valid: Tensor, sizes: Tensor) -> Tensor:
        self._save()
        for lane in self._lanes:
            self.shadows[lane.training.seed].begin()
        losses = super()._step(at, valid, sizes)
        self._save()
        gradients = self._stack.parts(self._adam.gradients)
        for lane in self._lanes:
            batch, own = at[lane.place, : sizes[lane.place]], [g[lane.place] for g in gradients]
            self.shadows[lane.training.seed].end(batch, float(losses[lane.place]), own)
        return losses

    def _save(self) -> None:
        for lane in self._lanes:
            self._stack.save(lane.place, lane.training.network)


def subset(n_steps: int, seed: int) -> np.ndarray:
    """Return the images of `n_steps`; with seed 1 of one more, whose batch is short."""
    return np.arange(7 * seed, 32 * n_steps + 18 * seed)


def made(kind: type[Training], name: str, engine: Engine, n_steps: int, seed: int) -> Training:
    index, own = subset(n_steps, seed), training_data(engine)
    return kind(made_network(name, seed), own, index, recipe=RECIPE, seed=seed, engine=engine)


@RUNS
def test_alone_each_step_is_the_plain_loops(name: str, n_steps: int) -> None:
    """By the engine in use: small maps as products, taps that meet no pixel left out."""
    engine = dataclasses.replace(choose_engine(name, "cpu"), dtype="float64")
    training = made(FollowedTraining, name, engine, n_steps, 0)
    training.shadow = Shadow(training, name)
    training.run_epoch()
    assert_each_step_is_the_plain_loops(training.shadow, n_steps)
    assert_the_plain_training(training.shadow, name, n_steps, seed=0)


@RUNS
def test_in_a_stack_each_step_is_the_plain_loops(name: str, n_steps: int) -> None:
    """Of both lanes, by the engine of a GPU; one student has a step more, of a short batch."""
    engine = dataclasses.replace(EXACT, products=True)
    trainings = [made(Training, name, engine, n_steps, seed) for seed in (0, 1)]
    stack = FollowedStack(trainings, n_lanes=2)
    stack.shadows = {training.seed: Shadow(training, name) for training in trainings}
    assert len(list(stack.run())) == 2
    for training in trainings:
        shadow = stack.shadows[training.seed]
        assert_each_step_is_the_plain_loops(shadow, n_steps + training.seed)
        assert_the_plain_training(shadow, name, n_steps, training.seed)


def assert_each_step_is_the_plain_loops(shadow: Shadow, n_steps: int) -> None:
    """Losses to 1e-10, each weight's gradients to 1e-9, weights and statistics to 1e-8.

    A weight moves by 1e-3 a step.
    """
    assert len(shadow.off) == n_steps
    loss, gradients, weights, statistics = np.max(shadow.off, axis=0)
    assert loss < 1e-10
    assert gradients < 1e-9
    assert weights < 1e-8
    assert statistics < 1e-8


def assert_the_plain_training(shadow: Shadow, name: str, n_steps: int, seed: int) -> None:
    """The batches, and losses to 1e-8, of a plain loop left to itself.

    As many steps as it can be compared with.
    """
    index, drawn = subset(n_steps, seed), torch.Generator().manual_seed(stream(seed, "batches"))
    order = torch.from_numpy(index)[torch.randperm(len(index), generator=drawn)].split(32)
    assert all(torch.equal(*pair) for pair in zip(shadow.batches, order, strict=True))
    n, plain = STEPS_TO_1E8[name], PlainLoop(name, seed)
    losses = [plain.step(batch) for batch in order[:n]]
    assert shadow.losses[:n] == pytest.approx(losses, rel=0, abs=1e-8)
