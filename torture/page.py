"""RELIABILITY.md: the table of promises, made from what was measured."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from carto_helpers.engine import Engine
from carto_helpers.runs.provenance import provenance
from torture.promise import Outcome

ROOT = Path(__file__).parents[1]
_COMMANDS = {"matrix": "make matrix", "mutants": "make mutants"}
_HEAD = """# What was done to it, and what it made of that

Written by `make torture`, a part at a time: each line is harm that was done for real, to processes,
files and limits, not to stand-ins. A promise that was broken says so.
"""


def write(part: str, outcomes: Sequence[Outcome], seconds: float, folder: Path) -> None:
    """Put what a part found in place of what it found before; make the page again."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "torture" / "results.json" if folder == ROOT else folder / "results.json"
    content = json.loads(record.read_text()) if record.exists() else {}
    content[part] = {
        "machine": machine(seconds),
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    record.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    (folder / "RELIABILITY.md").write_text(text(content))


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
        "load at the end": f"{os.getloadavg()[1]:.0f}",
    }


def text(content: dict[str, Any]) -> str:
    """Return the page of a record."""
    table = ["| promise | harm | times | outcome | command |", "| --- | --- | --- | --- | --- |"]
    runs, broken = [], []
    for part, found in content.items():
        facts = found["machine"]
        runs.append(f"* {part}: " + ", ".join(f"{name} {fact}" for name, fact in facts.items()))
        for fields in found["outcomes"]:
            outcome = Outcome(**fields)
            table.append(_row(outcome, part))
            broken += [f"* {outcome.harm}: {problem}" for problem in outcome.broken[:10]]
    parts = [_HEAD, "\n".join(table)]
    if broken:
        parts += ["## Broken", "\n".join(broken)]
    parts += ["## Where and when", "\n".join(runs)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _row(outcome: Outcome, part: str) -> str:
    verdict = outcome.verdict if outcome.is_kept else f"**{outcome.verdict}**"
    general = _COMMANDS.get(part.split(maxsplit=1)[0], f"python -m torture {part}")
    command = f"`{outcome.command or general}`"
    cells = (outcome.promise, outcome.harm, str(outcome.n), verdict, command)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
