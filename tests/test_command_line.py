"""What the command line takes: its help, its examples, its defaults."""

import re
import shlex
import subprocess
import sys

import pytest

from carto_helpers import __version__, command_line
from carto_helpers.__main__ import main
from carto_helpers.command_line import make_parser
from carto_helpers.config import PARAMETERS, PhaseConfig

COMMANDS = (*PARAMETERS, "paper", "status", "forget", "report", "figures")
SLOW = {"torch", "numpy", "pandas", "altair", "timm", "sklearn"}


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_the_help_names_every_command_and_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    listed = re.findall(r"^    (\w+) ", text, re.MULTILINE)
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
    known = {name for names in PARAMETERS.values() for name in names}
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == known == set(command_line._HELP)


@pytest.mark.parametrize("phase", PARAMETERS)
def test_defaults_are_the_configurations(phase: str) -> None:
    options = vars(make_parser().parse_args([phase]))
    assert set(options) - {"command", "dry_run"} == set(PARAMETERS[phase])
    assert all(options[name] == getattr(PhaseConfig(), name) for name in PARAMETERS[phase])


def test_a_default_that_says_something_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(help_of(capsys, "phase1").split())
    assert "split of the training set (default: 0)" in text
    assert "default: None" not in text
    assert "default: False" not in text


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
