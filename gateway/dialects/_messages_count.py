"""What a `count_tokens` (or messages) request amounts to, for local estimates: the texts to run through a tokenizer, and a
fixed number of tokens for what has no text.

Not counted: earlier thinking (the API does not bill it), media bytes, cache marks.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._messages_json import TEXT, first_byte, given, raws
from gateway.dialects._messages_read import read
from gateway.dialects._shared import parsed

IMAGE_TOKENS: Final = 1600
"""Anthropic's most for one image (width x height / 750 within 1.15 megapixels)."""

PDF_TOKENS: Final = 3000
"""One page with its picture; a document counts one page per PDF_PAGE_BYTES of base64."""

PDF_PAGE_BYTES: Final = 100_000
MESSAGE_TOKENS: Final = 4
"""Role and separators of one message."""


class _Message(msgspec.Struct):
    content: msgspec.Raw


class _Source(msgspec.Struct):
    type: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"")
    content: msgspec.Raw = msgspec.Raw(b"")
    source: msgspec.Raw = msgspec.Raw(b"")


_message = msgspec.json.Decoder(_Message)
_block = msgspec.json.Decoder(_Block)
_source = msgspec.json.Decoder(_Source)
_SKIPPED: Final = frozenset({"thinking", "redacted_thinking"})


def countable(body: bytes) -> tuple[list[bytes], int]:
    """(texts, extra tokens). MalformedRequest as for `read`."""
    view = read(body)
    texts: list[bytes] = [bytes(tool) for tool in view.tools]
    extra = MESSAGE_TOKENS * len(view.messages)
    if view.system is not None:
        extra += _content(view.system, "$.system", texts)
    for index, message in enumerate(view.messages):
        path = f"$.messages[{index}]"
        extra += _content(parsed(_message, message, path).content, f"{path}.content", texts)
    return texts, extra


def count_body(tokens: int) -> bytes:
    """The answer of `/v1/messages/count_tokens`."""
    return b'{"input_tokens":%d}' % tokens


def _content(content: msgspec.Raw, path: str, texts: list[bytes]) -> int:
    if first_byte(content) == 0x22:
        texts.append(parsed(TEXT, content, path).encode())
        return 0
    if not given(content):
        return 0
    extra = 0
    for index, raw in enumerate(raws(content, path)):
        extra += _one(parsed(_block, raw, f"{path}[{index}]"), raw, f"{path}[{index}]", texts)
    return extra


def _one(block: _Block, raw: msgspec.Raw, path: str, texts: list[bytes]) -> int:
    match block.type:
        case kind if kind in _SKIPPED:
            return 0
        case "text":
            texts.append((block.text or "").encode())
        case "image":
            return IMAGE_TOKENS
        case "document":
            return _document(block, path, texts)
        case "tool_use":
            texts += [(block.name or "").encode(), bytes(block.input)]
        case "tool_result":
            return _content(block.content, f"{path}.content", texts)
        case _:
            texts.append(bytes(raw))
    return 0


def _document(block: _Block, path: str, texts: list[bytes]) -> int:
    source = parsed(_source, block.source, f"{path}.source") if given(block.source) else _Source()
    if source.type == "text" and first_byte(source.data) == 0x22:
        texts.append(parsed(TEXT, source.data, f"{path}.source.data").encode())
        return 0
    size: int = len(memoryview(source.data))
    return PDF_TOKENS * max(1, -(-size // PDF_PAGE_BYTES))
