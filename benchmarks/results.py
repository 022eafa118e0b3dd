"""The comparisons as a file for machines and a page for readers."""

import dataclasses
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import floors, goals
from benchmarks.goals import Line
from benchmarks.measuring import Comparison, spread
from carto_helpers.engine import Engine
from carto_helpers.metrics import confidence_interval
from carto_helpers.records import replacing
from carto_helpers.runs.provenance import provenance

HERE = Path(__file__).parent
PAIRS = HERE / "paired_scores.csv"  # by `python -m benchmarks.paired_scores`
BASELINES = ("pytorch-lightning", "torchvision", "pandas", "scikit-learn")
ASKED, PLANNED = 5, 10  # pairs of scores: as the goal says, and as many as are trained
WITHIN = 0.015  # the goal: where the interval of a difference in macro F1 is to lie


def machine(device: str) -> dict[str, str]:
    """Return what the figures were measured on and with."""
    rows = provenance(Engine(device=device))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "device": str(rows["device"]),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "system": platform.platform(terse=True),
        "versions": str(rows["versions"]),
        "baselines": ", ".join(f"{name} {_version(name)}" for name in BASELINES),
        "commit": str(rows["commit"]) + "+" * _has_changed(),
        "float32 matrix rate": f"{floors.matrix_rate(device, torch.get_num_threads()) / 1e9:.0f} "
        "GFLOP/s",
        "copy rate": f"{floors.copy_rate(device) / 1e9:.1f} GB/s, read and written",
    }


