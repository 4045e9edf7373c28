"""Decide on tool calls that wait for a person."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args

import click
import msgspec

from gateway.adapters.approvals import Approval, ApprovalFile, Decided, State
from gateway.adapters.judging import APPROVALS
from gateway.adapters.system import SystemClock
from gateway.cli import EXIT_PROBLEMS
from gateway.cli._paths import state_dir_of
from gateway.errors import GatewayError

T = TypeVar("T")
_STATE_DIR = click.option("--state-dir", type=click.Path(file_okay=False), help="Where the approvals live.")
_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")
_ID = click.argument("id_", metavar="ID")


@click.group(name="approvals", no_args_is_help=True)
def COMMAND() -> None:
    """Decide on tool calls that wait for a person. A running gateway sees it at once."""


def _asked(state_dir: str | None, work: Callable[[ApprovalFile], T]) -> T:
    """What the file of the state directory says; ends the command where it cannot."""
    path = state_dir_of(state_dir) / APPROVALS
    if not path.is_file():
        click.echo(f"{path}: no call has ever waited for an approval here", err=True)
        sys.exit(EXIT_PROBLEMS)
    try:
        with closing(ApprovalFile(path, SystemClock())) as file:
            return work(file)
    except GatewayError as error:
        click.echo(error.text(), err=True)
        sys.exit(EXIT_PROBLEMS)


@COMMAND.command(name="list")
@click.option("--state", type=click.Choice([*get_args(State), "all"]), default="pending", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Most shown, the newest.")
@_JSON
@_STATE_DIR
def list_(state: Any, limit: int, as_json: bool, state_dir: str | None) -> None:
    """List what waits for a decision, the newest first."""
    found = _asked(state_dir, lambda file: file.listed(None if state == "all" else state, limit))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    if not found:
        click.echo("Nothing waits." if state == "pending" else f"None is {state}.")
        return
    rows = [("ID", "STATE", "ASKED", "HARNESS", "CALL")]
    rows += [(a.id, a.state, _when(a.created_s), a.harness, _short(a)) for a in found]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]))


@COMMAND.command()
@_ID
@_JSON
@_STATE_DIR
def show(id_: str, as_json: bool, state_dir: str | None) -> None:
    """Show exactly what a grant of ID would cover, and why it is asked about."""
    found = _asked(state_dir, lambda file: file.find(id_))
    if found is None:
        click.echo(f"no approval has the id {id_!r}; see `interlock approvals list --state all`", err=True)
        sys.exit(EXIT_PROBLEMS)
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode() if as_json else told(found))


@COMMAND.command()
@_ID
@click.option("--uses", type=click.IntRange(1, 1000), help="Calls it covers. Default: as the policy says (1).")
@click.option(
    "--for", "seconds", type=click.FloatRange(1, 604_800), help="Seconds it holds. Default: as the policy says."
)
@click.option("--note", default="", help="Kept with the decision.")
@_STATE_DIR
def grant(id_: str, uses: int | None, seconds: float | None, note: str, state_dir: str | None) -> None:
    """Let the call of ID run: exactly it, in its session, by its key."""
    done = _decided(state_dir, id_, "grant", note=note, uses=uses, ttl_s=seconds)
    click.echo(
        f"{id_} granted for {done.uses_left} call{'s' if done.uses_left > 1 else ''}, until {_when(done.until_s)} UTC"
    )


@COMMAND.command()
@_ID
@click.option("--note", default="", help="Why; the model is told.")
@_STATE_DIR
def deny(id_: str, note: str, state_dir: str | None) -> None:
    """Refuse the call of ID; the same call is denied without asking again for as long as a grant would hold."""
    _decided(state_dir, id_, "deny", note=note)
    click.echo(f"{id_} denied")


def _decided(state_dir: str | None, id_: str, decision: Decided, **more: Any) -> Approval:
    by = f"{_user()} (command line)"
    return _asked(state_dir, lambda file: file.decide(id_, decision, by, **more))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def told(found: Approval) -> str:
    """An approval for a terminal; what the call holds is escaped already."""
    agent = f", agent {found.agent}" if found.agent else ""
    lines = [
        f"{found.id}: {found.state}",
        f"why:      {found.reason}",
        f"rules:    {', '.join(found.rules) or '-'}",
        f"who:      {found.harness}, key {found.key_id}, session {found.session}{agent}",
        f"asked:    {_when(found.created_s)} UTC, open until {_when(found.open_until_s)}",
    ]
    if found.decided_s is not None:
        lines.append(
            f"decided:  {_when(found.decided_s)} by {found.decided_by}{f': {found.note}' if found.note else ''}"
        )
    if found.state == "granted":
        lines.append(f"grant:    {found.uses_left} left, until {_when(found.until_s)}")
    return "\n".join([*lines, "call:", *(f"  {line}" for line in found.shown.splitlines())])


def _short(found: Approval) -> str:
    text = " ".join(found.shown.split())
    return text if len(text) <= 100 else text[:99] + "…"


def _when(at_s: float) -> str:
    form = "%H:%M:%S" if abs(time.time() - at_s) < 43_200 else "%Y-%m-%d %H:%M"
    return datetime.fromtimestamp(at_s, UTC).strftime(form)
