"""The files of allenai/cartography: their numbers on their format, restated here from the paper's
definitions; and each way a file can be wrong, by its line."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_loops import assert_same, expected_record, made_logits

from carto_helpers.formats.cartography_files import (
    cartography_metrics,
    read_cartography,
    write_cartography,
)


def write_all(folder: Path, logits: torch.Tensor, labels: torch.Tensor, ids: list[Any]) -> None:
    for epoch, of_epoch in enumerate(logits):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch))
        order = order if epoch else torch.arange(len(labels))
        names = [ids[at] for at in order]
        write_cartography(folder, epoch, names, of_epoch[order], labels[order])


def restated(folder: Path) -> dict[Any, dict[str, float]]:
    """Compute the five metrics line by line with Python's own numbers."""
    told: dict[Any, list[tuple[float, bool]]] = {}
    for epoch in range(len(list(folder.iterdir()))):
        for line in (folder / f"dynamics_epoch_{epoch}.jsonl").read_text().splitlines():
            example = json.loads(line)
            logits, gold = example[f"logits_epoch_{epoch}"], example["gold"]
            weights = [math.exp(z - max(logits)) for z in logits]
            is_right = logits.index(max(logits)) == gold
            told.setdefault(example["guid"], []).append((weights[gold] / sum(weights), is_right))
    return {name: metrics(epochs) for name, epochs in told.items()}


def metrics(epochs: list[tuple[float, bool]]) -> dict[str, float]:
    n = len(epochs)
    mean = sum(p for p, _ in epochs) / n
    right = "".join("1" if is_right else "0" for _, is_right in epochs)
    return {
        "threshold_closeness": mean * (1 - mean),
        "confidence": mean,
        "variability": math.sqrt(sum((p - mean) ** 2 for p, _ in epochs) / n),
        "correctness": right.count("1"),
        "forgetfulness": right.count("10") if "1" in right else 1000,
    }


def test_their_metrics_on_their_format(tmp_path: Path) -> None:
    logits, labels = made_logits(n=200, n_epochs=6, n_classes=3)
    ids = [10_000_000_000 + 7 * i for i in range(200)]
    write_all(tmp_path / "training_dynamics", logits, labels, ids)
    found = cartography_metrics(read_cartography(tmp_path)).set_index("guid")
    expected = restated(tmp_path / "training_dynamics")
    assert found.index.tolist() == list(expected) == ids
    assert {1000, 0, 1, 2} <= set(found["forgetfulness"])
    for name, numbers in expected.items():
        for metric, value in numbers.items():
            assert found.loc[name, metric] == pytest.approx(value, abs=2e-7), metric
    assert found["correctness"].tolist() == [row["correctness"] for row in expected.values()]


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=9))
def test_forgetfulness_counts_from_learnt_to_forgotten(trends: list[list[bool]]) -> None:
    is_right = np.array(trends)
    logits = torch.from_numpy(np.where(is_right, 1.0, -1.0))[:, :, None] * torch.tensor([1.0, -1])
    record = expected_record(logits.transpose(0, 1), torch.zeros(len(trends), dtype=torch.long))
    found = cartography_metrics(record)
    epochs = [[(0.5, right) for right in trend] for trend in trends]
    assert found["forgetfulness"].tolist() == [metrics(e)["forgetfulness"] for e in epochs]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    logits, labels = made_logits()
    ids = [f"a{i}" for i in range(22)] + ["y" * 100_000]
    write_all(tmp_path, logits, labels, ids)
    record = read_cartography(tmp_path, mode="evaluation")
    assert_same(record, expected_record(logits, labels))
    assert record.mode == "evaluation"
    assert record.ids is not None
    assert record.ids.tolist() == ids


def test_a_line_has_their_fields_in_their_order(tmp_path: Path) -> None:
    path = write_cartography(tmp_path, 3, [5], torch.tensor([[0.5, -1.25]]), [1])
    assert path.name == "dynamics_epoch_3.jsonl"
    assert path.read_text() == '{"guid":5,"logits_epoch_3":[0.5,-1.25],"gold":1}\n'


