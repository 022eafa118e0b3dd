"""Examples that know their position, and the evaluation pass."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from made_training import N_EPOCHS, N, loader, made_network, made_points, plain_loop
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from carto_helpers.recorders.indexed_dataset import (
    IndexedDataset,
    logits_of,
    parts,
    record_evaluation,
)
from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recording import epoch_quantities


def test_every_kind_of_example_gets_its_position() -> None:
    assert len(IndexedDataset([("a", 0), ("b", 1)])) == 2
    assert IndexedDataset([("a", 0), ("b", 1)])[1] == (1, "b", 1)
    assert IndexedDataset([{"text": "a"}])[0] == {"text": "a", "index": 0}
    assert IndexedDataset(["a", "b"])[0] == (0, "a")


def test_positions_survive_a_shuffled_loader() -> None:
    shuffled = DataLoader(IndexedDataset(made_points()), batch_size=7, shuffle=True)
    points = made_points().tensors[0]
    for index, batch, _ in shuffled:
        assert torch.equal(points[index], batch)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_position_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match=r"`index` must lie in 0 … 1, got .*; count from the"):
        IndexedDataset(["a", "b"])[index]


def test_the_pass_is_in_evaluation_mode_and_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    network = made_network().train()
    frozen = next(network.children()).eval()  # as one fine-tunes
    recorder = DynamicsRecorder(N, tmp_path)
    record_evaluation(recorder, 0, network, loader())
    assert network.training and not frozen.training
    points, labels = made_points().tensors
    expected = epoch_quantities(network.eval()(points), labels)["p_gold"]
    np.testing.assert_allclose(recorder.record().p_gold[:, 0], expected.detach(), atol=1e-6)
    assert recorder.epochs == (0,)


def test_mappings_several_inputs_and_forward_give_the_same(tmp_path: Path) -> None:
    points, labels = made_points().tensors
    network = made_network()

    class Named(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return SimpleNamespace(logits=network(x))

    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return network(torch.cat((x, y), dim=1))

    rows = [{"x": x, "labels": int(y)} for x, y in zip(points, labels, strict=True)]
    halves = TensorDataset(points[:, :2], points[:, 2:], labels)
    ways: list[tuple[nn.Module, Any, Any]] = [
        (network, made_points(), None),
        (Named(), rows, None),
        (Two(), halves, None),
        (
            network,
            [{"z": [x, 0], "labels": y} for x, y in made_points()],
            lambda f, b: f(b["z"][0]),
        ),
    ]
    found = []
    for i, (module, dataset, forward) in enumerate(ways):
        recorder = DynamicsRecorder(N, tmp_path / str(i))
        module.eval()
        batches = DataLoader(IndexedDataset(dataset), batch_size=8)
        record_evaluation(recorder, 0, network.eval() if forward else module, batches,
                          forward=forward)  # fmt: skip
        found.append(recorder.record().p_gold)
    assert all(np.array_equal(p_gold, found[0]) for p_gold in found)


def test_a_plain_loop_learns_its_points(tmp_path: Path) -> None:
    for mode in ("evaluation", "training"):
        recorder = DynamicsRecorder(N, tmp_path / mode, mode)
        plain_loop(recorder)
        p_gold = recorder.record().p_gold
        assert p_gold.shape == (N, N_EPOCHS)
        assert p_gold[:, -1].mean() > p_gold[:, 0].mean()


def test_the_evaluation_pass_wants_an_evaluation_recorder(tmp_path: Path) -> None:
    recorder = DynamicsRecorder(N, tmp_path, "training")
    with pytest.raises(ValueError, match="these logits are of the evaluation pass"):
        record_evaluation(recorder, 0, made_network(), loader())


def test_batches_without_positions_are_named() -> None:
    with pytest.raises(ValueError, match="got none of index; .*remove_unused_columns=False"):
        parts({"labels": torch.zeros(1)})
    with pytest.raises(ValueError, match="mapping with 'index' and 'labels', got list; wrap"):
        parts([torch.zeros(1), torch.zeros(1)])
    examples = [[torch.zeros(3), 0], [torch.zeros(3), 1]]
    with pytest.raises(ValueError, match=r"got list; .* its examples tuples \(inputs, label\) or"):
        parts(next(iter(DataLoader(IndexedDataset(examples), batch_size=2))))


def test_outputs_without_logits_are_named() -> None:
    logits = torch.zeros(1, 2)
    assert logits_of({"loss": 0, "logits": logits}) is logits
    for outputs in ({"loss": 0}, torch.zeros(1).tolist(), None):
        with pytest.raises(TypeError, match="must be logits or have them as `logits`, got"):
            logits_of(outputs)
