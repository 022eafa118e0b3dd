"""`python -m torture`: do the harm, print what came of it, write RELIABILITY.md."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from torture import (
    audit,
    corruption,
    fuzzing,
    guided,
    job,
    killing,
    laws,
    limits,
    page,
    sameness,
    together,
)
from torture.promise import Outcome

_Part = Callable[[Path], Iterator[Outcome]]


def main() -> int:
    """Run the parts that the arguments ask for; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("parts", nargs="*", help="some of them; default: all")
    parser.add_argument("--quick", action="store_true", help="a few of each, into build/")
    parser.add_argument("--fuzz-minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    parts = _parts(is_quick=arguments.quick, fuzz_minutes=arguments.fuzz_minutes)
    if unknown := set(arguments.parts) - set(parts):
        parser.error(f"parts must be of {', '.join(parts)}, got {', '.join(unknown)}")
    target = page.ROOT / "build" / "torture" if arguments.quick else page.ROOT
    is_kept = True
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        Path(folder).chmod(0o755)  # another user looks into it
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        of_digits, small = job.ARGUMENTS, job.small_arguments(Path(folder) / "images")
        for name in arguments.parts or parts:
            job.ARGUMENTS = of_digits if name == "moments" else small  # moments need a long run
            started, outcomes = (
                time.monotonic(),
                list(_told(name, parts[name](Path(folder) / name))),
            )
            page.write(name, outcomes, time.monotonic() - started, target)
            is_kept &= all(outcome.is_kept for outcome in outcomes)
    print(f"written: {target / 'RELIABILITY.md'}")
    return int(not is_kept)


def _told(part: str, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    for outcome in outcomes:
        print(f"{part}: {outcome.harm}: {outcome.verdict}", flush=True)
        print(*outcome.broken, sep="\n", end="\n" if outcome.broken else "", flush=True)
        yield outcome


def _parts(*, is_quick: bool, fuzz_minutes: float) -> dict[str, _Part]:
    few = is_quick
    return {
        "moments": partial(killing.measure_moments, n=4 if few else 50),
        "writes": partial(killing.measure_writes, n=6 if few else None),
        "stopping": partial(killing.measure_stops, n_pools=1 if few else 3),
        "corruption": partial(corruption.measure, n_flips=64 if few else 640),
        "limits": partial(limits.measure, few=few),
        "together": partial(together.measure, n_repeats=1 if few else 5, sizes=(2, 8)),
        "fuzzing": partial(fuzzing.measure, minutes=0.5 if few else fuzz_minutes / 2),
        "guided": partial(guided.measure, minutes=0.2 if few else fuzz_minutes / 2),
        "laws": partial(laws.measure, n_laws=1 if few else None),
        "sameness": partial(sameness.measure, n_repeats=1 if few else 3),
        "audit": audit.measure,
    }


if __name__ == "__main__":
    sys.exit(main())