LINE = '{"guid":%s,"logits_epoch_0":%s,"gold":%s}\n'
GOOD = LINE % (1, "[0.5, 1.0]", 0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{\n", r"line 2: expected a JSON object, got \{ \("),
        ("[1]\n", r"line 2: expected an object with guid, logits_epoch_0 and gold, got \[1\]"),
        ('{"guid":1,"gold":0}\n', "line 2: expected an object with guid, logits_epoch_0 and gold"),
        (LINE % (2, "3", 0), "line 2: expected numbers in logits_epoch_0, got 3"),
        (LINE % (2, '["a", 1]', 0), "line 2: expected numbers in logits_epoch_0"),
        (LINE % (2, "[1.0]", 0), "line 2: expected at least two logits .* got 1 logits and gold 0"),
        (LINE % (2, "[1.0, 2.0]", 2), "line 2: .* got 2 logits and gold 2"),
        (LINE % (2, "[1.0, 2.0]", -1), "line 2: .* got 2 logits and gold -1"),
        (LINE % (2, "[1.0, 2.0]", "true"), "line 2: .* got 2 logits and gold True"),
        (LINE % (2, "[1.0, 2.0, 3.0]", 2), "line 2: expected 2 logits, got 3; mend that line"),
        (LINE % (2, "[1.0, NaN]", 0), r"line 2: expected finite logits, got \[1.0, nan\]"),
        (LINE % (1.5, "[1.0, 2.0]", 0), "line 2: expected a guid that is a string or a whole num"),
        (LINE % (2**63, "[1.0, 2.0]", 0), "line 2: expected a guid .* within 64 bits, got 922337"),
        (LINE % (2, f"[1.0, 1{'0' * 400}]", 0), "line 2: expected numbers in logits_epoch_0, got"),
        (LINE % ('"b"', "[1.0, 2.0]", 0), "line 2: expected a guid of int, as before, got 'b'"),
        (LINE % (1, "[1.0, 2.0]", 0), "line 2: expected each guid once, got 1 again"),
        ("\n" + "z" * 100_000, r"line 3: expected a JSON object, got z{57}\.\.\. \("),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, message: str) -> None:
    (tmp_path / "dynamics_epoch_0.jsonl").write_text(GOOD + bad)
    with pytest.raises(ValueError, match=rf"dynamics_epoch_0\.jsonl, {message}") as error:
        read_cartography(tmp_path)
    assert len(str(error.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (LINE % (3, "[1, 2]", 0), "line 1: expected a guid of dynamics_epoch_0.jsonl, got 3"),
        (LINE % (1, "[1, 2]", 1), "line 1: expected gold 0 as in dynamics_epoch_0.jsonl, got 1"),
        (LINE % (1, "[1, 2]", 0), "line 1: expected all 2 guids by the end, got 1 fewer"),
        (
            LINE % (2, "[1, 2, 3]", 0) + LINE % (1, "[1, 2, 3]", 0),
            "line 1: expected 2 logits, got 3",
        ),
        ("\n", "line 1: expected an example, got an empty file"),
    ],
)
def test_an_epoch_that_disagrees_is_named(tmp_path: Path, later: str, message: str) -> None:
    first = GOOD + LINE % (2, "[0.5, 1.0]", 0)
    (tmp_path / "dynamics_epoch_0.jsonl").write_text(first)
    text = later.replace("epoch_0", "epoch_1")
    (tmp_path / "dynamics_epoch_1.jsonl").write_text(text)
    with pytest.raises(ValueError, match=rf"dynamics_epoch_1\.jsonl, {message}"):
        read_cartography(tmp_path)


def test_a_missing_epoch_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dynamics_epoch_0\.jsonl, got 0 other epochs"):
        read_cartography(tmp_path)
    for epoch in (0, 2):
        write_cartography(tmp_path, epoch, [1], torch.tensor([[0.0, 1.0]]), [0])
    with pytest.raises(FileNotFoundError, match=r"dynamics_epoch_1\.jsonl, got 2 other epochs"):
        read_cartography(tmp_path)


def test_labels_are_one_an_example(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`labels` must be one a row of `logits`, got 2 for 1"):
        write_cartography(tmp_path, 0, [1], torch.tensor([[0.0, 1.0]]), [0, 1])


@pytest.mark.parametrize("label", [7, -1, 1.0, True])
def test_a_label_that_no_reader_takes_is_not_written(tmp_path: Path, label: float) -> None:
    said = f"`labels` must be whole numbers in 0 … 1, one for each logit, got {label}; pass"
    with pytest.raises(ValueError, match=said):
        write_cartography(tmp_path, 0, [1], torch.tensor([[0.0, 1.0]]), np.array([label]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        ([[0.0]], r"must be \(N, C\) with C at least 2, got \(1, 1\)"),
        ([[0.0, float("nan")]], r"must be finite, got \[0\.0, nan\] at row 0; look for a diverged"),
        ([[float("inf"), 0.0]], r"must be finite, got \[inf, 0\.0\] at row 0"),
    ],
)
def test_logits_that_no_reader_takes_are_not_written(
    tmp_path: Path, logits: list[Any], said: str
) -> None:
    with pytest.raises(ValueError, match=f"`logits` {said}"):
        write_cartography(tmp_path, 0, [1], torch.tensor(logits), [0])
    assert not list(tmp_path.iterdir())


def test_what_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dynamics_epoch_0.jsonl"
    path.write_bytes(b"\x80")
    with pytest.raises(ValueError, match=f"^{path} must be a text in UTF-8, got 'utf-8' codec"):
        read_cartography(tmp_path)


def test_lists_in_lists_without_end_are_named(tmp_path: Path) -> None:
    (tmp_path / "dynamics_epoch_0.jsonl").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"line 1: expected a JSON object, got \[{57}\.\.\. \("):
        read_cartography(tmp_path)
