"""Whether the parts of a record that was read fit each other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from carto_helpers.recording import DynamicsRecord
from carto_helpers.storage.plain_texts import short

_KINDS = {"p_gold": "f", "is_right": "b"}  # of NumPy's types


def check_record(record: DynamicsRecord, path: Path) -> DynamicsRecord:
    """Return a record that was read from `path`, if its parts fit each other.

    Raises
    ------
    ValueError
        If `p_gold` or `is_right` is missing or of another kind, shapes differ, a position is
        negative or comes twice, a probability lies outside [0, 1], or the label of an example that
        some epoch holds is no class.
    """
    fault = next(_faults(record), None)
    if fault:
        expected, got = fault
        raise ValueError(
            f"{path} must hold {expected}, got {short(got)}; restore it from a copy, or write it "
            "again"
        )
    return record


def _faults(record: DynamicsRecord) -> Iterator[tuple[str, object]]:
    """Yield what was expected and what came; each relies on those before."""
    quantities = record.quantities
    for name, kind in _KINDS.items():
        if name not in quantities:
            yield f"the quantity {name}", ", ".join(quantities) or "none"
        if quantities[name].dtype.kind != kind:
            yield f"{name} as {'fractions' if kind == 'f' else 'booleans'}", quantities[name].dtype
    shape = quantities["p_gold"].shape  # (N, E)
    if len(shape) != 2 or 0 in shape:
        yield "p_gold as (N, E), of an example and an epoch at least", shape
    for name, array in quantities.items():
        if array.shape != shape:
            yield f"{name} in the shape {shape} of p_gold", array.shape
    yield from _faults_of_examples(record)
    p = record.p_gold[~np.isnan(record.p_gold)]
    if not ((p >= 0) & (p <= 1)).all():
        yield "p_gold in [0, 1]", f"{p.min():g} to {p.max():g}"
    labels = record.labels[~np.isnan(record.p_gold).all(axis=1)]  # others are unknown
    if not ((labels >= 0) & (labels < len(record.classes))).all():
        got = f"{labels.min()} to {labels.max()}"
        yield f"labels that number its {len(record.classes)} classes from 0 on", got


def _faults_of_examples(record: DynamicsRecord) -> Iterator[tuple[str, object]]:
    n = len(record.p_gold)
    for name, array in (("index", record.index), ("labels", record.labels)):
        if array.shape != (n,) or array.dtype.kind not in "iu":
            yield f"{name} as {n} whole numbers", f"{array.dtype} of shape {array.shape}"
    if record.ids is not None and record.ids.shape != (n,):
        yield f"{n} ids", f"the shape {record.ids.shape}"
    n_different = len(np.unique(record.index))
    if n_different < n or record.index.min() < 0:
        got = f"{n_different} from {record.index.min()} on"
        yield f"{n} different positions from 0 on as index", got
