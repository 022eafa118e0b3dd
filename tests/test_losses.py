"""Distillation losses: equations 1 to 4, how their two forms differ, and their gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as running
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from scipy.stats import entropy
from torch import Tensor
from torch.nn import functional

from carto_helpers.losses import (
    cross_entropy,
    distillation_loss_cross_entropy,
    distillation_loss_kl,
    distillation_losses_kl,
    kl_divergence,
    soft_cross_entropy,
)

FORMS = (distillation_loss_kl, distillation_loss_cross_entropy)
TEMPERATURES = st.floats(0.25, 20)
HARD_WEIGHTS = st.floats(0, 1)


@st.composite
def batches(draw) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels and teacher's logits in float64."""
    n, c = draw(st.integers(1, 6)), draw(st.integers(2, 6))
    values = hnp.arrays(np.float64, (n, c), elements=st.floats(-10, 10))
    labels = hnp.arrays(np.int64, n, elements=st.integers(0, c - 1))
    logits, teacher = torch.from_numpy(draw(values)), torch.from_numpy(draw(values))
    return logits.requires_grad_(), torch.from_numpy(draw(labels)), teacher


def made_batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(8, 10, generator=draw, dtype=torch.float64).requires_grad_()
    labels = torch.randint(10, (8,), generator=draw)
    return logits, labels, torch.randn(8, 10, generator=draw, dtype=torch.float64)


