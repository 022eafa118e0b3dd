"""The files of allenai/cartography (Swayamdipta et al. 2020): logits of every epoch as JSON lines.

`dynamics_epoch_0.jsonl`, … hold a line an example: `guid`, `logits_epoch_0` and `gold`.
"""

import json
import re
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int64, Shaped
from torch import Tensor

from carto_helpers.dynamics import confidence, forgetting_events, never_learnt, variability
from carto_helpers.recorders.epoch_checks import as_ids
from carto_helpers.recording import DynamicsRecord, epoch_quantities, stack_epochs
from carto_helpers.records import replacing
from carto_helpers.storage.plain_texts import in_utf8

NEVER_LEARNT = 1000  # their forgetfulness of an example that was never right
_NAME = re.compile(r"dynamics_epoch_(\d+)\.jsonl")


class _Epoch(NamedTuple):
    """One file: names, logits (N, C), gold labels (N,), and the line each stood in."""

    path: Path
    ids: list[Any]  # all int or all str
    logits: Float64[np.ndarray, "N C"]
    gold: Int64[np.ndarray, " N"]
    lines: list[int]


def read_cartography(folder: str | Path, *, mode: str = "training") -> DynamicsRecord:
    """Return the dynamics in a folder of `dynamics_epoch_N.jsonl`.

    Parameters
    ----------
    folder
        That folder, or the model's folder whose `training_dynamics` it is.
    mode
        In which pass the logits were taken; the original code takes the training pass.

    Returns
    -------
    DynamicsRecord
        In the order of the first epoch's lines; `ids` are the guids.

    Raises
    ------
    FileNotFoundError
        If there is no epoch 0, or one is missing between others.
    ValueError
        If a line is none of this format or disagrees with the epochs before; file and line are
        named.
    """
    paths = _epoch_files(Path(folder))
    epochs = [_read_epoch(path, number) for number, path in enumerate(paths)]
    first = epochs[0]
    place = {name: at for at, name in enumerate(first.ids)}
    quantities = []
    for epoch in epochs:
        logits = epoch.logits[_order(epoch, first, place)]
        quantities.append(epoch_quantities(torch.from_numpy(logits), torch.from_numpy(first.gold)))
    classes = tuple(str(label) for label in range(first.logits.shape[1]))
    record = stack_epochs(np.arange(len(first.ids)), first.gold, classes, quantities)
    return DynamicsRecord(**vars(record) | {"mode": mode, "ids": as_ids(first.ids, len(first.ids))})


def write_cartography(
    folder: str | Path,
    epoch: int,
    ids: Sequence[int] | Sequence[str] | Shaped[np.ndarray, " N"],
    logits: Float64[np.ndarray, "N C"] | Shaped[np.ndarray, "N C"] | Shaped[Tensor, "N C"],
    labels: Sequence[int] | Shaped[np.ndarray, " N"] | Shaped[Tensor, " N"],
) -> Path:
    """Write one epoch's logits as `dynamics_epoch_N.jsonl`; return its path.

    Parameters
    ----------
    folder
        Where it lies; the original code looks in `training_dynamics` of the model's folder.
    epoch
        N, from 0, without gaps.
    ids
        The examples' names, (N,).
    logits
        The network's outputs, (N, C), finite, of two classes or more.
    labels
        Gold labels, (N,).

    Raises
    ------
    ValueError
        If logits are of another shape or not finite, the lengths differ, names are equal or beyond
        64 bits, or a label is no number of a logit.
    """
    scores = torch.as_tensor(logits).detach().cpu().double()
    _check_logits(scores)
    rows, n_classes = scores.tolist(), scores.shape[1]
    gold = torch.as_tensor(labels).tolist()
    names = as_ids(ids, len(rows))
    if len(gold) != len(rows) or names is None:
        raise ValueError(
            f"`labels` must be one a row of `logits`, got {len(gold)} for {len(rows)}; "
            "pass the same examples"
        )
    for label in gold:
        if type(label) is not int or not 0 <= label < n_classes:
            raise ValueError(
                f"`labels` must be whole numbers in 0 … {n_classes - 1}, one for each logit, got "
                f"{label}; pass the number of the gold label's logit"
            )
    path = Path(folder) / f"dynamics_epoch_{epoch}.jsonl"
    with replacing(path) as beside, beside.open("w", encoding="utf-8") as file:
        for name, row, label in zip(names.tolist(), rows, gold, strict=True):
            line = {"guid": name, f"logits_epoch_{epoch}": row, "gold": label}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    return path


def cartography_metrics(record: DynamicsRecord) -> pd.DataFrame:
    """Return the metrics in the columns and units of allenai/cartography, for its own tools.

    Returns
    -------
    DataFrame
        `guid`, `index` (row), `threshold_closeness` (confidence · (1 - confidence)),
        `confidence`, `variability`, `correctness` (count of right epochs) and `forgetfulness`
        (count of forgetting events, 1000 where the example was never right).
    """
    n = len(record.index)
    p_gold = record.p_gold.astype(np.float64)
    mean = confidence(p_gold)
    is_never = never_learnt(record.is_right)
    return pd.DataFrame(
        {
            "guid": record.index if record.ids is None else record.ids,
            "index": np.arange(n),
            "threshold_closeness": mean * (1 - mean),
            "confidence": mean,
            "variability": variability(p_gold),
            "correctness": record.is_right.sum(1),
            "forgetfulness": np.where(is_never, NEVER_LEARNT, forgetting_events(record.is_right)),
        }
    )


