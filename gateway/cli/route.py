"""Explain where a request would be routed, and why; nothing is called."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import click
import msgspec

from gateway.app import dry_run
from gateway.cli import EXIT_PROBLEMS, _configuration, _replay
from gateway.dialects.registry import all_dialects
from gateway.errors import ConfigError, GatewayError
from gateway.ir.request import DialectName


@click.group(name="route", no_args_is_help=True)
def COMMAND() -> None:
    """Ask the routing table."""


COMMAND.add_command(_replay.COMMAND)
COMMAND.add_command(_replay.OUTCOMES)


@COMMAND.command()
@click.argument("file", type=click.File("rb"))
@click.option("--dialect", type=click.Choice(["chat", "messages", "responses"]), help="Default: told by the body.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A request header, e.g. user-agent:pi/1."
)
@click.option("--model", help="Ask for this model instead of the one in the body.")
@click.option("--json", "as_json", is_flag=True, help="The answer of POST /v1/route, as JSON.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file (default: interlock.yaml).")
def explain(
    file: Any,
    dialect: DialectName | None,
    headers: tuple[str, ...],
    model: str | None,
    as_json: bool,
    config: str | None,
) -> None:
    """Where would the request body in FILE (- for standard input) go, and why? Needs no running gateway."""
    body: bytes = file.read()
    name = dialect or guess(body)
    pairs = [_header(text) for text in headers]
    if model:
        pairs.append((b"x-interlock-model", model.encode()))
    try:
        decision = asyncio.run(_decide(body, name, tuple(pairs), config))
    except ConfigError as error:
        _configuration.tell(error)
    except GatewayError as error:
        click.echo(f"{error.status} {error.code}: {error.text()}", err=True)
        sys.exit(EXIT_PROBLEMS)
    click.echo(json.dumps(decision, indent=2, ensure_ascii=False) if as_json else for_people(decision, name))


async def _decide(
    body: bytes, dialect: DialectName, headers: tuple[tuple[bytes, bytes], ...], config: str | None
) -> dict[str, Any]:
    found = await _configuration.load_or_discover(_configuration.locate(config))
    return await dry_run(found.loaded, body, all_dialects()[dialect], headers)


def _header(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not name.isascii():
        raise click.BadParameter(f"{text!r} is not NAME:VALUE", param_hint="--header")
    return name.strip().lower().encode(), value.strip().encode("latin-1", "replace")


def guess(body: bytes) -> DialectName:
    """The dialect of a body: `input` is Responses; a `system` field, `input_schema` tools or typed tool blocks are
    Messages; anything else is chat."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "chat"
    if "input" in fields:
        return "responses"
    marks = (b'"input_schema"', b'"tool_use"', b'"tool_result"')
    tools = bytes(fields.get("tools", b"")) + bytes(fields.get("messages", b""))
    return "messages" if "system" in fields or any(mark in tools for mark in marks) else "chat"


def _guards(decision: dict[str, Any]) -> list[tuple[str, str]]:
    """What the route does for streams beyond trying its models in order."""
    rows = []
    if decision["continue_on"]:
        after = f" (silent for {decision['stall_s']:g} s)" if decision["stall_s"] else ""
        rows.append(("goes on", f"with the next model after text, on {', '.join(decision['continue_on'])}{after}"))
    if decision["hedge_after_s"]:
        rows.append(("hedge", f"the next model too after {decision['hedge_after_s']:g} s without content"))
    return rows


def _decided(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """How it came about, where there was something to decide."""
    if found is None:
        return []
    rows = [("chosen", f"by {found['strategy']}: {found['why']}")] if found["strategy"] else []
    if found["move"] is not None:
        cost = "" if found["switch_cost_usd"] is None else f", for ${found['switch_cost_usd']:.4f}"
        done = "made" if found["move"]["made"] else "not made"
        rows.append(("move", f"{done}: {found['move']['source']} to {found['move']['target']}{cost}"))
    if found["shadow"] is not None:
        rows.append(("shadow", f"{found['shadow']['model']}: {found['shadow']['why']}"))
    return rows


def for_people(decision: dict[str, Any], dialect: str) -> str:
    """The same decision, to be read."""
    session = decision["session"]
    rows = [
        ("model", f"{decision['model']} (lane {decision['lane']})"),
        ("route", decision["route"]),
        ("why", decision["reason"]),
        ("call", decision["call"]),
        ("task", decision["task"] or "-"),
        ("then", ", ".join(decision["hops"][1:]) or "nothing else"),
        *_guards(decision),
        ("sticky", "yes, the session's model" if decision["sticky"] else "no"),
        ("harness", decision["harness"]),
        ("session", f"{session['id']} (from {session['source']})"),
        ("tokens", f"about {decision['context_tokens']:,} ({dialect} request)"),
    ]
    rows += _decided(decision["decision"])
    if decision["scores"]:
        rows.append(("scores", ", ".join(f"{k} {v:.2f}" for k, v in decision["scores"].items())))
    lines = [f"{name:<9}{value}" for name, value in rows]
    width = max(len(c["model"]) for c in decision["candidates"])
    lines += ["", "candidates"]
    lines += [f"  {'+' if c['eligible'] else '-'} {c['model']:<{width}}  {c['why']}" for c in decision["candidates"]]
    return "\n".join(lines)
