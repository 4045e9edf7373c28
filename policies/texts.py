"""Where the texts of one conversation item stand in its JSON, and whose they are: a tool's result, a model's reply, the
user's words. All shapes of the three dialects are told by their own keys, Gemini's function responses too.

Nothing is decoded but what is asked for: the walk gives byte spans, so that an edit leaves every other byte as it is. What
must come back unchanged (signed or sealed thoughts, ids, pictures) is not among them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

Source = Literal["results", "replies", "user", "system"]

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],]|[^\s{}\[\],:"]++', re.DOTALL)
_COLON: Final = re.compile(rb"[ \t\n\r]*:")
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
_LONE: Final = re.compile("[\ud800-\udfff]")

_SEALED_KEYS: Final = frozenset({"signature", "encrypted_content", "thoughtSignature", "thought_signature"})
_SEALED_TYPES: Final = frozenset({"thinking", "redacted_thinking", "reasoning", "compaction"})
_FORM_KEYS: Final = frozenset(
    {"id", "call_id", "tool_call_id", "tool_use_id", "type", "role", "status", "name", "namespace", "media_type",
     "mime_type", "mimeType", "format", "file_id", "detail", "phase", "caller", "server_label", "recipient"}
)  # fmt: skip
"""Keys of an item and its blocks whose values have a form to keep. Inside arguments and results nothing has."""
_MEDIA_KEYS: Final = frozenset({"data", "file_data", "image_url", "url"})
_MEDIA_MARKS: Final = frozenset({"media_type", "mime_type", "mimeType", "format", "filename", "detail"})
_FORMS: Final = frozenset(
    {"function", "custom", "source", "image_url", "input_audio", "file", "inlineData", "inline_data", "fileData",
     "file_data"}
)  # fmt: skip
_BLOCK_LISTS: Final = frozenset({"content", "parts", "tool_calls", "reasoning_details", "summary", "output"})


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes `start` to `end` of the item: a string with its quotes, or a number (`quoted` False)."""

    start: int
    end: int
    source: Source
    quoted: bool = True


@dataclass(slots=True, eq=False)
class _Open:
    """An object or array on the way. `marks` are its own short texts that say what it is. `blocks`: it is the item, one of
    its blocks or a part of one that has a form."""

    key: str
    above: _Open | None
    blocks: bool
    array: bool
    marks: dict[str, str] = field(default_factory=dict)
    next_key: str | None = None


def texts(item: bytes, *, bare: bool = False) -> list[Text]:
    """In the order of the item, which is well-formed JSON. `bare`: the request offers no tools, so that results stand in
    the user's messages."""
    found = list(_strings(item))
    return [
        Text(start, end, source, quoted) for start, end, key, where, quoted in found
        if (source := _source(item, start, key, where, bare)) is not None
    ]  # fmt: skip


def every(value: bytes) -> list[Text]:
    """All texts and numbers of any JSON that is no conversation item, such as the arguments of a call."""
    return [Text(start, end, "replies", quoted) for start, end, _, _, quoted in _strings(value)]


def _strings(item: bytes) -> Iterator[tuple[int, int, str, _Open, bool]]:
    top = _Open("", None, blocks=True, array=True)
    for token in _TOKEN.finditer(item):
        first = item[token.start()]
        if first in b"{[":
            top = _opened(top, array=first == 0x5B)
        elif first in b"}]":
            top = top.above or top
        elif first == 0x2C:
            top.next_key = None
        elif first == 0x22 and not top.array and top.next_key is None and _COLON.match(item, token.end()):
            top.next_key = decoded(item[token.start() : token.end()])
        else:
            key = top.next_key or top.key
            if first == 0x22 and not top.array and token.end() - token.start() < 64:
                top.marks[key] = decoded(item[token.start() : token.end()])
            yield token.start(), token.end(), key, top, first == 0x22


def _opened(above: _Open, *, array: bool) -> _Open:
    key = above.next_key or above.key
    if above.above is None or not above.blocks:
        blocks = above.above is None
    elif above.array:
        blocks = not array
    else:
        blocks = key in (_BLOCK_LISTS if array else _FORMS)
    return _Open(key, above, blocks, array)


