"""What must hold of a recorder's arguments and of an epoch before it is written."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from carto_helpers.recorders.epoch_buffer import UNSEEN, EpochArrays
from carto_helpers.recorders.epoch_folder import Manifest
from carto_helpers.storage.plain_texts import short

MODES = ("evaluation", "training")


def check_arguments(n_examples: int, mode: str, missing: str) -> None:
    """Refuse what no recorder can be made with.

    Raises
    ------
    ValueError
        If there is no example, or `mode` or `missing` is unknown or the two do not fit.
    """
    if n_examples < 1:
        raise ValueError(f"`n_examples` must be at least 1, got {n_examples}; pass len(train_set)")
    if mode not in MODES:
        raise ValueError(f"`mode` must be one of {', '.join(MODES)}, got {mode!r}; pass one")
    if missing not in ("error", "nan"):
        raise ValueError(f"`missing` must be 'error' or 'nan', got {missing!r}; pass one of them")
    if missing == "nan" and mode != "training":
        raise ValueError(
            "missing='nan' is for loaders of a training pass that drop a batch, got mode "
            f"{mode!r}; record every example, or pass mode='training'"
        )


def check_mode(mode: str, expected: str) -> None:
    """Refuse a recorder whose file would name the wrong pass.

    Raises
    ------
    ValueError
        If `mode` is not the one expected.
    """
    if mode != expected:
        raise ValueError(
            f"these logits are of the {expected} pass, got a recorder of mode {mode!r}; "
            f"pass mode={expected!r} to DynamicsRecorder, or record the other pass"
        )


def same_setting(path: Path, found: Manifest, asked: Manifest) -> Manifest:
    """Return what the folder holds, if it is what is asked for.

    Raises
    ------
    ValueError
        If it was recorded with another size, mode or other classes.
    """
    wanted = asked if asked.classes else replace(asked, classes=found.classes)
    for name in ("n_examples", "mode", "classes"):
        there, here = getattr(found, name), getattr(wanted, name)
        if there != here:
            raise ValueError(
                f"`{name}` must be {there!r} as {path} was recorded with, got {here!r}; "
                "pass that, or name another folder"
            )
    return found


def same_ids(
    path: Path, found: Shaped[np.ndarray, " N"] | None, asked: Shaped[np.ndarray, " N"] | None
) -> Shaped[np.ndarray, " N"] | None:
    """Return the ids that the folder holds, if they are those asked for.

    Raises
    ------
    ValueError
        If they are others.
    """
    if asked is None or (found is not None and np.array_equal(found, asked)):
        return found
    n = len(asked) if found is None else int(np.sum(found != asked))
    raise ValueError(
        f"`ids` must be those that {path} was recorded with, got {n} others; "
        "pass the same in the same order, or name another folder"
    )


def as_ids(
    ids: Sequence[int] | Sequence[str] | Shaped[np.ndarray, " N"] | None, n_examples: int
) -> Shaped[np.ndarray, " N"] | None:
    """Return ids as int64, or, of strings, as objects: one long name makes no other longer.

    Raises
    ------
    ValueError
        If there is not one an example, some are equal, or a whole number is beyond 64 bits.
    TypeError
        If they are neither whole numbers nor strings.
    """
    if ids is None:
        return None
    names = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    if len(names) != n_examples or len(set(names)) != n_examples:
        raise ValueError(
            f"`ids` must be {n_examples} different names, one an example, got {len(names)} of "
            f"which {len(set(names))} differ; pass one an example"
        )
    kinds = {type(name) for name in names}
    if kinds not in ({int}, {str}):
        raise TypeError(
            f"`ids` must be all int or all str, got {', '.join(sorted(k.__name__ for k in kinds))};"
            " pass one kind"
        )
    try:
        return np.array(names, dtype=np.int64 if kinds == {int} else object)
    except OverflowError as error:
        largest = max(names, key=abs)
        raise ValueError(
            f"`ids` that are whole numbers must fit into 64 bits, got {short(largest, 60)}; pass "
            "them as strings"
        ) from error


def check_epoch(
    epoch: int, arrays: EpochArrays, known: Int[Tensor, " N"], *, missing: str
) -> Int[Tensor, " N"]:
    """Return the gold labels known after this epoch, checked against those known before.

    Raises
    ------
    ValueError
        If a position or label was out of range, examples are missing, or a label has changed.
    FloatingPointError
        If a probability is not a number.
    """
    _check_range(epoch, arrays)
    n, seen = len(known), arrays.is_seen
    if missing == "error" and not bool(seen.all()):
        absent = torch.nonzero(~seen)[:, 0]
        raise ValueError(
            f"epoch {epoch} must hold all {n} examples, got {n - len(absent)}: {len(absent)} are "
            f"missing, the first at index {int(absent[0])}; record them too (drop_last=False, "
            "every process), or in the training pass pass missing='nan'"
        )
    n_nan = int(arrays.quantities["p_gold"][seen].isnan().sum())
    if n_nan:
        raise FloatingPointError(
            f"epoch {epoch} must have finite logits, got NaN for {n_nan} of {n} examples; "
            "the network has diverged: lower the learning rate"
        )
    changed = torch.nonzero(seen & (known != UNSEEN) & (arrays.labels != known))[:, 0]
    if len(changed):
        at = int(changed[0])
        raise ValueError(
            f"gold labels must stay as they were, got {len(changed)} changed in epoch {epoch}, "
            f"the first at index {at} from {int(known[at])} to {int(arrays.labels[at])}; "
            "pass each example's own position, or record changed labels into another folder"
        )
    return torch.where(seen, arrays.labels, known)


def _check_range(epoch: int, arrays: EpochArrays) -> None:
    counts = {"index": arrays.n_wrong_index, "labels": arrays.n_wrong_label}
    for name, n_wrong in counts.items():
        if n_wrong:
            limit = "0 … N - 1" if name == "index" else "0 … C - 1"
            raise ValueError(
                f"`{name}` must lie in {limit}, got {n_wrong} outside it in epoch {epoch}; "
                "look for them, `rewind` to this epoch and record it again"
            )
