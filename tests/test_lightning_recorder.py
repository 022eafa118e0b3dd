"""A Lightning training leaves the files of a plain loop."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from made_training import N_EPOCHS, RATE, N, loader, made_network, plain_loop
from torch.nn import functional

from carto_helpers.networks.torchvision_trap import prepare_torchvision
from carto_helpers.recorders import lightning_recorder
from carto_helpers.recorders.lightning_recorder import lightning_callback
from carto_helpers.recorders.recorder import DynamicsRecorder

prepare_torchvision()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Lightning's imports deprecate
    lightning = pytest.importorskip("pytorch_lightning", reason="Lightning is not installed")


class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.network = made_network()

    def forward(self, points: torch.Tensor) -> Any:
        return self.network(points)

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, torch.Tensor]:
        _, points, labels = batch
        logits = self(points)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=RATE)


class WithoutLogits(Module):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return super().training_step(batch, batch_idx)["loss"]


def train(module: Module, callback: Any, folder: Path, n_epochs: int = N_EPOCHS) -> None:
    torch.manual_seed(3)  # dropout draws as in the plain loop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and logging
        trainer = lightning.Trainer(
            max_epochs=n_epochs, accelerator="cpu", callbacks=[callback], logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            default_root_dir=folder,
        )  # fmt: skip
        trainer.fit(module, loader())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("mode", ["evaluation", "training"])
def test_lightning_and_a_plain_loop_leave_equal_files(tmp_path: Path, mode: str) -> None:
    plain_loop(DynamicsRecorder(N, tmp_path / "plain", mode))
    recorder = DynamicsRecorder(N, tmp_path / "lightning", mode)
    callback = lightning_callback(recorder, loader(10) if mode == "evaluation" else None)
    train(Module(), callback, tmp_path)
    assert recorder.epochs == tuple(range(N_EPOCHS))
    assert files(tmp_path / "lightning") == files(tmp_path / "plain")


def test_a_step_without_logits_is_named(tmp_path: Path) -> None:
    callback = lightning_callback(DynamicsRecorder(N, tmp_path / "a", "training"))
    with pytest.raises(TypeError, match="return {'loss': loss, 'logits': logits}"):
        train(WithoutLogits(), callback, tmp_path)


@pytest.mark.parametrize("mode", ["evaluation", "training"])
def test_a_loader_belongs_to_the_evaluation_pass(tmp_path: Path, mode: str) -> None:
    wrong = loader() if mode == "training" else None
    with pytest.raises(ValueError, match="`loader` is for the evaluation pass and needed there"):
        lightning_callback(DynamicsRecorder(N, tmp_path, mode), wrong)


def test_without_lightning_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lightning_recorder, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "carto_helpers\[lightning\]"'):
        lightning_callback(DynamicsRecorder(N, tmp_path, "training"))
