"""RELIABILITY.md: the table of promises, made from what was measured."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from carto_helpers.engine import Engine
from carto_helpers.provenance import provenance
from torture.promise import Outcome

_HEAD = """# What was done to it, and what it made of that

Written by `make torture`: each line is harm that was done for real, to processes, files and limits,
not to stand-ins. A promise that was broken says so.
"""


def write(outcomes: Sequence[Outcome], seconds: float, page: Path, record: Path) -> None:
    """Write the page, and the same as JSON for programs."""
    facts = machine(seconds)
    content = {"machine": facts, "outcomes": [asdict(outcome) for outcome in outcomes]}
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text(outcomes, facts))


def machine(seconds: float) -> dict[str, str]:
    """Return what it was run on and with."""
    row = provenance(Engine(device="cpu"))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": str(row["commit"]),
        "device": str(row["device"]),
        "cores": str(os.cpu_count()),
        "system": platform.platform(terse=True),
        "versions": str(row["versions"]),
        "minutes": f"{seconds / 60:.0f}",
    }


def text(outcomes: Sequence[Outcome], facts: dict[str, str]) -> str:
    """Return the page."""
    lines = [f"* {name}: {fact}" for name, fact in facts.items()]
    table = ["| promise | harm | times | outcome | command |", "| --- | --- | --- | --- | --- |"]
    table += [_row(outcome) for outcome in outcomes]
    broken = [
        f"* {outcome.harm}: {problem}" for outcome in outcomes for problem in outcome.broken[:10]
    ]
    parts = [_HEAD, "\n".join(lines), "\n".join(table)]
    if broken:
        parts += ["## Broken", "\n".join(broken)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _row(outcome: Outcome) -> str:
    verdict = outcome.verdict if outcome.is_kept else f"**{outcome.verdict}**"
    cells = (outcome.promise, outcome.harm, str(outcome.n), verdict, f"`{outcome.command}`")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
