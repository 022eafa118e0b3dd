"""One batch: what is taken as it is, and what is refused before anything is kept."""

import numpy as np
import pytest
import torch

from carto_helpers.recorders.batches import as_batch, check_values, log_probabilities

LOGITS = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("logits", [LOGITS[0], LOGITS[:, :1], LOGITS[None]])
def test_logits_of_another_shape_are_refused(logits: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"shape \(B, C\) with C >= 2 .* torch.stack\(\(torch.ze"):
        as_batch([0, 1], logits, [0, 1])


def test_whole_logits_are_refused() -> None:
    with pytest.raises(TypeError, match="must be floating, got torch.int64; pass the network's"):
        as_batch([0], [[1, 0]], [0])


@pytest.mark.parametrize("index", [[0], [0, 1, 2], [[0], [1]]])
def test_an_index_of_another_shape_is_refused(index: list[int]) -> None:
    with pytest.raises(ValueError, match=r"`index` must have shape \(2,\), one number a row"):
        as_batch(index, LOGITS, [0, 1])


@pytest.mark.parametrize("labels", [np.array([0.0, 1.0]), torch.tensor([True, False])])
def test_labels_that_are_no_whole_numbers_are_refused(labels: object) -> None:
    with pytest.raises(TypeError, match="`labels` must hold whole numbers, got torch.*; cast it"):
        as_batch([0, 1], LOGITS, labels)


def test_values_out_of_range_are_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"`index` must lie in 0 … 4, got -1 to 3; .*IndexedDatas"):
        check_values(as_batch([-1, 3], LOGITS, [0, 1]), 5)
    with pytest.raises(ValueError, match=r"`labels` must lie in 0 … 2, got 0 to 3; pass the gold"):
        check_values(as_batch([1, 3], LOGITS, [0, 3]), 5)
    check_values(as_batch([0, 4], LOGITS, [0, 2]), 5)


def test_an_empty_batch_is_a_batch() -> None:
    batch = as_batch([], LOGITS[:0], [])
    check_values(batch, 5)
    assert batch.index.shape == (0,)


def test_the_softmax_of_log_probabilities_are_the_probabilities() -> None:
    p = LOGITS.softmax(1)
    assert torch.allclose(log_probabilities(p.numpy()).softmax(1), p)
    certain = log_probabilities([[1.0, 0.0]])
    assert certain.isfinite().all()
    assert certain.softmax(1).tolist() == [[1.0, pytest.approx(0.0, abs=1e-30)]]


@pytest.mark.parametrize("row", [[0.5, 0.6], [1.5, -0.5], [50.0, 50.0], [np.nan, 1.0]])
def test_what_is_no_distribution_is_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="`probabilities` must be at least 0 and sum to 1"):
        log_probabilities([row])


def test_probabilities_in_bfloat16_are_as_exact_as_they_can_be() -> None:
    p = torch.randn(64, 10, generator=torch.Generator().manual_seed(0)).softmax(1).bfloat16()
    off = float((p.double().sum(1) - 1).abs().max())
    assert off > 1e-3
    assert log_probabilities(p).shape == (64, 10)
    with pytest.raises(ValueError, match="sum to 1 in each row"):
        log_probabilities(p.float())