def _has_changed() -> bool:
    """Return whether a benchmark's code differs from the commit."""
    command = ["git", "-C", str(HERE), "status", "--porcelain", "--", "*.py"]
    try:
        return bool(subprocess.run(command, check=True, capture_output=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return False  # no git, or not a checkout: there is no commit either


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def write(comparisons: Sequence[Comparison], facts: dict[str, str], folder: Path = HERE) -> None:
    """Write results.json and RESULTS.md.

    What this run has not measured stays as an earlier run did, with its machine; what it has is
    replaced whole, since a baseline's name tells how it was run at its best. Lines of another
    device stay.
    """
    path = folder / "results.json"
    earlier = _runs(folder) if path.exists() else []
    new = {(line.section, line.what) for line in comparisons}
    for run in (run for run in earlier if _processors(run["machine"]) == _processors(facts)):
        run["comparisons"] = [c for c in run["comparisons"] if (c["section"], c["what"]) not in new]
    lines = [dataclasses.asdict(line) for line in comparisons]
    runs = [*(r for r in earlier if r["comparisons"]), {"machine": facts, "comparisons": lines}]
    with replacing(path) as beside:
        text = json.dumps({"runs": runs}, indent=1, ensure_ascii=False)
        beside.write_text(f"{text}\n", encoding="utf-8")
    write_page(folder)


def _processors(facts: dict[str, str]) -> tuple[str | None, ...]:
    return facts["device"], facts.get("cores")


def write_page(folder: Path = HERE) -> None:
    """Write RESULTS.md from results.json, the pairs of scores and the notes."""
    (folder / "RESULTS.md").write_text(page(_runs(folder)), encoding="utf-8")


def _runs(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "results.json").read_text(encoding="utf-8"))[
        "runs"
    ]
    return found


def is_on_cpu(facts: dict[str, str]) -> bool:
    """Return whether a run's machine, from `machine`, is a CPU."""
    return facts["device"].endswith("(cpu)")


def measured(folder: Path = HERE) -> list[Line]:
    """Return what is in results.json: each line with its machine's facts, the newest run last."""
    return _pairs_of(_runs(folder))


def _pairs_of(runs: Sequence[dict[str, Any]]) -> list[Line]:
    return [(run["machine"], Comparison(**c)) for run in runs for c in run["comparisons"]]


def newest(found: Sequence[Line]) -> list[Line]:
    """Return of what was measured the lines of its last run, all sizes of the same one."""
    last = {_without_size(line): facts for facts, line in found}
    return [(facts, line) for facts, line in found if last[_without_size(line)] is facts]


def _without_size(line: Comparison) -> tuple[str, str]:
    return line.section, line.what.partition(", N = ")[0]


def _goals_section(on_cpu: Sequence[Line], on_gpu: Sequence[Line]) -> str:
    """Return what was set beforehand, and whether the newest lines meet it."""
    lines = [f"| {' | '.join(row)} |" for row in (*goals.rows(on_cpu, on_gpu), *_scores_goals())]
    text = (
        "Set before anything was measured, held against the newest line of each below, of several "
        "against the worst. The verdict is on the median, for scores on the whole interval; other "
        "runs than the newest may fall on the other side, as the notes tell of the regions. What "
        "is tested and not timed, that fast paths compute what a plain loop does, the notes tell "
        "under *Equality*: MobileNetV2 **misses** 1e-8 over 50 steps of photographs. Goals of "
        "working memory and of the streaming form stand with their lines. Two things came later: "
        "that *linear* is N to the power of "
        f"{goals.LINEAR} at most, from the medians of the two largest sizes; and that each student "
        f"gets {PLANNED} pairs of scores, since the intervals of the {ASKED} asked for were too "
        "wide."
    )
    head = ["| what | goal | seen | verdict | on |", "|---|---|---|---|---|"]
    return f"## Goals\n\n{text}\n\n" + "\n".join([*head, *lines])


def page(runs: Sequence[dict[str, Any]]) -> str:
    """Return RESULTS.md: each run's machine, and the sections that it measured."""
    head = "# Speed and memory, measured\n\nWritten by `make bench`; every figure is the median of "
    head += "repeats that took turns, with the least and the most."
    goals_of = [
        newest([pair for pair in _pairs_of(runs) if is_on_cpu(pair[0]) == on_cpu])
        for on_cpu in (True, False)
    ]
    parts = [_goals_section(*goals_of), *(part for run in runs for part in _run_parts(run))]
    notes = (HERE / "notes.md").read_text(encoding="utf-8")
    return "\n\n".join([head, *parts, *_scores_section(pairs()), notes])


def _run_parts(run: dict[str, Any]) -> list[str]:
    """Return a run's heading with its machine, and its sections."""
    facts, lines = run["machine"], [Comparison(**c) for c in run["comparisons"]]
    head = f"## Measured on {facts['date']}: {facts['device']}\n\n"
    said = [f"* {name}: {fact}" for name, fact in facts.items() if name not in ("date", "device")]
    sections = [
        f"### {name}\n\n{_table([line for line in lines if line.section == name])}"
        for name in dict.fromkeys(line.section for line in lines)
    ]
    return [head + "\n".join(said), *sections]


def pairs() -> pd.DataFrame:
    """Return the pairs of scores, ours and a plain loop's; none if there is no file."""
    columns = ["key", "network", "seed", "ours", "plain", "engine"]
    return pd.read_csv(PAIRS) if PAIRS.exists() else pd.DataFrame(columns=columns)


def _scores_goals() -> Iterator[tuple[str, ...]]:
    """Yield, as `goals.rows` does, each student's interval of the five pairs asked for, and now."""
    for name, part in pairs().groupby("network", sort=False):
        differences = (part["ours"] - part["plain"]).to_numpy()
        for n in dict.fromkeys((ASKED, len(differences))):
            if n > len(differences):
                continue
            _, low, high, _ = confidence_interval(differences[:n])
            verdict = "met" if _is_within(low, high) else "**missed**"
            verdict += f" so far, {n} of {PLANNED}" if ASKED < n < PLANNED else ""
            asked = f"macro F1 less a plain loop's, {name}, 95 % interval of {n} pairs"
            devices = ", ".join(sorted({*part["device"][:n], *part["device_plain"][:n]}))
            yield asked, f"within ±{WITHIN}", f"{low:+.4f} to {high:+.4f}", verdict, devices


def _is_within(low: float, high: float) -> bool:
    return -WITHIN <= low <= high <= WITHIN


def _scores_section(found: pd.DataFrame) -> list[str]:
    """Return the section on scores, if there are any pairs."""
    if found.empty:
        return []
    columns = [
        "student", "pairs", "ours, macro F1", "plain loop", "difference, 95 % interval",
        "of the first five",
    ]  # fmt: skip
    head = f"| {' | '.join([*columns, f'within ±{WITHIN}', 'our engine, of the day'])} |"
    rows = [_scores_row(str(name), part) for name, part in found.groupby("network", sort=False)]
    text = (
        "CIFAR-10, 33 % at random, the paper's recipe; pairs share all that is drawn. Five pairs "
        "were asked for; their intervals were wider than what they were to lie in, and ten a "
        "student were fixed then. All that are run count; where fewer stand, the rest is to be run."
    )
    return [f"## Scores\n\n{text}\n\n" + "\n".join([head, "|---" * 8 + "|", *rows])]


def _scores_row(name: str, part: pd.DataFrame) -> str:
    differences = (part["ours"] - part["plain"]).to_numpy()
    mean, low, high, n = confidence_interval(differences)
    ours, plain = (f"{part[column].mean():.4f}" for column in ("ours", "plain"))
    spread = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
    first = "{1:+.4f} to {2:+.4f}".format(*confidence_interval(differences[:5]))
    is_within = "yes" if _is_within(low, high) else "not shown"
    engines = "; ".join(sorted({_engine(text) for text in part["engine"]}))
    return f"| {name} | {n} | {ours} | {plain} | {spread} | {first} | {is_within} | {engines} |"


def _engine(text: str) -> str:
    """Return an engine's layout, and whether it took small maps as products."""
    engine = json.loads(text)
    return engine["layout"] + ", small maps as products" * engine.get("products", False)


def _table(lines: list[Comparison]) -> str:
    head = "| what | ours | beside | theirs | ratio | floor | of the floor |"
    rule = "|---|---|---|---|---|---|---|"
    notes = [f"{line.what}: {line.note}." for line in lines if line.note]
    notes += sorted({f"Floor: {line.floor_from}." for line in lines if line.floor_from})
    return "\n".join([head, rule, *map(_row, lines), "", *dict.fromkeys(notes)])


def _row(line: Comparison) -> str:
    theirs = f"{spread(line.baseline)} {line.unit}" if line.baseline else ""
    ratio = f"**{spread(line.ratios)}×**" if line.ratios else ""
    floor = f"{line.floor:.3g} {line.unit}" if line.floor else ""
    share = f"{sorted(line.ours)[len(line.ours) // 2] / line.floor:.3g}×" if line.floor else ""
    ours = f"{spread(line.ours)} {line.unit}"
    cells = (line.what, ours, line.baseline_name, theirs, ratio, floor, share)
    return "| " + " | ".join(cells) + " |"
