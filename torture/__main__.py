"""`python -m torture`: do the harm, print what came of it, write RELIABILITY.md."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from torture import corruption, fuzzing, killing, limits, page, together
from torture.promise import Outcome

_ROOT = Path(__file__).parents[1]
_Part = Callable[[Path], Iterator[Outcome]]


def main() -> int:
    """Run the parts that the arguments ask for; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("parts", nargs="*", help="killing corruption limits together fuzzing")
    parser.add_argument("--quick", action="store_true", help="a few of each, into build/")
    parser.add_argument("--fuzz-minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    parts = _parts(is_quick=arguments.quick, fuzz_minutes=arguments.fuzz_minutes)
    if unknown := set(arguments.parts) - set(parts):
        parser.error(f"parts must be of {', '.join(parts)}, got {', '.join(unknown)}")
    started, outcomes = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        Path(folder).chmod(0o755)  # another user looks into it
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        for name in arguments.parts or parts:
            for outcome in parts[name](Path(folder) / name):
                print(f"{name}: {outcome.harm}: {outcome.verdict}", flush=True)
                print(*outcome.broken, sep="\n", end="\n" if outcome.broken else "", flush=True)
                outcomes.append(outcome)
    is_whole = not (arguments.parts or arguments.quick)
    target = _ROOT if is_whole else _ROOT / "build" / "torture"
    record = (_ROOT / "torture" if is_whole else target) / "results.json"
    page.write(outcomes, time.monotonic() - started, target / "RELIABILITY.md", record)
    print(f"written: {target / 'RELIABILITY.md'}")
    return int(not all(outcome.is_kept for outcome in outcomes))


def _parts(*, is_quick: bool, fuzz_minutes: float) -> dict[str, _Part]:
    few = is_quick
    return {
        "killing": partial(
            killing.measure,
            n_moments=4 if few else 50,
            n_writes=6 if few else None,
            n_pools=1 if few else 5,
        ),
        "corruption": partial(corruption.measure, n_flips=60 if few else 600),
        "limits": partial(limits.measure, few=few),
        "together": partial(together.measure, n_repeats=1 if few else 5, sizes=(2, 8)),
        "fuzzing": partial(fuzzing.measure, minutes=0.5 if few else fuzz_minutes),
    }


if __name__ == "__main__":
    sys.exit(main())
