"""A Hugging Face Trainer: text in a tiny transformer, both passes."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from carto_helpers.networks.torchvision_trap import prepare_torchvision
from carto_helpers.recorders import huggingface_recorder
from carto_helpers.recorders.huggingface_recorder import RecordingTrainerMixin, huggingface_callback
from carto_helpers.recorders.indexed_dataset import IndexedDataset
from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recording import epoch_quantities

N, N_EPOCHS = 12, 3

prepare_torchvision()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its imports deprecate
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    Trainer = transformers.Trainer


class RecordingTrainer(RecordingTrainerMixin, Trainer):  # type: ignore[misc, valid-type]
    """The mixin before the Trainer."""


def made_sentences() -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(5, 20, (N, 6), generator=generator)
    return [{"input_ids": row, "labels": i % 2} for i, row in enumerate(words)]


def made_model() -> Any:
    torch.manual_seed(0)
    return transformers.BertForSequenceClassification(
        transformers.BertConfig(
            vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16, num_labels=2,
        )
    )  # fmt: skip


def trainer(kind: Any, folder: Path, **changed: Any) -> Any:
    arguments = {
        "output_dir": str(folder), "num_train_epochs": N_EPOCHS, "use_cpu": True, "seed": 0,
        "per_device_train_batch_size": 4, "learning_rate": 0.05, "save_strategy": "no",
        "report_to": [], "disable_tqdm": True, "remove_unused_columns": False,
        "dataloader_pin_memory": False,
    }  # fmt: skip
    return kind(
        made_model(),
        transformers.TrainingArguments(**arguments | changed.pop("arguments", {})),
        train_dataset=IndexedDataset(made_sentences()),
        **changed,
    )


def run(made: Any) -> None:
    torch.manual_seed(0)  # order and dropout
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        made.train()


def test_the_callback_records_what_the_model_says_after_each_epoch(tmp_path: Path) -> None:
    recorder = DynamicsRecorder(N, tmp_path / "dynamics")
    passes = DataLoader(IndexedDataset(made_sentences()), batch_size=5)
    made = trainer(Trainer, tmp_path, callbacks=[huggingface_callback(recorder, passes)],
                   data_collator=without_index)  # fmt: skip
    run(made)
    assert recorder.epochs == (0, 1, 2)
    rows = made_sentences()
    with torch.no_grad():
        logits = made.model.eval()(torch.stack([row["input_ids"] for row in rows])).logits
    labels = torch.tensor([row["labels"] for row in rows])
    expected = epoch_quantities(logits, labels)["p_gold"]
    np.testing.assert_allclose(recorder.record().p_gold[:, -1], expected, atol=1e-5)


def without_index(rows: list[dict[str, Any]]) -> Any:
    kept = [{name: row[name] for name in ("input_ids", "labels")} for row in rows]
    return transformers.default_data_collator(kept)


@pytest.mark.parametrize("accumulation", [1, 3])
def test_the_mixin_records_every_example_of_every_epoch(tmp_path: Path, accumulation: int) -> None:
    changed = {"gradient_accumulation_steps": accumulation}
    made = trainer(RecordingTrainer, tmp_path, arguments=changed)
    made.recorder = DynamicsRecorder(N, tmp_path / "dynamics", "training")
    run(made)
    record = made.recorder.record()
    assert record.p_gold.shape == (N, N_EPOCHS)
    assert record.labels.tolist() == [0, 1] * (N // 2)
    assert record.mode == "training"


def test_the_mixin_trains_as_the_trainer_does(tmp_path: Path) -> None:
    plain = trainer(Trainer, tmp_path, data_collator=without_index)
    mixed = trainer(RecordingTrainer, tmp_path)
    mixed.recorder = DynamicsRecorder(N, tmp_path / "dynamics", "training")
    without = trainer(RecordingTrainer, tmp_path)  # no recorder: nothing but the Trainer
    for made in (plain, mixed, without):
        run(made)
    theirs = plain.model.state_dict()
    for made in (mixed, without):
        assert all(torch.equal(w, theirs[name]) for name, w in made.model.state_dict().items())
    loss = mixed.evaluate(IndexedDataset(made_sentences()))["eval_loss"]
    assert loss == pytest.approx(without.evaluate(IndexedDataset(made_sentences()))["eval_loss"])


def test_columns_thrown_away_are_named(tmp_path: Path) -> None:
    made = trainer(RecordingTrainer, tmp_path, arguments={"remove_unused_columns": True})
    made.recorder = DynamicsRecorder(N, tmp_path / "dynamics", "training")
    with pytest.raises(ValueError, match="got none of index; .*remove_unused_columns=False"):
        run(made)


def test_each_pass_wants_its_recorder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of the evaluation pass, got a recorder of mode 'train"):
        huggingface_callback(DynamicsRecorder(N, tmp_path, "training"), [])
    made = trainer(RecordingTrainer, tmp_path)
    made.recorder = DynamicsRecorder(N, tmp_path)
    with pytest.raises(ValueError, match="of the training pass, got a recorder of mode 'evaluat"):
        made.train()


def test_without_transformers_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_recorder, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "carto_helpers\[huggingface\]"'):
        huggingface_callback(DynamicsRecorder(N, tmp_path), [])
