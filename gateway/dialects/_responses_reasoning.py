"""Reasoning items of a request: finding, dropping and restoring them as whole items, nothing else touched.

`encrypted_content` is bound to the vendor and organisation that made it (protocols.md 1.2), so items of another mint must
go before a request is sent there. No upstream demands a trace back, but a turn of calls without one is told all the same:
the model goes on better, and its prefix cache stays warm, when it reads its own thoughts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from gateway.dialects._responses_parts import encoded_reasoning, open_item
from gateway.dialects._shared import Bad, encode, malformed, parsed
from gateway.dialects.contract import SeenReasoning, View
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning
from gateway.wire import splice

_WORD: Final = b'"reasoning"'
_CALL: Final = b"_call"


class _Head(msgspec.Struct):
    type: str | None = None
    role: str | None = None
    call_id: str | None = None
    encrypted_content: str | None = None


_head: Final = msgspec.json.Decoder(_Head)
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])


def seen_reasoning(view: View, since: int = 0) -> list[SeenReasoning]:
    """Traces in order, each with the calls that follow it up to the end of its turn; and turns of calls without any, at
    their first item."""
    raws = [bytes(raw) for raw in view.messages[since:]]
    if not any(_WORD in raw or _CALL in raw for raw in raws):
        return []
    found: list[SeenReasoning] = []
    turn = _Turn()
    for index, raw in enumerate(raws, since):
        head = _read(raw, index)
        if head.type == "reasoning":
            turn.begin(index)
            turn.traces.append((index, head.encrypted_content or None, len(turn.calls)))
        elif head.type in ("function_call", "custom_tool_call"):
            turn.begin(index)
            turn.calls += [head.call_id] if head.call_id else []
        elif _ends_turn(head):
            found += turn.seen()
            turn = _Turn()
        else:
            turn.begin(index)
    return found + turn.seen()


@dataclass(slots=True)
class _Turn:
    """The items from one input of the client to the next. A trace: (index, seal, number of calls before it)."""

    first: int = -1
    traces: list[tuple[int, str | None, int]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def begin(self, index: int) -> None:
        if self.first < 0:
            self.first = index

    def seen(self) -> list[SeenReasoning]:
        calls = tuple(self.calls)
        if calls and not self.traces:
            return [SeenReasoning((self.first, -1), None, calls, missing=True)]
        return [SeenReasoning((index, -1), seal, calls[before:]) for index, seal, before in self.traces]


def _read(raw: bytes, index: int) -> _Head:
    try:
        return _head.decode(raw)
    except Bad as error:
        raise malformed(error, f"$.input[{index}]") from error


def _ends_turn(head: _Head) -> bool:
    if head.type in (None, "message"):
        return head.role != "assistant"
    return head.type is not None and head.type.endswith("_output")


def rewrite(
    body: bytes,
    drop: Iterable[tuple[int, int]],
    restore: Mapping[int, tuple[Reasoning, ...]],
    profile: Profile,
) -> bytes:
    """The body without the items at `drop`, and with `restore`'s traces put in front of the item of their index (the place
    the vendor made them at). Where reasoning is sealed, only traces with encrypted content are written; where it is plain
    text (vLLM), their text."""
    gone = {index for index, _ in drop}
    added = {index: items for index, traces in restore.items() if (items := _encoded(traces, profile))}
    if not gone and not added:
        return body
    found = splice.fields(body)
    raw = found.get("input")
    if raw is None or bytes(memoryview(raw)[:1]) != b"[":
        return body
    array = bytes(raw)
    return splice.splice(body, {"input": _rebuilt(array, parsed(_array, array, "$.input"), gone, added)})


def _encoded(traces: tuple[Reasoning, ...], profile: Profile) -> list[bytes]:
    if not profile.encrypted_reasoning:
        return (
            [] if profile.echo_reasoning == "never" else [encode(open_item(t)) for t in traces if t.text or t.summary]
        )
    return [item for item in map(encoded_reasoning, traces) if item is not None]


def _rebuilt(array: bytes, items: list[msgspec.Raw], gone: set[int], added: Mapping[int, list[bytes]]) -> bytes:
    """Each kept item with the white space around it as it was: neighbours of a change keep their bytes."""
    parts: list[bytes] = []
    position = 1
    for index, raw in enumerate(items):
        start = _skip(array, position)
        end = start + len(memoryview(raw))
        lead = array[position:start].replace(b",", b"", 1)
        parts += [lead + item for item in added.get(index, ())]
        if index not in gone:
            parts.append(lead + array[start:end])
        position = end
    tail = [item for index, late in sorted(added.items()) if index >= len(items) for item in late]
    closing = array[position:].rstrip(b"]") if not items else array[position : array.rindex(b"]")]
    return b"[" + b",".join([*parts, *tail]) + closing + b"]"


def _skip(array: bytes, position: int) -> int:
    while array[position : position + 1] in (b" ", b"\t", b"\n", b"\r", b","):
        position += 1
    return position


def without_reasoning(body: bytes, view: View, profile: Profile) -> bytes:
    """The request with all traces removed, and thinking switched off if the profile says how: one repair of a 400."""
    body = rewrite(body, [seen.path for seen in seen_reasoning(view) if not seen.missing], {}, profile)
    if profile.disable_thinking is not None:
        body = splice.splice(body, {"thinking": profile.disable_thinking})
    return body
