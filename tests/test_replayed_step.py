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


@AT_ONCE
def test_a_copy_goes_on_by_itself() -> None:
    replayed, plain = made_pair(MOBILENET, Recipe(epochs=3))
    for training in (replayed, plain):
        training.run_epoch()
    twin = copy.deepcopy(replayed)
    for training in (replayed, twin, plain):
        training.run_epoch()
    assert_same(replayed, plain)
    assert_same(twin, plain)


@AT_ONCE
def test_gradients_lie_as_their_weights_do() -> None:
    """Adam goes through them side by side, whatever their strides."""
    replayed, plain = made_pair(MOBILENET, Recipe(epochs=1))
    for training in (replayed, plain):
        training._index = training._index[:64]  # no short batch after the last whole one
        training.run_epoch()
    weights = zip(replayed.network.parameters(), plain.network.parameters(), strict=True)
    for mine, theirs in weights:
        assert mine.grad is not None
        assert theirs.grad is not None
        assert mine.grad.stride() == theirs.grad.stride()


def test_a_short_training_is_not_worth_recording() -> None:
    short, _ = made_pair(MOBILENET, Recipe(epochs=2))
    short.run_epoch()
    assert short._replayed is None
    long, _ = made_pair(MOBILENET, Recipe(epochs=125))
    long.run_epoch()
    assert long._replayed is not None


class Shared(nn.Module):
    """A weight used twice, one never, one frozen; buffers changed in place, by no output's way."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.last = nn.Linear(4, 4), nn.Linear(4, 3)
        self.aside = nn.BatchNorm1d(4)
        self.unused = nn.Parameter(torch.ones(2))
        self.last.bias.requires_grad_(requires_grad=False)
        self.register_buffer("n", torch.zeros((), dtype=torch.int64))

    def forward(self, images: Tensor) -> Tensor:
        self.n += 1
        hidden = self.shared(self.shared(images).relu_()).t().t()
        self.aside(hidden)  # for its statistics alone
        return self.last(nn.functional.dropout(hidden, 0.5))


def test_a_networks_parts_without_gradients() -> None:
    torch.manual_seed(0)
    network, loss = Shared(), nn.functional.cross_entropy
    plain = copy.deepcopy(network)
    images, labels = torch.randn(6, 4), torch.arange(6) % 3
    step = ReplayedStep(network, loss, (torch.zeros(6, 4), torch.zeros_like(labels)))
    assert network.n == 0  # nothing is computed when it is recorded
    torch.manual_seed(1)
    found = step(images, labels)
    torch.manual_seed(1)
    wanted = loss(plain(images), labels)
    wanted.backward()
    assert torch.equal(found, wanted.detach())
    assert network.n == 1
    assert network.state_dict()["aside.running_mean"].any()
    ours, theirs = network.state_dict(), plain.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    assert gradients.keys() == {"shared.weight", "shared.bias", "last.weight"}
    for name, parameter in plain.named_parameters():
        assert name not in gradients or torch.equal(gradients[name], parameter.grad)


def test_replaying_needs_products() -> None:
    with pytest.raises(ValueError, match="`replayed` needs `products`"):
        Engine(replayed=True)


def test_an_engine_of_before_replays_nothing() -> None:
    assert not Engine.from_json('{"device": "cpu", "products": true}').replayed
    assert not choose_engine("resnet18", "cpu").replayed
    assert choose_engine(MOBILENET, "cpu").replayed
    assert not choose_engine(MOBILENET, "cpu").of_stack(2).replayed