def gradient(loss: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(loss, logits)[0]


def loop_equation_4(logits, labels, teacher, *, temperature, hard_weight) -> float:
    """Equation 4 by SciPy's softmax and a loop over the batch."""
    total = 0.0
    for z, y, z_t in zip(logits.tolist(), labels.tolist(), teacher.tolist(), strict=True):
        hard = -math.log(softmax(z)[y])
        p, q = softmax(np.array(z_t) / temperature), softmax(np.array(z) / temperature)
        soft = -sum(p * np.log(q))
        total += hard_weight * hard + (1 - hard_weight) * temperature**2 * soft
    return total / len(labels)


@running(deadline=None)
@given(batches(), TEMPERATURES, HARD_WEIGHTS)
def test_equation_4_agrees_with_a_loop(batch, temperature, hard_weight) -> None:
    settings = {"temperature": temperature, "hard_weight": hard_weight}
    found = distillation_loss_cross_entropy(*batch, **settings).total
    assert found.item() == pytest.approx(loop_equation_4(*batch, **settings), rel=1e-9)


@running(deadline=None)
@given(batches(), TEMPERATURES, HARD_WEIGHTS | st.just(1.0))
def test_an_examples_loss_is_that_of_a_batch_of_one(batch, temperature, hard_weight) -> None:
    """Two functions, one loss: stacked students train on the first, single ones on the second."""
    settings = {"temperature": temperature, "hard_weight": hard_weight}
    losses = distillation_losses_kl(*batch, **settings)
    alone = [
        distillation_loss_kl(*(part[i : i + 1] for part in batch), **settings).total
        for i in range(len(losses))
    ]
    torch.testing.assert_close(losses, torch.stack(alone))
    torch.testing.assert_close(
        losses.mean(), distillation_loss_kl(*batch, **settings).total, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("form", [*FORMS, distillation_losses_kl])
def test_a_teacher_may_be_absent_only_where_it_does_not_count(form) -> None:
    logits, labels, teacher = made_batch()
    with_it, without = (
        form(logits, labels, given, temperature=2.0, hard_weight=1.0) for given in (teacher, None)
    )
    torch.testing.assert_close(with_it, without, rtol=0, atol=0)
    with pytest.raises(ValueError, match="teacher"):
        form(logits, labels, None, temperature=2.0, hard_weight=0.99)


@pytest.mark.parametrize("form", [*FORMS, distillation_losses_kl])
def test_temperature_and_weight_are_given_by_name(form) -> None:
    """Two numbers in a row would be swapped without a word."""
    with pytest.raises(TypeError, match="positional"):
        form(*made_batch(), 1.0, 0.5)
    names = ("logits", "labels", "teacher_logits")
    by_name = dict(zip(names, made_batch(), strict=True))
    assert torch.isfinite(torch.as_tensor(form(**by_name, temperature=1.0, hard_weight=0.5)[0]))


def test_equation_1_is_minus_the_logarithm_of_the_gold_probability() -> None:
    logits, labels, _ = made_batch()
    p_gold = softmax(logits.detach().numpy(), axis=1)[np.arange(8), labels.numpy()]
    assert cross_entropy(logits, labels).item() == pytest.approx(-np.log(p_gold).mean())


def test_equation_2_is_equation_4_at_temperature_1() -> None:
    logits, labels, teacher = made_batch()
    loss = distillation_loss_cross_entropy(
        logits, labels, teacher, temperature=1.0, hard_weight=0.3
    )
    soft = functional.cross_entropy(
        logits, teacher.softmax(1)
    )  # PyTorch takes probabilities as labels
    torch.testing.assert_close(loss.total, 0.3 * cross_entropy(logits, labels) + 0.7 * soft)


@running(deadline=None)
@given(batches(), TEMPERATURES)
def test_kl_divergence_agrees_with_scipy(batch, temperature) -> None:
    logits, _, teacher = batch
    p, q = (softmax(z.detach().numpy() / temperature, axis=1) for z in (teacher, logits))
    found = kl_divergence(logits, teacher, temperature)
    assert found.item() == pytest.approx(entropy(p, q, axis=1).mean(), rel=1e-6, abs=1e-12)


@running(deadline=None)
@given(batches(), TEMPERATURES, HARD_WEIGHTS)
def test_the_two_forms_differ_by_the_teachers_entropy_and_have_one_gradient(
    batch, temperature, hard_weight
) -> None:
    logits, _, teacher = batch
    settings = {"temperature": temperature, "hard_weight": hard_weight}
    by_kl, by_cross_entropy = (form(*batch, **settings) for form in FORMS)
    p = softmax(teacher.numpy() / temperature, axis=1)
    expected = (1 - hard_weight) * temperature**2 * entropy(p, axis=1).mean()
    difference = (by_cross_entropy.total - by_kl.total).item()
    assert difference == pytest.approx(expected, rel=1e-9, abs=1e-9)
    torch.testing.assert_close(
        gradient(by_kl.total, logits), gradient(by_cross_entropy.total, logits)
    )


@running(deadline=None)
@given(batches(), TEMPERATURES, HARD_WEIGHTS)
@pytest.mark.parametrize("form", FORMS)
def test_total_is_the_weighted_sum_of_its_parts(form, batch, temperature, hard_weight) -> None:
    total, hard, soft = form(*batch, temperature=temperature, hard_weight=hard_weight)
    expected = hard_weight * hard + (1 - hard_weight) * temperature**2 * soft
    torch.testing.assert_close(total, expected)


@running(deadline=None)
@given(batches(), TEMPERATURES)
def test_losses_are_not_negative_and_no_student_beats_the_teachers_entropy(
    batch, temperature
) -> None:
    logits, labels, teacher = batch
    own = soft_cross_entropy(teacher, teacher, temperature)
    assert cross_entropy(logits, labels) >= 0
    assert kl_divergence(logits, teacher, temperature) >= -1e-12
    assert soft_cross_entropy(logits, teacher, temperature) >= own - 1e-12


@running(deadline=None)
@given(batches(), TEMPERATURES)
@pytest.mark.parametrize("form", FORMS)
def test_a_student_equal_to_its_teacher_gets_no_gradient_from_it(form, batch, temperature) -> None:
    logits, labels, _ = batch
    loss = form(logits, labels, logits.detach(), temperature=temperature, hard_weight=0.0)
    assert gradient(loss.total, logits).abs().max() < 1e-12 * max(1, temperature)
    kl = distillation_loss_kl(logits, labels, logits, temperature=temperature, hard_weight=0.0)
    assert kl.total.item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_temperature_does_not_change_the_scale_of_the_gradient(form) -> None:
    """As T grows the soft gradient tends to (ŷ − y^T) / (B C), both centred (Hinton et al.)."""
    logits, labels, teacher = made_batch()
    loss = form(logits, labels, teacher, temperature=1e4, hard_weight=0.0)
    centred = [z - z.mean(1, keepdim=True) for z in (logits, teacher)]
    limit = (centred[0] - centred[1]) / logits.numel()
    torch.testing.assert_close(gradient(loss.total, logits), limit, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 0.05, 1e3, 1e6])
def test_single_precision_is_enough_at_any_temperature(form, temperature) -> None:
    logits, labels, teacher = made_batch()
    exact = form(logits, labels, teacher, temperature=temperature, hard_weight=0.3)
    single = logits.detach().float().requires_grad_()
    loss = form(single, labels, teacher.float(), temperature=temperature, hard_weight=0.3)
    assert loss.total.dtype == torch.float32
    assert loss.total.item() == pytest.approx(exact.total.item(), rel=1e-5)
    torch.testing.assert_close(
        gradient(loss.total, single).double(), gradient(exact.total, logits), rtol=1e-4, atol=1e-6
    )


def test_at_a_high_temperature_kl_is_half_the_variance_of_the_difference() -> None:
    logits, _, teacher = made_batch()
    limit = (logits - teacher).var(1, unbiased=False).mean().item() / 2
    for temperature in (1e4, 1e5, 1e6):
        soft = kl_divergence(logits, teacher, temperature).item() * temperature**2
        assert soft == pytest.approx(limit, rel=10 / temperature)  # the next term is of order 1 / T


def test_without_the_square_of_the_temperature_the_gradient_would_shrink_with_it() -> None:
    logits, _, teacher = made_batch()
    small, large = (
        gradient(kl_divergence(logits, teacher, t), logits).norm() for t in (100.0, 200.0)
    )
    assert (small / large).item() == pytest.approx(4, rel=0.05)


@running(deadline=None)
@given(batches(), st.floats(-20, 20))
def test_only_differences_of_logits_count(batch, shift) -> None:
    logits, labels, teacher = batch
    settings = {"temperature": 2.0, "hard_weight": 0.5}
    moved = distillation_loss_kl(logits + shift, labels, teacher - shift, **settings)
    loss = distillation_loss_kl(logits, labels, teacher, **settings)
    torch.testing.assert_close(moved.total, loss.total, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_the_batch_does_not_count(form) -> None:
    batch = made_batch()
    order = torch.randperm(8)
    settings = {"temperature": 2.0, "hard_weight": 0.5}
    shuffled = form(*(part[order] for part in batch), **settings)
    torch.testing.assert_close(shuffled.total, form(*batch, **settings).total)


@pytest.mark.parametrize("form", FORMS)
def test_hard_weight_is_the_papers_alpha(form) -> None:
    """1 is the labels alone, 0 the teacher alone."""
    logits, labels, teacher = made_batch()
    labels_alone = form(logits, labels, teacher, temperature=2.0, hard_weight=1.0)
    teacher_alone = form(logits, labels, teacher, temperature=2.0, hard_weight=0.0)
    assert labels_alone.total == labels_alone.hard == cross_entropy(logits, labels)
    assert labels_alone.soft == 0
    torch.testing.assert_close(teacher_alone.total, 4 * teacher_alone.soft)


@pytest.mark.parametrize("form", FORMS)
def test_labels_alone_need_no_teacher(form) -> None:
    logits, labels, _ = made_batch()
    loss = form(logits, labels, None, temperature=1.0, hard_weight=1.0)
    assert loss.total == cross_entropy(logits, labels)
    assert gradient(loss.total, logits).norm() > 0


@pytest.mark.parametrize("form", FORMS)
def test_no_gradient_flows_into_the_teacher(form) -> None:
    logits, labels, teacher = made_batch()
    teacher.requires_grad_()
    form(logits, labels, teacher, temperature=2.0, hard_weight=0.5).total.backward()
    assert teacher.grad is None


@pytest.mark.parametrize("form", FORMS)
def test_confident_logits_stay_finite(form) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = form(logits, torch.tensor([1]), -logits.detach(), temperature=1.0, hard_weight=0.5)
    assert loss.total.isfinite()
    assert gradient(loss.total, logits).isfinite().all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_temperature_that_is_not_positive_and_finite_is_refused(temperature) -> None:
    logits, labels, teacher = made_batch()
    for form in FORMS:
        with pytest.raises(ValueError, match="`temperature` must be positive and finite, got"):
            form(logits, labels, teacher, temperature=temperature, hard_weight=1.0)
    for part in (soft_cross_entropy, kl_divergence):
        with pytest.raises(ValueError, match="`temperature` must be positive and finite, got"):
            part(logits, teacher, temperature)


@pytest.mark.parametrize("hard_weight", [-0.1, 1.1, math.nan])
@pytest.mark.parametrize("form", FORMS)
def test_a_hard_weight_outside_0_to_1_is_refused(form, hard_weight) -> None:
    with pytest.raises(ValueError, match=r"`hard_weight` must lie in \[0, 1\], got"):
        form(*made_batch(), temperature=1.0, hard_weight=hard_weight)


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_teacher_is_refused_where_it_counts(form) -> None:
    logits, labels, _ = made_batch()
    with pytest.raises(ValueError, match=r"`hard_weight` 0.5 needs the teacher's logits, got None"):
        form(logits, labels, None, temperature=1.0, hard_weight=0.5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n_classes", [1, 100])
def test_a_teacher_of_other_classes_is_refused(form, n_classes) -> None:
    logits, labels, _ = made_batch()
    message = r"must have the student's shape \(8, 10\), got \(8, 1(00)?\); take them for the same"
    with pytest.raises(ValueError, match=message):
        form(logits, labels, torch.zeros(8, n_classes), temperature=1.0, hard_weight=0.5)
    for part in (soft_cross_entropy, kl_divergence):
        with pytest.raises(ValueError, match=message):
            part(logits, torch.zeros(8, n_classes), 1.0)


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_outside_the_classes_is_refused_on_the_cpu(label) -> None:
    with pytest.raises(IndexError, match=f"Target {label} is out of bounds"):
        cross_entropy(torch.zeros(1, 10), torch.tensor([label]))
