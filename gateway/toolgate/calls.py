"""Neutral events of a reply put together to the calls a judge looks at.

The same maker serves streams and whole replies (as the events they amount to), so that both get the same verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from gateway.dialects._shared import unwrap_custom
from gateway.dialects.responses import CALLS_OF_VENDOR_TOOLS
from gateway.ir.events import BlockStart, BlockStop, Delta, Event
from gateway.ir.request import Opaque, Tool, ToolCall
from gateway.toolgate.values import Complete
from policies import verdict


class _Known(msgspec.Struct):
    call_id: str | None = None
    id: str | None = None


_known: Final = msgspec.json.Decoder(_Known)


class Calls:
    """Collects. `names` are the tools the request offered, as the client calls them; `known`, where the reply is translated,
    by the name the upstream was given: a call to a free-text tool that comes as a function is shown to the judge as the
    free text it stands for. `begun` is told when a call begins."""

    def __init__(
        self,
        names: frozenset[str] | None = None,
        known: Mapping[str, Tool] | None = None,
        begun: Callable[[], None] | None = None,
    ) -> None:
        self._names = names
        self._begun = begun
        self._known = known or {}
        self._open: dict[int, tuple[ToolCall, list[str]]] = {}
        self._complete: dict[int, Complete] = {}
        self.dropping = False
        """Arguments are not kept any more: the calls are refused whatever they say."""

    def feed(self, event: Event) -> int:
        """The block of the call that this event belongs to, -1 for none."""
        if type(event) is Delta:  # nearly all are; a class pattern costs four look-ups
            if (found := self._open.get(event.index)) is None:
                return -1
            if not self.dropping:
                found[1].append(event.text)
            return event.index
        match event:
            case BlockStart(index, ToolCall() as call):
                self._open[index] = (call, [call.arguments])
                if self._begun is not None:
                    self._begun()
                return index
            case BlockStart(index, Opaque(_, kind, raw)) if kind in CALLS_OF_VENDOR_TOOLS:
                self._complete[index] = Complete(verdict.ToolCall(_id_of(raw), kind, raw), raw)
                return index
            case BlockStop(index):
                if (found := self._open.pop(index, None)) is not None:
                    self._complete[index] = self._made(found[0], "".join(found[1]))
                    return index
                return index if index in self._complete else -1
            case _:
                return -1

    def more(self, index: int, text: str) -> None:
        """Further pieces of an open call."""
        if not self.dropping:
            self._open[index][1].append(text)

    def _made(self, call: ToolCall, text: str) -> Complete:
        # A lone surrogate cannot be encoded; its stand-in is no UTF-8, which the judge refuses.
        wire = text.encode("utf-8", "surrogatepass")
        tool = self._known.get(call.name)
        wrapped = call.kind != "custom" and tool is not None and tool.kind == "custom"
        shown = unwrap_custom(text).encode("utf-8", "surrogatepass") if wrapped else wire
        custom = wrapped or call.kind == "custom"
        name = call.name if tool is None else tool.inner or tool.name
        namespace = call.namespace or (tool.namespace if tool is not None else "") or ""
        made = verdict.ToolCall(call.id, name, shown, namespace, custom, self._names)
        return Complete(made, wire, wrapped, replace(call, arguments=text))

    @property
    def any_open(self) -> bool:
        return bool(self._open)

    def take(self) -> dict[int, Complete]:
        """The complete calls by block, in the order of their blocks; they are forgotten here."""
        taken, self._complete = dict(sorted(self._complete.items())), {}
        return taken


def calls_of(
    events: Iterable[Event], names: frozenset[str] | None, known: Mapping[str, Tool] | None = None
) -> dict[int, Complete]:
    """The calls of a whole reply, by block."""
    calls = Calls(names, known)
    for event in events:
        calls.feed(event)
    return calls.take()


def _id_of(raw: bytes) -> str:
    try:
        found = _known.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return found.call_id or found.id or ""
