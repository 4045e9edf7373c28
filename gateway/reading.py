"""What a request says, read cheaply from its raw slices: roles, texts, and the words of the human in it.

Works on the `View` of any dialect without decoding the request: a role costs one look at the first bytes of a message, a
text costs decoding that one message. Every reader has a bound; what lies beyond it is not read, never guessed. Harness
texts that this module knows by shape (tags that wrap machine-made context) are common to several clients (clients.md 3);
what belongs to one client alone is in that client's file in gateway/harnesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from gateway.dialects.contract import View

Role = Literal["system", "user", "assistant", "tool", "other"]

HEAD_BYTES: Final = 2048
"""How much of a system text is looked at to recognise who speaks: every known self-description stands in it."""
DECODE_BYTES_MAX: Final = 512 * 1024
"""Longest message that is decoded for its text (about 0.5 ms); of a longer one only the beginning is read."""
TEXT_CHARS_MAX: Final = 16_000
"""Longest text handed out; a human's ask is far shorter, what follows is pasted material."""
WALK_MAX: Final = 64
"""Messages that are looked at when walking back from the end (about 30 µs)."""

_ROLE: Final = re.compile(rb'\s*\{\s*"role"\s*:\s*"(\w+)"')
_ANY_ROLE: Final = re.compile(rb'"role"\s*:\s*"(\w+)"')
_TYPE: Final = re.compile(rb'"type"\s*:\s*"([\w.]+)"')
_TEXT_START: Final = re.compile(rb'"(?:text|content)"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_ROLES: Final[dict[bytes, Role]] = {
    b"user": "user",
    b"assistant": "assistant",
    b"system": "system",
    b"developer": "system",
    b"tool": "tool",
    b"function": "tool",
}


class _Typed(msgspec.Struct):
    role: str | None = None
    type: str | None = None


class _Block(msgspec.Struct):
    type: str | None = None
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Block] | None = None


_typed = msgspec.json.Decoder(_Typed)
_message = msgspec.json.Decoder(_Message)
_blocks = msgspec.json.Decoder(str | list[_Block])
_text = msgspec.json.Decoder(str)


def role_of(raw: msgspec.Raw) -> Role:
    """Who speaks in one conversation item, in any dialect. A user message that carries tool results is "tool"; items of
    Responses without a role are "tool" for outputs and "assistant" for calls and reasoning."""
    found = _ROLE.match(raw)
    if found is None:
        return _other_role(raw)
    role = _ROLES.get(found[1], "other")
    return "tool" if role == "user" and b'"tool_result"' in bytes(raw) else role


def _other_role(raw: msgspec.Raw) -> Role:
    """A message whose first key is not `role`, or a Responses item without one."""
    try:
        typed = _typed.decode(raw)
    except msgspec.MsgspecError:
        return "other"
    if typed.role is not None:
        role = _ROLES.get(typed.role.encode(), "other")
        return "tool" if role == "user" and b'"tool_result"' in bytes(raw) else role
    kind = typed.type or ""
    if kind.endswith("_output"):
        return "tool"
    return "assistant" if kind.endswith("_call") or kind == "reasoning" else "other"


def texts_of(raw: msgspec.Raw) -> list[str]:
    """The text blocks of one message, each at most TEXT_CHARS_MAX characters; images and tool results say nothing."""
    if len(raw) > DECODE_BYTES_MAX:
        return _beginning(raw)
    try:
        content = _message.decode(raw).content
    except msgspec.MsgspecError:
        return []
    return _texts(content)


def system_texts(raw: msgspec.Raw) -> list[str]:
    """The text blocks of a separate system field (Messages `system`, Responses `instructions`)."""
    if len(raw) > DECODE_BYTES_MAX:
        return _beginning(raw)
    try:
        return _texts(_blocks.decode(raw))
    except msgspec.MsgspecError:
        return []


