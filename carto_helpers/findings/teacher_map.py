"""One teacher's data map as arrays: statistics, soft labels, and the subsets that they choose."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int64

from carto_helpers.config import SubsetSpec, start_name
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results
from carto_helpers.scoring import scores
from carto_helpers.selection import ANCHORS, nearest_anchor, select


@dataclass(frozen=True, kw_only=True)
class TeacherMap:
    """What a teacher made of the training split, one row an example in the split's order.

    `record` holds the dynamics, `statistics` the four scores by name, each (N,), and `soft` the
    soft labels at temperature 1, (N, C), None where the record keeps no logits.
    """

    dataset: str
    network: str
    record: DynamicsRecord
    statistics: dict[str, Float[np.ndarray, " N"]]
    soft: Float[np.ndarray, "N C"] | None = None

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.record.labels)

    def subset(
        self, rule: str, *, fraction: float = 0.33, seed: int = 0
    ) -> Int64[np.ndarray, " n"]:
        """Return the positions that a rule chooses, as students of this teacher see them."""
        return select(SubsetSpec(rule=rule, fraction=fraction), self.statistics, seed=seed)

    def shared(self, other: "TeacherMap", rule: str, *, fraction: float = 0.33) -> float:
        """Return the share of a rule's subset that the same rule chooses by `other` too."""
        ours, theirs = (one.subset(rule, fraction=fraction) for one in (self, other))
        return len(np.intersect1d(ours, theirs)) / len(ours)

    def lies_nearest(self, region: str) -> Bool[np.ndarray, " N"]:
        """Return which examples lie nearest to the anchor of a region."""
        is_in: np.ndarray = nearest_anchor(self.statistics) == list(ANCHORS).index(region)
        return is_in

    def entropy(self) -> Float[np.ndarray, " N"]:
        """Return the entropy of each soft label in nats, 0 … ln C.

        Raises
        ------
        ValueError
            If the record keeps no logits.
        """
        if self.soft is None:
            raise ValueError(
                f"the entropy of soft labels needs logits, got none for {self.network} on "
                f"{self.dataset}; keep logits/<teacher key>.safetensors beside the dynamics"
            )
        log_p = np.log(np.maximum(self.soft, 1e-300))  # 0 · ln 0 counts as 0
        entropy: np.ndarray = -(self.soft * log_p).sum(axis=1)
        return entropy


def teacher_map(results: Results, key: str) -> TeacherMap:
    """Return the map of one recorded teacher.

    Raises
    ------
    FileNotFoundError
        If its dynamics are not in the record.
    """
    row, record = results.teacher(key), results.dynamics(key)
    has_logits = (results.folder / "logits" / f"{key}.safetensors").is_file()
    return TeacherMap(
        dataset=str(row["dataset"]),
        network=str(row["network"]),
        record=record,
        statistics=scores(record.p_gold, record.is_right),
        soft=softmax(results.logits(key).float().numpy()) if has_logits else None,
    )


def recorded_maps(results: Results, dataset: str) -> list[str]:
    """Return the keys of a data set's teachers whose dynamics are kept, the strongest first.

    Strength is macro F1 on the validation split, by which the paper chooses its teachers.
    """
    rows = results.teachers()
    rows = rows[rows["dataset"] == dataset].sort_values("val_macro_f1", ascending=False)
    folder = results.folder / "dynamics"
    return [key for key in rows["key"] if (folder / f"{key}.parquet").is_file()]


def softmax(logits: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "N C"]:
    """Return each row's probabilities, in float64.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    wide = np.asarray(logits, dtype=np.float64)
    raised = np.exp(wide - wide.max(axis=1, keepdims=True))
    p: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
    return p


def strengths(results: Results, keys: Sequence[str]) -> pd.DataFrame:
    """Return the strength of each of the teachers with a map, and how its examples lie.

    Parameters
    ----------
    results
        The record.
    keys
        Of teachers whose dynamics are kept, the strongest first.

    Returns
    -------
    DataFrame
        One row a teacher, in the order of `keys`: `network`, `start`, `val_macro_f1`, `easy` (share
        of examples nearest to the anchor of easy-to-learn) and `middle_left` (share with
        confidence within 0.25 of one half and variability below 0.25: the middle half of the one
        axis, the lower half of the other).
    """
    rows = []
    for key in keys:
        row, found = results.teacher(key), teacher_map(results, key)
        v, c = found.statistics["variability"], found.statistics["confidence"]
        rows.append({
            "network": row["network"],
            "start": start_name(row["start"]),
            "val_macro_f1": float(row["val_macro_f1"]),
            "easy": float(found.lies_nearest("easy-to-learn").mean()),
            "middle_left": float(((abs(c - 0.5) < 0.25) & (v < 0.25)).mean()),
        })  # fmt: skip
    columns = ["network", "start", "val_macro_f1", "easy", "middle_left"]
    return pd.DataFrame(rows, columns=columns)
