"""Promise 5: no dependency has a known hole, as far as the lists of such holes can be reached."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from torture.page import ROOT
from torture.promise import Outcome

_FILES = ("constraints.txt", "constraints-lowest.txt")


def measure(_: Path) -> Iterator[Outcome]:
    """Yield an outcome for each file of exact versions."""
    for name in _FILES:
        yield audited(name)


def audited(name: str) -> Outcome:
    """Look up every version of a file with pip-audit."""
    facts = {"promise": "no known hole in a dependency", "harm": f"pip-audit of {name}"}
    if find_spec("pip_audit") is None:
        return Outcome(**facts, n=0, note="pip-audit is not installed")
    options = "--progress-spinner off --timeout 10 --no-deps --disable-pip --format json".split()
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, "--requirement", str(ROOT / name)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        return Outcome(**facts, n=0, note=f"its data could not be reached ({said[:150]})")
    skipped = sum("skip_reason" in package for package in packages)
    holes = [
        f"{package['name']} {package['version']}: {', '.join(v['id'] for v in package['vulns'])}"
        for package in packages
        if package.get("vulns")
    ]
    n = len(packages) - skipped
    unknown = f"{skipped} could not be looked up" if skipped else ""
    return Outcome(**facts, n=n, broken=holes, note=unknown if n else "its data has none of them")
