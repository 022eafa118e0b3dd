"""Stacked training: each student of the paper's three equals its own plain training.

Each test's students have subsets of unequal sizes with short last batches (one of them a batch
and one), those that are done early leave their lane to another, and lanes idle at the end.
"""

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from plain_loops import EXACT, STUDENTS, Watched, made_network
from torch import nn

from carto_helpers import data
from carto_helpers.config import Recipe
from carto_helpers.engine import Engine
from carto_helpers.stacked import stacked_step
from carto_helpers.stacked.stacked_training import StackedTraining
from carto_helpers.training import Training, TrainingData

TRIMMED = Engine(dtype="float64", products=True)
ON_GPU = Engine(device="cuda", layout="channels_last", products=True)
N, CLASSES = 40, 10
RECIPE = Recipe(epochs=1, batch_size=6, temperature=2.0, clip_norm=0.5)
SUBSETS = (np.arange(12), np.arange(5, 36), np.arange(0, 32, 2))  # 6 6 | 6 6 6 6 7 | 6 6 4


def made_data(engine: Engine, side: int = 32) -> TrainingData:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (N, 3, side, side), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (N,), generator=generator)
    logits = torch.randn(N, CLASSES, generator=generator).half()
    return TrainingData(images, labels, engine, logits)


def made(
    name: str,
    engine: Engine,
    recipe: Recipe = RECIPE,
    subsets: tuple[np.ndarray, ...] = SUBSETS,
    own: TrainingData | None = None,
) -> list[Watched]:
    own = own or made_data(engine)
    n_channels = own.pixels(slice(1)).shape[1]
    return [
        Watched(
            made_network(name, seed, n_channels),
            own,
            index,
            recipe=recipe,
            seed=seed,
            engine=engine,
        )
        for seed, index in enumerate(subsets)
    ]


def run_plainly(trainings: list[Watched]) -> list[Watched]:
    for training in trainings:
        for _ in range(training.recipe.epochs):
            training.run_epoch()
    return trainings


def run_stacked(trainings: list[Watched], n_lanes: int) -> list[Watched]:
    done = [training for training, _ in StackedTraining(iter(trainings), n_lanes).run()]
    assert {id(t) for t in done} == {id(t) for t in trainings}
    return trainings


