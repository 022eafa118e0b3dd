"""What the command line takes: its help, its examples, its defaults."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from carto_helpers import __version__, command_line, config
from carto_helpers.__main__ import main
from carto_helpers.command_line import make_parser
from carto_helpers.config import PhaseConfig

COMMANDS = (*config.COMMANDS, "paper", "status", "forget", "report", "figures", "completion")
NOT_OF_THE_RUN = {"command", "dry_run", "json", "to", "subset_seed"}
SLOW = {"torch", "numpy", "pandas", "altair", "timm", "sklearn"}


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_the_help_names_every_command_and_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    listed = re.findall(r"^    (\w+)(?: |$)", text, re.MULTILINE)
    assert listed == list(COMMANDS)
    assert all(f"{status} " in text.partition("exit status:")[2] for status in (0, 1, 2, 130, 143))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_in_the_help_is_a_command(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(capsys, command)
    examples = re.findall(r"^  carto (.*)$", text.partition("examples:")[2], re.MULTILINE)
    assert examples
    for example in examples:
        options = make_parser().parse_args(shlex.split(example, comments=True))
        assert options.command == command


def test_every_parameter_has_its_place_and_its_words() -> None:
    grouped = [name for names in command_line._GROUPS.values() for name in names]
    known = {name for names in config.COMMANDS.values() for name in names}
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == known == set(command_line._HELP)


@pytest.mark.parametrize("phase", config.COMMANDS)
def test_defaults_are_the_configurations(phase: str) -> None:
    options = vars(make_parser().parse_args([phase]))
    assert set(options) - NOT_OF_THE_RUN == set(config.COMMANDS[phase])
    assert all(options[name] == getattr(PhaseConfig(), name) for name in config.COMMANDS[phase])


def test_a_default_that_says_something_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(help_of(capsys, "phase1").split())
    assert "split of the training set (default: 0)" in text
    assert "default: None" not in text
    assert "default: False" not in text


def test_no_option_is_taken_for_a_longer_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["teacher", "--teacher", "resnet"])
    assert stop.value.code == 2
    assert "unrecognized arguments: --teacher resnet" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"carto_helpers {__version__}\n"


def test_help_waits_for_no_heavy_import() -> None:
    code = (
        "import contextlib, sys; from carto_helpers.__main__ import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        f"sys.exit(' '.join({SLOW!r} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shell", command_line.SHELLS)
def test_a_shell_is_told_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)


def test_bash_completes_a_command_and_an_option(tmp_path: Path) -> None:
    script = tmp_path / "carto.bash"
    script.write_text(command_line.completion("bash"))
    name = re.search(r"^complete .*-F (\w+) carto$", script.read_text(), re.MULTILINE)
    assert name
    for words, expected in (
        (["carto", "dist"], "distill"),
        (["carto", "map", "--dyn"], "--dynamics"),
    ):
        code = (
            f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
            f"{name[1]} carto '{words[-1]}' '{words[-2]}'; echo \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
        assert done.stdout.split() == [expected], done.stderr


def test_completion_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "zsh"]) == 2
    assert capsys.readouterr().err.endswith('`pip install "carto_helpers[completion]"` adds it\n')
