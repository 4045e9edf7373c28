"""Read and verify the audit log of tool-call decisions."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.adapters import audit as files
from gateway.cli import EXIT_PROBLEMS
from gateway.cli._paths import state_dir_of
from policies import audit

_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
_STATE_DIR = click.option("--state-dir", type=click.Path(file_okay=False), help="Where the log lives.")


@click.group(name="audit", no_args_is_help=True)
def COMMAND() -> None:
    """Read and verify the audit log of tool-call decisions."""


def path_of(file: Path | None, state_dir: str | None) -> Path:
    """The file given, else audit.jsonl in the state directory. Ends the command when there is none."""
    path = file or state_dir_of(state_dir) / "audit.jsonl"
    if not path.is_file():
        click.echo(f"{path}: there is no audit log", err=True)
        sys.exit(EXIT_PROBLEMS)
    return path


@COMMAND.command()
@_FILE
@click.option("--head", help="Digest of the last line, kept elsewhere: then a log that was cut short is noticed too.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_STATE_DIR
def verify(file: Path | None, head: str | None, as_json: bool, state_dir: str | None) -> None:
    """Verify the hash chain of FILE (default: the log of the state directory); exit 1 when it does not hold."""
    path = path_of(file, state_dir)
    found = audit.verify(files.read(path))
    findings = [f"{path}:{finding.line}: {finding.message}" for finding in found.findings]
    if head is not None and head != found.head:
        findings.append(
            f"{path}: ends with {found.head}, not with {head}: lines are missing at the end, or the chain was remade"
        )
    if as_json:
        click.echo(
            json.dumps({"lines": found.lines, "head": found.head, "ok": not findings, "findings": findings}, indent=2)
        )
    else:
        for finding in findings:
            click.echo(finding, err=True)
        click.echo(f"{found.lines} lines, {len(findings)} findings, head {found.head}")
    sys.exit(EXIT_PROBLEMS if findings else 0)


@COMMAND.command()
@_FILE
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True, help="Most lines shown, the newest.")
@click.option("--decision", type=click.Choice(["allow", "ask", "deny"]), help="Only these.")
@click.option("--session", help="Only this session.")
@click.option("--json", "as_json", is_flag=True, help="The records themselves, one per line.")
@_STATE_DIR
def show(
    file: Path | None, limit: int, decision: str | None, session: str | None, as_json: bool, state_dir: str | None
) -> None:
    """Show decisions of FILE (default: the log of the state directory), oldest first."""
    kept: list[dict[str, object]] = []
    for line in files.read(path_of(file, state_dir)):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if not isinstance(value, dict) or value.get("kind") != "decision":
            continue
        if decision in (None, value.get("decision")) and session in (None, value.get("session")):
            kept = [*kept[-limit + 1 :], value] if limit > 1 else [value]
    for value in kept:
        click.echo(json.dumps(value) if as_json else _line(value))


def _line(value: dict[str, object]) -> str:
    at = value.get("at")
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if isinstance(at, int | float) else "?"
    return f"{when}  {value.get('decision')!s:5}  {value.get('tool')}  {value.get('reason')}"
