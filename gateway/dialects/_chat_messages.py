"""The messages of a chat request to neutral messages.

Knows nothing of the request around them. Tool results are gathered behind the turn whose calls they answer, wherever the
client put them; content that only chat knows becomes Opaque. Reference: openai 3.52 `types/chat/*_message_param.py`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._shared import RAW_NULL, bytes_of, minted, parsed, refuse
from gateway.ir.request import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)


class FunctionShape(msgspec.Struct):
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = RAW_NULL
    strict: bool | None = None
    arguments: msgspec.Raw = RAW_NULL
    format: msgspec.Raw = RAW_NULL
    input: str | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    function: FunctionShape | None = None
    custom: FunctionShape | None = None


class _Detail(msgspec.Struct):
    type: str = ""
    text: str | None = None
    summary: str | None = None
    signature: str | None = None
    data: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw = RAW_NULL
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: FunctionShape | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[_Detail] | None = None
    audio: msgspec.Raw = RAW_NULL


class _ImageUrl(msgspec.Struct):
    url: str
    detail: str | None = None


class _InputAudio(msgspec.Struct):
    data: str
    format: str = "wav"


class _FileRef(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _PartShape(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _ImageUrl | str | None = None
    input_audio: _InputAudio | None = None
    file: _FileRef | None = None
    cache_control: msgspec.Raw = RAW_NULL
    prompt_cache_breakpoint: msgspec.Raw = RAW_NULL


_message: Final = msgspec.json.Decoder(_Message)
_part: Final = msgspec.json.Decoder(_PartShape)
_parts: Final = msgspec.json.Decoder(list[msgspec.Raw])
_text: Final = msgspec.json.Decoder(str)

_ROLES: Final[dict[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}


def decode_messages(raws: list[msgspec.Raw]) -> tuple[Message, ...]:
    """Neutral messages of raw ones; MalformedRequest with the JSON path of what is wrong."""
    return _Conversation().read(raws)


class _Conversation:
    """Builds the neutral messages; tool results join the one message behind the turn whose calls they answer."""

    def __init__(self) -> None:
        self._out: list[Message] = []
        self._turn_of: dict[str, int] = {}  # call id -> index of its assistant message in _out
        self._legacy: dict[str, str] = {}  # function name -> id minted for its last call

    def read(self, raws: list[msgspec.Raw]) -> tuple[Message, ...]:
        for index, raw in enumerate(raws):
            where = f"$.messages[{index}]"
            self._one(parsed(_message, raw, where), where, index)
        return tuple(self._out)

    def _one(self, message: _Message, where: str, index: int) -> None:
        role = message.role
        if role in _ROLES:
            parts = _content(message.content, f"{where}.content")
            self._out.append(Message(_ROLES[role], parts, message.name))
        elif role == "assistant":
            self._assistant(message, where, index)
        elif role == "tool":
            if not message.tool_call_id:
                refuse("a tool message needs the id of its call", f"{where}.tool_call_id")
            self._result(message.tool_call_id, message, where)
        elif role == "function":
            name = message.name or ""
            self._result(self._legacy.get(name) or minted("call_", name, "orphan"), message, where)
        else:
            accepted = "system, developer, user, assistant, tool or function"
            refuse(f"unknown role {role!r}", f"{where}.role", accepted)

    def _assistant(self, message: _Message, where: str, index: int) -> None:
        parts: list[Part] = []
        reasoning = _reasoning(message)
        if reasoning:
            parts.append(reasoning)
        parts += [p for p in _content(message.content, f"{where}.content") if p != Text("")]
        if message.refusal:
            parts.append(Refusal(message.refusal))
        if audio := bytes_of(message.audio):
            parts.append(Opaque("chat", "audio", audio))
        for n, call in enumerate(message.tool_calls or ()):
            parts.append(_tool_call(call, f"{where}.tool_calls[{n}]", index, n))
        if message.function_call:
            call_id = minted("call_", message.function_call.name or "", index)
            self._legacy[message.function_call.name or ""] = call_id
            parts.append(_function_call(call_id, message.function_call, f"{where}.function_call"))
        for part in parts:
            if isinstance(part, ToolCall):
                self._turn_of[part.id] = len(self._out)
        self._out.append(Message("assistant", tuple(parts), message.name))

    def _result(self, call_id: str, message: _Message, where: str) -> None:
        parts = _content(message.content, f"{where}.content")
        turn = self._turn_of.get(call_id)
        kind: Any = "function"
        if turn is not None:
            kind = next(p.kind for p in self._out[turn].parts if isinstance(p, ToolCall) and p.id == call_id)
        result = ToolResult(call_id, parts, kind=kind, name=message.name)
        place = len(self._out) if turn is None else turn + 1
        if turn is None and self._out and self._out[-1].role == "tool":
            place = len(self._out) - 1
        if place < len(self._out) and self._out[place].role == "tool":
            self._out[place] = Message("tool", (*self._out[place].parts, result))
            return
        self._out.insert(place, Message("tool", (result,)))
        for other, at in self._turn_of.items():
            if at >= place:
                self._turn_of[other] = at + 1


def _reasoning(message: _Message) -> Reasoning | None:
    text = message.reasoning_content or message.reasoning or ""
    signature = encrypted = None
    for detail in message.reasoning_details or ():
        signature = detail.signature or signature
        encrypted = detail.data or encrypted
    if not text:
        text = "".join(detail.text or detail.summary or "" for detail in message.reasoning_details or ())
    return Reasoning(text, signature=signature, encrypted=encrypted) if text or encrypted else None


def _tool_call(call: _Call, where: str, index: int, position: int) -> ToolCall:
    call_id = call.id or minted("call_", index, position)
    if call.custom and (call.type == "custom" or not call.function):
        if not call.custom.name:
            refuse("a tool call needs a name", f"{where}.custom.name")
        return ToolCall(call_id, call.custom.name, call.custom.input or "", "custom")
    return _function_call(call_id, call.function or FunctionShape(), f"{where}.function")


def _function_call(call_id: str, function: FunctionShape, where: str) -> ToolCall:
    if not function.name:
        refuse("a tool call needs a name", f"{where}.name")
    raw = bytes_of(function.arguments) or b'""'
    # A few clients replay arguments as an object; its own text is then the argument text.
    text = parsed(_text, raw, f"{where}.arguments") if raw.startswith(b'"') else raw.decode()
    return ToolCall(call_id, function.name, text)


# --- content -----------------------------------------------------------------------------------------------------


def _content(raw: msgspec.Raw, where: str) -> tuple[Part, ...]:
    data = bytes_of(raw)
    if data is None:
        return ()
    if data.startswith(b'"'):
        return (Text(parsed(_text, data, where)),)
    if data.startswith(b"["):
        parts: list[msgspec.Raw] = parsed(_parts, data, where)
        return tuple([_one_part(part, f"{where}[{n}]") for n, part in enumerate(parts)])
    refuse("content must be text or an array of parts", where, "a string, an array of parts, or null")


def _one_part(raw: msgspec.Raw, where: str) -> Part:
    part = parsed(_part, raw, where)
    cache = _cache(part)
    match part:
        case _PartShape(type="text", text=str(text)):
            return Text(text, cache)
        case _PartShape(type="refusal", refusal=str(text)):
            return Refusal(text)
        case _PartShape(type="image_url", image_url=_ImageUrl() as image):
            return _image(image.url, image.detail, cache)
        case _PartShape(type="image_url", image_url=str(url)):
            return _image(url, None, cache)
        case _PartShape(type="input_audio", input_audio=_InputAudio() as audio):
            return Audio(audio.data, audio.format)
        case _PartShape(type="file", file=_FileRef() as file):
            return _file(file, cache)
        case _PartShape(type="text" | "refusal" | "image_url" | "input_audio" | "file"):
            refuse(f"the part has no {part.type}", f"{where}.{part.type}")
    return Opaque("chat", part.type, bytes(raw))


def _cache(part: _PartShape) -> bytes | None:
    """OpenRouter's `cache_control` as it is; OpenAI's explicit breakpoint (gpt-5.6 on) in the same words."""
    marked = bytes_of(part.cache_control)
    if marked is None and bytes_of(part.prompt_cache_breakpoint) is not None:
        return b'{"type":"ephemeral"}'
    return marked


def _data_url(url: str) -> tuple[str, str] | None:
    """(media type, base64 text) of a base64 data URL."""
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    if not comma or not head.lower().endswith(";base64"):
        return None
    return head[:-7].split(";")[0].lower(), data


def _image(url: str, detail: str | None, cache: bytes | None) -> Image:
    found = _data_url(url)
    if found:
        return Image(media_type=found[0] or "image/png", data=found[1], detail=detail, cache=cache)
    return Image(url=url, detail=detail, cache=cache)


def _file(file: _FileRef, cache: bytes | None) -> File:
    if file.file_data is not None:
        found = _data_url(file.file_data) or ("application/pdf", file.file_data)
        return File(media_type=found[0] or "application/pdf", data=found[1], filename=file.filename, cache=cache)
    return File(file_id=file.file_id, filename=file.filename, cache=cache)
