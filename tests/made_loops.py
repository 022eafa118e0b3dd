"""Made training dynamics: logits of every epoch, and a loop that hands them to a recorder."""

import numpy as np
import torch
from torch import Tensor

from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recording import DynamicsRecord, epoch_quantities, stack_epochs


def made_logits(n: int = 23, n_epochs: int = 3, n_classes: int = 4) -> tuple[Tensor, Tensor]:
    """Return logits (E, N, C) and gold labels (N,)."""
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(n_epochs, n, n_classes, generator=generator)
    return logits, torch.randint(0, n_classes, (n,), generator=generator)


def play(
    recorder: DynamicsRecorder,
    logits: Tensor,
    labels: Tensor,
    *,
    first: int = 0,
    batch_size: int = 5,
) -> None:
    """Record every epoch from `first` on, each in its own order."""
    for epoch in range(first, len(logits)):
        order = torch.randperm(
            len(labels), generator=torch.Generator().manual_seed(epoch)
        )  # any order will do
        for at in order.split(batch_size):
            recorder.update(epoch, at, logits[epoch][at], labels[at])


def expected_record(logits: Tensor, labels: Tensor) -> DynamicsRecord:
    """Return the record of the same logits, made without a recorder."""
    classes = tuple(str(c) for c in range(logits.shape[2]))
    epochs = [epoch_quantities(epoch, labels) for epoch in logits]
    return stack_epochs(np.arange(len(labels)), labels.numpy(), classes, epochs)


def assert_same(found: DynamicsRecord, expected: DynamicsRecord) -> None:
    """Compare two records; batches of another size may differ in a probability's last digit."""
    assert found.classes == expected.classes
    assert np.array_equal(found.index, expected.index)
    assert np.array_equal(found.labels, expected.labels)
    assert found.quantities.keys() == expected.quantities.keys()
    for name, array in expected.quantities.items():
        assert found.quantities[name].dtype == array.dtype, name
        atol = 1e-6 if name == "p_gold" else 2e-3
        np.testing.assert_allclose(found.quantities[name], array, atol=atol, err_msg=name)
