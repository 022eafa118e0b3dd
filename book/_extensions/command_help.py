"""Sphinx extension: what `carto COMMAND --help` prints, asked of the parser at each build."""

import argparse
from functools import partial
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from carto_helpers.command_line import make_parser

WIDTH = 84  # characters, as wide as the page


def command_help(command: str) -> str:
    """Return the help of one command, or of `carto` where the name is empty."""
    parser = make_parser()
    if command:
        parser = commands(parser)[command]
    parser.formatter_class = partial(parser.formatter_class, width=WIDTH)
    return parser.format_help()


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return a parser's commands by name, in the order of its help."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


class CommandHelp(Directive):
    """`command-help`, its argument a command, or none for `carto` itself."""

    optional_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Return the help as it is printed."""
        text = command_help("".join(self.arguments))
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
