"""The columns of a row that say what came out and where it was made."""

import importlib.metadata
import json
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import torch

from carto_helpers.config import METHOD_VERSION, StudentRun, TeacherRun
from carto_helpers.engine import Engine
from carto_helpers.training import Scores

_KIND = {"family": "cpu family", "model": "model"}  # in /proc/cpuinfo
_PACKAGES = ("torch", "timm", "numpy", "carto_helpers")


def provenance(engine: Engine) -> dict[str, str | int]:
    """Return the columns of a row that say where and when it was made."""
    return {
        "engine": engine.to_json(),
        "device": device_name(engine.device),
        "versions": json.dumps(_versions(), sort_keys=True),
        "commit": _commit(),
        "method_version": METHOD_VERSION,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run_facts(run: TeacherRun | StudentRun) -> dict[str, str]:
    """Return what a file of weights says of the run that it comes from."""
    return {
        "key": run.key(),
        "network": run.network,
        "dataset": run.dataset,
        "fingerprint": run.fingerprint,
    }


def score_columns(val: Scores, test: Scores) -> dict[str, float]:
    """Return the columns of a row that hold its scores."""
    return {
        "val_accuracy": val.accuracy,
        "val_macro_f1": val.macro_f1,
        "test_accuracy": test.accuracy,
        "test_macro_f1": test.macro_f1,
    }


def device_name(device: str) -> str:
    """Return what the processor behind `device` calls itself, of a CPU with family and model.

    One name may stand for several: on another of them the same run rounds otherwise.
    """
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{_processor()} ({device})"


@cache
def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    told = {name.strip(): fact.strip() for name, _, fact in (line.partition(":") for line in lines)}
    if "model name" not in told:
        return platform.processor() or platform.machine()
    kind = [f"{part} {told[fact]}" for part, fact in _KIND.items() if fact in told]
    return ", ".join([told["model name"], *kind])


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"  # run from a folder
    return found


@cache
def _commit() -> str:
    """Return the checkout's commit, "+" behind it where the package differs, or ""."""
    package = Path(__file__).parents[1]
    try:
        commit = _git("rev-parse", "--short=12", "HEAD", at=package)
        changes = _git("status", "--porcelain", "--", ".", at=package)
    except (FileNotFoundError, PermissionError, subprocess.CalledProcessError):
        return ""  # no git, or not a checkout
    return commit + ("+" if changes else "")


def _git(*arguments: str, at: Path) -> str:
    command = ["git", "-C", str(at), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
