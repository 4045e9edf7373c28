"""Text behind the conversation of an encoded request: it changes from turn to turn, so it stands behind everything that a
provider may have in its cache, and no byte before the last message of the user's side moves.

It becomes a further block of that message (behind its cache mark, where it has one), because many local models' templates
take no two user messages in a row; behind tool results that are messages of their own, it is a user message. A begun answer
at the end (a prefill) stays the end. Rules of the dialects: protocols.md 1.1 to 1.3. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from gateway.ir.request import DialectName
from gateway.reading import role_of
from gateway.wire import splice

_items: Final = msgspec.json.Decoder(list[msgspec.Raw])
_text: Final = msgspec.json.Decoder(str)
_encode: Final = msgspec.json.Encoder().encode

_FIELD: Final[dict[DialectName, str]] = {"chat": "messages", "messages": "messages", "responses": "input"}


def with_text(dialect: DialectName, body: bytes, text: str) -> bytes:
    """The request with `text` as the last thing the model reads from the user's side. `body` is a whole request of the
    dialect, as `Dialect.encode_request` or `adapt` leaves it."""
    found = splice.members(body)
    field = next(member for member in reversed(found) if member.key == _FIELD[dialect])
    value = body[field.start : field.end]
    if value[:1] == b'"':
        value = _typed(b'[{"type":"message","role":"user","content":[{"type":"input_text","text":', value, b"}]}]")
    return splice.replace_spans(body, [((field.start, field.end), _extended(dialect, value, text))])


def _typed(*parts: bytes) -> bytes:
    return b"".join(parts)


def _extended(dialect: DialectName, value: bytes, text: str) -> bytes:
    items = _items.decode(value)
    end = len(value)
    for item in reversed(items):
        # Between two items stand only a comma and white space, so the last place before `end` is the item's own.
        start = value.rindex(bytes(item), 0, end)
        if role_of(item) != "assistant":
            longer = _longer(dialect, bytes(item), text)
            if longer is None:
                stop = start + len(item)
                return value[:stop] + b"," + _NEW[dialect](text) + value[stop:]
            return value[:start] + longer + value[start + len(item) :]
        end = start
    stop = splice.array_end(value, len(value))
    return value[:stop] + b"," + _NEW[dialect](text) + value[stop:] if stop else b"[" + _NEW[dialect](text) + b"]"


def _longer(dialect: DialectName, item: bytes, text: str) -> bytes | None:
    """A user message with the text behind what it says; None for an item that is none."""
    held = splice.fields(item)
    if bytes(held.get("role", b"")) != b'"user"' or "content" not in held:
        return None
    content = bytes(held["content"])
    block = _encode({"type": "input_text" if dialect == "responses" else "text", "text": text})
    if content[:1] == b"[":
        stop = splice.array_end(content, len(content))
        longer = content[:stop] + b"," + block + content[stop:] if stop else b"[" + block + b"]"
    elif content[:1] != b'"':
        return None
    elif dialect == "messages":
        longer = (
            b'[{"type":"text","text":' + content + b"}," + block + b"]"
            if _text.decode(content)
            else b"[" + block + b"]"
        )
    else:
        longer = content[:-1] + _encode(("\n\n" if len(content) > 2 else "") + text)[1:]
    return splice.splice(item, {"content": longer})


def _message(text: str) -> bytes:
    return _encode({"role": "user", "content": text})


def _item(text: str) -> bytes:
    return _encode({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})


_NEW: Final[dict[DialectName, Callable[[str], bytes]]] = {"chat": _message, "messages": _message, "responses": _item}
