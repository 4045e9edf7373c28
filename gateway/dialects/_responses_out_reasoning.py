"""Reasoning in a Responses stream. Open text of other dialects is shown as a summary, which is what clients of this dialect
display; it carries no encrypted content."""

from __future__ import annotations

from typing import Any

from gateway.dialects._responses_output import Output, Writer
from gateway.ir.events import Delta, Event, Sealed
from gateway.ir.request import Reasoning


class ReasoningWriter(Writer):
    """A reasoning item. Each part of the summary, and each run of open text, is one summary part."""

    def __init__(self, out: Output, block: Reasoning) -> None:
        super().__init__(out)
        self._block = block
        self._id = ""
        self._place = -1
        self._parts: list[list[str]] = []
        self._key: tuple[bool, int] | None = None
        self._sealed = None if block.redacted else block.encrypted

    def begin(self) -> bytes:
        pieces = [self._think(text, (True, n)) for n, text in enumerate(self._block.summary)]
        return b"".join([*pieces, self._think(self._block.text, (False, 0))])

    def add(self, event: Event) -> bytes:
        match event:
            case Delta(_, text, summary, part):
                return self._think(text, (summary, part if summary else 0))
            case Sealed() if event.encrypted and not self._block.redacted:
                self._sealed = event.encrypted
                return b""
            case _:
                return b""

    def _open(self) -> bytes:
        if self._id:
            return b""
        self._place, self._id = self.out.place(), self.out.new_id("rs_", self._block.id)
        item = {"id": self._id, "type": "reasoning", "summary": []}
        return self.out.emit("response.output_item.added", {"output_index": self._place, "item": item})

    def _where(self) -> dict[str, Any]:
        return {"item_id": self._id, "output_index": self._place, "summary_index": len(self._parts) - 1}

    def _think(self, text: str, key: tuple[bool, int]) -> bytes:
        if not text:
            return b""
        out = [self._open()]
        if key != self._key:
            out.append(self._end_part())
            self._key = key
            self._parts.append([])
            part = {"type": "summary_text", "text": ""}
            out.append(self.out.emit("response.reasoning_summary_part.added", {**self._where(), "part": part}))
        self._parts[-1].append(text)
        out.append(self.out.emit("response.reasoning_summary_text.delta", {**self._where(), "delta": text}))
        return b"".join(out)

    def _end_part(self) -> bytes:
        if self._key is None:
            return b""
        text = "".join(self._parts[-1])
        part = {"type": "summary_text", "text": text}
        done = self.out.emit("response.reasoning_summary_text.done", {**self._where(), "text": text})
        return done + self.out.emit("response.reasoning_summary_part.done", {**self._where(), "part": part})

    def end(self) -> bytes:
        if not self._id and not self._sealed:
            return b""
        head = self._open() + self._end_part()
        item: dict[str, Any] = {
            "id": self._id,
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "".join(part)} for part in self._parts],
        }
        if self._sealed:
            item["encrypted_content"] = self._sealed
        self.out.keep(item)
        return head + self.out.emit("response.output_item.done", {"output_index": self._place, "item": item})
