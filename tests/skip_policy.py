"""A pytest plugin: with CI set, a skipped test that `allowed_skips.txt` does not list fails.

A machine that lacks something must not look like one where everything was checked. Each line of
the list is a pattern of test names (`*` stands for anything), then a space and the reason.
"""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ALLOWED = Path(__file__).with_name("allowed_skips.txt")
skipped: set[str] = set()


def unlisted(names: Iterable[str], listing: str) -> list[str]:
    """Return the names that no pattern of `listing` matches, sorted."""
    lines = (line.strip() for line in listing.splitlines())
    patterns = [line.split()[0] for line in lines if line and not line.startswith("#")]
    return sorted(n for n in names if not any(fnmatchcase(n, pattern) for pattern in patterns))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        skipped.add(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        skipped.add(report.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _refused() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    for name in _refused():
        terminalreporter.write_line(f"{name}: skipped, and not listed in {ALLOWED.name}", red=True)


def _refused() -> list[str]:
    if not os.environ.get("CI"):
        return []
    return unlisted(skipped, ALLOWED.read_text(encoding="utf-8"))
