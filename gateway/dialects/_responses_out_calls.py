"""Tool calls in a Responses stream: functions, and custom tools, whose input is free text. Calls of custom tools that came
back as functions are free text again."""

from __future__ import annotations

from typing import Any

from gateway.dialects._responses_custom import InputExtractor
from gateway.dialects._responses_names import Known
from gateway.dialects._responses_output import Output, Writer
from gateway.dialects._shared import minted
from gateway.ir.events import Delta, Event
from gateway.ir.request import ToolCall


class FunctionWriter(Writer):
    """A function call; its item is announced at once, because its name and id are known."""

    ITEM = "function_call"
    PREFIX = "fc_"
    FIELD = "arguments"
    EVENT = "response.function_call_arguments"

    def __init__(self, out: Output, call: ToolCall, known: Known) -> None:
        super().__init__(out)
        self._first = call.arguments
        self._kind = call.kind
        self._text: list[str] = []
        self._place = out.place()
        self._item: dict[str, Any] = {
            "id": out.new_id(self.PREFIX, call.item_id),
            "type": self.ITEM,
            "call_id": call.id or minted("call_", out.response_id, self._place),
            "name": known.name,
        }
        if known.namespace is not None:
            self._item["namespace"] = known.namespace

    def begin(self) -> bytes:
        item = {**self._item, "status": "in_progress", self.FIELD: ""}
        added = self.out.emit("response.output_item.added", {"output_index": self._place, "item": item})
        return added + self._more(self._first)

    def add(self, event: Event) -> bytes:
        return self._more(event.text) if isinstance(event, Delta) else b""

    def _more(self, text: str) -> bytes:
        return self._piece(text)

    def _piece(self, text: str) -> bytes:
        if not text:
            return b""
        self._text.append(text)
        fields = {"item_id": self._item["id"], "output_index": self._place, "delta": text}
        return self.out.emit(f"{self.EVENT}.delta", fields)

    def _last(self) -> bytes:
        """A call without arguments is a call with none: harnesses parse the text as JSON."""
        return b"" if self._text else self._piece("{}")

    def end(self) -> bytes:
        last = self._last()
        text = "".join(self._text)
        item = {**self._item, "status": "completed", self.FIELD: text}
        done: dict[str, Any] = {"item_id": self._item["id"], "output_index": self._place, self.FIELD: text}
        if self.FIELD == "arguments":
            done["name"] = self._item["name"]
        self.out.keep(item)
        return b"".join(
            (
                last,
                self.out.emit(f"{self.EVENT}.done", done),
                self.out.emit("response.output_item.done", {"output_index": self._place, "item": item}),
            )
        )


class CustomWriter(FunctionWriter):
    """A call of a custom tool: free text, taken out of JSON arguments where the model only knows functions."""

    ITEM = "custom_tool_call"
    PREFIX = "ctc_"
    FIELD = "input"
    EVENT = "response.custom_tool_call_input"

    def __init__(self, out: Output, call: ToolCall, known: Known) -> None:
        super().__init__(out, call, known)
        self._extractor = None if call.kind == "custom" else InputExtractor()

    def _more(self, text: str) -> bytes:
        return self._piece(self._extractor.feed(text) if self._extractor else text)

    def _last(self) -> bytes:
        return self._piece(self._extractor.close()) if self._extractor else b""
