"""Subcommands of git that look: what they read, and what they open."""

from __future__ import annotations

from policies.shell.git.settings import settings
from policies.shell.model import Invocation


def paths_behind(call: Invocation) -> None:
    """Readers: only what stands behind `--` or looks like a path from outside is a path for certain."""
    settings(call)
    for item in call.operands:
        value = item.value
        if value is not None and (
            value[:1] in {"/", "\0"} or value.startswith("../") or "/.." in value or ".env" in value
        ):
            call.read(value.rpartition(":")[2] if ":" in value else value)
        elif value is not None and call.has("--no-index"):
            call.read(value)
        elif value is not None and ":" in value:
            call.read(value.partition(":")[2])


def grep(call: Invocation) -> None:
    paths_behind(call)
    if call.has("-O", "--open-files-in-pager"):
        call.effect("exec_data")
        call.doubt("git grep opens a program")
