"""The files of the package `aum` (Pleiss et al. 2020): the area under the margin, as CSV."""

import csv
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from carto_helpers.storage.plain_texts import in_utf8, short

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")  # a number says it all: 007 is another name than 7
_LONGEST = 2**30  # characters of a field; csv's own limit is 131,072


def read_aum(path: str | Path) -> pd.DataFrame:
    """Return `aum_values.csv`: one row an example.

    Returns
    -------
    DataFrame
        `sample_id` (whole numbers if all are, none with leading zeros, else strings) and `aum`:
        the mean over the updates of the gold logit less the largest other logit; low is
        suspicious. In the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is none of this format, or a sample stands twice; file and line are named.
    """
    frame, lines = _read(Path(path), {"sample_id": str, "aum": float})
    _check_once(Path(path), frame[["sample_id"]], lines)
    return frame


def read_aum_records(path: str | Path) -> pd.DataFrame:
    """Return `full_aum_records.csv`: one row an example and update.

    The columns of single logits are left out: what `target_logit` and `target_val` hold (position
    or value) is swapped between versions of the package.

    Returns
    -------
    DataFrame
        `sample_id`, `num_measurements` (1, 2, …), `margin` of that update, and `aum` up to it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is none of this format, or an update stands twice; file and line are named.
    """
    kinds = {"sample_id": str, "num_measurements": int, "margin": float, "aum": float}
    frame, lines = _read(Path(path), kinds)
    _check_once(Path(path), frame[["sample_id", "num_measurements"]], lines)
    return frame


def _read(path: Path, kinds: dict[str, type]) -> tuple[pd.DataFrame, list[int]]:
    if not path.is_file():
        raise FileNotFoundError(f"expected a CSV file of the package aum at {path}, got none")
    limit = csv.field_size_limit(_LONGEST)
    try:
        with in_utf8(path):
            columns, lines = _columns(path, kinds)
    except csv.Error as error:
        raise _bad(path, 1, "CSV as the package writes it", str(error)) from error
    finally:
        csv.field_size_limit(limit)
    frame = pd.DataFrame(columns)
    names = columns["sample_id"]
    if all(_WHOLE.fullmatch(name) for name in names):
        frame["sample_id"] = [int(name) for name in names]
    return frame, lines


def _columns(path: Path, kinds: dict[str, type]) -> tuple[dict[str, list[Any]], list[int]]:
    columns: dict[str, list[Any]] = {name: [] for name in kinds}
    lines = []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if not set(kinds) <= set(rows.fieldnames or ()):
            raise _bad(path, 1, f"the columns {', '.join(kinds)}", f"{rows.fieldnames}")
        for row in rows:
            for name, kind in kinds.items():
                columns[name].append(_value(row[name], kind, path, rows.line_num))
            lines.append(rows.line_num)
    return columns, lines


def _value(text: str | None, kind: type, path: Path, line: int) -> Any:
    try:
        value: Any = kind(text or "") if kind is not str else text
    except ValueError as error:
        raise _bad(path, line, f"a {kind.__name__}", repr(text)) from error
    if value is None or (kind is float and not math.isfinite(value)):
        raise _bad(path, line, f"a finite {kind.__name__}", repr(text))
    return value


def _check_once(path: Path, keys: pd.DataFrame, lines: list[int]) -> None:
    again = keys.duplicated().to_numpy().nonzero()[0]
    if len(again):
        key = ", ".join(str(part) for part in keys.iloc[again[0]])
        raise _bad(path, lines[again[0]], "each sample's update once", f"{key} again")


def _bad(path: Path, line: int, expected: str, found: str) -> ValueError:
    return ValueError(
        f"{path}, line {line}: expected {expected}, got {short(found)}; mend that line"
    )
