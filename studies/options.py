"""What every study of trained students asks on the command line, and the bench it works at."""

import argparse
from typing import Any

import pandas as pd

from carto_helpers.config import PhaseConfig
from carto_helpers.runs.workbench import Workbench


def options(description: str | None, *, teacher_start: str) -> argparse.ArgumentParser:
    """Return a parser of the shared options; a study adds its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data-root", required=True, help="folder of the data sets")
    parser.add_argument("--results", required=True, help="where teacher and students are recorded")
    parser.add_argument(
        "--teacher-start", default=teacher_start, help=f"of the teacher ({teacher_start})"
    )
    parser.add_argument("--seeds", type=int, default=3, help="of the students (3)")
    return parser


def configured(asked: argparse.Namespace, **more: Any) -> PhaseConfig:
    """Return CIFAR-10's configuration with what was asked, and `more` of the study's own."""
    settings = {
        "dataset": "cifar10",
        "data_root": asked.data_root,
        "results": asked.results,
        "teacher_start": asked.teacher_start,
    }
    return PhaseConfig(**(settings | more))


def recorded_teacher(bench: Workbench) -> "pd.Series[Any]":
    """Return the row of the teacher that students learn from; raise if none is recorded."""
    teacher = bench.chosen_teacher()
    if teacher is None:
        raise bench.no_teacher()
    return teacher