def _texts(content: str | list[_Block] | None) -> list[str]:
    if content is None:
        return []
    if isinstance(content, str):
        return [content[:TEXT_CHARS_MAX]]
    return [b.text[:TEXT_CHARS_MAX] for b in content if b.text and (b.type or "text").endswith("text")]


def _beginning(raw: msgspec.Raw) -> list[str]:
    """The first text of a message too long to decode, from its first TEXT_CHARS_MAX bytes."""
    found = _TEXT_START.search(bytes(memoryview(raw)[:TEXT_CHARS_MAX]))
    if found is None:
        return []
    whole = found[1]
    for cut in range(len(whole), max(0, len(whole) - 12), -1):  # not inside an escape, a surrogate pair or a character
        try:
            return [_text.decode(b'"' + whole[:cut] + b'"')]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return []


def system_head(view: View) -> bytes:
    """The first raw bytes of the system text: of the separate field, or of the leading system messages (at most three)."""
    parts: list[bytes] = []
    if view.system is not None:
        parts.append(bytes(memoryview(view.system)[:HEAD_BYTES]))
    for raw in view.messages[:3]:
        start = bytes(memoryview(raw)[:HEAD_BYTES])
        found = _ANY_ROLE.search(start)
        if found is None or found[1] not in (b"system", b"developer"):
            break
        parts.append(start)
    return b"\n".join(parts)


def last_role(view: View) -> Role:
    return role_of(view.messages[-1]) if view.messages else "other"


def walk_back(messages: Sequence[msgspec.Raw], limit: int = WALK_MAX) -> Iterator[tuple[Role, msgspec.Raw]]:
    for raw in reversed(messages[-limit:]):
        yield role_of(raw), raw


# --- the human's words -------------------------------------------------------------------------------------------

_MACHINE_TAGS: Final = (
    "system-reminder|system_reminder|environment_context|environment_details|user_instructions|permissions instructions|"
    "skills_instructions|turn_aborted|subagent_notification|local-command-stdout|local-command-stderr|command-message|"
    "command-name|bash-stdout|bash-stderr|ide_selection|ide_opened_file|ide_diagnostics|file_content|file_contents|"
    "attached_files|context|codex_internal_context|conversation|tool_result|function_results|output|stdout|stderr"
)
_TAG: Final = re.compile(rf"<({_MACHINE_TAGS})\b[^<>]{{0,200}}>", re.IGNORECASE)
_FENCED: Final = re.compile(r"^([ \t]*)(```+|~~~+)[^\n]*\n.*?(?:^[ \t]*\2[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_QUOTED: Final = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_TRACE: Final = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t]+.*\n)*.*$|^[ \t]+at \S.*\(.*\)$", re.MULTILINE
)
_WRAPPERS: Final = re.compile(r"</?(?:user_query|user_message|user_input|task|feedback|user-prompt-submit-hook)>", re.I)


def _untagged(text: str) -> str:
    """Without tagged machine text; an unclosed tag takes the rest."""
    parts: list[str] = []
    position = 0
    while (found := _TAG.search(text, position)) is not None:
        parts.append(text[position : found.start()])
        closing = f"</{found[1]}>"
        end = text.find(closing, found.end())
        position = len(text) if end < 0 else end + len(closing)
    return "".join([*parts, text[position:]])


def human_words(text: str) -> str:
    """The text without what a machine put there: tagged context, fenced code and logs, quotations, stack traces, and the
    pair of quotation marks that OpenCode puts around a task. May be empty."""
    if "<" in text:
        text = _WRAPPERS.sub("", _untagged(text))
    if "```" in text or "~~~" in text:
        text = _FENCED.sub("", text)
    if ">" in text:
        text = _QUOTED.sub("", text)
    if "Traceback (" in text or " at " in text:
        text = _TRACE.sub("", text)
    text = text.strip()
    if len(text) > 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        text = text[1:-1].strip()
    return text
