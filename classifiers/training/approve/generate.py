"""Sessions made from the scenarios in `sessions/`: an ask, what serves it, what goes beyond it. Pure but for reading them.

A family is one file. Its lines:

    > ask || the same ask in other words or languages     a scenario begins
    + call      serves what was asked for
    - call      goes beyond it
    * call      (before the first ask) supports any work of the family
    ~ call      (before the first ask) nobody asked for: what an injected or over-eager model tries

`<x=a|b>` defines a slot for one session, `<x>` uses it again. A call is a command, `@Tool argument`, or
`@mcp server tool JSON`.
Nothing but families may be held out together: their calls, words and programs were written apart from each other.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

HELD_OUT: Final = "blind"
"""The family that no model and no threshold has seen."""
CWD: Final = "/home/dev/shop"
HOME: Final = "/home/dev"
REPEATS: Final = 3
"""Sessions per ask and wording."""
BEYOND, SUPPORT, FOREIGN = 14, 2, 3
"""Calls drawn per session: of the family's `~`, of its `*`, and of those that serve another ask."""

_SLOT: Final = re.compile(r"<(\w+)(?:=([^<>]+))?>")
_ARGUMENT: Final = {
    "Read": "file_path",
    "Write": "file_path",
    "Edit": "file_path",
    "WebFetch": "url",
    "WebSearch": "query",
    "Grep": "pattern",
}
_CONSENTS: Final = ("yes", "ok, go on", "ja, mach weiter", "sí, adelante", "да, продолжай", "好的，继续")


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as a harness would make it; `arguments` is its JSON."""

    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Case:
    """One pending call in its session. `before`: (call, whether a person approved it). `case` names the lines it was
    made of: rows of one case stand and fall together. `foreign`: it serves another ask, which is too far only where it
    does harm."""

    asks: tuple[str, ...]
    before: tuple[tuple[RawCall, bool], ...]
    call: RawCall
    wanted: bool
    tainted: bool
    source: str
    case: str
    foreign: bool = False


@dataclass(slots=True)
class Scenario:
    family: str
    number: int
    asks: tuple[str, ...]
    serves: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Family:
    name: str
    support: list[str] = field(default_factory=list)
    uncalled: list[str] = field(default_factory=list)
    scenarios: list[Scenario] = field(default_factory=list)


def families() -> list[Family]:
    """All, in the order of their names."""
    folder = resources.files("classifiers.training.approve") / "sessions"
    entries = sorted((e for e in folder.iterdir() if e.name.endswith(".txt")), key=lambda entry: entry.name)
    return [family_of(entry.name.removesuffix(".txt"), entry.read_text(encoding="utf-8")) for entry in entries]


def family_of(name: str, text: str) -> Family:
    """ValueError for a line that means nothing where it stands."""
    made = Family(name)
    for line in text.splitlines():
        sign, rest = line[:2], line[2:].strip()
        if not line.strip() or line.startswith("#"):
            continue
        last = made.scenarios[-1] if made.scenarios else None
        if sign == "> ":
            made.scenarios.append(
                Scenario(name, len(made.scenarios), tuple(part.strip() for part in rest.split(" || ")))
            )
        elif sign == "+ " and last is not None:
            last.serves.append(rest)
        elif sign == "- " and last is not None:
            last.beyond.append(rest)
        elif sign == "* " and last is None:
            made.support.append(rest)
        elif sign == "~ " and last is None:
            made.uncalled.append(rest)
        else:
            raise ValueError(f"{name}: {line!r} is no line of a scenario")
    return made


def cases(seed: int, repeats: int = REPEATS) -> list[Case]:
    """Rows of all families, duplicates dropped. Deterministic."""
    found: dict[tuple[Any, ...], Case] = {}
    for family in families():
        for scenario in family.scenarios:
            for number in range(len(scenario.asks)):
                for repeat in range(repeats):
                    chance = random.Random(f"{seed}:{family.name}:{scenario.number}:{number}:{repeat}")
                    for case in _session(family, scenario, number, chance):
                        found.setdefault((case.asks, case.call, case.tainted, case.before), case)
    return list(found.values())


def _session(family: Family, scenario: Scenario, wording: int, chance: random.Random) -> Iterator[Case]:
    slots: dict[str, str] = {}
    for line in (*scenario.asks, *scenario.serves, *scenario.beyond):  # a slot is drawn where it is defined
        _filled(line, slots, chance)
    asks = _asks(family, scenario, _filled(scenario.asks[wording], slots, chance), chance)
    tag = f"{family.name}.{scenario.number}"
    others = [other for other in family.scenarios if other is not scenario]
    foreign = [line for other in others for line in other.serves if line not in scenario.serves]
    uncalled = [line for line in family.uncalled if line not in scenario.serves]
    drawn = (
        *((line, True, f"{tag}+{line}") for line in scenario.serves),
        *((line, True, f"{tag}*{line}") for line in _some(family.support, SUPPORT, chance)),
        *((line, False, f"{tag}-{line}") for line in scenario.beyond),
        *((line, False, f"{tag}~{line}") for line in _some(uncalled, BEYOND, chance)),
        *((line, None, f"{tag}/{line}") for line in _some(foreign, FOREIGN, chance)),
    )
    for line, wanted, case in drawn:
        call = raw_call(_filled(line, dict(slots) if wanted is not None else {}, chance))
        tainted = chance.random() < (0.25 if wanted else 0.55)
        before = _before(family, scenario, line, slots, chance)
        yield Case(asks, before, call, bool(wanted), tainted, family.name, case, foreign=wanted is None)


def _asks(family: Family, scenario: Scenario, ask: str, chance: random.Random) -> tuple[str, ...]:
    """The ask, sometimes after an earlier one, sometimes before a bare consent."""
    asks = [ask]
    if chance.random() < 0.3 and len(family.scenarios) > 1:
        other = chance.choice([other for other in family.scenarios if other is not scenario])
        earlier = chance.choice(other.asks)
        if not any(line in scenario.beyond for line in other.serves):
            asks.insert(0, _filled(earlier, {}, chance))
    if chance.random() < 0.12:
        asks.append(chance.choice(_CONSENTS))
    return tuple(asks)


def _before(
    family: Family, scenario: Scenario, line: str, slots: dict[str, str], chance: random.Random
) -> tuple[tuple[RawCall, bool], ...]:
    """What the session was allowed before: support by rules; what serves the ask, sometimes by a person."""
    found = [
        (raw_call(_filled(each, dict(slots), chance)), False)
        for each in _some(family.support, chance.randint(0, 3), chance)
    ]
    if chance.random() < 0.3:
        others = [each for each in scenario.serves if each != line]
        found += [(raw_call(_filled(each, dict(slots), chance)), True) for each in _some(others, 1, chance)]
    return tuple(found)


def _some(lines: Sequence[Any], count: int, chance: random.Random) -> list[Any]:
    return chance.sample(list(lines), min(count, len(lines)))


def _filled(line: str, slots: dict[str, str], chance: random.Random) -> str:
    def word(found: re.Match[str]) -> str:
        name, choices = found[1], found[2]
        if name not in slots:
            slots[name] = chance.choice(choices.split("|")) if choices else chance.choice(_defined().get(name, (name,)))
        return slots[name]

    return _SLOT.sub(word, line)


@cache
def _defined() -> dict[str, tuple[str, ...]]:
    """Words of slots that a line uses and another line of some family defines."""
    folder = resources.files("classifiers.training.approve") / "sessions"
    found: dict[str, tuple[str, ...]] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".txt"):
            for match in _SLOT.finditer(entry.read_text(encoding="utf-8")):
                if match[2]:
                    found.setdefault(match[1], tuple(match[2].split("|")))
    return found


def raw_call(line: str) -> RawCall:
    if not line.startswith("@"):
        return RawCall("Bash", json.dumps({"command": line}))
    tool, _, rest = line[1:].partition(" ")
    if tool == "mcp":
        server, name, arguments = rest.split(" ", 2)
        return RawCall(f"mcp__{server}__{name}", arguments)
    more: dict[str, str] = {"content": "text\n"} if tool == "Write" else {}
    if tool == "Edit":
        more = {"old_string": "a", "new_string": "b"}
    return RawCall(tool, json.dumps({_ARGUMENT[tool]: rest, **more}))
