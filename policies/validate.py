"""Checkpoint 1: whether a call's arguments can be read at all, and mean one thing to everybody who reads them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from policies.verdict import ToolCall

ARGUMENT_BYTES_MAX = 4 * 1024 * 1024
"""A file that is written whole stands in the arguments; harnesses cap files at 1 to 2 MiB."""
DEPTH_MAX = 64
NAME_CHARS_MAX = 256
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\U0001d173-\U0001d17a]"
)
"""Characters that are not seen: zero width, directional, tag and variation characters, fillers (Unicode 16, class Cf
and Default_Ignorable_Code_Point). Refused in what is run and in names; contents of files may hold them."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
"""Control characters beside tab and line ends."""
_NAME = re.compile(r"[A-Za-z0-9_.:/@ -]+\Z")


@dataclass(frozen=True, slots=True)
class Read:
    """`value` is the parsed JSON (a text for a custom tool), `problem` why it cannot be trusted, "" when it can."""

    value: Any = None
    problem: str = ""


class _Twice(ValueError):
    pass


def read(call: ToolCall) -> Read:
    problem = _name_problem(call)
    if problem:
        return Read(None, problem)
    if len(call.arguments) > ARGUMENT_BYTES_MAX:
        return Read(None, f"the arguments are larger than {ARGUMENT_BYTES_MAX} bytes")
    try:
        text = call.arguments.decode("utf-8")
    except UnicodeDecodeError as error:
        return Read(None, f"the arguments are not UTF-8 (byte {error.start})")
    if call.custom:
        return Read(text, "a NUL character in the text" if "\0" in text else "")
    return _json(text)


def _name_problem(call: ToolCall) -> str:
    full = f"{call.namespace}.{call.name}" if call.namespace else call.name
    if not call.name or len(full) > NAME_CHARS_MAX:
        return f"a tool name must have 1 to {NAME_CHARS_MAX} characters"
    if not _NAME.match(full):
        return "the tool name holds characters that tool names do not have"
    return ""


def offered(call: ToolCall) -> bool:
    """Whether the request offered the tool; True when that is not known."""
    if call.known is None or call.name in call.known:
        return True
    forms = {
        call.name,
        f"{call.namespace}.{call.name}",
        f"{call.namespace}__{call.name}",
        f"{call.namespace}/{call.name}",
    }
    return not call.known.isdisjoint(forms)


def _json(text: str) -> Read:
    if not text.strip():
        return Read({})  # some models call a tool without arguments with an empty text; harnesses read it as {}
    if _deep(text):
        return Read(None, f"the arguments are nested deeper than {DEPTH_MAX} levels")
    try:
        value = _decoder.decode(text)
    except _Twice as error:
        return Read(None, str(error))
    except (ValueError, RecursionError):
        return Read(None, "the arguments are not JSON")
    if not isinstance(value, dict):
        return Read(None, "the arguments are not a JSON object")
    if "\\u" in text and _lone_surrogate(value):
        return Read(None, "the arguments hold half a character (a lone surrogate)")
    return Read(value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _Twice(f"the key {twice[:60]!r} stands twice")
    return out


def _constant(name: str) -> Any:
    raise _Twice(f"{name} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_constant)


def _deep(text: str) -> bool:
    """Whether brackets outside of texts nest deeper than the bound. Skipped when there are not enough of them at
    all."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return False
    depth, inside, escaped = 0, False, False
    for char in text:
        if inside:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                inside = False
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                return True
        elif char in "]}":
            depth -= 1
    return False


def _lone_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, dict):
        return any(_lone_surrogate(key) or _lone_surrogate(entry) for key, entry in value.items())
    return isinstance(value, list) and any(_lone_surrogate(entry) for entry in value)


def hidden(text: str) -> str:
    """Why a text that is run or shown for approval may not be what it looks like; "" when it is."""
    found = CONTROL.search(text)
    if found is None and not text.isascii():
        found = next((match for match in INVISIBLE.finditer(text) if not _emoji(text, match.start())), None)
    return "" if found is None else f"the invisible character U+{ord(found[0]):04X}"


def _emoji(text: str, index: int) -> bool:
    """A variation selector or a joiner behind a symbol: how emoji are written in commit messages."""
    return text[index] in "\ufe0f\u200d" and index > 0 and ord(text[index - 1]) >= 0x2190
