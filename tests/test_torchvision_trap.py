"""The CPU-torch and CUDA-torchvision trap: imports work, and nothing is declared twice."""

import subprocess
import sys

import pytest
import torch

from carto_helpers.networks import torchvision_trap
from carto_helpers.networks.torchvision_trap import prepare_torchvision


def test_torchvision_and_its_datasets_import_in_a_fresh_process() -> None:
    code = (
        "from carto_helpers.networks.torchvision_trap import prepare_torchvision as prepare\n"
        "prepare(); prepare()\n"
        "import torchvision, torchvision.datasets, torchvision.transforms.v2\n"
        "prepare()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_preparing_again_declares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_torchvision()
    declared: list[str] = []
    monkeypatch.setattr(torch.library, "define", lambda name, schema: declared.append(name))
    prepare_torchvision()
    assert declared == []


def test_a_library_that_loads_is_left_to_declare_its_operators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declared: list[str] = []
    loaded: set[str] = set()
    monkeypatch.setattr(torch.library, "define", lambda name, schema: declared.append(name))
    monkeypatch.setattr(torchvision_trap, "_is_declared", lambda name: bool(loaded))
    monkeypatch.setattr(torch.ops, "load_library", loaded.add)
    prepare_torchvision()
    assert loaded
    assert declared == []


def test_a_library_that_does_not_load_has_its_operators_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declared: list[str] = []

    def fail(path: str) -> None:
        raise OSError("libtorch_cuda.so: cannot open shared object file")

    monkeypatch.setattr(torch.library, "define", lambda name, schema: declared.append(name))
    monkeypatch.setattr(torchvision_trap, "_is_declared", lambda name: False)
    monkeypatch.setattr(torch.ops, "load_library", fail)
    prepare_torchvision()
    assert declared == ["torchvision::nms", "torchvision::qnms"]


def test_without_torchvision_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision_trap, "find_spec", lambda name: None)
    looked_for: list[str] = []
    monkeypatch.setattr(torchvision_trap, "_is_declared", looked_for.append)
    prepare_torchvision()
    assert looked_for == []
