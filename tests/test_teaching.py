"""A teacher's run: its dynamics are those of its weights, and it goes on from its checkpoint."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from made_runs import TINY, make_folder, tiny_config

from carto_helpers import memory, models
from carto_helpers.engine import Engine
from carto_helpers.records import load_tensors, save_tensors
from carto_helpers.runs import teaching
from carto_helpers.runs.workbench import Workbench
from carto_helpers.training import predict


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("images") / "noise")


def made_bench(folder: Path, results: Path, **changed: object) -> Workbench:
    return Workbench(tiny_config(folder, results, **changed))


def test_the_last_epochs_dynamics_are_those_of_the_saved_weights(
    folder: Path, tmp_path: Path
) -> None:
    bench = made_bench(folder, tmp_path)
    spec = models.resolve(TINY, role="teacher")
    row = teaching.train_teacher(bench, bench.teacher_run(spec))
    network = models.create(spec, n_classes=2, n_channels=1)
    network.load_state_dict(load_tensors(bench.results.weights_path(row["key"])))
    engine = bench.engine(spec, "teacher")
    logits = predict(network, bench.resident(engine)["train"], engine)
    record = bench.results.dynamics(row["key"])
    p = torch.softmax(logits, 1).numpy()[np.arange(32), record.labels]
    np.testing.assert_allclose(record.p_gold[:, -1], p, rtol=1e-4)
    stored = bench.results.logits(row["key"]).float()
    torch.testing.assert_close(stored, logits, rtol=2**-10, atol=1e-5)  # a unit of float16's last
    assert np.array_equal(record.index, bench.split.train)
    assert np.array_equal(record.labels, bench.dataset.train.labels[record.index].numpy())
    assert len(bench.results.thumbnails("noise", bench.dataset.fingerprint)) == 32


@pytest.mark.parametrize(("n_own", "chance"), [(0, math.nan), (3, 2 / 3)])
def test_a_row_says_how_large_the_validation_split_is(
    tmp_path: Path, n_own: int, chance: float
) -> None:
    folder = make_folder(tmp_path / "noise")
    for i in range(n_own):
        to = folder / "val" / ("bright", "dark")[i % 2] / f"{i}.png"
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(next((folder / "test" / to.parent.name).iterdir()), to)
    bench = made_bench(folder, tmp_path / "results", epochs=1)
    teaching.train_teacher(bench, bench.teacher_run(models.resolve(TINY, role="teacher")))
    row = bench.results.teachers().iloc[0]
    assert (row["n_train"], row["n_val"]) == ((40, 3) if n_own else (32, 8))
    assert row["val_chance"] == pytest.approx(chance, nan_ok=True)


def test_an_interrupted_teacher_ends_with_the_same_dynamics(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (made_bench(folder, tmp_path / name, epochs=3) for name in ("whole", "cut"))
    spec = models.resolve(TINY, role="teacher")
    undisturbed = teaching.train_teacher(whole, whole.teacher_run(spec))

    with monkeypatch.context() as harm:
        harm.setattr(teaching, "epoch_quantities", interrupt_in_epoch(2))
        with pytest.raises(KeyboardInterrupt):
            teaching.train_teacher(cut, cut.teacher_run(spec))
    checkpoint = cut.results.checkpoint_path(undisturbed["key"])
    assert int(load_tensors(checkpoint)["epochs_done"]) == 1
    assert len(cut.results.teachers()) == 0

    resumed = teaching.train_teacher(
        made_bench(folder, tmp_path / "cut", epochs=3), cut.teacher_run(spec)
    )
    assert resumed["dynamics_sha256"] == undisturbed["dynamics_sha256"]
    assert resumed["logits_sha256"] == undisturbed["logits_sha256"]
    assert not checkpoint.exists()


def test_an_interrupted_teacher_keeps_its_engine(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = made_bench(folder, tmp_path)
    run = bench.teacher_run(models.resolve(TINY, role="teacher"))
    begun = Engine(device="cpu", layout="channels_last", threads=1)
    monkeypatch.setattr(Workbench, "engine", lambda *_: begun)
    with monkeypatch.context() as harm:
        harm.setattr(teaching, "epoch_quantities", interrupt_in_epoch(2))
        with pytest.raises(KeyboardInterrupt):
            teaching.train_teacher(bench, run)
    monkeypatch.setattr(Workbench, "engine", lambda *_: Engine(device="cuda"))
    with pytest.raises(ValueError, match="must go on on cpu, where it began, got cuda"):
        teaching.train_teacher(bench, run)
    monkeypatch.setattr(Workbench, "engine", lambda *_: Engine(device="cpu"))
    assert Engine.from_json(teaching.train_teacher(bench, run)["engine"]) == begun


def interrupt_in_epoch(number: int):  # type: ignore[no-untyped-def]
    real, calls = teaching.epoch_quantities, []

    def quantities(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return real(logits, labels)

    return quantities


def test_a_recorded_teacher_is_not_trained_again(folder: Path, tmp_path: Path) -> None:
    bench = made_bench(folder, tmp_path)
    run = bench.teacher_run(models.resolve(TINY, role="teacher"))
    first = teaching.train_teacher(bench, run)
    assert teaching.train_teacher(bench, run)["finished_at"] == first["finished_at"]
    assert len(bench.results.teachers()) == 1


@pytest.mark.parametrize("harm", ["flipped", "another run's"])
def test_a_checkpoint_that_is_not_the_runs_is_named_and_the_run_begins_again(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    harm: str,
) -> None:
    bench = made_bench(folder, tmp_path)
    run = bench.teacher_run(models.resolve(TINY, role="teacher"))
    with monkeypatch.context() as stop:
        stop.setattr(teaching, "epoch_quantities", interrupt_in_epoch(2))
        with pytest.raises(KeyboardInterrupt):
            teaching.train_teacher(bench, run)
    path = bench.results.checkpoint_path(run.key())
    if harm == "flipped":
        content = bytearray(path.read_bytes())
        content[-9] ^= 1
        path.write_bytes(content)
    else:
        save_tensors(path, load_tensors(path), {"key": "other"})
    teaching.train_teacher(bench, run)
    assert f"{path} is damaged or another run's; the run begins again" in capsys.readouterr().out
    assert bench.results.dynamics(run.key()).n_epochs == 2


def test_damaged_thumbnails_are_made_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = made_bench(folder, tmp_path)
    fingerprint = bench.dataset.fingerprint
    path = tmp_path / "thumbnails" / f"noise-{fingerprint}.parquet"
    path.parent.mkdir()
    path.write_text("no")
    teaching.train_teacher(bench, bench.teacher_run(models.resolve(TINY, role="teacher")))
    assert f"{path} must be as its run left it" in capsys.readouterr().out
    assert len(bench.results.thumbnails("noise", fingerprint)) == 32


def test_a_teacher_that_does_not_fit_is_not_begun(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = made_bench(folder, tmp_path)
    monkeypatch.setattr(memory, "free_bytes", lambda _: 1e3)
    with pytest.raises(MemoryError, match=r"this run needs up to 0\.0\d GB, got 0\.00 GB free"):
        teaching.train_teacher(bench, bench.teacher_run(bench.network("teacher")))
    assert bench.results.teachers().empty
