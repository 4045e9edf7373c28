"""Finding, loading and asking policies, for the commands that do."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import click

from gateway.cli import EXIT_PROBLEMS, _configuration
from gateway.cli._paths import state_dir_of
from gateway.config.load import load as load_settings
from policies import bundled, load
from policies.compiled import Guard, Policy
from policies.edge.shfmt import Shfmt, ShfmtMissing
from policies.engine import Answer, Need, Situation, drive, judge
from policies.errors import PolicyError
from policies.hooks import HookAnswer
from policies.verdict import Caller, NeedHook, NeedParse, ToolCall, Verdict


def sources(given: Iterable[str], config: str | None = None) -> list[load.Source]:
    """Texts of policies by file name or bundled name; without any, those of the configuration, else safe-default."""
    names = list(given) or _configured(config)
    return [_source(name) for name in names] or [("safe-default", bundled.text("safe-default"))]


def _configured(config: str | None) -> list[str]:
    path = _configuration.locate(config)
    if path is None:
        return []
    settings = load_settings(_configuration.read(path), file=str(path), catalog=_configuration.catalog()).settings
    return [name if name in bundled.NAMES else str(path.parent / name) for name in settings.policies]


def _source(name: str) -> load.Source:
    if name in bundled.NAMES:
        return name, bundled.text(name)
    try:
        return name, Path(name).read_text("utf-8")
    except UnicodeDecodeError:
        fail(f"{name}: not UTF-8 text")
    except OSError as error:
        known = "" if "/" in name or "." in name else f"; bundled: {', '.join(bundled.NAMES)}"
        fail(f"{name}: {error.strerror}{known}")


def policy(given: Iterable[str], config: str | None = None) -> Policy:
    """Ends the command with every problem on a line of its own when it cannot be used."""
    try:
        return load.load(sources(given, config), guard=Guard(private=(f"{state_dir_of(None)}/**",)), parse=parse)
    except PolicyError as error:
        for problem in error.problems:
            click.echo(problem.sentence(), err=True)
        sys.exit(EXIT_PROBLEMS)


def fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(EXIT_PROBLEMS)


@functools.lru_cache(maxsize=1)
def _parser() -> Shfmt | None:
    try:
        return Shfmt()
    except ShfmtMissing:
        return None


def parse(text: str) -> bytes | None:
    """shfmt's syntax tree, None when it cannot be parsed or there is no shfmt."""
    parser = _parser()
    return None if parser is None else parser.parse(text)


def answer(need: Need) -> Answer:
    """What a command line can answer: parses. Hooks are not run (a check must change nothing), there is no
    classifier."""
    if isinstance(need, NeedParse):
        return parse(need.text)
    return HookAnswer() if isinstance(need, NeedHook) else None


def decide(held: Policy, call: ToolCall, caller: Caller, situation: Situation | None = None) -> tuple[Verdict, int]:
    """(verdict, microseconds it took)."""
    begun = time.perf_counter_ns()
    verdict = drive(judge(held, call, caller, situation), answer)
    return verdict, (time.perf_counter_ns() - begun) // 1_000
