"""Arguments, settings and epochs that a recorder refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from carto_helpers.recorders.epoch_buffer import UNSEEN, EpochArrays
from carto_helpers.recorders.epoch_checks import (
    as_ids,
    check_arguments,
    check_epoch,
    check_mode,
    same_ids,
    same_setting,
)
from carto_helpers.recorders.epoch_folder import Manifest

FOUND = Manifest(n_examples=4, mode="training", classes=("a", "b"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "training", "error"), "`n_examples` must be at least 1, got 0; pass len"),
        ((4, "train", "error"), "`mode` must be one of evaluation, training, got 'train'"),
        ((4, "training", "zero"), "`missing` must be 'error' or 'nan', got 'zero'"),
        ((4, "evaluation", "nan"), "for loaders of a training pass that drop a batch"),
    ],
)
def test_arguments_without_sense_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_arguments(*arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_examples": 5}, "`n_examples` must be 4 as here was recorded with, got 5"),
        ({"mode": "evaluation"}, "`mode` must be 'training' as here .* got 'evaluation'"),
        ({"classes": ("a", "c")}, r"`classes` must be \('a', 'b'\) .* got \('a', 'c'\)"),
    ],
)
def test_another_setting_is_refused(change: dict[str, Any], message: str) -> None:
    asked = Manifest(**{"n_examples": 4, "mode": "training", "classes": ()} | change)
    with pytest.raises(ValueError, match=message):
        same_setting(Path("here"), FOUND, asked)


def test_ids_are_those_recorded() -> None:
    ids = as_ids(["a", "b"], 2)
    assert same_ids(Path("here"), ids, None) is ids
    assert same_ids(Path("here"), ids, as_ids(["a", "b"], 2)) is ids
    with pytest.raises(ValueError, match="`ids` must be those that here .* got 1 others"):
        same_ids(Path("here"), ids, as_ids(["a", "c"], 2))
    with pytest.raises(ValueError, match="got 2 others"):
        same_ids(Path("here"), None, ids)


def test_ids_are_one_an_example_and_of_one_kind() -> None:
    assert as_ids(None, 3) is None
    whole = as_ids(range(3), 3)
    assert whole is not None
    assert whole.dtype == np.int64
    with pytest.raises(ValueError, match="3 different names, .* got 2 of which 2 differ"):
        as_ids(["a", "b"], 3)
    with pytest.raises(ValueError, match="got 3 of which 2 differ"):
        as_ids(np.array(["a", "b", "a"]), 3)
    with pytest.raises(TypeError, match="all int or all str, got int, str; pass one kind"):
        as_ids([1, "b"], 2)
    with pytest.raises(ValueError, match="must fit into 64 bits, got 9223372036854775808; pass th"):
        as_ids([1, 2**63], 2)
    edges = as_ids([-(2**63), 2**63 - 1], 2)
    assert edges is not None and edges.tolist() == [-(2**63), 2**63 - 1]


def arrays(labels: list[int], p_gold: float = 0.5, wrong: tuple[int, int] = (0, 0)) -> EpochArrays:
    return EpochArrays(
        quantities={"p_gold": torch.full((len(labels),), p_gold)},
        labels=torch.tensor(labels),
        n_wrong_index=wrong[0],
        n_wrong_label=wrong[1],
    )


def test_labels_are_learnt_and_kept() -> None:
    known = torch.tensor([UNSEEN, 1, UNSEEN])
    found = check_epoch(0, arrays([0, UNSEEN, UNSEEN]), known, missing="nan")
    assert found.tolist() == [0, 1, UNSEEN]


@pytest.mark.parametrize(
    ("epoch", "message"),
    [
        (arrays([0, 1], wrong=(2, 0)), r"`index` must lie in 0 … N - 1, got 2 outside it in epoch"),
        (arrays([0, 1], wrong=(0, 1)), r"`labels` must lie in 0 … C - 1, got 1 outside it"),
        (arrays([0, UNSEEN]), "all 2 examples, got 1: 1 are missing, the first at index 1"),
        (arrays([0, 0]), "got 1 changed in epoch 7, the first at index 1 from 1 to 0"),
    ],
)
def test_an_epoch_that_is_not_whole_is_refused(epoch: EpochArrays, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_epoch(7, epoch, torch.tensor([0, 1]), missing="error")


def test_nan_is_named_as_divergence() -> None:
    with pytest.raises(FloatingPointError, match="epoch 7 must have finite logits, got NaN for 2"):
        check_epoch(7, arrays([0, 1], torch.nan), torch.tensor([0, 1]), missing="error")


def test_the_file_names_the_pass_that_was_recorded() -> None:
    check_mode("training", "training")
    with pytest.raises(ValueError, match="of the training pass, got a recorder of mode 'evaluat"):
        check_mode("evaluation", "training")