def largest(pairs: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> float:
    return max(float((a.detach().double() - b.detach().double()).abs().max()) for a, b in pairs)


def assert_equal(stacked: Watched, plain: Watched) -> None:
    """Losses to 1e-8, weights to 1e-7, running statistics to 1e-7."""
    assert stacked.losses == pytest.approx(plain.losses, rel=0, abs=1e-8)
    ours, theirs = stacked.network.state_dict(), plain.network.state_dict()
    assert list(ours) == list(theirs)
    assert largest(zip(ours.values(), theirs.values(), strict=True)) < 1e-7


def clipped_norm(training: Training) -> float:
    return float(gradients(training).norm())


@pytest.mark.parametrize("engine", [EXACT, TRIMMED], ids=["whole", "trimmed"])
@pytest.mark.parametrize("name", STUDENTS)
def test_each_student_equals_its_plain_training(name: str, engine: Engine) -> None:
    """In float64; three students in two lanes, the third takes the place of the first."""
    plain = run_plainly(made(name, EXACT))
    stacked = run_stacked(made(name, engine), n_lanes=2)
    for one, other in zip(stacked, plain, strict=True):
        assert len(other.losses) == other.n_steps
        assert clipped_norm(other) == pytest.approx(RECIPE.clip_norm)  # clipping was at work
        assert_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("engine", [EXACT, TRIMMED], ids=["whole", "trimmed"])
@pytest.mark.parametrize("name", STUDENTS)
def test_fifty_steps_equal_those_of_the_plain_training(name: str, engine: Engine) -> None:
    """Batches of 32 of real images, as the recipe's.

    Batches of 6 do not hold over 50 steps: batch norm over few values multiplies a difference so
    that a plain training moves away from itself in another memory layout just as far.
    """
    train = data.load("digits").train
    teacher = nn.functional.one_hot(train.labels.long(), CLASSES).half() * 8
    own = TrainingData(train.images, train.labels, EXACT, teacher)
    subsets, recipe = (np.arange(256), np.arange(5, 272)), Recipe(epochs=7)
    plain = run_plainly(made(name, EXACT, recipe, subsets, own))
    stacked = run_stacked(made(name, engine, recipe, subsets, own), n_lanes=2)
    for one, other in zip(stacked, plain, strict=True):
        assert one.losses[:50] == pytest.approx(other.losses[:50], rel=0, abs=1e-8)


ONE_STEP = Recipe(epochs=1, batch_size=12, clip_norm=0.5)
SAME = (np.arange(12), np.arange(12, 24))


def made_smooth(name: str, engine: Engine) -> list[Watched]:
    """Return trainings of networks without a kink: where an activation lies at one of ReLU's, two
    orders of summation may fall on its two sides, and gradients then differ by a hundredth."""
    trainings = made(name, engine, ONE_STEP, SAME)
    for network in (training.network for training in trainings):
        for place, layer in list(network.named_modules()):
            if isinstance(layer, nn.ReLU | nn.ReLU6):
                parent, _, child = place.rpartition(".")
                setattr(network.get_submodule(parent), child, nn.SiLU())
    return trainings


@pytest.mark.parametrize("name", STUDENTS)
def test_float32_is_as_near_to_float64_as_the_plain_training(name: str) -> None:
    """The first step's gradients, at most twice as far from the exact ones.

    Twice: rounding errors of two orders of summation are draws of one size, not the same.
    """
    exact, plain = (run_plainly(made_smooth(name, engine)) for engine in (EXACT, Engine()))
    stack = StackedTraining(made_smooth(name, Engine()), n_lanes=len(SAME))
    list(stack.run())
    for lane, ours in enumerate(stack._adam.gradients):
        theirs, true = gradients(plain[lane]), gradients(exact[lane])
        assert (ours - true).norm() <= 2 * (theirs - true).norm()


def gradients(training: Training) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in training.network.parameters()])


@pytest.mark.parametrize("engine", [Engine(), Engine(products=True)], ids=["whole", "trimmed"])
@pytest.mark.parametrize("name", STUDENTS)
def test_float32_losses_equal_those_of_the_plain_training(name: str, engine: Engine) -> None:
    plain = run_plainly(made(name, Engine(), ONE_STEP, SAME))
    for one, other in zip(run_stacked(made(name, engine, ONE_STEP, SAME), 2), plain, strict=True):
        assert one.losses == pytest.approx(other.losses, rel=1e-5)


TINY = "test_resnet"


@pytest.mark.parametrize("n_lanes", [1, 3, 4, 10])
def test_the_number_of_lanes_changes_no_student(n_lanes: int) -> None:
    """Over two epochs, of six students; a stack of three also gives up lanes on the way."""
    recipe, subsets = Recipe(epochs=2, batch_size=6), (*SUBSETS, *SUBSETS)
    plain = run_plainly(made(TINY, EXACT, recipe, subsets))
    for one, other in zip(
        run_stacked(made(TINY, EXACT, recipe, subsets), n_lanes), plain, strict=True
    ):
        assert_equal(one, other)


