"""Neutral messages to chat messages that the upstream will take.

Chat's rules, kept here whatever the client's dialect allowed: every tool call of a turn is answered right behind it, tool
messages hold text (images follow in a user message unless the profile says otherwise), roles are those the profile knows,
arguments are a JSON object as text. Histories that break the first rule (a client cut its transcript) are mended, not
refused: a missing result is filled in as an error, an orphaned one becomes user text; OpenAI and DeepSeek answer 400 to
either (gateways.md 3A.27, 3A.31; protocols.md 1.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from gateway.dialects._chat_words import IMAGES_FOLLOW, IMAGES_HERE
from gateway.dialects._shared import Bad, raw, short_name, wrap_custom
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

Json = dict[str, Any]

MISSING_RESULT: Final = "Error: no result of this call was recorded."

_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def write_messages(messages: Iterable[Message], profile: Profile) -> list[Json]:
    """Chat messages as values for msgspec. UnsupportedFeature for content that the profile or chat cannot carry."""
    writer = _Writer(profile)
    for message in messages:
        writer.add(message)
    return writer.done()


class _Writer:
    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._out: list[Json] = []
        self._pending: dict[str, ToolCall] = {}  # calls of the last turn without a result yet
        self._answered = False  # results of the last turn were seen
        self._after: list[Json] = []  # parts of the user message that follows the results
        self._begun = False  # the conversation has begun: system text is "mid" from here on

    def add(self, message: Message) -> None:
        if message.role == "tool":
            self._answered = self._begun = True
            for part in message.parts:
                self._result(part)
            return
        self._settle()
        match message.role:
            case "system" | "developer":
                self._system(message)
            case "user":
                self._begun = True
                self._out.append(self._named(message, {"role": "user", "content": self._content(message.parts)}))
            case "assistant":
                self._begun = True
                self._assistant(message)

    def done(self) -> list[Json]:
        if self._answered:
            self._settle()
        return self._out

    def _settle(self) -> None:
        """Close the last turn: fill in missing results, then what could not stand inside tool messages."""
        for call in self._pending.values():
            self._out.append({"role": "tool", "tool_call_id": call.id, "content": MISSING_RESULT})
        self._pending = {}
        self._answered = False
        if self._after:
            self._out.append({"role": "user", "content": _flat(self._after)})
            self._after = []

    def _named(self, message: Message, value: Json) -> Json:
        if message.name:
            value["name"] = message.name
        return value

    def _system(self, message: Message) -> None:
        role: str = message.role if self._profile.developer_role else "system"
        if self._begun and not self._profile.mid_system:
            role = "user"
        self._out.append(self._named(message, {"role": role, "content": self._content(message.parts)}))

    # --- assistant ------------------------------------------------------------------------------------------------

    def _assistant(self, message: Message) -> None:
        texts: list[str] = []
        calls: list[ToolCall] = []
        thoughts: list[Reasoning] = []
        value: Json = {"role": "assistant", "content": None}
        for part in message.parts:
            match part:
                case Text(text) | Refusal(text):
                    # A refusal was what the model said; its own field is OpenAI's alone, and content may not be null.
                    texts.append(text)
                case ToolCall():
                    calls.append(part)
                case Reasoning():
                    thoughts.append(part)
                case Opaque("chat", "audio", data):
                    value["audio"] = msgspec.Raw(data)
                case Opaque(dialect, kind):
                    raise _unsupported(f"a {dialect} {kind} block in an assistant message")
                case Image() | File() | Audio() | ToolResult():
                    raise _unsupported(f"{type(part).__name__.lower()} content in an assistant message")
        value["content"] = self._assistant_content(message.parts, texts)
        if not value["content"] and not calls and "audio" not in value:
            return  # nothing is left of the turn; chat does not need one
        thought = self._reasoning(thoughts, called=bool(calls))
        # DeepSeek wants the field on every tool turn; "" stands for a turn whose thoughts are another vendor's.
        if thought or (calls and thoughts and self._profile.echo_reasoning == "tool_turns"):
            value[self._profile.reasoning_field or "reasoning_content"] = thought
        if calls:
            value["content"] = value["content"] or None
            value["tool_calls"] = [self._call(call) for call in calls]
            if self._profile.call_seal is not None:
                value["tool_calls"][0]["extra_content"] = raw(self._profile.call_seal)
            self._pending = {call.id: call for call in calls}
        self._out.append(self._named(message, value))

    def _assistant_content(self, parts: tuple[Part, ...], texts: list[str]) -> Any:
        if self._profile.cache_marks and any(isinstance(part, Text) and part.cache for part in parts):
            return self._parts([part for part in parts if isinstance(part, Text)])
        return "".join(texts)

    def _reasoning(self, thoughts: list[Reasoning], *, called: bool) -> str:
        profile = self._profile
        if profile.reasoning_field is None or profile.echo_reasoning == "never":
            return ""
        if profile.echo_reasoning == "tool_turns" and not called:
            return ""
        return "\n\n".join(filter(None, (thought.text or "\n\n".join(thought.summary) for thought in thoughts)))

    def _call(self, call: ToolCall) -> Json:
        name = short_name(call.name)
        if call.kind == "custom" and self._profile.custom_tools:
            return {"id": call.id, "type": "custom", "custom": {"name": name, "input": call.arguments}}
        text = wrap_custom(call.arguments) if call.kind == "custom" else _object_text(call.arguments)
        return {"id": call.id, "type": "function", "function": {"name": name, "arguments": text}}

    # --- tool results ---------------------------------------------------------------------------------------------

    def _result(self, part: Part) -> None:
        if not isinstance(part, ToolResult):
            raise _unsupported(f"{type(part).__name__.lower()} content among tool results")
        lines: list[str] = []
        images: list[Json] = []
        for held in part.parts:
            match held:
                case Text(text):
                    lines.append(text)
                case Image() | File():
                    written = self._part(held)
                    if written["type"] == "text":
                        lines.append(written["text"])
                    else:
                        images.append(written)
                case _:
                    raise _unsupported(f"{type(held).__name__.lower()} content in a tool result")
        text = _error_text("\n".join(lines), part)
        if self._pending.pop(part.call_id, None) is None:
            self._after += [{"type": "text", "text": f"[result of tool call {part.call_id}]\n{text}"}, *images]
            return
        self._out.append(
            {"role": "tool", "tool_call_id": part.call_id, "content": self._tool_content(text, images, part)}
        )

    def _tool_content(self, text: str, images: list[Json], result: ToolResult) -> Any:
        cache = result.cache if self._profile.cache_marks else None
        if images and not self._profile.tool_images:
            if not self._after:
                self._after.append({"type": "text", "text": IMAGES_HERE})
            self._after += images
            text, images = f"{text}\n{IMAGES_FOLLOW}" if text else IMAGES_FOLLOW, []
        if not images and cache is None:
            return text
        content: list[Json] = [{"type": "text", "text": text}] if text else []
        content += images
        if cache and content:
            content[-1]["cache_control"] = msgspec.Raw(cache)
        return content

    # --- content --------------------------------------------------------------------------------------------------

    def _content(self, parts: Iterable[Part]) -> Any:
        return _flat(self._parts(parts))

    def _parts(self, parts: Iterable[Part]) -> list[Json]:
        return [self._part(part) for part in parts if part != Text("")]

    def _part(self, part: Part) -> Json:
        match part:
            case Text(text):
                value: Json = {"type": "text", "text": text}
            case Image():
                value = self._image(part)
            case File():
                value = self._file(part)
            case Audio(data, kind):
                if not self._profile.audio:
                    raise _unsupported("audio input", "this upstream")
                value = {"type": "input_audio", "input_audio": {"data": data, "format": kind}}
            case Refusal(text):
                value = {"type": "text", "text": text}
            case Opaque("chat", _, data):
                return _object.decode(data)
            case Opaque(dialect, kind):
                raise _unsupported(f"a {dialect} {kind} block")
            case Reasoning() | ToolCall() | ToolResult():
                raise _unsupported(f"{type(part).__name__} content outside an assistant or tool message")
        cache = getattr(part, "cache", None)
        if cache and self._profile.cache_marks:
            value["cache_control"] = raw(cache)
        return value

    def _image(self, image: Image) -> Json:
        if not self._profile.images:
            raise _unsupported("image input", "this upstream")
        if image.file_id is not None:
            raise _unsupported("an image by file id", accepted="an image as data or by URL")
        url = image.url or f"data:{image.media_type or 'image/png'};base64,{image.data or ''}"
        value: Json = {"url": url}
        if image.detail:
            value["detail"] = image.detail
        return {"type": "image_url", "image_url": value}

    def _file(self, file: File) -> Json:
        if file.media_type == "text/plain" and file.data is not None:
            return {"type": "text", "text": f"[{file.filename}]\n{file.data}" if file.filename else file.data}
        if not self._profile.documents:
            raise _unsupported("a document", "this upstream")
        if file.url is not None:
            raise _unsupported("a document by URL", accepted="a document as data or by file id")
        value: Json = {}
        if file.data is not None:
            value["file_data"] = f"data:{file.media_type or 'application/pdf'};base64,{file.data}"
        if file.file_id is not None:
            value["file_id"] = file.file_id
        if file.filename:
            value["filename"] = file.filename
        return {"type": "file", "file": value}


def _flat(parts: list[Json]) -> Any:
    """Plain text as one string: DeepSeek and many local templates take no array where text would do."""
    if all(part.get("type") == "text" and "cache_control" not in part for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def _error_text(text: str, result: ToolResult) -> str:
    """Chat has no word for a failed call, so the text must say it (gateways.md 3A.35)."""
    if not result.is_error or text[:16].lstrip("<[ ").lower().startswith(("error", "tool_use_error")):
        return text
    return f"Error: {text}" if text else "Error: the tool failed without a message."


def _object_text(arguments: str) -> str:
    """Arguments as the text of a JSON object: templates of local models parse it and answer 400 or 500 otherwise. What
    is no object is wrapped, so that the model still sees what it wrote."""
    if not arguments.strip():
        return "{}"
    try:
        _object.decode(arguments)
    except (*Bad, UnicodeEncodeError):
        return msgspec.json.encode({"_raw": arguments}).decode()
    return arguments


def _unsupported(what: str, by: str = "chat completions", *, accepted: str | None = None) -> UnsupportedFeature:
    return UnsupportedFeature(f"{what} cannot be sent to {by}", accepted=accepted)
