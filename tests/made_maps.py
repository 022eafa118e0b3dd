"""Made teacher's maps for the tests of claims: dynamics from given gold-label probabilities."""

import numpy as np

from carto_helpers.findings.teacher_map import TeacherMap
from carto_helpers.recording import DynamicsRecord
from carto_helpers.scoring import scores


def made_map(p_gold, *, labels=None, soft=None, classes=("cat", "dog")) -> TeacherMap:
    """Return a map of these probabilities, (N, E); right is what exceeds one half."""
    p_gold = np.asarray(p_gold, dtype=np.float32)
    labels = np.zeros(len(p_gold), dtype=np.int64) if labels is None else np.asarray(labels)
    is_right, loss = p_gold > 0.5, -np.log(np.maximum(p_gold, 1e-7))
    record = DynamicsRecord(
        index=np.arange(len(p_gold)),
        labels=labels,
        classes=classes,
        quantities={"p_gold": p_gold, "is_right": is_right, "loss": loss},
    )
    return TeacherMap(
        dataset="mnist",
        network="resnet50",
        record=record,
        statistics=scores(p_gold, is_right),
        soft=None if soft is None else np.asarray(soft, dtype=np.float64),
    )


def steady(p: float, n: int) -> list[list[float]]:
    """Return n examples whose gold label has one probability, but for a little, in ten epochs."""
    noise = np.random.default_rng(n).uniform(-0.01, 0.01, (n, 10))
    return np.clip(p + noise, 0, 1).tolist()


def learnt(n: int) -> list[list[float]]:
    """Return n examples that are wrong for five epochs, then right."""
    return [[0.05] * 5 + [0.95] * 5 for _ in range(n)]
