"""The command line: what it takes, what it prints, how it fails."""

from pathlib import Path

import pytest
from made_runs import TINY, make_folder

from carto_helpers.__main__ import main
from carto_helpers.records import Results


def run_phase3(folder: Path, results: Path, *more: str) -> int:
    return main([
        "phase3", "--dataset", str(folder), "--results", str(results), "--architecture", TINY,
        "--teacher", TINY, "--epochs", "1", "--fractions", "0.5", "1.0", "--device", "cpu", *more,
    ])  # fmt: skip


def test_a_phase_prints_its_plan_its_rows_and_then_nothing_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder(tmp_path / "noise")
    assert run_phase3(folder, tmp_path / "r", "--dry-run") == 0
    assert "missing 1 teacher and 2 students" in capsys.readouterr().out
    assert run_phase3(folder, tmp_path / "r") == 0
    assert "test_macro_f1" in capsys.readouterr().out
    assert run_phase3(folder, tmp_path / "r") == 0
    assert "2 runs recorded" in capsys.readouterr().out
    assert main(["status", "--results", str(tmp_path / "r")]) == 0
    assert "1 teachers, 2 students" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["phase1", "--temperature", "0"], "`temperature` must be positive and finite, got 0.0"),
        (["phase1", "--temperature", "nan"], "`temperature` must be positive and finite, got nan"),
        (["phase1", "--hard-weight", "1.5"], "`hard_weight` must lie in [0, 1], got 1.5"),
        (["phase1", "--fraction", "33"], "`fraction` must lie in (0, 1], got 33.0"),
        (["phase3", "--fractions", "0"], "`fractions` must lie in (0, 1], got 0.0"),
        (["phase1", "--seeds", "0"], "`seeds` must be at least 1, got 0"),
        (["phase1", "--epochs", "0"], "`epochs` must be a whole number >= 1, got 0"),
        (["phase1", "--dataset", "imagenet"], "`dataset` must be one of digits, mnist"),
        (["phase1", "--dataset", "./nowhere"], "nowhere"),
        (["phase1", "--architecture", "transformer9"], "transformer9"),
        (["phase1", "--teacher", "professor"], "professor"),
        (["phase1", "--device", "tpu"], "`device` must be auto, cpu, cuda"),
        (["phase1", "--student-start", "moon"], "a start must be one of scratch, paper"),
        (["teacher", "--architectures", "transformer9"], "transformer9"),
        (["teacher", "--learning-rates", "-1"], "`learning_rate` must be positive"),
        (["phase1", "--temperature", "1e200"], "`temperature` must be positive and finite"),
        (["phase1", "--device", "cpu:5"], "`device` must be auto, cpu, cuda"),
        (
            ["select", "--rule", "nope", "--to", "third.csv"],
            "unknown rule 'nope'; valid rules: all",
        ),
        (["select", "--fraction", "0.00001", "--to", "third.csv"], "must hold at least one"),
        (["select", "--to", "."], "`--to` must be a file, got the folder ."),
        (["map", "--to", __file__], "`--to` must be a folder, got the file"),
        (["report", "--seeds", "0"], "`seeds` must be at least 1, got 0"),
        (["report"], "expected recorded teachers on any data set in"),
        (["forget", "abc"], "no run 'abc' in"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_row(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--results", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("carto: ")
    assert message in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "r").rglob("*"))


MIX = ["--rule", "mix", "--shares"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["distill", *MIX, "0.3", "0.3", "0.3"], "add up to more than 0 and at most 0.33, got 0.3"),
        (["select", *MIX, "0.3", "0.3", "0.3"], "add up to more than 0 and at most 0.33, got 0.3"),
        (["select", *MIX, "0", "0", "0"], "must add up to more than 0 and at most 0.33, got 0.0"),
        (["select", *MIX, "0.0001", "0.1", "0.1"], "at least one example, got fraction 0.0001 of"),
        (["select", "--subset-seed", "-1"], "`--subset-seed` must not be negative, got -1; pass 0"),
        (["select", "--to", f"{__file__}/a/b.csv"], "test_main.py: not a directory); name another"),
        (["map", "--to", f"{__file__}/map"], "`--to` must lie where files can be written, got"),
    ],
)
def test_what_would_fail_after_a_teachers_hours_is_refused_before(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def train(*_: object) -> None:
        raise RuntimeError("hours")

    monkeypatch.setattr("carto_helpers.experiments.train_runs", train)
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*.csv"))


def test_an_interrupt_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("carto_helpers.experiments.status", interrupt)
    assert main(["status"]) == 130
    assert "the same command goes on from the record" in capsys.readouterr().err


def test_a_forgotten_run_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, results = make_folder(tmp_path / "noise"), str(tmp_path / "r")
    assert run_phase3(folder, tmp_path / "r") == 0
    key = Results(results).students()["key"].iloc[0]
    assert main(["forget", key, "--results", results]) == 0
    assert f"forgot {key}" in capsys.readouterr().out
    assert main(["forget", key, "--results", results]) == 2
    assert f"no run '{key}' in" in capsys.readouterr().err
    assert run_phase3(folder, tmp_path / "r") == 0
    assert "1 runs recorded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(24, "Too many open files"), "raise the limit of open files"),
        (RuntimeError("can't allocate memory:\n you tried"), "pass a smaller `batch_size`"),
        (MemoryError(), "MemoryError; if memory ran out"),
        (ModuleNotFoundError("No module named 'papermill'"), 'pip install "carto_helpers[book]"'),
    ],
)
def test_a_limit_is_one_line_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    remedy: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("carto_helpers.experiments.status", fail)
    assert main(["status"]) == 2
    said = capsys.readouterr().err
    assert remedy in said
    assert said.count("\n") == 1


def test_without_a_command_it_tells_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 0
    assert "first steps:" in capsys.readouterr().out
