"""A tool call's facts as the auto-approval model sees them. The one place that knows both sides: `policies` and
`classifiers` are unaware of each other. Training reads its calls by this function too, so both sides see the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from classifiers.features.approve.calls import Call, Part, Spot, Where
from policies.facts import Command, Facts
from policies.view import Place

PARTS_MAX: Final = 24
SPOTS_MAX: Final = 40
"""Of longer calls the first are read; that there are more shows in no feature, and rules saw them all."""
WORDS_MAX: Final = 40
_TEMP: Final = ("/tmp/", "/var/tmp/")
_NOWHERE: Final = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "-"})


def call_of(facts: Facts, place: Place, *, tainted: bool) -> Call:
    return Call(
        facts.kind,
        facts.tool,
        facts.server,
        tuple(_part(command) for command in facts.commands[:PARTS_MAX]),
        _spots(facts.reads, place),
        _spots(facts.writes, place),
        facts.hosts,
        facts.effects,
        tainted,
    )


def readable(facts: Facts) -> bool:
    """Whether the model may speak of the call at all: nothing in it is unread, and it is not longer than what is read."""
    unread = facts.unknown or facts.invalid or any(command.unknown for command in facts.commands)
    return not unread and len(facts.commands) <= PARTS_MAX and max(len(facts.reads), len(facts.writes)) <= SPOTS_MAX


def _part(command: Command) -> Part:
    return Part(
        command.program,
        command.subcommand,
        command.flags,
        _words(command),
        command.effects,
        command.known,
        bool(command.source or command.wrappers),
    )


def _words(command: Command) -> tuple[str, ...]:
    """The command's words that are no flags: operands, and values of flags such as `-n production`."""
    words = [word for word in command.argv[1 : 1 + WORDS_MAX] if word and not word.startswith("-")]
    return tuple(word for word in words if word != command.subcommand)


def _spots(paths: Iterable[str], place: Place) -> tuple[Spot, ...]:
    return tuple(Spot(path, _where(path, place)) for path in list(paths)[:SPOTS_MAX] if path not in _NOWHERE)


def _where(path: str, place: Place) -> Where:
    if place.inside(path):
        return "in"
    if path.startswith(_TEMP) or path in ("/tmp", "/var/tmp"):
        return "temp"
    if path.startswith("~") or (place.home is not None and path.startswith(place.home.rstrip("/") + "/")):
        return "home"
    return "out"
