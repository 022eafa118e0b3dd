"""An epoch under way: last comes last, everywhere; nothing waits for a device."""

import pytest
import torch
from made_loops import made_logits

from carto_helpers.recorders.batches import Batch
from carto_helpers.recorders.epoch_buffer import UNSEEN, EpochBuffer
from carto_helpers.recording import epoch_quantities

CPU = torch.device("cpu")


def batch(at: list[int], logits: torch.Tensor, labels: list[int]) -> Batch:
    return Batch(index=torch.tensor(at), logits=logits, labels=torch.tensor(labels))


def test_what_comes_last_is_kept_within_a_batch_and_between() -> None:
    logits, _ = made_logits(n=6, n_epochs=1)
    buffer = EpochBuffer(3, CPU)
    buffer.write(batch([2, 0, 2, 0], logits[0][:4], [0, 1, 0, 1]))
    buffer.write(batch([0, 0], logits[0][4:], [1, 1]))
    arrays = buffer.read()
    expected = epoch_quantities(logits[0][[5, 2]], torch.tensor([1, 0]))["p_gold"]
    assert torch.equal(arrays.quantities["p_gold"][[0, 2]], expected)
    assert arrays.labels.tolist() == [1, UNSEEN, 0]
    assert arrays.is_seen.tolist() == [True, False, True]


def test_arrays_may_be_used_again_after_writing() -> None:
    logits, labels = made_logits(n_epochs=1)
    buffer, scratch = EpochBuffer(23, CPU), logits[0].clone()
    buffer.write(Batch(index=torch.arange(23), logits=scratch, labels=labels))
    scratch.zero_()
    expected = epoch_quantities(logits[0], labels)["p_gold"]
    assert torch.equal(buffer.read().quantities["p_gold"], expected)


@pytest.mark.parametrize("n_classes", [2, 2**16])
def test_what_waits_is_bounded(n_classes: int) -> None:
    buffer = EpochBuffer(5000, CPU)
    for at in range(0, 2048, 8):
        index = torch.arange(at, at + 8)
        buffer.write(Batch(index=index, logits=torch.zeros(8, n_classes), labels=index % 2))
        assert (at + 8 - buffer.n_seen) * n_classes < 2**20
        assert at + 8 - buffer.n_seen < 1024
    assert buffer.read().is_seen.sum() == 2048


def test_what_is_out_of_range_is_counted_and_touches_nothing() -> None:
    logits, _ = made_logits(n=5, n_epochs=1)
    buffer = EpochBuffer(3, CPU)
    buffer.write(batch([-1, 3, 0, 1, 2], logits[0], [0, 0, 4, -1, 1]))
    arrays = buffer.read()
    assert (arrays.n_wrong_index, arrays.n_wrong_label) == (2, 2)
    assert arrays.labels.tolist() == [UNSEEN, UNSEEN, 1]


def test_what_is_missing_is_stored_as_nan() -> None:
    logits, _ = made_logits(n=1, n_epochs=1)
    buffer = EpochBuffer(2, CPU)
    buffer.write(batch([1], logits[0], [0]))
    stored = buffer.read().stored()
    assert stored["p_gold"].isnan().tolist() == [True, False]
    assert stored["is_right"].dtype == torch.bool
    assert stored["loss"].dtype == torch.float16


def test_writing_reads_nothing_back() -> None:
    """On the device "meta" there are no numbers: whatever would read one raises."""
    buffer = EpochBuffer(10, torch.device("meta"))
    empty = torch.empty(4, dtype=torch.int64, device="meta")
    buffer.write(Batch(index=empty, logits=torch.empty(4, 3, device="meta"), labels=empty))
    buffer.settle()
    assert buffer.n_seen == 4
    with pytest.raises((NotImplementedError, RuntimeError)):
        buffer.read()


@pytest.mark.gpu
def test_a_gpu_is_not_waited_for_and_gives_the_same() -> None:
    logits, labels = made_logits()
    found = []
    for device in ("cpu", "cuda"):
        buffer = EpochBuffer(23, torch.device(device))
        one = Batch(
            index=torch.arange(23).to(device),
            logits=logits[0].to(device),
            labels=labels.to(device),
        )
        torch.cuda.set_sync_debug_mode("error")
        buffer.write(one)
        buffer.settle()
        torch.cuda.set_sync_debug_mode("default")
        found.append(buffer.read().quantities["p_gold"])
    assert torch.allclose(*found, atol=1e-6)
