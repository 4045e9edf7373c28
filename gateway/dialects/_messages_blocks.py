"""Content blocks of Messages requests to neutral parts (anthropic 2.11 `ContentBlockParam`).

A block of a kind, or with an option, that the neutral form has no word for becomes Opaque: another Messages upstream gets
it as it came, any other dialect refuses it by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.dialects._messages_ids import from_wire
from gateway.dialects._messages_json import NONE, TEXT, first_byte, given, raws
from gateway.dialects._shared import parsed
from gateway.errors import MalformedRequest
from gateway.ir.request import File, Image, Opaque, Part, Reasoning, Text, ToolCall, ToolResult

_DATA_URL: Final = re.compile(r"data:([\w.+/-]+);base64,(.*)", re.DOTALL)


class _Head(msgspec.Struct):
    type: str


class _TextBlock(msgspec.Struct):
    text: str
    cache_control: msgspec.Raw = NONE
    citations: msgspec.Raw = NONE


class _ThinkingBlock(msgspec.Struct):
    thinking: str = ""
    signature: str | None = None


class _RedactedBlock(msgspec.Struct):
    data: str


class _ToolUseBlock(msgspec.Struct):
    id: str
    name: str
    input: msgspec.Raw = NONE
    cache_control: msgspec.Raw = NONE


class _ToolResultBlock(msgspec.Struct):
    tool_use_id: str
    content: msgspec.Raw = NONE
    is_error: bool | None = None
    cache_control: msgspec.Raw = NONE


class _Source(msgspec.Struct):
    type: str = "base64"
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None


class _SourceHead(msgspec.Struct):
    source: msgspec.Raw = NONE
    cache_control: msgspec.Raw = NONE
    title: str | None = None
    context: str | None = None
    citations: msgspec.Raw = NONE


class _Citations(msgspec.Struct):
    enabled: bool | None = None


_head = msgspec.json.Decoder(_Head)
_text = msgspec.json.Decoder(_TextBlock)
_thinking = msgspec.json.Decoder(_ThinkingBlock)
_redacted = msgspec.json.Decoder(_RedactedBlock)
_tool_use = msgspec.json.Decoder(_ToolUseBlock)
_tool_result = msgspec.json.Decoder(_ToolResultBlock)
_source = msgspec.json.Decoder(_Source)
_source_head = msgspec.json.Decoder(_SourceHead)
_citations = msgspec.json.Decoder(_Citations)


def parts_of(content: msgspec.Raw, path: str) -> tuple[Part, ...]:
    """Parts of a `content` value: a string or an array of blocks."""
    if first_byte(content) == 0x22:
        return (Text(parsed(TEXT, content, path)),)
    if not given(content):
        raise MalformedRequest("content is missing", where=path)
    return tuple([_part(block, f"{path}[{n}]") for n, block in enumerate(raws(content, path))])


def mark(raw: msgspec.Raw) -> bytes | None:
    return bytes(raw) if given(raw) else None


def _part(block: msgspec.Raw, path: str) -> Part:
    kind = parsed(_head, block, path).type
    reader = _READERS.get(kind)
    return reader(block, path) if reader else Opaque("messages", kind, bytes(block))


def _read_text(block: msgspec.Raw, path: str) -> Part:
    found = parsed(_text, block, path)
    return Text(found.text, mark(found.cache_control), mark(found.citations))


def _read_thinking(block: msgspec.Raw, path: str) -> Part:
    found = parsed(_thinking, block, path)
    return Reasoning(text=found.thinking, signature=found.signature or None)


def _read_redacted(block: msgspec.Raw, path: str) -> Part:
    return Reasoning(encrypted=parsed(_redacted, block, path).data, redacted=True)


def _read_tool_use(block: msgspec.Raw, path: str) -> Part:
    found = parsed(_tool_use, block, path)
    arguments = bytes(found.input).decode() if given(found.input) else "{}"
    return ToolCall(from_wire(found.id), found.name, arguments, cache=mark(found.cache_control))


def _read_tool_result(block: msgspec.Raw, path: str) -> Part:
    found = parsed(_tool_result, block, path)
    parts = parts_of(found.content, f"{path}.content") if given(found.content) else ()
    return ToolResult(from_wire(found.tool_use_id), parts, bool(found.is_error), cache=mark(found.cache_control))


def _read_image(block: msgspec.Raw, path: str) -> Part:
    head, source = _sourced(block, path)
    cache = mark(head.cache_control)
    match source.type, source.data, source.url, source.file_id:
        case "base64", str(data), _, _:
            return Image(media_type=source.media_type, data=data, cache=cache)
        case "url", _, str(url), _:
            inline = _DATA_URL.fullmatch(url)
            return Image(inline[1], inline[2], cache=cache) if inline else Image(url=url, cache=cache)
        case "file", _, _, str(file_id):
            return Image(file_id=file_id, cache=cache)
    return Opaque("messages", "image", bytes(block))


def _read_document(block: msgspec.Raw, path: str) -> Part:
    """Citations and context change what the model answers: such a document stays opaque, as does a `content` source."""
    head, source = _sourced(block, path)
    cache = mark(head.cache_control)
    cited = given(head.citations) and parsed(_citations, head.citations, f"{path}.citations").enabled
    match source.type, source.data, source.url, source.file_id:
        case _ if cited or head.context:
            pass
        case "base64" | "text", str(data), _, _:
            default = "text/plain" if source.type == "text" else "application/pdf"
            return File(source.media_type or default, data, filename=head.title, cache=cache)
        case "url", _, str(url), _:
            return File(url=url, filename=head.title, cache=cache)
        case "file", _, _, str(file_id):
            return File(file_id=file_id, filename=head.title, cache=cache)
    return Opaque("messages", "document", bytes(block))


def _sourced(block: msgspec.Raw, path: str) -> tuple[_SourceHead, _Source]:
    head = parsed(_source_head, block, path)
    if not given(head.source):
        raise MalformedRequest("a source is missing", where=f"{path}.source")
    return head, parsed(_source, head.source, f"{path}.source")


_READERS: Final[dict[str, Callable[[msgspec.Raw, str], Part]]] = {
    "text": _read_text,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
    "image": _read_image,
    "document": _read_document,
}
