"""docs/reference/cli.md from the click commands of gateway/cli."""

from __future__ import annotations

import inspect

import click

from gateway.cli import main
from scripts.pages.markdown import table


def page() -> str:
    return "\n\n".join(["# Commands", *command(main, ["interlock"])])


def command(cmd: click.Command, path: list[str]) -> list[str]:
    """A heading, the help text and the options of a command, then its subcommands in order of name."""
    # A fixed width: the page must not depend on the terminal of whoever writes it.
    context = click.Context(cmd, info_name=path[-1], max_content_width=100, terminal_width=100)
    usage = " ".join([*path, *cmd.collect_usage_pieces(context)])
    parts = [
        f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}",
        inspect.cleandoc((cmd.help or "").replace("\b\n", "")),
        f"```\n{usage}\n```",
    ]
    rows = [
        [f"`{record[0]}`", record[1]]
        for parameter in cmd.get_params(context)
        if isinstance(parameter, click.Option)  # arguments stand in the usage line and say nothing more
        and not parameter.hidden
        and (record := parameter.get_help_record(context))
        and "--help" not in parameter.opts
    ]
    if rows:
        parts.append(table(["option", "meaning"], rows))
    if isinstance(cmd, click.Group):
        for name in cmd.list_commands(context):
            sub = cmd.get_command(context, name)
            if sub is not None and not sub.hidden:
                parts += command(sub, [*path, name])
    return [part for part in parts if part]