def _source(item: bytes, start: int, key: str, where: _Open, bare: bool) -> Source | None:
    """Whose text it is; None for what is left alone."""
    if key in _SEALED_KEYS or (where.blocks and key in _FORM_KEYS):
        return None
    if where.blocks and key in _MEDIA_KEYS and _media(item, start, where):
        return None
    said: Source | None = None
    at: _Open | None = where
    while at is not None:
        kind = at.marks.get("type", "")
        if at.blocks and (kind in _SEALED_TYPES or kind.startswith("reasoning.")):
            return None
        if at.blocks and said is None and _brings(at, kind, key if at is where else ""):
            said = "results"
        if at.key in ("functionResponse", "function_response"):
            said = "results"
        if at.above is not None and at.above.above is None:  # the item itself
            return said or _speaker(at, kind, bare)
        at = at.above
    return said


def _media(item: bytes, start: int, where: _Open) -> bool:
    """A picture, a sound, a file in base64; not a document in plain text."""
    marks = where.marks
    if marks.get("type") == "text" or marks.get("media_type", "").startswith("text/"):
        return False
    return bool(marks.keys() & _MEDIA_MARKS) or item.startswith(b'"data:', start)


def _brings(at: _Open, kind: str, key: str) -> bool:
    """A block or an item that holds a tool's result."""
    if kind.endswith(("tool_result", "_output", "code_execution_result")):
        return True
    return kind in ("mcp_call", "shell_call", "code_interpreter_call", "file_search_call", "web_search_call") and key in (
        "output", "error", "results", "outputs",
    )  # fmt: skip


def _speaker(item: _Open, kind: str, bare: bool) -> Source:
    role = item.marks.get("role", "")
    if role in ("tool", "function"):
        return "results"
    if role in ("system", "developer"):
        return "system"
    if role == "user" or (not role and not kind):
        return "results" if bare else "user"
    return "replies"


def decoded(token: bytes) -> str:
    """The text of a JSON string; a lone surrogate is a question mark."""
    inner = token[1:-1]
    if b"\\" not in inner:
        return inner.decode("utf-8", "replace")
    text: str = json.loads(token.decode("utf-8", "replace"), strict=False)
    return _LONE.sub("?", text) if b"\\u" in token else text


def offsets(token: bytes, points: list[int]) -> list[int]:
    """Where characters of the decoded text (ascending) begin in the bytes of its JSON string, quotes included."""
    inner = token[1:-1].decode("utf-8", "replace")
    if "\\" not in inner:
        return _bytes_at(inner, points)
    if "\\u" not in inner:
        return _bytes_at(inner, _short_escapes(inner, points))
    written, shift = list[int](), 0
    escapes = _ESCAPE.finditer(inner)
    escape = next(escapes, None)
    for point in points:
        while escape is not None and escape.start() - shift < point:
            shift += len(escape.group()) - 1
            escape = next(escapes, None)
        written.append(point + shift)
    return _bytes_at(inner, written)


def _short_escapes(inner: str, points: list[int]) -> list[int]:
    """Where every escape has two characters: a place is found by counting backslashes before a guess, which grows until it
    holds. The first that holds is right: from below, one in the middle of an escape is met only after its beginning."""
    plain = inner.replace("\\\\", "\x01\x01")  # raw JSON has no control characters
    out, base, seen = list[int](), 0, 0
    for point in points:
        at = max(point + seen, base)
        while True:
            marks = plain.count("\\", base, at), plain.count("\x01", base, at)
            wanted = point + seen + marks[0] + (marks[1] + 1) // 2
            if wanted == at:
                break
            at = wanted
        seen, base = at - point, at
        out.append(at)
    return out


def _bytes_at(text: str, points: list[int]) -> list[int]:
    """Byte offsets behind the opening quote of characters of a text."""
    if text.isascii():
        return [1 + point for point in points]
    out, at, last = list[int](), 1, 0
    for point in points:
        at += len(text[last:point].encode())
        last = point
        out.append(at)
    return out
