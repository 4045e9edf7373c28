"""What one turn of a conversation says by itself: the part that can be remembered by the turn's content. Pure.

A session grows at its end and is sent whole each time; with facts kept by content digest a turn is read once, whatever the
number of requests that carry it. What depends on the turns before it is the fold's business (`trajectory`).
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from classifiers.features import tools
from classifiers.features.asks import NOTHING, Said, said_of
from classifiers.features.tools import Act
from classifiers.features.turns import AGENT_CHARS, ARGUMENTS_CHARS, RESULT_CHARS, Turn, ends


class HumanFacts(Struct, frozen=True):
    said: Said = NOTHING


class AgentFacts(Struct, frozen=True):
    """`text` is cut to its first and last half of AGENT_CHARS."""

    text: str = ""


class CallFacts(Struct, frozen=True):
    """`key` names tool and arguments (8 bytes). `files`: 8-byte digests of the names, so that nothing long is kept."""

    act: Act
    key: bytes
    id: str = ""
    files: tuple[bytes, ...] = ()
    test: bool = False
    ran: bool = False


class ResultFacts(Struct, frozen=True):
    """What the answer means depends on the call, which another turn made: so its text is kept, cut to RESULT_CHARS."""

    text: str
    is_error: bool = False
    id: str = ""


COMMAND_CHARS: Final = 400
"""Commands up to this are remembered, with what they do: 1 MB at most."""

Facts = HumanFacts | AgentFacts | CallFacts | ResultFacts

_INNER: Final = frozenset({"tool_call", "use_mcp_tool", "call_tool"})
"""Tools that run another one named in their arguments (qwen-code's `tool_call`)."""


def facts_of(turn: Turn) -> Facts:
    match turn.kind:
        case "human":
            return HumanFacts(said_of(turn.text, turn.images))
        case "agent":
            return AgentFacts(ends(turn.text, AGENT_CHARS))
        case "call":
            return _call(turn)
        case "result":
            return ResultFacts(ends(turn.text, RESULT_CHARS), turn.is_error, turn.id)


def _call(turn: Turn) -> CallFacts:
    raw = turn.arguments[:ARGUMENTS_CHARS]
    key = _digest(f"{turn.tool}\0{raw}")
    arguments = tools.arguments_of(turn.arguments)
    name = turn.tool
    if name in _INNER and isinstance(arguments.name, str):
        name = arguments.name
    act = tools.act_of_tool(name)
    if act != "run":
        test = "test" in name.lower() and act == "other"
        return CallFacts(act, key, turn.id, _digests(_files(arguments, turn)), test)
    command = tools.command_of(arguments) or ("" if raw.lstrip().startswith("{") else raw)
    if not command:
        return CallFacts("run", key, turn.id, (), "test" in name.lower(), True)
    act, test, files = (_remembered if len(command) <= COMMAND_CHARS else _told)(command)
    return CallFacts(act, key, turn.id, files, test, act not in ("read", "search"))


def _told(command: str) -> tuple[Act, bool, tuple[bytes, ...]]:
    """What a command line does, whether it checks the work, and its files."""
    act = tools.act_of_command(command)
    return act, tools.is_test(command) and act == "run", _digests(tools.files_of_command(command, act))


_remembered: Final = lru_cache(maxsize=1024)(_told)
"""Agents run the same check over and over: 10 µs of regular expressions each time."""


def _files(arguments: tools.Arguments, turn: Turn) -> tuple[str, ...]:
    found = tools.files_of(arguments)
    if not found and "*** " in turn.arguments:  # a custom tool's free text: a patch
        return tools.files_of_command(turn.arguments[:8000], "edit")
    return found


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _digests(files: tuple[str, ...]) -> tuple[bytes, ...]:
    """`./src/a.py` and `/home/me/project/src/a.py` are most likely one file: named by their last two parts."""
    return tuple(dict.fromkeys(_digest("/".join(f.replace("\\", "/").strip("/ ").split("/")[-2:])) for f in files))
