"""The training loop: against plain PyTorch, seeds, resume, bad numbers."""

import dataclasses

import numpy as np
import pytest
import torch
from plain_loops import STUDENTS, Watched, drawn_batches, plain_step
from torch import nn

from carto_helpers import data, models
from carto_helpers.config import Recipe
from carto_helpers.engine import Engine, choose_engine
from carto_helpers.networks.small_maps import ProductConv2d
from carto_helpers.training import (
    Training,
    TrainingData,
    batches,
    check_logits,
    evaluate,
    predict,
    stream,
)

N, K = 41, 3
ALONE = Recipe(epochs=2, batch_size=8, hard_weight=1.0)


def made_data(engine: Engine | None = None, *, with_teacher: bool = True) -> TrainingData:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (N, 3, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, K, (N,), generator=generator)
    logits = torch.randn(N, K, generator=generator).half()
    return TrainingData(images, labels, engine or Engine(), logits if with_teacher else None)


def made_network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(6, K),
        )  # fmt: skip


def made_training(seed: int = 0, recipe: Recipe = ALONE, **options: object) -> Training:
    engine, index = options.pop("engine", Engine()), options.pop("index", np.arange(N))
    return Training(
        made_network(seed),
        made_data(engine),  # type: ignore[arg-type]
        index,
        recipe=recipe,
        seed=seed,
        engine=engine,  # type: ignore[arg-type]
    )


