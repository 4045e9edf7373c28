"""Refusals in chat replies. Calls are numbered among themselves, so those behind a refused one move up; the reason becomes
content; `finish_reason` is mended when no call is left. Events of calls that stay as they are keep their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.ir.events import BlockStart, Delta, Event
from gateway.toolgate.mend import Counts, encode, objects, opened, renewed, untouched
from gateway.toolgate.values import Item, Ruling, Rulings

_CALL_WORDS = ("tool_calls", "function_call", "tool_use")
_KEYS = ("tool_calls", "function_call")


class ChatMender(Counts):
    """Content and calls are apart in this dialect, so content may overtake a held call."""

    ordered = False
    edits = False

    def passed(self, raw: bytes, events: Sequence[Event]) -> bytes:
        if not self.emptied or b"finish_reason" not in raw:
            return raw
        value = opened(raw)
        return renewed(raw, value) if value is not None and self._end(value) else raw

    def settled(self, held: Sequence[Item], rulings: Rulings) -> bytes:
        before = self.left
        self.count(rulings)
        if untouched(rulings) and not self.gone:
            return b"".join([item.raw for item in held])
        return _Batch(self, held, rulings, before).mended()

    def ended(self, raw: bytes) -> bytes:
        return raw

    def _end(self, value: dict[str, Any]) -> bool:
        ended = False
        for choice in _choices(value):
            if self.emptied and choice.get("finish_reason") in _CALL_WORDS:
                choice["finish_reason"], ended = "stop", True
        return ended


class _Batch:
    """The calls of one reply (chat says only at the end that they are complete)."""

    def __init__(self, mender: ChatMender, held: Sequence[Item], rulings: Rulings, before: int) -> None:
        self._mender = mender
        self._held = held
        self._rulings = rulings
        self._values = [opened(item.raw) if item.raw and not item.framed else None for item in held]
        stay = [block for block, ruling in rulings.items() if not ruling.gone]
        self._numbers = {block: before + place for place, block in enumerate(stay)}
        self._entries = self._found()
        self._kept = self._as_they_are()

    def mended(self) -> bytes:
        out = [self._item(item, value) for item, value in zip(self._held, self._values, strict=True)]
        return b"".join(out)

    def _found(self) -> dict[int, dict[str, Any]]:
        """The entry with which each call began, where that is plain to see."""
        entries: dict[int, dict[str, Any]] = {}
        for item, value in zip(self._held, self._values, strict=True):
            starts = _starts(item, self._rulings)
            named = [entry for entry in _pieces(value) if _named(entry)]
            if len(starts) == len(named):
                entries |= zip(starts, named, strict=True)
        return entries

    def _as_they_are(self) -> set[int]:
        """The calls whose events need no edit: allowed, with the number they have, and in no event with another's."""
        kept = {
            block
            for block, number in self._numbers.items()
            if self._rulings[block].untouched and self._entries.get(block, {}).get("index") == number
        }
        shared = [self._about(item, value) for item, value in zip(self._held, self._values, strict=True)]
        if None in shared:
            return set()
        while any(about and about & kept and not about <= kept for about in shared):
            for about in shared:
                if about and not about <= kept:
                    kept -= about
        return kept

    @staticmethod
    def _about(item: Item, value: dict[str, Any] | None) -> frozenset[int] | None:
        """The calls of which an event holds pieces; None if that is not certain."""
        if item.framed:
            return item.blocks
        about = item.blocks & {event.index for event in item.events if isinstance(event, BlockStart | Delta)}
        return about if len(_pieces(value)) == len(about) else None

    def _item(self, item: Item, value: dict[str, Any] | None) -> bytes:
        if item.framed:
            return item.raw if item.blocks <= self._kept else b""
        if value is None:
            return item.raw
        pieces = _pieces(value)
        if not pieces:
            return self._mender.passed(item.raw, item.events)
        if (about := self._about(item, value)) is not None and about <= self._kept:
            return self._mender.passed(item.raw, item.events)
        return self._rebuilt(item, value)

    def _rebuilt(self, item: Item, value: dict[str, Any]) -> bytes:
        """What else the event says, then the calls that begin in it, then how it ends."""
        self._mender._end(value)
        ending = {**value, "choices": [{**choice, "delta": {}} for choice in _choices(value)]}
        for choice in _choices(value):
            delta = choice.get("delta") or choice.get("message") or {}
            for key in _KEYS:
                delta.pop(key, None)
        calm = _calm(value)
        said = any(item_value for choice in _choices(value) for item_value in _words(choice))
        out = [renewed(item.raw, calm)] if said else []
        out += [renewed(item.raw, self._told(calm, block)) for block in _starts(item, self._rulings)]
        if value.get("usage") or any(choice.get("finish_reason") for choice in _choices(value)):
            out.append(renewed(item.raw, ending))
        return b"".join(out)

    def _told(self, frame: dict[str, Any], block: int) -> dict[str, Any]:
        ruling = self._rulings[block]
        if ruling.gone:
            delta: dict[str, Any] = {"content": self._mender_text(ruling)}
        else:
            delta = {"tool_calls": [_entry(self._entries.get(block, {}), ruling, self._numbers[block])]}
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}

    def _mender_text(self, ruling: Ruling) -> str:
        lead = "\n\n" if self._mender.spoken else ""
        self._mender.spoken = True
        return lead + ruling.text


