"""What a running command has done and has left, for whoever watches its record."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from carto_helpers.records import Results, load_metadata
from carto_helpers.runs.planning import duration
from carto_helpers.storage.durable import explained
from carto_helpers.storage.plain_texts import short


@contextmanager
def announced(results: Results, name: str, keys: Sequence[str], seconds: float) -> Iterator[None]:
    """Tell who watches that the runs `keys` are under way, until the block or its process ends.

    Parameters
    ----------
    results
        The record that they end in.
    name
        What they are, in a few words.
    keys
        Of the runs that are missing.
    seconds
        What all of them are expected to take.
    """
    own = f"plan-{uuid4().hex}"
    path = _folder(results) / f"{own}.json"
    with results.claim(own) as claim:
        plan = {"name": name, "keys": list(keys), "seconds": seconds, "started": time.time()}
        _remove_dead_plans(results)
        with explained(path):
            path.write_text(json.dumps(plan))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    Path(claim.lock_file).unlink(missing_ok=True)


def progress(results: Results) -> list[str]:
    """Return a line for each command that is running and each run it has claimed."""
    held = results.under_way()
    recorded = {*results.teachers()["key"], *results.students()["key"]}
    plans = [_folder(results) / f"{name}.json" for name in held if name.startswith("plan-")]
    lines = [_plan_line(_read_plan(p), recorded) for p in plans if p.is_file()]
    return lines + [_run_line(results, key) for key in held if not key.startswith("plan-")]


def _read_plan(path: Path) -> dict[str, Any]:
    """Return a plan; an empty one where its file is damaged, which spoils a line on a screen."""
    plan = {"name": f"{path} is damaged", "keys": [], "seconds": 0.0, "started": time.time()}
    with suppress(ValueError, TypeError):
        plan |= json.loads(path.read_text())
    return plan


def _remove_dead_plans(results: Results) -> None:
    held = results.under_way()
    for path in _folder(results).glob("plan-*"):
        if path.stem not in held:
            path.unlink(missing_ok=True)


def _plan_line(plan: Mapping[str, Any], recorded: set[str]) -> str:
    """Return done, left and time to go, which is judged by what the runs done so far took."""
    n, n_done = len(plan["keys"]), len(recorded.intersection(plan["keys"]))
    passed = time.time() - plan["started"]
    whole = passed * n / n_done if n_done else plan["seconds"]
    left = duration(max(whole - passed, 0.0))
    return f"{short(plan['name'])}: {n_done} of {n} done, {n - n_done} left, about {left} to go"


def _run_line(results: Results, key: str) -> str:
    path = results.checkpoint_path(key)
    if not path.is_file():
        return f"  {key}: under way"
    state = load_metadata(path)
    return f"  {key}: epoch {state.get('epochs_done', '?')} of {state.get('epochs', '?')} done"


def _folder(results: Results) -> Path:
    return results.folder / ".claims"
