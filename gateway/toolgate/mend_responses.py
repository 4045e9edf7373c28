"""Refusals in Responses replies: the refused item becomes a message at its place in the output, in the stream and in the
copy that the terminal event brings. Events are numbered, so those behind an edit get new numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.dialects._shared import minted
from gateway.dialects.responses import CALLS_OF_VENDOR_TOOLS
from gateway.errors import UpstreamProtocol
from gateway.ir.events import Event
from gateway.toolgate.mend import Counts, encode, objects, opened, renewed, untouched
from gateway.toolgate.values import Item, Ruling, Rulings
from gateway.wire import sse

_CALLS: Final = frozenset({"function_call", "custom_tool_call"}) | CALLS_OF_VENDOR_TOOLS
_NUMBER: Final = "sequence_number"

Key = int | str


class ResponsesMender(Counts):
    ordered = True

    def __init__(self) -> None:
        super().__init__()
        self._shift = 0
        self._changed: dict[Key, Ruling] = {}
        self._rulings: list[Ruling] = []

    @property
    def edits(self) -> bool:
        return self._shift != 0

    def passed(self, raw: bytes, events: Sequence[Event]) -> bytes:
        if not self._changed:
            return raw
        value = opened(raw)
        if value is None:
            return raw
        ruling = _at(self._changed, value)
        if ruling is not None:
            return self._again(raw, value, ruling)
        return self._numbered(raw, value)

    def settled(self, held: Sequence[Item], rulings: Rulings) -> bytes:
        self.count(rulings)
        self._rulings += rulings.values()
        if untouched(rulings) and not self._shift:
            return b"".join([self.passed(item.raw, item.events) for item in held])
        values = [opened(item.raw) for item in held]
        places = _places(held, values, rulings)
        out: list[bytes] = []
        for item, value in zip(held, values, strict=True):
            if value is None:
                out.append(item.raw)
            elif (before := _at(self._changed, value)) is not None:
                out.append(self._again(item.raw, value, before))
            elif (ruling := _at(places, value)) is None and item.call and not untouched(rulings):
                out.append(self._events(value, []))  # whose piece it is cannot be told: of the refused one, perhaps
            elif ruling is None or ruling.untouched:
                out.append(self._numbered(item.raw, value))
            else:
                self._changed |= {key: told for key, told in places.items() if told is ruling}
                out.append(self._first(item.raw, value, ruling))
        return b"".join(out)

    def ended(self, raw: bytes) -> bytes:
        if all(ruling.untouched for ruling in self._rulings):
            return raw
        value = opened(raw)
        if value is None:
            return raw
        response = value.get("response")
        if isinstance(response, dict):
            mend_output(response, self._rulings)
        if isinstance(number := value.get(_NUMBER), int):
            value[_NUMBER] = number + self._shift
        return renewed(raw, value)

    # --- events ---

    def _numbered(self, raw: bytes, value: dict[str, Any]) -> bytes:
        """The event with its number moved; without an edit before it, the very bytes."""
        number = value.get(_NUMBER)
        if self._shift and isinstance(number, int):
            return renewed(raw, {**value, _NUMBER: number + self._shift})
        return raw

    def _events(self, value: dict[str, Any], made: list[dict[str, Any]]) -> bytes:
        """Events in the place of one of the upstream's; the numbers behind it move."""
        number = value.get(_NUMBER)
        if isinstance(number, int):
            made = [{**told, _NUMBER: number + self._shift + place} for place, told in enumerate(made)]
            self._shift += len(made) - 1
        return b"".join([sse.event(str(told["type"]).encode(), encode(told)) for told in made])

    def _first(self, raw: bytes, value: dict[str, Any], ruling: Ruling) -> bytes:
        """The first event of a changed item."""
        if ruling.gone:
            return self._events(value, _message_events(value.get("output_index", 0), ruling))
        if value.get("type") == "response.output_item.added":
            item = value.get("item")
            if isinstance(item, dict) and item.get("type") in CALLS_OF_VENDOR_TOOLS:
                return self._events(value, [{**value, "item": _item_with(item, ruling)}])
            if isinstance(item, dict):
                field = _field(item)
                told = {**value, "item": {**item, field: ""}}
                kind = "custom_tool_call_input" if field == "input" else "function_call_arguments"
                delta = {
                    "type": f"response.{kind}.delta",
                    "item_id": item.get("id"),
                    "output_index": value.get("output_index", 0),
                    "delta": ruling.out.decode("utf-8", "replace"),
                }
                return self._events(value, [told, delta])
        return self._again(raw, value, ruling)

    def _again(self, raw: bytes, value: dict[str, Any], ruling: Ruling) -> bytes:
        """Any later event of a changed item: an ending that tells the new arguments, or nothing."""
        kind = str(value.get("type"))
        item = value.get("item")
        if not ruling.gone and kind == "response.output_item.done" and isinstance(item, dict):
            return self._events(value, [{**value, "item": _item_with(item, ruling)}])
        if not ruling.gone and kind.endswith((".arguments.done", "_arguments.done", "_input.done")):
            field = "input" if kind.endswith("_input.done") else "arguments"
            return self._events(value, [{**value, field: ruling.out.decode("utf-8", "replace")}])
        return self._events(value, [])