def weights(training: Training) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in training.network.parameters()])


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("hard_weight", [0.3, 1.0])
def test_an_epoch_equals_a_plain_loop(layout: str, hard_weight: float) -> None:
    """The recipe of the paper, written out: Adam, KL + cross entropy, clipping, no schedule."""
    engine = Engine(layout=layout)  # type: ignore[arg-type]
    recipe = Recipe(epochs=1, batch_size=8, temperature=2.0, hard_weight=hard_weight, clip_norm=0.1)
    data = made_data(engine)
    training = Training(made_network(), data, np.arange(N), recipe=recipe, seed=5, engine=engine)
    mean_loss = training.run_epoch()

    network, plain = made_network(), made_data()
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    order = torch.randperm(N, generator=torch.Generator().manual_seed(stream(5, "batches")))
    torch.manual_seed(stream(5, "weights"))
    network.train()
    parts = [order[:8], order[8:16], order[16:24], order[24:32], order[32:]]  # 9: one joins
    losses = [plain_step(network, adam, plain, part, recipe) for part in parts]
    assert mean_loss == pytest.approx(np.mean(losses), rel=1e-5)
    for ours, theirs in zip(training.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", STUDENTS)
@pytest.mark.usefixtures("replayed_at_once")
def test_float32_losses_of_the_engine_in_use_equal_a_plain_loops(name: str) -> None:
    """The first step's, to 1e-5 relative: small maps as products, channels_last."""
    digits, recipe = data.load("digits").train, Recipe(epochs=1, temperature=2.0)
    soft = nn.functional.one_hot(digits.labels.long(), 10).half() * 8
    losses = []
    for engine in (choose_engine(name, "cpu"), Engine()):
        torch.manual_seed(0)
        network = models.create(models.resolve(name, role="student"), n_classes=10, n_channels=1)
        own = TrainingData(digits.images, digits.labels, engine, soft)
        training = Training(network, own, np.arange(32), recipe=recipe, seed=5, engine=engine)
        losses.append(training.run_epoch())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("n_steps", "device"),
    [
        pytest.param(3, "cpu"),
        pytest.param(50, "cpu", marks=pytest.mark.slow),
        pytest.param(50, "cuda", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", STUDENTS)
@pytest.mark.usefixtures("replayed_at_once")
def test_the_papers_students_equal_a_plain_loop(name: str, device: str, n_steps: int) -> None:
    """In float64, batches of 32 digits, the same masks of dropout: every loss to 1e-8.

    On the CPU, with what the engine chooses for it, and with what it chooses for a GPU.
    """
    for_gpu = Engine(layout="channels_last")
    chosen = choose_engine(name, "cpu") if device == "cpu" else for_gpu
    engine = dataclasses.replace(chosen, dtype="float64")
    digits, recipe = data.load("digits").train, Recipe(epochs=1, temperature=2.0)
    soft = nn.functional.one_hot(digits.labels.long(), 10).half() * 8
    index = np.arange(32 * n_steps) % len(digits)
    spec = models.resolve(name, role="student")

    def made(engine: Engine) -> tuple[nn.Module, TrainingData]:
        torch.manual_seed(0)
        network = models.create(spec, n_classes=10, n_channels=1)
        return network, TrainingData(digits.images, digits.labels, engine, soft)

    network, own = made(engine)
    watched = Watched(network, own, index, recipe=recipe, seed=5, engine=engine)
    watched.run_epoch()
    assert engine.products == any(isinstance(m, ProductConv2d) for m in watched.network.modules())
    network, own = made(Engine(dtype="float64"))
    network.double().train()
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    torch.manual_seed(stream(5, "weights"))
    losses = [plain_step(network, adam, own, part, recipe) for part in drawn_batches(index, 5)]
    assert watched.losses == pytest.approx(losses, rel=0, abs=1e-8)


def test_pixels_are_normalised_to_minus_one_and_one() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    data = TrainingData(images, torch.zeros(3, dtype=torch.int64), Engine())
    assert data.pixels(slice(None)).flatten().tolist() == pytest.approx([-1.0, -0.6, 1.0])


@pytest.mark.parametrize(
    ("n", "sizes"), [(64, [32, 32]), (65, [32, 33]), (33, [33]), (34, [32, 2]), (5, [5])]
)
def test_no_image_is_dropped_and_no_batch_is_one(n: int, sizes: list[int]) -> None:
    parts = batches(torch.randperm(n), 32)
    assert [len(part) for part in parts] == sizes
    assert sorted(torch.cat(parts).tolist()) == list(range(n))


def test_one_seed_gives_one_result_whatever_else_draws() -> None:
    one, again = made_training(seed=3), made_training(seed=3)
    one.run_epoch()
    torch.manual_seed(99)
    torch.randn(10)
    again.run_epoch()
    assert torch.equal(weights(one), weights(again))


def test_training_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    made_training().run_epoch()
    assert torch.equal(torch.get_rng_state(), before)


def test_two_seeds_differ_in_weights_and_batch_order() -> None:
    one, other = made_training(seed=0), made_training(seed=1)
    assert not torch.equal(weights(one), weights(other))
    orders = [
        torch.randperm(N, generator=torch.Generator().manual_seed(stream(s, "batches")))
        for s in (0, 1)
    ]
    assert not torch.equal(*orders)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_a_restored_training_goes_on_as_if_nothing_had_happened(layout: str) -> None:
    engine = Engine(layout=layout)  # type: ignore[arg-type]
    whole, interrupted = made_training(engine=engine), made_training(engine=engine)
    whole.run_epoch()
    interrupted.run_epoch()
    state = {name: tensor.clone() for name, tensor in interrupted.state().items()}
    resumed = made_training(seed=0, engine=engine)
    resumed.restore(state)
    assert resumed.epochs_done == 1
    assert resumed.run_epoch() == whole.run_epoch()
    assert torch.equal(weights(resumed), weights(whole))


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_a_training_goes_on_with_whole_or_trimmed_kernels(layout: str) -> None:
    """A state is that of the whole kernels: any engine takes it, those of before included."""

    def made(*, products: bool) -> Training:
        engine = Engine(dtype="float64", products=products, layout=layout)  # type: ignore[arg-type]
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.AdaptiveAvgPool2d(2), nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(),
            nn.Conv2d(6, 6, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(6, K),
        )  # fmt: skip
        index = np.arange(N)
        return Training(network, made_data(engine), index, recipe=ALONE, seed=0, engine=engine)

    begun = {products: made(products=products) for products in (False, True)}
    losses = [training.run_epoch() for training in begun.values()]
    assert losses == pytest.approx([losses[0]] * 2, abs=1e-9)
    assert begun[True].network[3].weight.shape == (6, 4, 6)  # type: ignore[index]  # a Sequential
    states = {
        products: {name: tensor.clone() for name, tensor in training.state().items()}
        for products, training in begun.items()
    }
    assert_close(states[True], states[False])
    for products, training in begun.items():
        training.run_epoch()
        for state in states.values():
            resumed = made(products=products)
            resumed.restore({name: tensor.clone() for name, tensor in state.items()})
            resumed.run_epoch()
            assert_close(resumed.state(), training.state())
            is_same_engine = state is states[products]
            assert torch.equal(weights(resumed), weights(training)) or not is_same_engine


def test_a_network_can_be_trained_twice() -> None:
    engine = Engine(products=True)
    network = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 6, 3, padding=1), nn.Flatten(), nn.Linear(6, K)
    )
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for _ in range(2):
        index = np.arange(N)
        Training(network, made_data(engine), index, recipe=ALONE, seed=0, engine=engine).run_epoch()
    after = network.state_dict()
    is_met = torch.zeros(3, 3, dtype=torch.bool)
    is_met[1, 1] = True
    assert torch.equal(after["1.weight"][..., ~is_met], before["1.weight"][..., ~is_met])
    assert not torch.equal(after["1.weight"][..., is_met], before["1.weight"][..., is_met])


def assert_close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-9, atol=1e-12)


