"""Rows with their marks of doubt, from the record that they lie in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from carto_helpers.config import SubsetSpec
from carto_helpers.doubts import Evidence, evidence, meanings, student_doubts, teacher_doubts
from carto_helpers.own_subsets import positions
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results


def with_doubts(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of teachers.csv or students.csv with the column `doubts`: a tuple of marks each.

    Parameters
    ----------
    results
        The record that they are from.
    rows
        Those that are shown together; may be empty.
    """
    if rows.empty:
        return rows.assign(doubts=pd.Series(dtype=object))
    if "teacher_key" not in rows:
        records = {str(key): _dynamics(results, str(key)) for key in rows["key"]}
        marks = teacher_doubts(rows, _evidence(records))
    else:
        records = {str(key): _dynamics(results, str(key)) for key in rows["teacher_key"].unique()}
        teachers = results.teachers()
        teachers = teachers[teachers["key"].isin(list(records))]
        marks = student_doubts(rows, teachers, _evidence(records), _lost(results, rows, records))
    doubts = pd.Series([marks[str(key)] for key in rows["key"]], index=rows.index, dtype=object)
    return rows.assign(doubts=doubts)


def doubt_lines(results: Results) -> list[str]:
    """Return which runs of a record are doubtful, by mark, as lines of text; none if none is."""
    tables = (results.teachers(), results.students())
    rows = pd.concat([with_doubts(results, table)[["key", "doubts"]] for table in tables])
    keys: dict[str, list[str]] = {}
    for key, marks in rows.itertuples(index=False):
        for mark in marks:
            keys.setdefault(mark, []).append(key)
    lines = [f"  {mark}: {', '.join(found)}" for mark, found in keys.items()]
    return ["", "doubtful runs, by their keys:", *lines, meanings(keys)] if keys else []


def _dynamics(results: Results, key: str) -> DynamicsRecord | None:
    """Return a teacher's dynamics, or None where they are missing or damaged."""
    try:
        return results.dynamics(key)
    except (FileNotFoundError, ValueError):
        return None


def _evidence(records: Mapping[str, DynamicsRecord | None]) -> dict[str, Evidence | None]:
    return {
        key: evidence(record.labels, len(record.classes), record.quantities) if record else None
        for key, record in records.items()
    }


def _lost(
    results: Results, students: pd.DataFrame, records: Mapping[str, DynamicsRecord | None]
) -> dict[str, list[str] | None]:
    """Return by key the classes that a student's subset holds no image of, None if not known."""
    subsets: dict[tuple[Any, ...], list[str] | None] = {}
    lost: dict[str, list[str] | None] = {}
    for row in students.to_dict("records"):
        record = records[str(row["teacher_key"])]
        if record is None:
            continue
        spec = SubsetSpec(**{name: row[name] for name in SubsetSpec.__dataclass_fields__})
        place = (row["teacher_key"], spec, row["subset_seed"] if spec.is_seeded else None)
        if place not in subsets:
            try:
                chosen = positions(results, record, spec, seed=row["subset_seed"])
            except (FileNotFoundError, ValueError):  # a subset of one's own, missing or damaged
                subsets[place] = None
            else:
                subsets[place] = _absent(record, chosen)
        lost[str(row["key"])] = subsets[place]
    return lost


def _absent(record: DynamicsRecord, chosen: np.ndarray) -> list[str]:
    """Return the classes that the subset holds no image of, be it for the split's draw."""
    left = set(np.unique(record.labels[chosen]))
    return [name for label, name in enumerate(record.classes) if label not in left]
