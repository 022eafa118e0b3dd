"""What is recorded of every example: against a loop from the definitions."""

import numpy as np
import pytest
import torch

from carto_helpers.recording import QUANTITIES, epoch_quantities, half_logits, stack_epochs


def slow_quantities(logits: torch.Tensor, label: int) -> dict[str, float]:
    p = torch.softmax(logits.double(), 0).tolist()
    others = [q for k, q in enumerate(p) if k != label]
    return {
        "p_gold": p[label],
        "is_right": float(p[label] > max(others)),
        "margin": p[label] - max(others),
        "el2n": float(np.sqrt((1 - p[label]) ** 2 + sum(q * q for q in others))),
        "entropy": -sum(q * np.log(q) for q in p),
        "loss": -np.log(p[label]),
    }


def test_quantities_equal_their_definitions() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(20, 5, generator=generator)
    labels = torch.randint(0, 5, (20,), generator=generator)
    found = epoch_quantities(logits, labels)
    assert tuple(found) == QUANTITIES
    for i in range(20):
        for name, value in slow_quantities(logits[i], int(labels[i])).items():
            assert float(found[name][i]) == pytest.approx(value, abs=1e-5), name


def test_a_certain_network_gives_no_nan() -> None:
    found = epoch_quantities(torch.tensor([[200.0, -200.0]]), torch.tensor([0]))
    assert all(bool(torch.isfinite(array.float()).all()) for array in found.values())


def test_a_masked_class_counts_as_if_it_were_not_there() -> None:
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    masked = torch.cat([logits, torch.full((6, 1), -torch.inf)], dim=1)
    for name, array in epoch_quantities(masked, labels).items():
        assert torch.allclose(array, epoch_quantities(logits, labels)[name]), name


def test_entropy_of_finite_logits_is_that_of_the_formula_to_the_bit() -> None:
    logits = 30 * torch.randn(50, 5)
    log_p = torch.log_softmax(logits, dim=1)
    expected = -(log_p.exp() * log_p).sum(1)
    assert torch.equal(epoch_quantities(logits, torch.zeros(50).long())["entropy"], expected)


def test_logits_beyond_float16_leave_every_quantity_finite_in_it() -> None:
    found = epoch_quantities(torch.tensor([[-2e5, -1e5]]), torch.tensor([0]))
    assert float(found["loss"]) == 65504
    assert all(bool(array.half().isfinite().all()) for array in found.values())


@pytest.mark.parametrize("temperature", [1.0, 4.0, 100.0])
def test_logits_in_float16_keep_their_softmax(temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    small = 5 * torch.randn(20, 10, generator=generator)
    logits = torch.cat([small, small + 6e4, small + 1e5, 1e3 * small - 1e5, 3e4 * small])
    found = half_logits(logits)
    assert bool(found.isfinite().all())
    expected = (logits.double() / temperature).softmax(1)
    difference = ((found.double() / temperature).softmax(1) - expected).abs()
    assert float(difference.max()) < 0.004  # of numbers up to 64, which are 1/32 apart at most
    assert torch.equal(found[:20], small.half())


def test_epochs_stack_into_columns_and_p_gold_keeps_float32() -> None:
    labels = torch.tensor([0, 1, 1])
    epochs = [epoch_quantities(torch.randn(3, 2), labels) for _ in range(4)]
    record = stack_epochs(np.array([7, 3, 5]), labels.numpy(), ("a", "b"), epochs)
    assert record.n_epochs == 4
    assert record.p_gold.shape == record.is_right.shape == (3, 4)
    assert record.p_gold.dtype == np.float32
    assert record.is_right.dtype == np.bool_
    assert record.quantities["margin"].dtype == np.float16
    assert np.array_equal(record.p_gold[:, 2], epochs[2]["p_gold"].numpy())
