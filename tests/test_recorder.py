"""A recorder in a loop of one's own: the record it leaves, resuming, and what it refuses."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_loops import assert_same, expected_record, made_logits, play
from torch.utils.data import DataLoader, TensorDataset

from carto_helpers.charts.data_map import data_map
from carto_helpers.config import SubsetSpec
from carto_helpers.recorders.indexed_dataset import IndexedDataset
from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.scoring import scores
from carto_helpers.selection import select


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("batch_size", [1, 5, 23])
def test_a_loop_leaves_the_record_of_its_logits(tmp_path: Path, batch_size: int) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    play(recorder, logits, labels, batch_size=batch_size)
    found = recorder.record()
    assert_same(found, expected_record(logits, labels))
    assert found.mode == "evaluation"
    assert recorder.epochs == (0, 1, 2)


@given(seed=st.integers(0, 2**32 - 1), batch_size=st.integers(1, 30))
@settings(max_examples=15)
def test_order_and_batch_size_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int, batch_size: int
) -> None:
    logits, labels = made_logits(n_epochs=1)
    recorder = DynamicsRecorder(23, tmp_path_factory.mktemp("dynamics"))
    order = torch.randperm(23, generator=torch.Generator().manual_seed(seed))
    for at in order.split(batch_size):
        recorder.update(0, at, logits[0][at], labels[at])
    assert_same(recorder.record(), expected_record(logits, labels))


def test_arrays_lists_and_tensors_of_any_kind_are_taken(tmp_path: Path) -> None:
    logits, labels = made_logits(n_epochs=4)
    recorder = DynamicsRecorder(23, tmp_path)
    index = torch.arange(23)
    recorder.update(0, index.int(), logits[0].requires_grad_(), labels.int())
    recorder.update(1, index.numpy(), logits[1].detach().numpy(), labels.numpy().astype(np.uint8))
    recorder.update(2, list(range(23)), logits[2].double(), labels.tolist())
    recorder.update(np.int64(3), range(23), logits[3].detach().bfloat16(), labels)
    found, expected = recorder.record(), expected_record(logits.detach(), labels)
    np.testing.assert_allclose(found.p_gold, expected.p_gold, atol=0.01)
    np.testing.assert_allclose(found.p_gold[:, :3], expected.p_gold[:, :3], atol=1e-6)


def test_probabilities_are_taken_where_there_are_no_logits(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    for epoch, of_epoch in enumerate(logits):
        recorder.update_probabilities(epoch, np.arange(23), of_epoch.softmax(1).numpy(), labels)
    assert_same(recorder.record(), expected_record(logits, labels))


def test_logits_made_in_inference_mode_are_taken(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    with torch.inference_mode():
        play(recorder, logits * 1, labels)
    recorder.update(3, torch.arange(23), logits[0], labels)
    assert recorder.record().n_epochs == 4


def test_an_interrupted_run_goes_on_to_equal_files(tmp_path: Path) -> None:
    logits, labels = made_logits()
    play(DynamicsRecorder(23, tmp_path / "whole"), logits, labels)
    whole = DynamicsRecorder(23, tmp_path / "whole")
    play(whole, logits, labels, first=2)
    whole.end_epoch()

    stopped = DynamicsRecorder(23, tmp_path / "parts")
    play(stopped, logits[:2], labels)
    stopped.update(1, [0], logits[1][:1], labels[:1])  # epoch 1 is under way, and lost
    again = DynamicsRecorder(23, tmp_path / "parts")
    assert again.next_epoch == 1
    play(again, logits, labels, first=1)
    again.end_epoch()
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_stop_while_an_epoch_is_written_leaves_the_epochs_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    play(recorder, logits[:2], labels)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("carto_helpers.recorders.epoch_folder.write_manifest", stop)
    with pytest.raises(KeyboardInterrupt):
        recorder.end_epoch()
    monkeypatch.undo()
    again = DynamicsRecorder(23, tmp_path)
    assert again.epochs == (0,)
    play(again, logits, labels, first=1)
    assert_same(again.record(), expected_record(logits, labels))


def test_a_context_ends_the_last_epoch_but_not_after_an_error(tmp_path: Path) -> None:
    logits, labels = made_logits()
    with DynamicsRecorder(23, tmp_path / "done") as recorder:
        play(recorder, logits, labels)
    assert recorder.epochs == (0, 1, 2)
    stopped = DynamicsRecorder(23, tmp_path / "stopped")

    def stop() -> None:
        with stopped:
            play(stopped, logits, labels)
            raise KeyError

    with pytest.raises(KeyError):
        stop()
    assert stopped.epochs == (0, 1)
    with DynamicsRecorder(23, tmp_path / "nothing"):
        pass
    assert not (tmp_path / "nothing").exists()


def test_the_books_loop_leaves_all_its_epochs_and_given_again_trains_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "book" / "your_loop.md").read_text(encoding="utf-8")
    loop, reading = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    train_set = TensorDataset(torch.randn(100, 3), torch.arange(100) % 2)
    loader = DataLoader(IndexedDataset(train_set), batch_size=32, shuffle=True)
    values = {"train_set": train_set, "loader": loader, "network": torch.nn.Linear(3, 2)}
    for _ in range(2):
        exec(loop, values)
        assert DynamicsRecorder.reopen("my_dynamics").epochs == tuple(range(10))
    exec(reading, values)
    assert len(values["ambiguous"]) == 33
    assert Path("map.html").is_file()


def test_epochs_may_be_left_out(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    for epoch, of_epoch in zip((1, 5, 20), logits, strict=True):
        recorder.update(epoch, range(23), of_epoch, labels)
    assert_same(recorder.record(), expected_record(logits, labels))
    assert recorder.epochs == (1, 5, 20)


def test_rewinding_forgets_later_epochs(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    play(recorder, logits.flip(1), labels)
    recorder.rewind(1)
    assert recorder.epochs == DynamicsRecorder.reopen(tmp_path).epochs == (0,)
    recorder.rewind(0)
    assert sorted(path.name for path in tmp_path.glob("*.*")) == [
        "recorder.json",
        "recorder.json.sha256",
    ]
    play(recorder, logits, labels.flip(0))  # labels are forgotten too
    assert_same(recorder.record(), expected_record(logits, labels.flip(0)))


def test_ids_mode_and_classes_come_back(tmp_path: Path) -> None:
    logits, labels = made_logits()
    ids = [f"example {i}" for i in range(22)] + ["x" * 100_000]
    classes = ("cat", "dog", "frog", "ship")
    recorder = DynamicsRecorder(23, tmp_path, "training", ids=ids, classes=classes)
    play(recorder, logits, labels)
    recorder.end_epoch()
    record = DynamicsRecorder.reopen(tmp_path).record()
    assert record.ids is not None
    assert record.ids.tolist() == ids
    assert (record.mode, record.classes) == ("training", classes)
    DynamicsRecorder(23, tmp_path, "training", ids=ids)  # those it was recorded with


def test_scores_frame_map_and_selection_work_on_a_record(tmp_path: Path) -> None:
    logits, labels = made_logits(n=40)
    recorder = DynamicsRecorder(40, tmp_path, ids=range(100, 140))
    play(recorder, logits, labels)
    found, expected = recorder.scores(), expected_record(logits, labels)
    for name, score in scores(expected.p_gold, expected.is_right).items():
        np.testing.assert_allclose(found[name], score, atol=1e-6)
    assert len(select(SubsetSpec(rule="ambiguous", fraction=0.33), found, seed=0)) == 13
    frame = recorder.to_frame()
    assert frame["id"].tolist() == list(range(100, 140))
    assert data_map(frame).to_dict()


def test_in_the_training_pass_examples_may_be_missing(tmp_path: Path) -> None:
    logits, labels = made_logits(n=6, n_epochs=3)
    recorder = DynamicsRecorder(6, tmp_path, "training", missing="nan")
    held = [[0, 1, 2, 3], [2, 3, 4, 5], [0, 1, 4, 5]]
    for epoch, at in enumerate(held):
        recorder.update(epoch, at, logits[epoch][at], labels[at])
    record = recorder.record()
    assert np.array_equal(np.argwhere(~np.isnan(record.p_gold.T))[:, 1].reshape(3, 4), held)
    assert np.array_equal(record.labels, labels.numpy())
    whole = expected_record(logits, labels)
    assert recorder.scores()["confidence"][0] == pytest.approx(whole.p_gold[0, [0, 2]].mean())


def test_what_is_no_batch_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    play(recorder, logits[:1], labels)
    with pytest.raises(ValueError, match=r"`index` must lie in 0 … 22, got 23 to 23"):
        recorder.update(1, [23], logits[0][:1], labels[:1])
    assert recorder.epochs == ()  # epoch 0 has not been ended by a batch that was refused
    with pytest.raises(ValueError, match="one column for each of 4 classes, got 3; pass all"):
        recorder.update(0, [0], logits[0][:1, :3], [0])
    with pytest.raises(ValueError, match="must be at least 0 and sum to 1 in each row"):
        recorder.update_probabilities(0, [0], logits[0][:1], [0])
    assert_same(recorder.record(), expected_record(logits[:1], labels))


def test_an_epoch_that_is_recorded_or_over_is_refused(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    play(recorder, logits, labels)
    for epoch in (0, -1):
        with pytest.raises(ValueError, match=rf"at least 2, got {epoch}: .* `rewind\({epoch}\)`"):
            recorder.update(epoch, [0], logits[0][:1], labels[:1])
    recorder.end_epoch()
    with pytest.raises(ValueError, match="`epoch` must be at least 3, got 2"):
        recorder.update(2, [0], logits[0][:1], labels[:1])


def test_a_missing_example_is_counted_and_may_be_added(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    recorder.update(0, range(20), logits[0][:20], labels[:20])
    with pytest.raises(ValueError, match="all 23 examples, got 20: 3 are missing, .* index 20"):
        recorder.update(1, range(23), logits[1], labels)
    recorder.update(0, range(20, 23), logits[0][20:], labels[20:])
    recorder.update(1, range(23), logits[1], labels)
    assert_same(recorder.record(), expected_record(logits[:2], labels))


def test_labels_that_change_are_refused_after_a_restart_too(tmp_path: Path) -> None:
    logits, labels = made_logits()
    play(DynamicsRecorder(23, tmp_path), logits[:2], labels)
    again = DynamicsRecorder(23, tmp_path)
    again.update(1, range(23), logits[1], (labels + torch.eye(23)[4].long()) % 4)
    with pytest.raises(ValueError, match="got 1 changed in epoch 1, the first at index 4"):
        again.end_epoch()


def test_a_diverged_network_is_named(tmp_path: Path) -> None:
    logits, labels = made_logits()
    recorder = DynamicsRecorder(23, tmp_path)
    recorder.update(0, range(23), logits[0].masked_fill(labels[:, None] == 0, torch.nan), labels)
    with pytest.raises(FloatingPointError, match=r"got NaN for \d+ of 23 examples; .* diverged"):
        recorder.end_epoch()


def test_nothing_recorded_is_no_record(tmp_path: Path) -> None:
    recorder = DynamicsRecorder(23, tmp_path)
    with pytest.raises(ValueError, match="must hold a finished epoch, got none; call `update`"):
        recorder.record()
    with pytest.raises(ValueError, match="expected an epoch under way, got none; call `update`"):
        recorder.end_epoch()
    with pytest.raises(FileNotFoundError, match="expected a recorder's folder at .*, got none"):
        DynamicsRecorder.reopen(tmp_path / "none")


def test_two_recorders_in_one_folder_are_refused(tmp_path: Path) -> None:
    logits, labels = made_logits()
    one, two = DynamicsRecorder(23, tmp_path), DynamicsRecorder(23, tmp_path)
    play(one, logits[:1], labels)
    one.end_epoch()
    play(two, logits[:1], labels)
    with pytest.raises(ValueError, match="must be written by one recorder, got epochs of another"):
        two.end_epoch()
