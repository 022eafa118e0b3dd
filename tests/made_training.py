"""A small classification task, and a plain loop that trains on it and records."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from carto_helpers.recorders.indexed_dataset import IndexedDataset, record_evaluation
from carto_helpers.recorders.recorder import DynamicsRecorder

N, N_EPOCHS, RATE = 30, 3, 0.1


def made_points() -> TensorDataset:
    """Return 30 points (N, 4) in 3 classes."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(N) % 3
    points = torch.randn(N, 4, generator=generator)
    return TensorDataset(points + labels[:, None], labels)


def made_network() -> nn.Sequential:
    """Return a network with dropout, so that the two passes differ."""
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))


def loader(batch_size: int = 8) -> DataLoader[tuple[Tensor, ...]]:
    """Return the points with their positions, in order."""
    return DataLoader(IndexedDataset(made_points()), batch_size=batch_size)


def plain_loop(recorder: DynamicsRecorder) -> None:
    """Train by hand, recording the pass that the recorder's mode names."""
    network = made_network()
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE)
    torch.manual_seed(3)
    for epoch in range(N_EPOCHS):
        network.train()
        for index, points, labels in loader():
            logits = network(points)
            optimiser.zero_grad()
            functional.cross_entropy(logits, labels).backward()
            optimiser.step()
            if recorder.mode == "training":
                recorder.update(epoch, index, logits, labels)
        if recorder.mode == "evaluation":
            record_evaluation(recorder, epoch, network, loader(10))
    if recorder.is_under_way:
        recorder.end_epoch()
