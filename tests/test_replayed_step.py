"""Replayed steps are those of the network itself, to the bit."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from plain_loops import STUDENTS, made_network, photographs
from torch import Tensor, nn

from carto_helpers.config import Recipe
from carto_helpers.engine import Engine, choose_engine
from carto_helpers.replayed_step import ReplayedStep
from carto_helpers.training import Training, TrainingData

MOBILENET = "mobilenetv2_035"
AT_ONCE = pytest.mark.usefixtures("replayed_at_once")


def made_pair(
    name: str, recipe: Recipe, *, data: TrainingData | None = None
) -> tuple[Training, Training]:
    """Return two trainings, three batches and a short one an epoch; the first replays its steps."""
    engine = dataclasses.replace(choose_engine(name, "cpu", role="student"), replayed=False)
    data, index = data or photographs(engine), np.arange(32 * 3 + 5)
    engines = dataclasses.replace(engine, replayed=True), engine
    replayed, plain = (
        Training(made_network(name, 0), data, index, recipe=recipe, seed=3, engine=engine)
        for engine in engines
    )
    return replayed, plain


def assert_same(replayed: Training, plain: Training) -> None:
    """Weights, running statistics, moments, random states."""
    ours, theirs = replayed.state(), plain.state()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


@AT_ONCE
@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_is_the_same_to_the_bit(name: str) -> None:
    """Two epochs, with a teacher, dropout, clipping and short batches."""
    replayed, plain = made_pair(name, Recipe(epochs=2))
    for _ in range(2):
        assert replayed.run_epoch() == plain.run_epoch()
    assert replayed._replayed is not None
    assert plain._replayed is None
    assert_same(replayed, plain)


@AT_ONCE
def test_so_is_a_teacher() -> None:
    engine = choose_engine(MOBILENET, "cpu", role="student")
    data = copy.copy(photographs(dataclasses.replace(engine, replayed=False)))
    data.teacher_logits = None
    replayed, plain = made_pair(MOBILENET, Recipe(epochs=1, hard_weight=1.0), data=data)
    assert replayed.run_epoch() == plain.run_epoch()
    assert_same(replayed, plain)


@AT_ONCE
def test_it_goes_on_from_a_state_after_its_steps_were_recorded() -> None:
    replayed, plain = made_pair(MOBILENET, Recipe(epochs=3))
    replayed.run_epoch()
    state = {name: tensor.clone() for name, tensor in replayed.state().items()}
    replayed.run_epoch()
    for training in (replayed, plain):
        training.restore(state)
        training.run_epoch()
    assert_same(replayed, plain)


def test_a_short_training_is_not_worth_recording() -> None:
    short, _ = made_pair(MOBILENET, Recipe(epochs=2))
    short.run_epoch()
    assert short._replayed is None
    long, _ = made_pair(MOBILENET, Recipe(epochs=125))
    long.run_epoch()
    assert long._replayed is not None


class Shared(nn.Module):
    """One weight used twice, one never, one frozen; a buffer that is counted up in place."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.last = nn.Linear(4, 4), nn.Linear(4, 3)
        self.unused = nn.Parameter(torch.ones(2))
        self.last.bias.requires_grad_(requires_grad=False)
        self.register_buffer("n", torch.zeros((), dtype=torch.int64))

    def forward(self, images: Tensor) -> Tensor:
        self.n += 1
        hidden = self.shared(self.shared(images).relu_()).t().t()
        return self.last(nn.functional.dropout(hidden, 0.5))


def test_gradients_are_there_where_the_network_has_them() -> None:
    torch.manual_seed(0)
    network, loss = Shared(), nn.functional.cross_entropy
    images, labels = torch.randn(6, 4), torch.arange(6) % 3
    step = ReplayedStep(network, loss, (torch.zeros(6, 4), torch.zeros_like(labels)))
    assert network.n == 0  # nothing is computed when it is recorded
    torch.manual_seed(1)
    found = step(images, labels)
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    torch.manual_seed(1)
    network.zero_grad()
    wanted = loss(network(images), labels)
    wanted.backward()
    assert network.n == 2
    assert torch.equal(found, wanted.detach())
    assert {name for name, gradient in gradients.items() if gradient is None} == {
        "unused", "last.bias",
    }  # fmt: skip
    for name, parameter in network.named_parameters():
        assert gradients[name] is parameter.grad or torch.equal(gradients[name], parameter.grad)


def test_an_engine_of_before_replays_nothing() -> None:
    assert not Engine.from_json('{"device": "cpu", "products": true}').replayed
    assert not choose_engine("resnet18", "cpu").replayed
    assert choose_engine(MOBILENET, "cpu").replayed
    assert not choose_engine(MOBILENET, "cpu").of_stack(2).replayed