def test_a_stack_repeated_is_bitwise_the_same() -> None:
    one, again = (run_stacked(made(TINY, Engine()), 2) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert a.losses == b.losses
        assert largest(zip(a.network.parameters(), b.network.parameters(), strict=True)) == 0


def test_idle_lanes_are_given_up_once_they_are_half() -> None:
    stack = StackedTraining(made(TINY, Engine(), subsets=(*SUBSETS, np.arange(7))), 4)
    lanes = [stack.n_lanes for _ in stack.run()]
    assert lanes == [4, 4, 2, 1]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Python does not look for cycles meanwhile."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
def test_a_stack_that_is_done_leaves_memory_at_once() -> None:
    """Else the next one would not fit on a device that it fills."""
    stack = StackedTraining(made("mobilenetv2_035", Engine()), 3)
    left = weakref.ref(stack)
    assert [len(list(stack.run())) for _ in range(2)] == [3, 0]
    del stack
    assert left() is None


@pytest.mark.usefixtures("no_collection")
def test_a_stack_that_is_left_early_leaves_memory_at_once() -> None:
    stack = StackedTraining(made("mobilenetv2_035", Engine()), 2)
    left, running = weakref.ref(stack), stack.run()
    next(running)
    running.close()
    del stack, running
    assert left() is None


def test_students_share_the_time() -> None:
    done = list(StackedTraining(made(TINY, Engine()), 3).run())
    assert [len(training.losses) for training, _ in done] == [2, 3, 5]
    seconds = [seconds for _, seconds in done]
    assert 0 < seconds[0] < seconds[1] < seconds[2]


def test_a_student_that_fails_stops_the_queue_and_no_other_lane() -> None:
    trainings = made(TINY, Engine(), subsets=(*SUBSETS, np.arange(12)))
    with torch.no_grad():
        next(trainings[0].network.parameters()).fill_(float("nan"))
    done = []
    with pytest.raises(FloatingPointError, match="got nan in epoch 1, step 1"):
        done.extend(t for t, _ in StackedTraining(trainings, 3).run())
    assert done == [trainings[2], trainings[1]]  # the shorter first
    assert [t.epochs_done for t in trainings] == [1, 1, 1, 0]
    assert all(torch.isfinite(p).all() for p in trainings[1].network.parameters())


def test_what_a_stack_does_not_take() -> None:
    first, begun = made(TINY, Engine(), subsets=SUBSETS[:2])
    with pytest.raises(ValueError, match="`n_lanes` must be at least 1, got 0"):
        StackedTraining([first], 0)
    with pytest.raises(ValueError, match="a stack needs at least one training, got none"):
        StackedTraining([], 1)
    begun.run_epoch()
    with pytest.raises(ValueError, match="expected a training that has not begun, got one of 1"):
        StackedTraining([first, begun], 2)
    (other,) = made(TINY, Engine(), Recipe(epochs=3), SUBSETS[:1])
    with pytest.raises(ValueError, match="the students of a stack must share the recipe"):
        list(StackedTraining([first, other], 1).run())
    (elsewhere,) = made(TINY, Engine(), subsets=SUBSETS[:1])
    with pytest.raises(ValueError, match="must share their data, got two"):
        StackedTraining([made(TINY, Engine(), subsets=SUBSETS[:1])[0], elsewhere], 2)


def test_masks_drawn_together_are_as_probable() -> None:
    stack = StackedTraining(made("tf_efficientnet_b0", Engine(), subsets=SUBSETS[:2]), 2)
    stack._generator = torch.Generator().manual_seed(3)
    layer = stack._stack.network.get_submodule("classifier").drop
    masks = stack._draw_together(layer, 50)
    assert masks.shape == (2, 1280, 50)
    assert set(masks.unique().tolist()) == {0.0, 1.25}
    assert float(masks.mean()) == pytest.approx(1, abs=0.01)
    assert not torch.equal(masks[0], masks[1])


@pytest.mark.gpu
@pytest.mark.parametrize("name", STUDENTS)
def test_a_recorded_cuda_step_equals_one_that_is_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, recipe = ON_GPU, Recipe(epochs=3, batch_size=6)
    recorded = run_stacked(made(name, engine, recipe), n_lanes=2)
    monkeypatch.setattr(stacked_step, "_N_EAGER", 10**6)
    eager = run_stacked(made(name, engine, recipe), n_lanes=2)
    for one, other in zip(recorded, eager, strict=True):
        assert one.losses[:4] == pytest.approx(other.losses[:4], rel=1e-3)
        assert np.isfinite(one.losses).all()


@pytest.mark.gpu
@pytest.mark.parametrize("name", STUDENTS)
def test_cuda_stacked_repeats_the_cpu_to_rounding(name: str) -> None:
    """The first loss, but for dropout, whose masks come from elsewhere."""
    found = []
    for engine in (Engine(), ON_GPU):
        trainings = made(name, engine, ONE_STEP, SAME)
        for training in trainings:
            training.network.drop_rate = 0.0
            for module in training.network.modules():
                if hasattr(module, "drop_prob"):
                    module.drop_prob = 0.0
        found.append([t.losses for t in run_stacked(trainings, 2)])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)
