"""Create, list and revoke API keys."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime

import click

from gateway.accounting.report import since_of
from gateway.adapters.keys import KeyRow, Role, SqliteKeys
from gateway.adapters.system import SystemClock
from gateway.cli import EXIT_PROBLEMS
from gateway.cli._paths import state_dir_of
from gateway.config.names import LANES
from gateway.errors import GatewayError

_STATE_DIR = click.option("--state-dir", type=click.Path(file_okay=False), help="Where the keys live.")


@click.group(name="key", no_args_is_help=True)
def COMMAND() -> None:
    """Create, list and revoke API keys. A running gateway sees changes within two seconds."""


def _store(state_dir: str | None) -> SqliteKeys:
    folder = state_dir_of(state_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return SqliteKeys(folder / "keys.sqlite", SystemClock())


@COMMAND.command()
@click.argument("name")
@click.option("--model", "models", multiple=True, help="A model it may use; may be given more than once. Default: all.")
@click.option("--lane", "lanes", multiple=True, type=click.Choice(LANES), help="A lane it may use. Default: all.")
@click.option("--tag", "tags", multiple=True, help="A tag put on its requests.")
@click.option("--expires", help="When it ends: in 12h, 30d, 8w, or a date such as 2027-01-01 (UTC). Default: never.")
@click.option(
    "--role",
    type=click.Choice(["agent", "approver"]),
    default="agent",
    show_default=True,
    help="agent calls models; approver decides on approvals and nothing else.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_STATE_DIR
def create(
    name: str,
    models: tuple[str, ...],
    lanes: tuple[str, ...],
    tags: tuple[str, ...],
    expires: str | None,
    role: Role,
    as_json: bool,
    state_dir: str | None,
) -> None:
    """Create a key named NAME. The key itself is shown once and kept nowhere."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise click.BadParameter("1 to 100 printable characters", param_hint="NAME")
    expires_s = None if expires is None else _end(expires)
    store = _store(state_dir)
    secret, caller = store.create(name.strip(), models=models, lanes=lanes, tags=tags, expires_s=expires_s, role=role)
    if as_json:
        click.echo(json.dumps({"id": caller.key_id, "name": caller.name, "key": secret}))
        return
    click.echo(secret)
    click.echo(f"{caller.key_id} ({caller.name}). Shown this once: it is stored as a digest only.", err=True)
    if role == "agent":
        click.echo("From now on every request needs a key, on loopback too.", err=True)
    else:
        click.echo("It decides on approvals (/admin/v1/approvals). Keep it away from agents.", err=True)


def _end(text: str) -> float:
    """Unix seconds of `30d` from now, or of a date."""
    now_s = time.time()
    try:
        moment_s = since_of(text, now_s)
    except GatewayError as error:
        raise click.BadParameter(error.text(), param_hint="--expires") from None
    # `since_of` reads 30d as 30 days ago; a key's end lies as far ahead.
    end_s = 2 * now_s - moment_s if text.strip()[-1:] in "mhdw" else moment_s
    if end_s <= now_s:
        raise click.BadParameter("is in the past", param_hint="--expires")
    return end_s


@COMMAND.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_STATE_DIR
def list_(as_json: bool, state_dir: str | None) -> None:
    """List all keys, revoked ones too; never the keys themselves."""
    known = _store(state_dir).all_keys()
    if as_json:
        click.echo(json.dumps([_plain(row) for row in known], indent=2))
        return
    if not known:
        click.echo("No keys. On loopback none is needed; `interlock key create NAME` makes one.")
        return
    rows = [("ID", "NAME", "CREATED", "STATE", "ROLE", "MODELS", "LANES", "TAGS")]
    for row in known:
        c = row.caller
        limits = (", ".join(c.models) or "all", ", ".join(c.lanes) or "all", ", ".join(c.tags) or "-")
        rows.append((c.key_id, c.name, _date(row.created_s), _state(row), row.role, *limits))
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)).rstrip())


@COMMAND.command()
@click.argument("id_or_name")
@_STATE_DIR
def revoke(id_or_name: str, state_dir: str | None) -> None:
    """Revoke the key with this id, or all keys with this name."""
    done = _store(state_dir).revoke(id_or_name)
    if not done:
        click.echo(f"no key in use has the id or name {id_or_name!r}; see `interlock key list`", err=True)
        sys.exit(EXIT_PROBLEMS)
    click.echo(f"{done} key{'s' if done > 1 else ''} revoked")


def _state(row: KeyRow) -> str:
    if row.revoked_s is not None:
        return f"revoked {_date(row.revoked_s)}"
    expires_s = row.caller.expires_s
    if expires_s is None:
        return "in use"
    return f"expired {_date(expires_s)}" if expires_s <= time.time() else f"until {_date(expires_s)}"


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


def _plain(row: KeyRow) -> dict[str, object]:
    c = row.caller
    return {
        "id": c.key_id,
        "name": c.name,
        "created_s": row.created_s,
        "revoked_s": row.revoked_s,
        "expires_s": c.expires_s,
        "models": c.models,
        "lanes": c.lanes,
        "tags": c.tags,
        "role": row.role,
    }
