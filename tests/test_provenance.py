"""Where a row comes from."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from carto_helpers.config import METHOD_VERSION
from carto_helpers.engine import Engine
from carto_helpers.runs import provenance


def test_a_row_says_where_and_when_it_was_made() -> None:
    columns = provenance.provenance(Engine(threads=3))
    assert json.loads(str(columns["engine"]))["threads"] == 3
    assert columns["method_version"] == METHOD_VERSION
    assert {"python", "torch", "timm", "numpy"} <= set(json.loads(str(columns["versions"])))
    assert datetime.fromisoformat(str(columns["finished_at"])).tzinfo is not None
    assert str(columns["device"]).endswith("(cpu)")


def test_a_processor_is_told_by_family_and_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two kinds of one name gave other weights from the same seed and engine."""
    cpuinfo = tmp_path / "cpuinfo"
    core = "cpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\n"
    cpuinfo.write_text(2 * f"processor\t: 0\n{core}")
    monkeypatch.setattr(provenance, "Path", lambda _: cpuinfo)
    assert provenance._processor.__wrapped__() == "AMD EPYC, family 25, model 17"
    cpuinfo.write_text("model name\t: Neoverse\n")
    assert provenance._processor.__wrapped__() == "Neoverse"
    cpuinfo.unlink()
    assert provenance._processor.__wrapped__()


def test_outside_a_checkout_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_git(*_: str, at: object) -> str:
        raise FileNotFoundError("git")

    monkeypatch.setattr(provenance, "_git", no_git)
    assert provenance._commit.__wrapped__() == ""


def test_a_changed_package_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"rev-parse": "abc", "status": " M carto_helpers/x.py"}
    monkeypatch.setattr(provenance, "_git", lambda command, *_, at: answers[command])
    assert provenance._commit.__wrapped__() == "abc+"


def test_a_package_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_PACKAGES", ("nothing-of-this-name",))
    assert provenance._versions.__wrapped__()["nothing-of-this-name"] == "not installed"
