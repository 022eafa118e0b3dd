"""Made rows and data maps for the tests of tables and figures, and what they ask of a chart."""

import base64
import json
import re
from typing import Any

import numpy as np
import pandas as pd
import vl_convert

from carto_helpers.comparison import CELL
from carto_helpers.config import STUDENT_COLUMNS

RANDOM = ("cifar10", "mobilenet", "random", 0.33, 0.0, 0.0, 0.0, 0.45)


def made_students(
    subsets: list[tuple[Any, ...]], *, seeds: int = 3, **changed: object
) -> pd.DataFrame:
    """Return rows for (dataset, student, rule, fraction, hard, ambiguous, easy, score) each."""
    rows = []
    for subset in subsets:
        for seed in range(seeds):
            row = dict.fromkeys(STUDENT_COLUMNS, "") | dict(zip(CELL, subset, strict=False))
            row |= {
                "test_macro_f1": subset[7] + 0.01 * (seed - (seeds - 1) / 2),
                "start": "scratch",
            }
            row |= {"recipe": json.dumps({"learning_rate": 0.001, "epochs": 10}), "seconds": 2.5}
            row |= {"dynamics_sha256": "aa", "method_version": 1, "student_seed": seed}
            row |= {
                "versions": json.dumps({"torch": "2.13.0"}),
                "finished_at": f"2026-01-0{seed + 1}",
            }
            key = {"key": "/".join(map(str, (*subset[:7], seed, *changed.values())))}
            rows.append(row | key | changed)
    return pd.DataFrame(rows)


def made_map(n: int = 200, *, images: int = 0, epochs: int = 10, seed: int = 0) -> pd.DataFrame:
    """Return a map frame of made training dynamics."""
    draw = np.random.default_rng(seed)
    p = draw.beta(draw.uniform(0.2, 3, (n, 1)), draw.uniform(0.2, 3, (n, 1)), (n, epochs))
    frame = pd.DataFrame({"index": draw.permutation(n), "label": draw.integers(0, 2, n)})
    frame["class"] = np.where(frame["label"] == 0, "cat", "dog")
    frame["confidence"], frame["variability"] = p.mean(1), p.std(1)
    frame["correctness"] = (p > 0.5).mean(1)
    frame["forgetfulness"] = (p[:, -1] - p[:, 0]) / epochs
    away_from_easy = np.hypot(frame["variability"], frame["confidence"] - 1)
    frame["region"] = np.where(away_from_easy.rank() <= 0.33 * n, "easy-to-learn", "")
    picture = "data:image/webp;base64," + base64.b64encode(bytes(250)).decode()
    frame["image"] = [picture if i < images else "" for i in draw.permutation(n)]
    return frame


def embedded_rows(chart: dict[str, Any]) -> list[int]:
    """Return how many rows each embedded data set holds."""
    return [len(rows) for rows in chart["datasets"].values()]


def width_of(chart: dict[str, Any]) -> float:
    """Return the drawn chart's width in pixels."""
    found = re.search(r'<svg[^>]* width="([\d.]+)"', vl_convert.vegalite_to_svg(chart))
    assert found is not None
    return float(found[1])


def views_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every innermost view of a chart."""
    inner = [v for key in ("concat", "hconcat", "vconcat", "layer") for v in chart.get(key, [])]
    return [leaf for view in inner for leaf in views_of(view)] if inner else [chart]
