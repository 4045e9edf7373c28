"""What is known of one tool call, as values that rules match. Facts are derived from the parsed call, never from its text.

Two makers fill them: `policies.shell` reads commands, `policies.tools` reads the arguments of every other tool. A part that
could not be read is named in `unknown`; a rule that allows never matches a call whose unknown parts it would have to trust.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "shell",
    "read",
    "write",
    "edit",
    "delete",
    "search",
    "list",
    "fetch",
    "web_search",
    "mcp",
    "agent",
    "plan",
    "ask",
    "other",
]
"""What a tool does, whatever a harness calls it. `other` is a tool that no map names."""

Effect = Literal[
    "network",
    "write_outside",
    "privilege",
    "exec_data",
    "destructive",
    "persistence",
    "publish",
    "install",
    "project_code",
    "secrets",
]
"""Network: opens connections. write_outside: writes outside the workspace. privilege: another user or more rights.
exec_data: runs text as a program (`sh -c "$x"`, `curl | sh`, `python -c`). destructive: cannot be undone (rm -r, git push
--force, DROP). persistence: outlives the session (cron, shell profiles, hooks, services). publish: others can see it (git
push, gh pr create, npm publish). install: brings in foreign code (pip, npm, apt, curl -O of a script). project_code: runs
what the workspace says (make, npm test, pytest, ./script.sh), whose own effects are not seen. secrets: shows credentials
that are no file (env, $API_TOKEN, gh auth token, kubectl get secret)."""


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command after wrappers are taken off (`sudo`, `env`, `timeout`, `xargs`, …: they are in `wrappers`).

    `program` is the last path component as it would be run, "" when it is not a constant. `argv` are the words after quotes
    and constant variables are resolved; None for a word whose value is not known. `flags` are normalised: short clusters
    split for programs that are known (`-rf` -> `-r`, `-f`), long ones without their value (`--output`). Paths are absolute
    and normalised when the working directory is known, otherwise as written, starting with "./"; `~` is the home directory
    and stays as written; a glob stays a glob. `assigns` are variables set for this command. `source` says where it stood:
    "" at top level, else "substitution", "heredoc", "code:python", "xargs", "find", "ssh", …."""

    program: str
    argv: tuple[str | None, ...] = ()
    subcommand: str = ""
    flags: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    assigns: tuple[tuple[str, str | None], ...] = ()
    wrappers: tuple[str, ...] = ()
    source: str = ""
    unknown: tuple[str, ...] = ()
    known: bool = True
    """Whether the tables know this program. What they do not know has no effects here, and may have any: only a rule that
    names the program should allow it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One tool call. `reads`, `writes`, `hosts`, `effects` are of the whole call (the union over `commands` for a shell).
    `unknown` are the reasons why the facts may be incomplete, each a short phrase naming the part. `invalid` is set when the
    arguments are not what the tool takes: nothing else can be trusted then. `server` and `tool` name an MCP tool."""

    kind: Kind
    tool: str
    server: str = ""
    commands: tuple[Command, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    unknown: tuple[str, ...] = ()
    invalid: str = ""
    masked: tuple[str, ...] = ()
    """Masks among the arguments: they stand for values that the model was not shown, and a tool gets them as they are."""
