"""`python -m torture.guided TARGET SECONDS FOLDER`: made bytes that follow the code's branches.

atheris (libFuzzer) mutates what reached a new branch; it takes its process over, so each target
has one of its own.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from torture.promise import Outcome

TARGETS = ("table", "tensors", "image", "parquet", "npz", "cartography", "aum")
_PROMISE = "a right object, or one line that names the file; nothing else"


def measure(folder: Path, *, minutes: float) -> Iterator[Outcome]:
    """Yield an outcome for each target, all with the same share of the time."""
    if find_spec("atheris") is None:
        yield Outcome(
            promise=_PROMISE, harm="guided bytes (atheris)", n=0, note="atheris is not installed"
        )
        return
    for name in TARGETS:
        seconds = max(1, round(60 * minutes / len(TARGETS)))
        n, problem = _fuzz(name, seconds, folder / name)
        yield Outcome(
            promise=_PROMISE,
            harm=f"guided bytes for the reader of {name} (atheris), {seconds} s",
            n=n,
            broken=[problem] if problem else [],
        )


def _fuzz(name: str, seconds: int, folder: Path) -> tuple[int, str]:
    """Return how many inputs were tried, and what failed."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "torture.guided", name, str(seconds), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    counts = re.findall(r"(?:^#|Done )(\d+)\b", done.stderr, re.MULTILINE)
    text = " ".join(done.stderr[-1_500:].split()) if done.returncode else ""
    return max(map(int, counts), default=0), text


def main() -> None:
    """Fuzz one target until the time is over or something fails."""
    import atheris

    name, seconds, place = sys.argv[1:]
    with atheris.instrument_imports(include=["carto_helpers"]):
        from torture import fuzzing
    target, folder = fuzzing.OF_BYTES[name], Path(place)
    options = [f"-max_total_time={seconds}", "-max_len=4096", f"-artifact_prefix={folder}/"]
    seeds = folder / "seeds"
    seeds.mkdir()
    for i, content in enumerate(fuzzing.seeds(name, folder)):
        (seeds / str(i)).write_bytes(content)
    atheris.Setup([sys.argv[0], *options, str(seeds)], lambda data: target(folder, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
