"""A recorder's folder: what is damaged or foreign is named, never taken."""

import json
from pathlib import Path

import pytest
import torch
from made_loops import made_logits, play
from safetensors import safe_open

from carto_helpers.recorders.epoch_folder import (
    Manifest,
    append_epoch,
    read_manifest,
    write_manifest,
)
from carto_helpers.recorders.recorder import DynamicsRecorder

MANIFEST = Manifest(n_examples=2, mode="training", classes=("a", "b"))


def recorded(folder: Path) -> DynamicsRecorder:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, folder, "training", ids=range(23))
    play(recorder, logits, labels)
    recorder.end_epoch()
    return recorder


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    longer = append_epoch(tmp_path, MANIFEST, 3, {"labels": torch.zeros(2)})
    assert read_manifest(tmp_path) == longer
    assert longer.last_epoch == 3
    assert MANIFEST.last_epoch is None


def test_the_mode_is_named_in_the_file(tmp_path: Path) -> None:
    recorded(tmp_path)
    with safe_open(tmp_path / "epoch_000002.safetensors", "pt") as file:
        assert file.metadata()["recorded"] == '{"mode": "training", "epoch": 2}'
    assert json.loads((tmp_path / "recorder.json").read_text())["mode"] == "training"


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{}", '{"version": 2, "epochs": {}, "classes": []}', '{"version": 1, "epochs": 1}'],
)
def test_a_foreign_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "recorder.json").write_text(text)
    with pytest.raises(ValueError, match=r"recorder\.json must be the manifest of a DynamicsRec"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("name", ["epoch_000001.safetensors", "ids.parquet"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    recorder = recorded(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} must be as its recorder left it, got damaged"):
        DynamicsRecorder.reopen(tmp_path).record()
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"{name} must be as its recorder left it, got no file"):
        DynamicsRecorder.reopen(tmp_path).record()
    assert recorder.epochs == (0, 1, 2)


def test_a_changed_letter_in_the_manifest_is_noticed(tmp_path: Path) -> None:
    recorded(tmp_path)
    path = tmp_path / "recorder.json"
    path.write_text(path.read_text().replace("training", "draining"))
    with pytest.raises(ValueError, match=r"recorder\.json must be the manifest .* damaged"):
        read_manifest(tmp_path)


def test_another_writer_is_noticed(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST)
    append_epoch(tmp_path, MANIFEST, 0, {"labels": torch.zeros(2)})
    with pytest.raises(ValueError, match="got epochs of another meanwhile; stop one of the two"):
        append_epoch(tmp_path, MANIFEST, 1, {"labels": torch.zeros(2)})
