"""Read and verify the audit log of tool-call decisions."""

from __future__ import annotations

import heapq
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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


def paths_of(file: Path | None, state_dir: str | None) -> list[Path]:
    """The file given, else all logs of the state directory: one per process that judges. Ends the command when there is
    none."""
    if file is not None:
        return [path_of(file, state_dir)]
    return sorted(state_dir_of(state_dir).glob("audit*.jsonl")) or [path_of(None, state_dir)]


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
    """Verify the hash chain of FILE (default: every log of the state directory); exit 1 when one does not hold."""
    paths = paths_of(file, state_dir)
    if head is not None and len(paths) > 1:
        raise click.UsageError(f"--head is of one log, and there are {len(paths)}: name the FILE")
    told = [_verified(path, head) for path in paths]
    if as_json:
        click.echo(json.dumps(told[0] if len(told) == 1 else told, indent=2))
    for path, found in zip(paths, told, strict=True):
        if as_json:
            continue
        for finding in found["findings"]:
            click.echo(finding, err=True)
        name = f"{path}: " if len(paths) > 1 else ""
        click.echo(f"{name}{found['lines']} lines, {len(found['findings'])} findings, head {found['head']}")
    sys.exit(0 if all(found["ok"] for found in told) else EXIT_PROBLEMS)


def _verified(path: Path, head: str | None) -> dict[str, Any]:
    found = audit.verify(files.read(path))
    findings = [f"{path}:{finding.line}: {finding.message}" for finding in found.findings]
    if head is not None and head != found.head:
        findings.append(
            f"{path}: ends with {found.head}, not with {head}: lines are missing at the end, or the chain was remade"
        )
    return {"lines": found.lines, "head": found.head, "ok": not findings, "findings": findings}


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
    """Show decisions of FILE (default: all logs of the state directory), oldest first."""
    kept: list[dict[str, object]] = []
    for line in _lines(paths_of(file, state_dir)):
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


def _lines(paths: list[Path]) -> Iterator[bytes]:
    """Of several logs in the order of their times; each is in that order itself."""
    if len(paths) == 1:
        return files.read(paths[0])
    return heapq.merge(*(files.read(path) for path in paths), key=_at)


def _at(line: bytes) -> float:
    try:
        return float(json.loads(line)["at"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def _line(value: dict[str, object]) -> str:
    at = value.get("at")
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if isinstance(at, int | float) else "?"
    return f"{when}  {value.get('decision')!s:5}  {value.get('tool')}  {value.get('reason')}"
