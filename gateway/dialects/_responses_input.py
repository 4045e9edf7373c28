"""Messages of a neutral request as the input items of a Responses request.

Nothing the API refuses leaves: a call without a result gets one that says so, a result without a call becomes a user's note,
ids fit their limit. Source: openai 3.52 `response_input_item_param.py`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from gateway.dialects._responses_names import Directory, Known
from gateway.dialects._responses_parts import foreign, input_part, output_part, reasoning_item
from gateway.dialects._shared import minted, short_name, wrap_custom
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Audio, File, Image, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult

ID_MAX: Final = 64
"""Characters of a call_id that the API takes."""


NO_RESULT: Final = "Error: no result of this call was recorded."


def call_id(told: str) -> str:
    """The id within its limit; the same id always gives the same result, so calls and results still meet."""
    if len(told) <= ID_MAX:
        return told
    return f"{told[:47]}_{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:16]}"


class Items:
    """Messages to input items. `prompt` is the template reference found on the way, if any."""

    def __init__(self, profile: Profile, directory: Directory, losses: list[str]) -> None:
        self._profile = profile
        self._directory = directory
        self._losses = losses
        self._out: list[Any] = []
        self._waiting: dict[str, str] = {}  # calls without a result yet, and the type of the item that answers
        self.prompt: msgspec.Raw | None = None

    def write(self, messages: tuple[Message, ...]) -> list[Any]:
        for index, message in enumerate(messages):
            where = f"messages[{index}]"
            if message.role == "tool":
                self._results(message, where)
                continue
            self._answer_rest()
            if message.role == "assistant":
                self._assistant(message, where)
            else:
                self._message(message, where)
        self._answer_rest()
        last = messages[-1] if messages else None
        if last is not None and last.role == "assistant" and isinstance(last.parts[-1] if last.parts else None, Text):
            self._losses.append("prefill")  # the API answers a trailing assistant message, it does not continue it
        return self._out

    def _answer_rest(self) -> None:
        for waiting, kind in self._waiting.items():
            self._out.append({"type": kind, "call_id": waiting, "output": NO_RESULT})
            self._losses.append("tool call without a result")
        self._waiting = {}

    def _message(self, message: Message, where: str) -> None:
        content: list[Any] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, Opaque) and part.dialect == "responses":
                if part.kind == "prompt":
                    self.prompt = msgspec.Raw(part.raw)
                    continue
                if not part.kind.startswith("input_"):
                    self._out.append(msgspec.Raw(part.raw))
                    continue
            if isinstance(part, Text) and not part.text:
                continue
            if getattr(part, "cache", None) is not None:
                self._losses.append("cache_control")
            content.append(input_part(part, self._profile, f"{where}.parts[{index}]"))
        if content:
            self._out.append({"type": "message", "role": message.role, "content": content})

    def _assistant(self, message: Message, where: str) -> None:
        spoken: list[Text | Refusal] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, Text | Refusal):
                if part.text:
                    spoken.append(part)
                continue
            self._speak(spoken)
            spoken = []
            self._act(part, f"{where}.parts[{index}]")
        self._speak(spoken)

    def _speak(self, parts: list[Text | Refusal]) -> None:
        """One plain text is sent in the short form that every server reads; else the full form of an output message."""
        if not parts:
            return
        if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].annotations is None:
            self._out.append({"type": "message", "role": "assistant", "content": parts[0].text})
            return
        self._out.append(
            {
                "type": "message",
                "id": minted("msg_", len(self._out), *[part.text for part in parts]),
                "role": "assistant",
                "status": "completed",
                "content": [output_part(part) for part in parts],
            }
        )

    def _act(self, part: Part, where: str) -> None:
        match part:
            case ToolCall():
                self._call(part)
            case Reasoning():
                self._out.append(reasoning_item(part))
            case Opaque("responses", _, raw):
                self._out.append(msgspec.Raw(raw))
            case Opaque(dialect, kind):
                raise foreign(dialect, kind, where)
            case _:
                raise UnsupportedFeature(f"{type(part).__name__} cannot be said by an assistant here", where=where)

    def _call(self, call: ToolCall) -> None:
        known = self._known(call)
        name = short_name(known.name)
        told = call_id(call.id)
        item: dict[str, Any]
        if call.kind == "custom" and self._profile.custom_tools:
            item = {"type": "custom_tool_call", "call_id": told, "name": name, "input": call.arguments}
        else:
            arguments = wrap_custom(call.arguments) if call.kind == "custom" else call.arguments or "{}"
            item = {"type": "function_call", "call_id": told, "name": name, "arguments": arguments}
        if known.namespace is not None:
            item["namespace"] = known.namespace
        prefix = "ctc_" if item["type"] == "custom_tool_call" else "fc_"
        if call.item_id and call.item_id.startswith(prefix):
            item["id"] = call.item_id
        self._out.append(item)
        self._waiting[told] = f"{item['type']}_output"

    def _known(self, call: ToolCall) -> Known:
        return self._directory.find(call.name, call.namespace, flat=True)

    def _results(self, message: Message, where: str) -> None:
        after: list[Any] = []
        for index, part in enumerate(message.parts):
            at = f"{where}.parts[{index}]"
            if isinstance(part, ToolResult):
                self._result(part, at, after)
            else:
                after.append(input_part(part, self._profile, at))
        if after:
            self._answer_rest()
            self._out.append({"type": "message", "role": "user", "content": after})

    def _result(self, result: ToolResult, where: str, after: list[Any]) -> None:
        told = call_id(result.call_id)
        kind = self._waiting.pop(told, None)
        parts = _marked(result)
        texts = [part for part in parts if isinstance(part, Text)]
        others = [part for part in parts if not isinstance(part, Text)]
        if kind is None:
            self._losses.append("tool result without its call")
            after.append({"type": "input_text", "text": f"[Result of an earlier tool call, {told}]"})
            told_parts = [part for part in parts if not isinstance(part, Text) or part.text]
            after += [input_part(part, self._profile, where) for part in told_parts]
            return
        output: Any
        if len(texts) == len(parts) and len(texts) <= 1:
            output = texts[0].text if texts else ""
        elif not others or self._profile.tool_images:
            output = [input_part(part, self._profile, where) for part in parts]
        else:
            output = "\n".join([part.text for part in texts]) or "[The result follows as an image or file.]"
            after.append({"type": "input_text", "text": f"[Result of tool call {told}]"})
            after += [input_part(part, self._profile, where) for part in others]
        self._out.append({"type": kind, "call_id": told, "output": output})


def _marked(result: ToolResult) -> tuple[Text | Image | File | Audio, ...]:
    """The parts, with a word that it failed where it did: the dialect has no flag for it."""
    parts: tuple[Any, ...] = result.parts
    if not result.is_error:
        return parts
    first = parts[0] if parts else Text("the tool failed")
    if isinstance(first, Text) and first.text[:5].lower() == "error":
        return parts
    if isinstance(first, Text):
        return (Text(f"Error: {first.text}"), *parts[1:])
    return (Text("Error:"), *parts)
