import os
import subprocess
import sys
from pathlib import Path

import pytest
from skip_policy import unlisted

TESTS = Path(__file__).parent


def test_a_listed_pattern_allows_and_nothing_else_does():
    listing = "# a comment\n\n*gpu* no device here\ntests/test_a.py::test_b because\n"
    names = ["tests/test_x.py::test_gpu_y", "tests/test_a.py::test_b", "tests/test_a.py::test_bc"]
    assert unlisted(names, listing) == ["tests/test_a.py::test_bc"]


@pytest.mark.parametrize(("ci", "exit_code"), [("true", 1), ("", 0)])
def test_an_unlisted_skip_fails_in_ci_only(tmp_path, ci, exit_code):
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_a(): pytest.skip('no reason')\ndef test_b(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "skip_policy", str(tmp_path)]
    command += ["-c", "/dev/null", "-p", "no:cacheprovider"]
    environment = os.environ | {"CI": ci, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == exit_code, done.stdout
    assert ("not listed in allowed_skips.txt" in done.stdout) == bool(exit_code)
