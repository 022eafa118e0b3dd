"""Whole rows, a made image folder and a configuration for the tests of runs and records."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from carto_helpers.config import STUDENT_COLUMNS, TEACHER_COLUMNS, PhaseConfig, Recipe

TINY = "test_resnet"  # a timm network made for tests
_TEXT = {
    "dataset": "digits", "fingerprint": "f" * 16, "teacher_key": "t" * 16, "teacher": "resnet",
    "network": "resnet50", "student": "mobilenet", "start": "scratch", "rule": "random",
    "dynamics_sha256": "d" * 64, "logits_sha256": "e" * 64, "recipe": Recipe().to_json(),
    "engine": "{}", "device": "made", "versions": "{}", "commit": "", "key": "k" * 16,
    "finished_at": "2026-01-01T00:00:00+00:00",
}  # fmt: skip
_FLOATS = (
    "val_accuracy", "val_macro_f1", "test_accuracy", "test_macro_f1", "fraction", "seconds",
    "dynamics_seconds",
)  # fmt: skip
_SHARES = ("hard", "ambiguous", "easy")  # of a mix alone
_ADDED = ("train_loss", "n_val", "val_chance")  # not in the first records


def student_row(**changed: object) -> dict[str, Any]:
    """Return a whole row of students.csv."""
    return _row(STUDENT_COLUMNS) | changed


def teacher_row(**changed: object) -> dict[str, Any]:
    """Return a whole row of teachers.csv."""
    return _row(TEACHER_COLUMNS) | changed


def _row(columns: tuple[str, ...]) -> dict[str, Any]:
    numbers = dict.fromkeys(_FLOATS, 0.5) | dict.fromkeys(_SHARES, 0.0)
    numbers |= dict.fromkeys(_ADDED, math.nan)
    return {c: _TEXT.get(c, numbers.get(c, 1)) for c in columns}


def make_folder(folder: Path, n_train: int = 40, n_test: int = 12) -> Path:
    """Write bright and dark noise, 16 × 16 pixels, as an image folder of two classes."""
    draw = np.random.default_rng(0)
    for split, n in (("train", n_train), ("test", n_test)):
        for i in range(n):
            name, low = (("bright", 100), ("dark", 0))[i % 2]
            pixels = draw.integers(low, low + 155, (16, 16), dtype=np.uint8)
            path = folder / split / name / f"{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


def tiny_config(folder: Path | str, results: Path, **changed: Any) -> PhaseConfig:
    """Return a configuration that trains in a second: a tiny network, two epochs, one seed."""
    settings: dict[str, Any] = {
        "dataset": str(folder), "results": str(results), "teacher": TINY, "architecture": TINY,
        "architectures": (TINY,), "epochs": 2, "batch_size": 8, "device": "cpu", "fraction": 0.4,
        "fractions": (0.2, 1.0),
    }  # fmt: skip
    return PhaseConfig(**(settings | changed))