def _choices(value: dict[str, Any] | None) -> list[dict[str, Any]]:
    found = (value or {}).get("choices")
    return [choice for choice in found if isinstance(choice, dict)] if isinstance(found, list) else []


def _pieces(value: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Entries about calls in an event, the old form included."""
    out: list[dict[str, Any]] = []
    for choice in _choices(value):
        delta = choice.get("delta") or choice.get("message") or {}
        out += [entry for entry in delta.get("tool_calls") or () if isinstance(entry, dict)]
        if isinstance(delta.get("function_call"), dict):
            out.append({"function": delta["function_call"]})
    return out


def _named(entry: dict[str, Any]) -> bool:
    function = entry.get("function") or entry.get("custom") or {}
    return isinstance(function, dict) and bool(function.get("name"))


def _starts(item: Item, rulings: Rulings) -> list[int]:
    return [event.index for event in item.events if isinstance(event, BlockStart) and event.index in rulings]


def _words(choice: dict[str, Any]) -> list[Any]:
    delta = choice.get("delta") or choice.get("message") or {}
    return list(delta.values())


def _calm(value: dict[str, Any]) -> dict[str, Any]:
    """The event without an ending and without usage."""
    choices = [{**choice, "finish_reason": None} for choice in _choices(value)]
    return {**{key: kept for key, kept in value.items() if key != "usage"}, "choices": choices}


def _entry(before: dict[str, Any], ruling: Ruling, number: int) -> dict[str, Any]:
    """One whole call; what its first piece said beside the usual (Gemini's thought signature) stays."""
    call = ruling.call
    arguments = ruling.out.decode("utf-8", "replace")
    extra = {key: kept for key, kept in before.items() if key not in ("index", "id", "type", "function", "custom")}
    if before.get("custom"):
        told = {"type": "custom", "custom": {"name": call.name, "input": arguments}}
    else:
        told = {"type": "function", "function": {"name": call.name, "arguments": arguments}}
    return {"index": number, "id": call.id, **told, **extra}


def whole(body: bytes, rulings: Rulings) -> bytes:
    """A whole reply after the verdicts."""
    if untouched(rulings):
        return body
    value = objects(body)
    choice = next((choice for choice in _choices(value) if not choice.get("index")), {})
    message = choice.get("message") or choice.get("delta") or {}
    left: list[Any] = []
    texts: list[str] = []
    told = iter(rulings.values())
    for entry in message.get("tool_calls") or ():
        _ruled(entry, next(told), left, texts)
    if left:
        message["tool_calls"] = left
    else:
        message.pop("tool_calls", None)
    if isinstance(message.get("function_call"), dict) and (ruling := next(told, None)) is not None:
        _ruled_old(message, ruling, texts)
    if texts:
        content = message.get("content")
        said = [content] if isinstance(content, str) and content else []
        parts = [{"type": "text", "text": "\n\n".join(texts)}]
        message["content"] = [*content, *parts] if isinstance(content, list) else "\n\n".join([*said, *texts])
    counts = Counts()
    counts.count(rulings)
    if counts.emptied and choice.get("finish_reason") in _CALL_WORDS:
        choice["finish_reason"] = "stop"
    return encode(value)


def _ruled(entry: dict[str, Any], ruling: Ruling, left: list[Any], texts: list[str]) -> None:
    if ruling.gone:
        texts.append(ruling.text)
        return
    if not ruling.untouched:
        told = entry.get("function") or entry.get("custom") or {}
        told["input" if "input" in told else "arguments"] = ruling.out.decode("utf-8", "replace")
    left.append(entry)


def _ruled_old(message: dict[str, Any], ruling: Ruling, texts: list[str]) -> None:
    """`function_call`, the form before tool_calls."""
    if ruling.gone:
        texts.append(ruling.text)
        message.pop("function_call")
    elif not ruling.untouched:
        message["function_call"]["arguments"] = ruling.out.decode("utf-8", "replace")
