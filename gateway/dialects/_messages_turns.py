"""Neutral messages to the turns of a Messages request.

What the API demands and this file guarantees: user and assistant alternate; every `tool_use` is answered in the user turn
right after it, results before anything else, one for each call ("tool_use ids were found without tool_result blocks"
otherwise: pydantic-ai#653, OpenHands#7512); no empty text block; the conversation begins with the user.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.dialects._messages_adapt import reminder
from gateway.dialects._messages_ids import to_wire
from gateway.dialects._messages_reasoning import block_of
from gateway.dialects._shared import short_name, wrap_custom
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import (
    Audio,
    DialectName,
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

Block = dict[str, Any] | msgspec.Raw

NAME_MAX: Final = 128
"""Characters of a Messages tool name (`^[a-zA-Z0-9_-]{1,128}$`)."""

_OPENING: Final = "(The conversation begins here.)"
_NO_RESULT: Final = "No result was recorded for this tool call."
_FIRST_BYTES: Final = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"))
_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(slots=True)
class Gap:
    """What stands between two assistant turns: results first, then user and system pieces in the client's order."""

    results: list[Block] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    after: list[Block] = field(default_factory=list)  # images of results, where results may not carry them
    pieces: list[tuple[str, list[Block]]] = field(default_factory=list)

    def add(self, role: str, blocks: list[Block]) -> None:
        if self.pieces and self.pieces[-1][0] == role == "user":
            self.pieces[-1][1].extend(blocks)
        elif blocks:
            self.pieces.append((role, blocks))


def wire_name(name: str) -> str:
    """The tool name as it may be sent; longer or stranger ones are shortened the same way every time."""
    fits = len(name) <= NAME_MAX and name.isascii() and name.replace("_", "a").replace("-", "a").isalnum()
    return name if fits else short_name(name)


def arguments_object(arguments: str) -> str:
    """Arguments as the JSON object that `input` must be: `{}` for none, `{"_raw": …}` around anything else, so that no byte
    of a broken call is lost. A correct object keeps its bytes: re-serialising would empty the prefix cache."""
    text = arguments.strip(" \t\r\n")
    if not text:
        return "{}"
    try:
        _objects.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return msgspec.json.encode({"_raw": arguments.encode(errors="replace").decode()}).decode()
    return text


