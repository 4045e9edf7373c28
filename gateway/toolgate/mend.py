"""What edits a reply when a call in it was refused or rewritten. One per dialect for bytes, one for neutral events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from gateway.errors import UpstreamProtocol
from gateway.ir.events import Event
from gateway.toolgate.values import Item, Rulings
from gateway.wire.sse import data_of

_value: Final = msgspec.json.Decoder()
encode: Final = msgspec.json.Encoder().encode


class Mender(Protocol):
    """One per stream. `ordered`: nothing may overtake a call that is held (the dialect numbers its blocks or events)."""

    ordered: bool
    spoken: bool
    """Text has reached the client."""

    @property
    def edits(self) -> bool:
        """Even plain events must come by `passed` from now on."""

    def passed(self, raw: bytes, events: Sequence[Event]) -> bytes:
        """An event that is no part of a held call, as the client gets it."""

    def settled(self, held: Sequence[Item], rulings: Rulings) -> bytes:
        """What was held, after the verdicts. With every call allowed as it is: the very bytes."""

    def ended(self, raw: bytes) -> bytes:
        """The event that ends the stream."""


class Counts:
    """What a mender remembers of the calls: how many the client got, and whether one is missing."""

    def __init__(self) -> None:
        self.left = 0
        self.gone = 0
        self.spoken = False

    def count(self, rulings: Rulings) -> None:
        self.gone += sum(ruling.gone for ruling in rulings.values())
        self.left += sum(not ruling.gone for ruling in rulings.values())

    @property
    def emptied(self) -> bool:
        """The reply held calls, and none is left: it must not say that it ended for them (harnesses would wait or loop)."""
        return self.gone > 0 and self.left == 0


def untouched(rulings: Rulings) -> bool:
    return all(ruling.untouched for ruling in rulings.values())


def opened(raw: bytes) -> dict[str, Any] | None:
    """The JSON object of an event; None where it has none (comments, end marks)."""
    data = data_of(raw)
    if data is None or not data.lstrip().startswith(b"{"):
        return None
    return objects(data)


def objects(data: bytes) -> dict[str, Any]:
    """A JSON object whose bytes a decoder of the dialect has read already."""
    try:
        found = _value.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamProtocol("a reply that must be edited cannot be read") from error
    if not isinstance(found, dict):
        raise UpstreamProtocol("a reply that must be edited is no object")
    return found


def renewed(raw: bytes, value: dict[str, Any]) -> bytes:
    """The event with other data; its name stays."""
    name = raw[: raw.find(b"\n") + 1] if raw.startswith(b"event:") else b""
    if name.endswith(b"\r\n"):
        name = name[:-2] + b"\n"
    return name + b"data: " + encode(value) + b"\n\n"
