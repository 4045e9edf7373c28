"""Check, test and compare tool-call policies; nothing is run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from gateway.adapters import audit as audit_files
from gateway.cli import EXIT_PROBLEMS, _configuration, _policies
from gateway.cli._paths import state_dir_of
from gateway.cli.audit import path_of
from gateway.config.names import LANES, MASK_KEY
from gateway.errors import ConfigError
from policies import audit, bundled, checking, engine, examples, leaks
from policies import suggest as learning
from policies.checking import Asked, Change
from policies.compiled import Policy
from policies.leaks import Target
from policies.lint import lint as find_advice
from policies.verdict import Caller, ToolCall, Verdict

F = TypeVar("F", bound=Callable[..., Any])
SHOWN_CHARS = 4000
"""Of a call that `suggest` shows."""
_CONFIG = click.option("--config", type=click.Path(dir_okay=False), help="Configuration file that names the policies.")
_POLICY = click.option(
    "--policy",
    "-p",
    "policies",
    multiple=True,
    help=f"A file, or one of {', '.join(bundled.NAMES)}; may be given more than once.",
)


@click.group(name="policy", no_args_is_help=True)
def COMMAND() -> None:
    """Check, test and compare tool-call policies; nothing is run.

    Without --policy the policies of the configuration are used, and safe-default when there are none.
    """


def _load(policies: tuple[str, ...], config: str | None) -> Policy:
    try:
        return _policies.policy(policies, config)
    except ConfigError as error:
        _configuration.tell(error)


@COMMAND.command()
@click.argument("files", nargs=-1)
@click.option("--strict", is_flag=True, help="Warnings too make the exit code 1.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_CONFIG
def lint(files: tuple[str, ...], strict: bool, as_json: bool, config: str | None) -> None:
    """Find mistakes in policy FILES: errors, rules that cannot match, hidden rules, text where a fact exists."""
    found = find_advice(_load(files, config))
    if as_json:
        click.echo(json.dumps([asdict(advice) for advice in found], indent=2))
    else:
        for advice in found:
            click.echo(f"{advice.level}: {advice.rule}: {advice.message}")
        click.echo(
            f"{sum(a.level == 'error' for a in found)} errors, {sum(a.level == 'warning' for a in found)} warnings"
        )
    sys.exit(EXIT_PROBLEMS if any(a.level == "error" or strict for a in found) else 0)


@COMMAND.command()
@_POLICY
@click.option("--tool", help="Name of the tool, as the harness calls it.")
@click.option(
    "--arg", "args", multiple=True, metavar="NAME=VALUE", help="An argument; VALUE is JSON where it reads as such."
)
@click.option("--file", "file", type=click.File("rb"), help="JSON lines of calls (- for standard input).")
@click.option(
    "--result",
    "result",
    type=click.File("rb"),
    help="What a tool brought, as text (- for standard input): what would be kept from a model.",
)
@click.option(
    "--to",
    "lane",
    type=click.Choice(["own", *LANES]),
    default="mid",
    show_default=True,
    help="With --result: a model on an own server, or a cloud model of this lane.",
)
@click.option("--state-dir", type=click.Path(file_okay=False), help="With --result: whose key makes the masks.")
@click.option("--explain", is_flag=True, help="Every checkpoint, rule and fact.")
@click.option("--cwd", help="Working directory that the harness reports. Default: this one.")
@click.option("--home", help="Home directory. Default: /home/user.")
@click.option("--harness", default="unknown", help="Name of the harness.")
@click.option("--key", default="anonymous", help="Id of the key.")
@click.option("--tag", "tags", multiple=True, help="A tag of the session.")
@click.option("--agent", help="Name of the sub-agent that calls.")
@click.option(
    "--taint", "taint", multiple=True, type=click.Choice(["web", "mcp", "issue", "outside"]), help="What was read."
)
@_CONFIG
def check(
    policies: tuple[str, ...],
    tool: str | None,
    args: tuple[str, ...],
    file: BinaryIO | None,
    result: BinaryIO | None,
    lane: str,
    state_dir: str | None,
    explain: bool,
    cwd: str | None,
    home: str | None,
    harness: str,
    key: str,
    tags: tuple[str, ...],
    agent: str | None,
    taint: tuple[str, ...],
    config: str | None,
) -> None:
    """Judge one call (--tool and --arg), or each line of --file; or show what is kept back of a tool's --result.

    One JSON line per call: {"id", "decision", "rules", "facts", "reason", "latency_us", "checkpoint"}. The exit code
    is 0 whatever is decided; 1 when a policy cannot be used. For --result one JSON object: {"action", "found", "text"},
    with masks where values stood.
    """
    if sum(given is not None for given in (tool, file, result)) != 1:
        raise click.UsageError("give one of --tool, --file and --result")
    if result is not None:
        _kept(_load(policies, config), result.read(), lane, state_dir)
        return
    caller = Caller(
        key,
        harness,
        "",
        tags,
        agent,
        None,
        frozenset(taint),
        cwd or str(Path.cwd()),
        home or examples.HOME,
        time.time(),
    )
    held = _load(policies, config)
    if cwd is None and not engine.place(held, caller).roots:
        caller = replace(caller, cwd=examples.CWD)  # run in a home or a system folder, which is nobody's workspace
    if file is None:
        assert tool is not None
        asked = Asked("1", ToolCall("1", tool, json.dumps(_arguments(args), ensure_ascii=False).encode()), caller)
        _tell(held, asked, explain)
        return
    for number, line in enumerate(file, 1):
        _tell(held, checking.read(line.rstrip(b"\r\n"), number, caller), explain)


def _kept(held: Policy, raw: bytes, lane: str, state_dir: str | None) -> None:
    path = state_dir_of(state_dir) / MASK_KEY
    key = path.read_bytes() if path.is_file() else b""  # without a gateway's key the masks are nobody's
    target = Target(lane == "own", lane)
    told = checking.kept(held.leaks, raw.decode("utf-8", "replace"), target, key)
    click.echo(json.dumps(told, ensure_ascii=False))


def _arguments(pairs: tuple[str, ...]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--arg")
        try:
            out[name] = json.loads(text) if text[:1] in '{["' or text in {"true", "false", "null"} else text
        except ValueError:
            out[name] = text
    return out


def _tell(held: Policy, asked: Asked, explain: bool) -> None:
    verdict, latency_us = _decided(held, asked)
    if explain and verdict is not None:
        for text in checking.explained(verdict):
            click.echo(text)
        click.echo(f"  {latency_us} us")
        return
    click.echo(json.dumps(checking.line(asked, verdict, latency_us), ensure_ascii=False))


def _decided(held: Policy, asked: Asked) -> tuple[Verdict | None, int]:
    if asked.call is None:
        return None, 0
    return _policies.decide(held, asked.call, asked.caller)


@COMMAND.command()
@click.argument("fixtures", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_POLICY
@_CONFIG
def test(fixtures: tuple[Path, ...], policies: tuple[str, ...], config: str | None) -> None:
    """Play the examples inside the rules, and FIXTURES: JSON lines of calls with "expect"; exit 1 when one does not
    hold."""
    held = _load(policies, config)
    played, failures = 0, list[str]()
    for rule, example, wanted in examples.every(held):
        played += 1
        if examples.matches(held, rule, example, _policies.parse) is not wanted:
            failures.append(f"{rule.id}: {'does not match' if wanted else 'matches'} {json.dumps(example.arguments)}")
    played += leaks.played(held.file.redact)
    failures += [f"{where}: {message}" for where, message in leaks.examples(held.file.redact)]
    for path in fixtures:
        for place, failure in _fixture(held, path):
            played += 1
            if failure:
                failures.append(f"{place}: {failure}")
    for failure in failures:
        click.echo(failure, err=True)
    click.echo(f"{played} examples, {len(failures)} failed")
    sys.exit(EXIT_PROBLEMS if failures else 0)


def _fixture(held: Policy, path: Path) -> Iterator[tuple[str, str]]:
    """(place, what is wrong or "") of each line."""
    caller = Caller(cwd=examples.CWD, home=examples.HOME)
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        asked = checking.read(line, number, caller)
        if asked.call is not None and asked.expect is None:
            yield f"{path}:{number}", 'no "expect"'
            continue
        verdict, _ = _decided(held, asked)
        got, wanted = verdict.decision if verdict else "deny", asked.expect or "deny"
        reason = verdict.reason if verdict else asked.problem
        yield f"{path}:{number}", "" if got == wanted else f"{got}, {wanted} was expected ({reason})"


@COMMAND.command()
@click.argument("log", type=click.Path(dir_okay=False, path_type=Path), required=False)
@_POLICY
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where the audit log lives.")
@_CONFIG
def replay(
    log: Path | None, policies: tuple[str, ...], as_json: bool, state_dir: str | None, config: str | None
) -> None:
    """What would this policy have decided about the calls of an audit LOG? Exit 1 when anything differs.

    A call that was granted counts as asked. LOG may also hold lines as for `policy check --file`, with the decision
    before in "expect".
    """
    held = _load(policies, config)
    judged = list(_judged(held, path_of(log, state_dir)))
    _changes(checking.changes(judged), len(judged), as_json)


def _judged(held: Policy, path: Path) -> Iterator[tuple[ToolCall, str, Verdict]]:
    lines = list(audit_files.read(path))
    found = False
    for call, caller, record in audit.calls(lines):
        found = True
        before = "ask" if record.get("granted_by") else str(record["decision"])
        yield call, before, _policies.decide(held, call, caller)[0]
    if found:
        return
    for number, line in enumerate(lines, 1):
        asked = checking.read(line.rstrip(b"\r\n"), number, Caller(cwd=examples.CWD, home=examples.HOME))
        if asked.call is not None and asked.expect is not None:
            yield asked.call, asked.expect, _policies.decide(held, asked.call, asked.caller)[0]


def _changes(found: list[Change], judged: int, as_json: bool) -> None:
    for change in found:
        if as_json:
            click.echo(json.dumps(asdict(change), ensure_ascii=False))
        else:
            click.echo(f"{change.id}  {change.tool}: {change.before} -> {change.after}  ({change.reason})")
    click.echo(f"{judged} calls, {len(found)} decided differently", err=as_json)
    sys.exit(EXIT_PROBLEMS if found else 0)


@COMMAND.command()
@click.argument("before")
@click.argument("after")
@click.option("--calls", "calls", type=click.File("rb"), help="JSON lines of calls to judge by both.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
def diff(before: str, after: str, calls: BinaryIO | None, as_json: bool) -> None:
    """How do the policies BEFORE and AFTER differ? Rules that were added, removed or changed; with --calls, decisions
    too."""
    old, new = _load((before,), None), _load((after,), None)
    changed = list(_rule_changes(old, new))
    for sign, rule in changed:
        click.echo(json.dumps({"change": sign, "rule": rule}) if as_json else f"{sign} {rule}")
    if calls is None:
        sys.exit(EXIT_PROBLEMS if changed else 0)
    judged = []
    for number, line in enumerate(calls, 1):
        asked = checking.read(line.rstrip(b"\r\n"), number, Caller(cwd=examples.CWD, home=examples.HOME))
        if asked.call is not None:
            first = _policies.decide(old, asked.call, asked.caller)[0]
            judged.append((asked.call, str(first.decision), _policies.decide(new, asked.call, asked.caller)[0]))
    _changes(checking.changes(judged), len(judged), as_json)


def _rule_changes(old: Policy, new: Policy) -> Iterator[tuple[str, str]]:
    for name in sorted(old.rules.keys() | new.rules.keys()):
        left, right = old.rules.get(name), new.rules.get(name)
        if left is None or right is None:
            yield ("+" if left is None else "-"), name
        elif left.source != right.source:
            yield "~", name


@COMMAND.command(name="suggest")
@click.argument("log", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--least", type=click.IntRange(1), default=learning.GRANTS_MIN, show_default=True, help="Fewest approvals."
)
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where the audit log lives.")
@_POLICY
@_CONFIG
def suggest_(
    log: Path | None, least: int, state_dir: str | None, policies: tuple[str, ...], config: str | None
) -> None:
    """Rules that the approvals in an audit LOG speak for, each with every call that it would have allowed."""
    held = _load(policies, config)
    found = learning.suggest(_approved(held, path_of(log, state_dir)), least)
    for suggestion in found:
        click.echo(suggestion.as_yaml().rstrip())
        click.echo(f"# {len(suggestion.grants)} approvals; it would have allowed these calls of the log:")
        for shown in suggestion.would_allow:
            click.echo("#   " + shown)
    if not found:
        click.echo("no habit: no kind of call was approved often enough", err=True)


def _approved(held: Policy, path: Path) -> Iterator[learning.Approved]:
    """Calls that asked or were denied. An ask whose very call was granted later is that approval, not a refusal."""
    records = list(audit.calls(audit_files.read(path)))
    granted = {record["digest"] for _, _, record in records if _by_human(record)}
    for call, caller, record in records:
        verdict, _ = _policies.decide(held, call, caller)
        human, passed = _by_human(record), record["decision"] == "allow" and bool(record["granted_by"])
        if verdict.facts is None or (record["decision"] != "allow" and record["digest"] in granted):
            continue
        if passed or record["decision"] != "allow":
            how = "granted" if human else f"passed by {record['granted_by']}" if passed else record["decision"]
            shown = _whole(f"{how}: {record['tool']} {record['arguments']}")
            yield learning.Approved(
                call.id, verdict.facts, engine.place(held, caller), human, shown, passed and not human
            )


def _whole(text: str) -> str:
    """A cut is said: nobody shall take a part of a call for all of it."""
    cut = len(text) - SHOWN_CHARS
    return text if cut <= 0 else f"{text[:SHOWN_CHARS]} [{cut} characters more]"


def _by_human(record: dict[str, Any]) -> bool:
    """Whether a ticket let the call pass; hooks, modes and classifiers are no approvals to learn from."""
    by_ticket: bool = record["decision"] == "allow" and record["checkpoint"] == "approval"
    return by_ticket and record["granted_by"] != engine.DELEGATED


@COMMAND.command()
@click.argument("name", type=click.Choice(bundled.NAMES))
def show(name: str) -> None:
    """Print the bundled policy NAME, to build on."""
    click.echo(bundled.text(name), nl=False)