class TurnWriter:
    """Builds the list of turns of one request. `losses` collects what could not be said."""

    def __init__(self, origin: DialectName, profile: Profile) -> None:
        self.losses: dict[str, None] = {}
        self._origin = origin
        self._profile = profile
        self._turns: list[dict[str, Any]] = []
        self._gap = Gap()
        self._open_calls: list[tuple[str, str]] = []  # (id in the history, id sent) of the turn that awaits results
        self._used_ids: set[str] = set()

    def write(self, messages: Iterable[Message]) -> list[dict[str, Any]]:
        for message in messages:
            if message.role == "assistant":
                self._assistant(message.parts)
            elif message.role in ("system", "developer"):
                self._mid_system(message.parts)
            else:
                self._user(message.parts)
        self._close_gap()
        if not self._turns:
            raise UnsupportedFeature("a request without any content", where="messages")
        if self._turns[0]["role"] != "user":
            self._turns.insert(0, {"role": "user", "content": _OPENING})
        self._trim_prefill()
        return self._turns

    # --- turns ----------------------------------------------------------------------------------------------------

    def _append(self, role: str, blocks: list[Block]) -> None:
        if self._turns and self._turns[-1]["role"] == role and role != "system":
            self._turns[-1]["content"].extend(blocks)
        elif blocks:
            self._turns.append({"role": role, "content": blocks})

    def _close_gap(self) -> None:
        gap, self._gap = self._gap, Gap()
        for _, call_id in self._open_calls:
            if call_id not in gap.answered:
                self.losses["messages: a missing tool result was filled in"] = None
                gap.results.append(_result(call_id, _NO_RESULT, True))
        self._open_calls = []
        self._append("user", gap.results + gap.after)
        for role, blocks in gap.pieces:
            self._append(role, blocks)

    def _assistant(self, parts: tuple[Part, ...]) -> None:
        continued = self._turns and self._turns[-1]["role"] == "assistant"
        if self._gap.results or self._gap.pieces or not continued:
            self._close_gap()
        self._append("assistant", self._assistant_blocks(parts))

    def _assistant_blocks(self, parts: tuple[Part, ...]) -> list[Block]:
        if self._origin != "messages":  # other dialects have no order between text and calls: thinking, text, calls
            parts = tuple(sorted(parts, key=lambda p: isinstance(p, ToolCall) - isinstance(p, Reasoning)))
        return [block for part in parts if (block := self._block(part)) is not None]

    def _mid_system(self, parts: tuple[Part, ...]) -> None:
        texts = [part for part in parts if isinstance(part, Text) and part.text.strip()]
        other = next((part for part in parts if not isinstance(part, Text)), None)
        if self._profile.mid_system:
            self._gap.add("system", [block for part in parts if (block := self._block(part)) is not None])
        elif other is not None:
            raise UnsupportedFeature(f"{_word(other)} in a system message", where="messages")
        elif texts:
            self._gap.add("user", [{"type": "text", "text": reminder("\n".join([part.text for part in texts]))}])

    def _user(self, parts: tuple[Part, ...]) -> None:
        for part in parts:
            if isinstance(part, ToolResult):
                self._add_result(part)
            elif (block := self._block(part)) is not None:
                self._gap.add("user", [block])

    def _trim_prefill(self) -> None:
        """ "Final assistant content cannot end with trailing whitespace"."""
        if self._turns[-1]["role"] != "assistant":
            return
        blocks = self._turns[-1]["content"]
        if blocks and isinstance(blocks[-1], dict) and blocks[-1]["type"] == "text":
            blocks[-1]["text"] = blocks[-1]["text"].rstrip()

    # --- tool results ---------------------------------------------------------------------------------------------

    def _add_result(self, result: ToolResult) -> None:
        """A result that answers no open call (history was cut, or it came twice) would be refused with 400: it goes on as
        the user text it amounts to."""
        named = to_wire(result.call_id)
        content, images = self._result_content(result)
        gap = self._gap
        waiting = (sent for told, sent in self._open_calls if told == named and sent not in gap.answered)
        call_id = next(waiting, None)
        if call_id is not None:
            gap.answered.add(call_id)
            block = _result(call_id, content, result.is_error)
            self._mark(block, result.cache)
            gap.results.append(block)
            gap.after += images
            return
        self.losses["messages: a tool result without its call was sent as text"] = None
        blocks = list(content) if not isinstance(content, str) else [_text_block(content)] if content else []
        gap.add("user", [_text_block(f"[Result of earlier tool call {named}]"), *blocks, *images])

    def _result_content(self, result: ToolResult) -> tuple[str | list[Block], list[Block]]:
        """Content of a result, and the images that have to stand behind all results."""
        blocks: list[Block] = []
        images: list[Block] = []
        for part in result.parts:
            block = self._block(part)
            if block is None:
                continue
            apart = isinstance(part, (Image, File)) and not self._profile.tool_images
            text_only = isinstance(block, dict) and block["type"] == "text"
            (images if apart and not text_only else blocks).append(block)
        if images:
            self.losses["messages: images of tool results were moved behind the results"] = None
        only = blocks[0] if len(blocks) == 1 else None
        if isinstance(only, dict) and set(only) == {"type", "text"}:
            return only["text"], images
        return (blocks or ("" if not images else "(see the attached content below)")), images

    # --- blocks ---------------------------------------------------------------------------------------------------

    def _mark(self, block: dict[str, Any], cache: bytes | None) -> dict[str, Any]:
        if cache is not None and self._profile.cache_marks:
            block["cache_control"] = msgspec.Raw(cache)
        return block

    def system_block(self, part: Part) -> Block | None:
        if not isinstance(part, Text):
            raise UnsupportedFeature(f"{_word(part)} in a system message", where="messages", accepted="text")
        return self._text(part)

    def _text(self, part: Text) -> Block | None:
        if not part.text.strip():
            return None
        block: dict[str, Any] = {"type": "text", "text": part.text}
        if part.annotations is not None and self._origin == "messages":
            block["citations"] = msgspec.Raw(part.annotations)
        return self._mark(block, part.cache)

    def _block(self, part: Part) -> Block | None:
        match part:
            case Text():
                return self._text(part)
            case Refusal(text):
                return self._text(Text(text))
            case Reasoning():
                return self._reasoning(part)
            case ToolCall():
                return self._call(part)
            case Image():
                return self._image(part)
            case File():
                return self._document(part)
            case Opaque("messages", _, raw):
                return msgspec.Raw(raw)
            case Opaque(dialect, kind):
                raise UnsupportedFeature(f"{kind} items of the {dialect} dialect cannot be sent to a Messages model")
            case Audio():
                raise UnsupportedFeature("audio input", accepted="text, images, documents")
            case ToolResult():
                raise UnsupportedFeature("a tool result outside a tool message")

    def _reasoning(self, part: Reasoning) -> Block | None:
        """Unsigned thoughts go only to vendors that do not verify; what others sealed never crosses (protocols.md 1.5)."""
        if not self._profile.thinking_modes and not part.signature:
            return None
        if part.redacted and self._origin != "messages":
            return None
        return block_of(part, self._profile)

    def _call(self, part: ToolCall) -> Block:
        """Ids must be unique in a request; some local servers count from `call_0` in every turn. A repeated id gets the
        first free number, which depends on earlier turns only: prefix caches stay warm."""
        told = sent = to_wire(part.id)
        number = 1
        while sent in self._used_ids:
            number += 1
            sent = f"{told}_{number}"
        self._used_ids.add(sent)
        self._open_calls.append((told, sent))
        arguments = wrap_custom(part.arguments) if part.kind == "custom" else arguments_object(part.arguments)
        block = {
            "type": "tool_use",
            "id": sent,
            "name": wire_name(part.name),
            "input": msgspec.Raw(arguments.encode()),
        }
        return self._mark(block, part.cache)

    def _image(self, part: Image) -> Block:
        if not self._profile.images:
            raise UnsupportedFeature("this model takes no images", accepted="text")
        if part.detail not in (None, "auto"):
            self.losses["image detail"] = None
        return self._mark(
            {"type": "image", "source": self._source(part, part.media_type or _sniffed(part.data))}, part.cache
        )

    def _document(self, part: File) -> Block | None:
        plain = part.media_type is not None and part.media_type.startswith("text/") and part.data is not None
        if not self._profile.documents:
            if not plain:
                raise UnsupportedFeature("this model takes no documents", accepted="text, images")
            name = f"{part.filename}:\n" if part.filename else ""
            return self._text(Text(name + (part.data or ""), part.cache))
        if plain:
            source: dict[str, Any] = {"type": "text", "media_type": "text/plain", "data": part.data}
        else:
            source = self._source(part, part.media_type or "application/pdf")
        block: dict[str, Any] = {"type": "document", "source": source}
        if part.filename:
            block["title"] = part.filename
        return self._mark(block, part.cache)

    def _source(self, part: Image | File, media_type: str) -> dict[str, Any]:
        if part.data is not None:
            return {"type": "base64", "media_type": media_type, "data": part.data}
        if part.url is not None:
            return {"type": "url", "url": part.url}
        if self._origin != "messages":
            raise UnsupportedFeature(
                "a file id belongs to the vendor that stored the file", accepted="base64 data or a URL"
            )
        return {"type": "file", "file_id": part.file_id}


def _result(call_id: str, content: str | list[Block], is_error: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id}
    if content:
        block["content"] = content
    if is_error:
        block["is_error"] = True
    return block


def _text_block(text: str) -> Block:
    return {"type": "text", "text": text}


def _sniffed(data: str | None) -> str:
    return next((kind for head, kind in _FIRST_BYTES if data and data.startswith(head)), "image/png")


def _word(part: Part) -> str:
    return part.kind if isinstance(part, Opaque) else f"{type(part).__name__.lower()} content"
