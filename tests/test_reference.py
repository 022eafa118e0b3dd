"""The book's reference: each public name stands there once, and nothing that is not public."""

import re
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getdoc
from pathlib import Path

import pytest
import yaml

import carto_helpers
from carto_helpers.command_line import make_parser

ROOT = Path(__file__).parents[1]
EXTENSION = spec_from_file_location(
    "command_help", ROOT / "book" / "_extensions" / "command_help.py"
)
command_help = module_from_spec(EXTENSION)
EXTENSION.loader.exec_module(command_help)
PAGES = sorted((ROOT / "book" / "reference").glob("*.md"))
ENTRY = re.compile(r"^\.\. (currentmodule|auto(?:function|class)):: (\S+)$", re.MULTILINE)
MODULES = ["carto_helpers", *(f"carto_helpers.{name}" for name in carto_helpers._MODULES)]


@cache
def entries() -> list[tuple[str, str]]:
    """Return module and name of every entry of every page."""
    found, module = [], ""
    for page in PAGES:
        for directive, name in ENTRY.findall(page.read_text(encoding="utf-8")):
            if directive == "currentmodule":
                module = name
            else:
                found.append((module, name))
    return found


def test_every_public_name_stands_there_once() -> None:
    names = [name for module, name in entries() if module == "carto_helpers"]
    assert sorted(names) == sorted(set(carto_helpers.__all__) - set(carto_helpers._MODULES))
    assert {module for module, _ in entries()} == set(MODULES)
    assert len(set(entries())) == len(entries())


@pytest.mark.parametrize(("module", "name"), entries())
def test_every_entry_is_a_documented_name(module: str, name: str) -> None:
    assert getdoc(getattr(import_module(module), name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_pages_summary_lists_its_entries_in_order(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```{eval-rst}\n(.*?)```", text, re.DOTALL):
        listed = re.findall(r"^   (\w+)$", block.partition(".. autosummary::")[2], re.MULTILINE)
        assert listed == [name for kind, name in ENTRY.findall(block) if kind != "currentmodule"]


def test_every_command_has_its_section_with_its_help() -> None:
    text = (ROOT / "book" / "reference" / "command_line.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## carto (\w+)\n\n```{command-help} (\w+)\n```$", text, re.MULTILINE)
    assert [command for _, command in sections] == list(command_help.commands(make_parser()))
    for title, command in sections:
        assert title == command
        assert command_help.command_help(command).startswith(f"usage: carto {command} ")
    assert "exit status:" in command_help.command_help("")


def test_names_that_may_lead_nowhere_are_others() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    for kind, names in config["nitpick_ignore_regex"]:
        assert kind.startswith("py:")
        for module, name in [*entries(), ("carto_helpers.records", "Results")]:
            assert not re.fullmatch(names, f"{module}.{name}")
    assert "nitpick_ignore" not in config
    assert "intersphinx_mapping" not in config  # it would ask the network