def _keys(value: dict[str, Any]) -> list[Key]:
    """All by which an event names the item it is about: not every server names it every time."""
    item = value.get("item")
    own = item.get("id") if isinstance(item, dict) else None
    names = (value.get("output_index"), value.get("item_id"), own)
    return [name for name in names if isinstance(name, int | str)]


def _at(places: dict[Key, Ruling], value: dict[str, Any]) -> Ruling | None:
    return next((places[key] for key in _keys(value) if key in places), None)


def _places(held: Sequence[Item], values: list[dict[str, Any] | None], rulings: Rulings) -> dict[Key, Ruling]:
    """Which place of the output holds which call."""
    places: dict[Key, Ruling] = {}
    for item, value in zip(held, values, strict=True):
        for block in item.blocks:
            if value is not None and block in rulings:
                places |= dict.fromkeys(_keys(value), rulings[block])
    return places


def _field(item: dict[str, Any]) -> str:
    return "input" if item.get("type") == "custom_tool_call" else "arguments"


def _item_with(item: dict[str, Any], ruling: Ruling) -> dict[str, Any]:
    if item.get("type") in CALLS_OF_VENDOR_TOOLS:
        return {**objects(ruling.out), **({"status": item["status"]} if "status" in item else {})}
    return {**item, _field(item): ruling.out.decode("utf-8", "replace")}


def _message(ruling: Ruling) -> dict[str, Any]:
    part = {"type": "output_text", "text": ruling.text, "annotations": []}
    return {
        "id": minted("msg_", ruling.call.id, ruling.call.name),
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def _message_events(index: Any, ruling: Ruling) -> list[dict[str, Any]]:
    """The events of a message with one text, in the order that clients insist on (protocols.md 1.2)."""
    message = _message(ruling)
    (part,) = message["content"]
    item = {"output_index": index}
    text = {"item_id": message["id"], "output_index": index, "content_index": 0}
    begun = {**message, "status": "in_progress", "content": []}
    return [
        {"type": "response.output_item.added", **item, "item": begun},
        {"type": "response.content_part.added", **text, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **text, "delta": ruling.text, "logprobs": []},
        {"type": "response.output_text.done", **text, "text": ruling.text, "logprobs": []},
        {"type": "response.content_part.done", **text, "part": part},
        {"type": "response.output_item.done", **item, "item": message},
    ]


# --- the response object -------------------------------------------------------------------------------------------


def mend_output(response: dict[str, Any], rulings: Sequence[Ruling]) -> None:
    """Edits the items of a response. UpstreamProtocol for a call that nobody judged."""
    output = response.get("output")
    if not isinstance(output, list):
        return
    open_ = list(rulings)
    for place, item in enumerate(output):
        if not isinstance(item, dict) or item.get("type") not in _CALLS:
            continue
        ruling = _of(item, open_)
        if ruling is None:
            raise UpstreamProtocol("the response at the end holds a tool call that was not judged")
        if ruling.gone:
            output[place] = _message(ruling)
        elif not ruling.untouched:
            output[place] = _item_with(item, ruling)
    if response.get("output_text") is not None:
        response.pop("output_text")  # some servers repeat the text there; it would not be true any more


def _of(item: dict[str, Any], open_: list[Ruling]) -> Ruling | None:
    """The ruling on an item of the response: by its id, else by what it says, in order."""
    ids = {item.get("call_id"), item.get("id")} - {None}
    found = next((ruling for ruling in open_ if ruling.call.id in ids), None)
    if found is None:
        same = (ruling for ruling in open_ if ruling.call.name in (item.get("name"), item.get("type")))
        found = next(same, None) if not item.get("call_id") else None
    if found is not None:
        open_.remove(found)
    return found


def whole(body: bytes, rulings: Rulings) -> bytes:
    """A whole reply after the verdicts."""
    if untouched(rulings):
        return body
    response = objects(body)
    mend_output(response, list(rulings.values()))
    return encode(response)
