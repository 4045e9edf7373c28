"""Texts, refusals and citations in a Responses stream. Source: openai 3.52 `response_output_message.py`."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._responses_output import Output, Writer
from gateway.dialects._shared import encode, one_line
from gateway.ir.events import Annotated, Delta, Event


class SpokenWriter(Writer):
    """A message with one content part: text or a refusal."""

    def __init__(self, out: Output, text: str, *, refusal: bool = False, annotations: bytes | None = None) -> None:
        super().__init__(out)
        self._refusal = refusal
        self._first = text
        self._notes: list[msgspec.Raw] = _list(annotations)
        self._text: list[str] = []
        self._at: dict[str, Any] | None = None

    @classmethod
    def resumed(cls, out: Output, at: dict[str, Any], said: list[str]) -> SpokenWriter:
        """Of an item that another encoder began: `at` is its place, `said` its text so far."""
        writer = cls(out, "")
        writer._at, writer._text = at, list(said)
        return writer

    def begin(self) -> bytes:
        return self._say(self._first)

    def add(self, event: Event) -> bytes:
        match event:
            case Delta(_, text):
                return self._say(text)
            case Annotated(_, raw):
                return self._note(raw)
            case _:
                return b""

    def _say(self, text: str) -> bytes:
        if not text:
            return b""
        head = self._open() if self._at is None else b""
        assert self._at is not None
        self._text.append(text)
        if self._refusal:
            self.out.refused = True
            return head + self.out.emit("response.refusal.delta", {**self._at, "delta": text})
        return head + self.out.emit("response.output_text.delta", {**self._at, "delta": text, "logprobs": []})

    def _open(self) -> bytes:
        place, name = self.out.place(), self.out.new_id("msg_")
        self._at = {"item_id": name, "output_index": place, "content_index": 0}
        item = {"id": name, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        added = self.out.emit("response.output_item.added", {"output_index": place, "item": item})
        return added + self.out.emit("response.content_part.added", {**self._at, "part": self._part("", [])})

    def _part(self, text: str, notes: list[msgspec.Raw]) -> dict[str, Any]:
        if self._refusal:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "annotations": notes, "logprobs": [], "text": text}

    def _note(self, raw: bytes) -> bytes:
        note = citation(raw, sum(map(len, self._text)))
        if note is None or self._at is None or self._refusal:
            return b""
        self._notes.append(note)
        fields = {**self._at, "annotation_index": len(self._notes) - 1, "annotation": note}
        return self.out.emit("response.output_text.annotation.added", fields)

    def end(self) -> bytes:
        if self._at is None:
            return b""
        text = "".join(self._text)
        part = self._part(text, self._notes)
        word, kind = ("refusal", "response.refusal.done") if self._refusal else ("text", "response.output_text.done")
        done = {**self._at, word: text} if self._refusal else {**self._at, word: text, "logprobs": []}
        item = {
            "id": self._at["item_id"],
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }
        place = self.out.keep(item)
        return b"".join(
            (
                self.out.emit(kind, done),
                self.out.emit("response.content_part.done", {**self._at, "part": part}),
                self.out.emit("response.output_item.done", {"output_index": place, "item": item}),
            )
        )


# --- citations ---------------------------------------------------------------------------------------------------

_OWN: Final = frozenset({"url_citation", "file_citation", "container_file_citation", "file_path"})


class _Note(msgspec.Struct):
    type: str | None = None
    url: str | None = None
    title: str | None = None
    url_citation: dict[str, msgspec.Raw] | None = None


_note: Final = msgspec.json.Decoder(_Note)
_notes: Final = msgspec.json.Decoder(list[msgspec.Raw])


def _list(raw: bytes | None) -> list[msgspec.Raw]:
    if raw is None:
        return []
    notes = [citation(bytes(note), 0) for note in _notes.decode(raw)]
    return [note for note in notes if note is not None]


def citation(raw: bytes, end: int) -> msgspec.Raw | None:
    """A citation in this dialect's shape: its own as it is; chat's nested one flattened; a page named by another vendor
    as a citation of all `end` characters so far; None for what has no counterpart."""
    try:
        note = _note.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if note.url_citation is not None:
        return msgspec.Raw(one_line(encode({"type": "url_citation", **note.url_citation})))
    if note.type in _OWN:
        return msgspec.Raw(one_line(raw))
    if note.url is None:
        return None
    title = note.title or note.url
    return msgspec.Raw(
        encode({"type": "url_citation", "url": note.url, "title": title, "start_index": 0, "end_index": end})
    )
