"""The small parts that generated pages are made of."""

from __future__ import annotations

import ast
import importlib
from typing import Annotated, Literal

import click
from pydantic import Field

from scripts.pages.markdown import cell, doc, table
from scripts.pages.source import described


def test_a_cell_cannot_break_its_table() -> None:
    assert cell("a | b\nc") == "a \\| b c"
    assert table(["x"], [["1|2"]]).splitlines() == ["| x |", "| --- |", "| 1\\|2 |"]


def test_only_an_own_docstring_counts() -> None:
    class Parent:
        """Two
        lines.

        More."""

    class Child(Parent):
        pass

    assert doc(Parent) == "Two lines.\n\nMore."
    assert doc(Child) == ""


SOURCE = '''
# --- divider ---
A = "a"
# the comment
# above
B: int = 1
C = 2  # at the end
D = 3
"""The docstring
after it."""
'''


def test_meanings_are_read_from_the_source() -> None:
    found = dict(described(ast.parse(SOURCE).body, SOURCE.splitlines()))
    assert found == {"A": "", "B": "the comment above", "C": "at the end", "D": "The docstring after it."}


def test_a_type_is_spelled_in_words() -> None:
    settings = importlib.import_module("scripts.pages.settings")
    assert settings.spell(Literal["a", "b"]) == "`a` or `b`"
    assert settings.spell(tuple[str, ...]) == "list of text"
    assert settings.spell(dict[str, int] | None) == "map of name to whole number"
    assert settings.spell(Annotated[float, Field(gt=0)]).startswith("number")


def test_commands_are_written_with_their_options() -> None:
    cli = importlib.import_module("scripts.pages.cli")

    @click.group()
    def main() -> None:
        """The whole."""

    @main.command()
    @click.option("--port", default=4242, show_default=True, help="Port | number.")
    def serve(port: int) -> None:
        """Serves.

        \b
        as it stands"""

    text = "\n\n".join(cli.command(main, ["interlock"]))
    assert "### interlock serve\n\nServes.\n\nas it stands" in text
    assert "interlock serve [OPTIONS]" in text
    assert "| `--port INTEGER` | Port \\| number. [default: 4242] |" in text
