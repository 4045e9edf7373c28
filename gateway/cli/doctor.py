"""Find the usual troubles and say the cure: port, keys, models, windows, clock, configuration, coding agents."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from gateway.adapters import secrets
from gateway.cli import EXIT_PROBLEMS, _configuration, _doctor_machine, _doctor_upstream
from gateway.cli._finding import Finding, Level, ok, problem, warning
from gateway.cli._paths import state_dir_of
from gateway.config.load import Loaded
from gateway.endpoints import build
from gateway.errors import ConfigError
from gateway.providers.registry import all_providers

MARKS: dict[Level, str] = {"ok": "ok      ", "warning": "warning ", "problem": "PROBLEM "}


@click.command()
@click.option("--config", "file", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--port", "number", type=click.IntRange(1, 65_535), help="Port to look at (default: server.port).")
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where ledger, keys and state live.")
@click.option("--home", type=click.Path(file_okay=False, exists=True), help="Home folder whose agents are looked at.")
def COMMAND(file: str | None, number: int | None, state_dir: str | None, home: str | None) -> None:
    """Find the usual troubles and say the cure. Spends no tokens; exit 1 if there is a problem."""
    place = Path(home) if home else Path.home()
    findings = asyncio.run(_examine(file, number, state_dir_of(state_dir), place))
    for finding in findings:
        click.echo(MARKS[finding.level] + finding.text)
        if finding.cure:
            click.echo(f"        → {finding.cure}")
    problems = sum(finding.level == "problem" for finding in findings)
    click.echo(f"\n{problems} problem{'' if problems == 1 else 's'}" if problems else "\nno problems")
    sys.exit(EXIT_PROBLEMS if problems else 0)


async def _examine(file: str | None, number: int | None, state: Path, home: Path) -> list[Finding]:
    path = _configuration.locate(file)
    try:
        own = frozenset({number or 4242})
        configuration = await _configuration.load_or_discover(path, skip_ports=own)
    except ConfigError as error:
        texts = error.problems or (error.text(),)
        broken = [problem(text, "correct the file; `interlock config check` tells when it is right") for text in texts]
        return [
            *broken,
            await _doctor_machine.port("127.0.0.1", number or 4242),
            _doctor_machine.state_directory(state),
        ]
    loaded = configuration.loaded
    server = loaded.settings.server
    where = number or server.port or 4242
    return [
        *_configured(path, loaded),
        await _doctor_machine.port(server.host, where),
        _doctor_machine.state_directory(state),
        *await _upstreams(loaded),
        *_doctor_machine.harnesses(home, state, server.host, where, os.environ),
    ]


def _configured(path: Path | None, loaded: Loaded) -> list[Finding]:
    _, unread = secrets.resolve(loaded.settings)
    found = [warning(text, "correct the configuration") for text in loaded.warnings]
    found += [problem(text, "set what the reference names, or correct the reference") for text in unread]
    if path is None:
        found.append(ok("no configuration file: models are discovered (interlock init writes one)"))
    elif not found:
        found.append(ok(f"{path} is right"))
    return found


async def _upstreams(loaded: Loaded) -> list[Finding]:
    values, _ = secrets.resolve(loaded.settings)
    endpoints = build(loaded.settings, all_providers(), values, {}).values()
    if all(endpoint.simulated for endpoint in endpoints):
        cure = "set a key such as ANTHROPIC_API_KEY or DEEPSEEK_API_KEY, or start a local model server"
        return [warning("no model was found: the simulated upstream answers", cure)]
    return await _doctor_upstream.check(endpoints)
