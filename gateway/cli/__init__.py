"""The command `interlock`. Each module of this package is one command: it declares `COMMAND`, its file name is the command's
name, and the first line of its docstring is the help. Modules are imported when they are run, so `interlock --help` is fast.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from difflib import get_close_matches
from pathlib import Path

import click

from gateway import __version__

EXIT_OK = 0
EXIT_PROBLEMS = 1
"""What was asked for did not hold or did not work; wrong usage is 2, which click uses itself."""


class Lazy(click.Group):
    """A group whose commands are modules of `package`, found by file name; names beginning with _ are helpers."""

    def __init__(self, package: str, directory: Path, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self._package = package
        self._directory = directory

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (info.name for info in pkgutil.iter_modules([str(self._directory)]))
        return sorted(name.rstrip("_").replace("_", "-") for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = self._module(cmd_name)
        if module is None:
            return None
        command = importlib.import_module(f"{self._package}.{module}").COMMAND
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with the nearest name for a typo."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            known = self.list_commands(ctx)
            near = get_close_matches(args[0], known, n=1)
            cure = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
            raise click.UsageError(f"no command {args[0]!r}. {cure}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._help(name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _module(self, command: str) -> str | None:
        word = command.replace("-", "_")
        known = {info.name for info in pkgutil.iter_modules([str(self._directory)])}
        return next((name for name in (word, f"{word}_") if name in known and not name.startswith("_")), None)

    def _help(self, command: str) -> str:
        """First line of the module's docstring, read without running the module."""
        module = self._module(command)
        source = (self._directory / f"{module}.py").read_text(encoding="utf-8")
        return (ast.get_docstring(ast.parse(source)) or "").split("\n", 1)[0]


main = Lazy(
    __name__,
    Path(__file__).parent,
    name="interlock",
    help="A gateway between coding agents and models: routes every request and keeps one honest bill.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    no_args_is_help=True,
)
main = click.version_option(__version__, prog_name="interlock")(main)