def _epoch_files(folder: Path) -> list[Path]:
    inner = folder / "training_dynamics"
    place = inner if inner.is_dir() else folder
    matches = [match for path in place.glob("*.jsonl") if (match := _NAME.fullmatch(path.name))]
    found = {int(match[1]): place / match[0] for match in matches}
    for number in range(max(found, default=0) + 1):
        if number not in found:
            raise FileNotFoundError(
                f"expected {place / f'dynamics_epoch_{number}.jsonl'}, got "
                f"{len(found)} other epochs; name the folder with all epochs from 0"
            )
    return [found[number] for number in sorted(found)]


def _read_epoch(path: Path, number: int) -> _Epoch:
    ids: list[Any] = []
    rows: list[Sequence[float]] = []
    gold, lines = [], []
    with in_utf8(path), path.open(encoding="utf-8") as file:
        for at, line in enumerate(file, start=1):
            if line.strip():
                name, row, label = _parse(line, f"{path}, line {at}", f"logits_epoch_{number}")
                if rows and len(row) != len(rows[0]):
                    raise _bad(f"{path}, line {at}", f"{len(rows[0])} logits", f"{len(row)}")
                if ids and type(name) is not type(ids[0]):
                    kind = type(ids[0]).__name__
                    raise _bad(f"{path}, line {at}", f"a guid of {kind}, as before", repr(name))
                ids.append(name)
                rows.append(row)
                gold.append(label)
                lines.append(at)
    if not rows:
        raise _bad(f"{path}, line 1", "an example", "an empty file")
    logits = np.array(rows, dtype=np.float64)
    for at in np.flatnonzero(~np.isfinite(logits).all(1))[:1]:
        raise _bad(f"{path}, line {lines[at]}", "finite logits", f"{logits[at].tolist()}")
    return _Epoch(path, ids, logits, np.array(gold), lines)


def _parse(line: str, place: str, field: str) -> tuple[int | str, Sequence[float], int]:
    try:
        example: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _bad(place, "a JSON object", f"{_short(line)} ({error})") from error
    if not isinstance(example, dict) or not {"guid", field, "gold"} <= example.keys():
        raise _bad(place, f"an object with guid, {field} and gold", _short(line))
    name, gold = example["guid"], example["gold"]
    try:
        row = array("d", example[field])
    except (TypeError, OverflowError) as error:
        raise _bad(place, f"numbers in {field}", _short(str(example[field]))) from error
    if type(name) not in (int, str) or (type(name) is int and name.bit_length() > 63):
        expected = "a guid that is a string or a whole number within 64 bits"
        raise _bad(place, expected, _short(str(name)))
    if len(row) < 2 or type(gold) is not int or not 0 <= gold < len(row):
        expected = "at least two logits and as gold the number of one"
        raise _bad(place, expected, f"{len(row)} logits and gold {_short(str(gold))}")
    return name, row, gold


def _check_logits(scores: Float64[Tensor, "..."]) -> None:
    """Raise unless `read_cartography` would take the logits."""
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            f"`logits` must be (N, C) with C at least 2, got {tuple(scores.shape)}; pass a row an "
            "example, a column a class"
        )
    for at in torch.isfinite(scores).all(1).logical_not().nonzero()[:1, 0].tolist():
        raise ValueError(
            f"`logits` must be finite, got {scores[at].tolist()} at row {at}; look for a diverged "
            "epoch"
        )


def _order(epoch: _Epoch, first: _Epoch, place: dict[int | str, int]) -> Int64[np.ndarray, " N"]:
    """Return where each example of the first epoch stands in this one, checked."""
    order = np.full(len(first.ids), -1)
    for at, (name, gold) in enumerate(zip(epoch.ids, epoch.gold, strict=True)):
        row = place.get(name, -1)
        here = f"{epoch.path}, line {epoch.lines[at]}"
        if row < 0:
            raise _bad(here, f"a guid of {first.path.name}", _short(repr(name)))
        if order[row] >= 0:
            raise _bad(here, "each guid once", f"{_short(repr(name))} again")
        if gold != first.gold[row]:
            raise _bad(here, f"gold {first.gold[row]} as in {first.path.name}", f"{gold}")
        order[row] = at
    n_absent = int((order < 0).sum())
    if n_absent:
        here = f"{epoch.path}, line {epoch.lines[-1]}"
        raise _bad(here, f"all {len(order)} guids by the end", f"{n_absent} fewer")
    if epoch.logits.shape[1] != first.logits.shape[1]:
        here = f"{epoch.path}, line {epoch.lines[0]}"
        raise _bad(here, f"{first.logits.shape[1]} logits", f"{epoch.logits.shape[1]}")
    return order


def _bad(place: str, expected: str, found: str) -> ValueError:
    return ValueError(
        f"{place}: expected {expected}, got {found}; mend that line, or write it anew"
    )


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 60 else f"{text[:57]}..."
