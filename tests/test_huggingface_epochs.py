"""How the epochs of a Hugging Face Trainer are numbered where one is cut short, without it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from made_training import N, loader, made_network

from carto_helpers.recorders.huggingface_recorder import RecordingTrainerMixin, _Hooks
from carto_helpers.recorders.recorder import DynamicsRecorder


@pytest.mark.parametrize(
    ("done", "epochs"), [((1.0, 2.0), (0, 1)), ((1.0, 1.4), (0, 1)), ((0.4,), (0,))]
)
def test_a_pass_after_a_cut_epoch_is_that_epochs(
    tmp_path: Path, done: tuple[float, ...], epochs: tuple[int, ...]
) -> None:
    recorder, network = DynamicsRecorder(N, tmp_path), made_network()
    hooks = _Hooks(recorder, loader(), None)
    for share in done:
        hooks.on_epoch_end(None, SimpleNamespace(epoch=share), None, model=network)
    assert recorder.epochs == epochs


class _Trainer:
    """Takes the examples in order, `share` of them in the last epoch."""

    share = 1.0

    def __init__(self) -> None:
        self.state = SimpleNamespace(epoch=0.0)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False) -> Any:
        return torch.tensor(0.0), {"logits": torch.zeros(len(inputs["labels"]), 2)}

    def train(self) -> str:
        model = SimpleNamespace(training=True)
        for epoch, share in enumerate((1.0, self.share)):
            for index in torch.arange(N)[: round(share * N)].split(1):
                self.state.epoch = epoch + int(index) / N
                labels = torch.zeros(1, dtype=torch.int64)
                self.compute_loss(model, {"index": index, "labels": labels})
            self.state.epoch = epoch + share
        return "output"


class _Recording(RecordingTrainerMixin, _Trainer):
    pass


@pytest.mark.parametrize(("share", "epochs"), [(1.0, (0, 1)), (0.5, (0,))])
def test_a_training_pass_that_is_cut_short_is_not_recorded_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, share: float, epochs: tuple[int, ...]
) -> None:
    trainer = _Recording()
    trainer.share = share
    trainer.recorder = DynamicsRecorder(N, tmp_path, mode="training")
    assert trainer.train() == "output"
    assert trainer.recorder.epochs == epochs
    said = ["training ended within epoch 1, which is not recorded"] if share < 1 else []
    assert caplog.messages == said
