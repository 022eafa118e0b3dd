"""`python -m torture.mutants`: change the mathematics a little, see whether its tests notice.

The changes are cosmic-ray's; each is put to the module's own tests and examples, in a process of
its own: at first with few draws a property, and if nothing notices, with as many as the tests ask
for. What was tried is kept in build/mutants, so that an interrupted run goes on.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from torture.equivalents import EQUIVALENT, changed_line
from torture.mutant_run import run
from torture.promise import Outcome

# The processes import this module: `page` and with it the package must not come in here.
_ROOT = Path(__file__).parents[1]
MODULES = ("dynamics", "losses", "selection", "metrics")
GOAL = 0.9
_DRAWS = (10, 100)  # 100 is hypothesis's own number
_SECONDS = 1_800  # by the clock: a mutant that waits for ever is noticed by that
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["torture.mutant_run"])
_COPIED = ("carto_helpers", "tests")


def main() -> int:
    """Try the mutants of some modules; return 1 if too few were noticed."""
    from torture import page

    parser = argparse.ArgumentParser(prog="python -m torture.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES, help=f"of {', '.join(MODULES)}")
    parser.add_argument("--at-most", type=int, help="of each module, drawn at random")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop, and go on another time")
    arguments = parser.parse_args()
    deadline, is_kept = time.monotonic() + 60 * arguments.minutes, True
    for module in arguments.modules:
        started = time.monotonic()
        outcome = measure(module, at_most=arguments.at_most, deadline=deadline)
        print(f"{module}: {outcome.note}", *outcome.broken, sep="\n", flush=True)
        page.write(f"mutants {module}", [outcome], time.monotonic() - started, _ROOT)
        is_kept &= outcome.is_kept
    return int(not is_kept)


def measure(module: str, *, at_most: int | None, deadline: float) -> Outcome:
    """Try the mutants of one module that were not tried before."""
    source = (_ROOT / "carto_helpers" / f"{module}.py").read_text()
    if is_noticed(module, source):
        raise RuntimeError(f"expected the tests of {module} to pass, got failures; mend them first")
    found = dict(mutants(source))
    names = sorted(found)
    random.Random(0).shuffle(names)
    names = names[:at_most]
    kept = _ROOT / "build" / "mutants" / f"{module}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(kept.read_text()) if kept.exists() else {}
    tried: dict[str, bool] = before["tried"] if before.get("source") == source else {}

    def attempt(name: str) -> None:
        if name not in tried and time.monotonic() < deadline:
            tried[name] = is_noticed(module, found[name])
            kept.write_text(json.dumps({"source": source, "tried": dict(tried)}, indent=1))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(attempt, names))
    return _outcome(module, source, {name: found[name] for name in names}, tried, len(found))


def _outcome(
    module: str, source: str, asked: dict[str, str], tried: dict[str, bool], n_all: int
) -> Outcome:
    """Return what came of the mutants asked for, as far as they were tried."""
    lines = {name: changed_line(source, asked[name]) for name in asked if tried.get(name) is False}
    known = EQUIVALENT.get(module, {})
    survivors = [f"{name}: {line}" for name, line in lines.items() if line not in known]
    n = sum(name in tried for name in asked)
    share = 1 - len(survivors) / n if n else 0.0
    note = f"{n - len(lines)} of {n} noticed ({(n - len(lines)) / max(n, 1):.1%})"
    note += f", {len(lines) - len(survivors)} shown to be equivalent" if lines else ""
    note += f"; not noticed: {'; '.join(survivors[:8])}" if survivors else ""
    return Outcome(
        promise=f"at least {GOAL:.0%} of the mutants are noticed by the module's own tests",
        harm=f"mutants of {module}.py (of {n_all:,} in all; drawn with seed 0; cosmic-ray)",
        n=n,
        broken=[] if share >= GOAL else survivors,
        note=note,
    )


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield each mutant's name and source."""
    import cosmic_ray.plugins
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code

    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        if kind.arguments():
            continue
        places = [
            place
            for node in ast_nodes(get_ast(source))
            for place in kind().mutation_positions(node)
        ]
        for i, place in enumerate(places):
            line, column = place[0]
            yield (
                f"{name.removeprefix('core/')} {i} at {line}:{column}",
                mutate_code(source, kind(), i),
            )


def is_noticed(module: str, source: str) -> bool:
    """Return whether the module's tests fail, or take too long, with this source in its place."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        for path in _ROOT.iterdir():
            if path.name in _COPIED:
                shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("*.pyc"))
            elif path.name not in {".git", "build"}:
                (folder / path.name).symlink_to(path)
        (folder / "carto_helpers" / f"{module}.py").write_text(source)
        return any(_fails(folder, module, draws) for draws in _DRAWS)


def _fails(folder: Path, module: str, draws: int) -> bool:
    process = _CONTEXT.Process(target=run, args=(folder, module), kwargs={"examples": draws})
    process.start()
    process.join(_SECONDS)
    process.kill()
    process.join()
    return process.exitcode != 0


if __name__ == "__main__":
    sys.exit(main())