def test_only_the_subset_is_seen() -> None:
    index = np.array([3, 5, 8, 13])
    one, other = made_training(index=index), made_training(index=index)
    other.data._images[[0, 1, 2]] = 0
    one.run_epoch()
    other.run_epoch()
    assert torch.equal(weights(one), weights(other))


def test_a_loss_that_becomes_nan_names_epoch_and_step() -> None:
    training = made_training(recipe=Recipe(epochs=2, batch_size=8, hard_weight=1.0))
    training.run_epoch()
    with torch.no_grad():
        next(training.network.parameters()).fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="got nan in epoch 2, step 1; try a lower"):
        training.run_epoch()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    """No loss is computed after the last step, so scores are where they show."""
    training = made_training(recipe=Recipe(epochs=1, batch_size=8, hard_weight=1.0))
    training.run_epoch()
    with torch.no_grad():
        list(training.network.parameters())[-1].fill_(value)
    expected = f"expected finite logits in float32, got .* {training.when}; try a lower"
    with pytest.raises(FloatingPointError, match=expected):
        evaluate(training.network, made_data(), Engine(), when=training.when)
    assert training.when.startswith("after epoch 1, step ")


def test_logits_that_half_precision_cannot_hold_are_refused() -> None:
    logits = torch.tensor([[0.0, 65_505.0], [0.0, 70_000.0]])
    check_logits(logits, "here")
    with pytest.raises(FloatingPointError, match="finite logits in float16, .* here; try a lower"):
        check_logits(logits.half(), "here")


def test_one_example_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="must hold at least 2 examples"):
        made_training(index=np.array([4]))


def test_soft_labels_need_the_teachers_logits() -> None:
    data = made_data(with_teacher=False)
    with pytest.raises(ValueError, match="`hard_weight` 0.5 needs the teacher's logits"):
        Training(made_network(), data, np.arange(N), recipe=Recipe(), seed=0, engine=Engine())


def test_prediction_is_in_order_whatever_the_batch_size() -> None:
    network, data = made_network(), made_data()
    whole = predict(network, data, Engine(), batch_size=N)
    torch.testing.assert_close(predict(network, data, Engine(), batch_size=7), whole)
    network.eval()
    torch.testing.assert_close(whole, network(data.pixels(slice(None))).detach())


def test_scores_are_those_of_the_argmax() -> None:
    network, data = made_network(), made_data()
    right = predict(network, data, Engine()).argmax(1) == data.labels
    found = evaluate(network, data, Engine())
    assert found.accuracy == pytest.approx(float(right.float().mean()))
    assert 0 <= found.macro_f1 <= 1


@pytest.mark.gpu
def test_cuda_repeats_the_cpu_to_rounding() -> None:
    engine, index = Engine(device="cuda", layout="channels_last"), np.arange(N)
    recipe = Recipe(epochs=1, batch_size=N, hard_weight=1.0)  # one step: no dropout has acted on it
    ours = Training(made_network(), made_data(engine), index, recipe=recipe, seed=0, engine=engine)
    ours.network[5].p = 0.0
    cpu = made_training(recipe=recipe)
    cpu.network[5].p = 0.0
    assert ours.run_epoch() == pytest.approx(cpu.run_epoch(), rel=1e-3)
