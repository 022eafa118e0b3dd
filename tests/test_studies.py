"""Each study of trained students says what it takes, and asks for CIFAR-10's configuration."""

from importlib import import_module
from pathlib import Path

import pytest
from made_runs import make_folder, tiny_config

from carto_helpers.runs.workbench import Workbench
from studies.options import configured, options, recorded_teacher

STUDIES = ("class_balance", "settled_averages", "tie_draws")


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_what_it_takes(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as stop:
        import_module(f"studies.{name}").main()
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert "--data-root" in said and "--teacher-start" in said and "of the students (3)" in said


def test_what_is_asked_is_the_configuration(tmp_path: Path) -> None:
    parser = options("A study.", teacher_start="cifar100")
    asked = parser.parse_args(["--data-root", "images", "--results", str(tmp_path)])
    config = configured(asked, architecture="resnet")
    assert (config.dataset, config.data_root, config.results) == (
        "cifar10",
        "images",
        str(tmp_path),
    )
    assert (config.teacher_start, config.architecture, asked.seeds) == ("cifar100", "resnet", 3)


def test_a_record_without_a_teacher_is_refused(tmp_path: Path) -> None:
    bench = Workbench(tiny_config(make_folder(tmp_path / "noise"), tmp_path / "results"))
    with pytest.raises(FileNotFoundError, match=r"expected a recorded teacher for .*noise"):
        recorded_teacher(bench)
