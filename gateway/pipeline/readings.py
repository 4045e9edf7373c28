"""What was read of a request, kept so that the next turn of the same conversation only pays for what it adds.

A coding session sends its whole history with every turn: 40 turns from 15 to 410 KB. Of a turn that repeats an earlier body
and appends to it, only the appended messages are parsed, searched and counted; that it repeats it is one comparison at
memory speed (performance.md 8: 0.04 ms instead of 0.6 to 3 ms at 413 KB). Everything here follows from the caller, the
headers that say who asks, and the body alone, so a reading that is missing costs time and nothing else: the memory is
bounded, in this process, and never asked for a truth. No I/O, no clock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from gateway.dialects.contract import ClientDialect, Dialect, SeenReasoning, View
from gateway.errors import Headers
from gateway.harnesses.contract import Detected
from gateway.ir.exchange import Labels, Session
from gateway.ir.profile import Profile
from gateway.pipeline.estimate import Size
from gateway.reading import role_of

PER_CALLER_MAX: Final = 8
"""Conversations remembered under one set of headers: a harness that sends no session id may run several at once."""

VOLATILE: Final = frozenset(
    {
        b"content-length", b"authorization", b"x-api-key", b"traceparent", b"tracestate", b"x-request-id",
        b"x-client-request-id", b"idempotency-key", b"x-idempotency-key", b"date", b"x-stainless-retry-count",
        b"x-stainless-read-timeout", b"x-stainless-timeout", b"accept", b"accept-encoding", b"connection", b"content-type",
        b"x-b3-traceid", b"x-b3-spanid", b"sentry-trace", b"x-amzn-trace-id",
    }
)  # fmt: skip
"""Headers that change with each request, or that say nothing about who asks and in which conversation."""

OVERHEAD_BYTES: Final = 4096
"""Python's own cost of a reading (view, raw slices, labels), measured with tracemalloc and rounded up."""

Key = tuple[str, str, tuple[tuple[bytes, bytes], ...]]


class Reading:
    """One request as read. `found`, `session` and `labels` are filled by the stages that know them; `new_from` is the
    index of the first message that the earlier reading did not have (0: there was none)."""

    __slots__ = (
        "_seen",
        "_seen_to",
        "_sound",
        "body",
        "found",
        "judged",
        "labels",
        "leaks",
        "messages_bytes",
        "new_from",
        "session",
        "size",
        "sized_to",
        "view",
    )

    def __init__(self, body: bytes, view: View, earlier: Reading | None = None) -> None:
        self.body = body
        self.view = view
        self.found: Detected | None = None
        self.session: Session | None = None
        self.labels: Labels | None = None
        """Of the conversation up to `new_from`, until this request has its own."""
        self.new_from = 0
        self.leaks: Any = None
        """What of the conversation must not reach every model (gateway.pipeline.leaks)."""
        self.judged: Any = None
        """How far the judge has read it (gateway.adapters.history)."""
        self.size: Size | None = None
        self.sized_to = 0
        self.messages_bytes = 0
        self._seen: list[SeenReasoning] = []
        self._seen_to = 0
        self._sound: dict[str, tuple[Profile, Sequence[str], int]] = {}
        if earlier is not None:
            self.found, self.session, self.labels = earlier.found, earlier.session, earlier.labels
            self.size, self.sized_to = earlier.size, earlier.sized_to
            self.leaks, self.judged = earlier.leaks, earlier.judged
            self.new_from = len(earlier.view.messages)
            self.messages_bytes = earlier.messages_bytes
            self._seen, self._seen_to, self._sound = earlier._seen, earlier._seen_to, earlier._sound.copy()
        self.messages_bytes += sum(map(len, view.messages[self.new_from :]))

    def seen(self, dialect: Dialect) -> list[SeenReasoning]:
        """Reasoning traces and gaps in the request, those of earlier turns from memory."""
        messages = self.view.messages
        if self._seen_to < len(messages):
            new = dialect.seen_reasoning(self.view, self._seen_to)
            if not messages or role_of(messages[-1]) not in ("user", "tool"):
                return self._seen + new  # the last turn is open: what is appended may belong to it
            self._seen = self._seen + new if new else self._seen
            self._seen_to = len(messages)
        return self._seen

    def unsound(
        self, seen: list[SeenReasoning], mint: str, profile: Profile, mints: Sequence[str]
    ) -> list[SeenReasoning]:
        """Of `seen`, what follows the traces that were found to need nothing for this mint: what was minted is remembered
        before its reply ends, so a later look cannot find more."""
        known = self._sound.get(mint)
        if known is None or known[0] is not profile or known[1] != mints:
            return seen
        return seen[known[2] :]

    def found_sound(self, mint: str, profile: Profile, mints: Sequence[str]) -> None:
        """All traces of turns that are over need nothing for this mint."""
        self._sound[mint] = profile, mints, len(self._seen)


class Readings:
    """The latest readings, at most `max_bytes` of bodies, the least recently used go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held_bytes = 0
        self._kept: OrderedDict[Key, list[Reading]] = OrderedDict()

    def read(self, dialect: ClientDialect, key_id: str, headers: Headers, body: bytes) -> Reading:
        """The request, read as a continuation where it is one. MalformedRequest as `Dialect.read` says."""
        key = (dialect.name, key_id, tuple([h for h in headers if h[0] not in VOLATILE]))
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = []
        else:
            self._kept.move_to_end(key)
        for at in range(len(kept) - 1, -1, -1):
            earlier = kept[at]
            if body == earlier.body:
                return earlier
            view = dialect.continued(body, earlier.body, earlier.view)
            if view is not None:
                reading = Reading(body, view, earlier)
                del kept[at]
                self.held_bytes -= _cost(earlier)
                break
        else:
            reading = Reading(body, dialect.read(body))
        self._keep(kept, reading)
        return reading

    def _keep(self, kept: list[Reading], reading: Reading) -> None:
        kept.append(reading)
        self.held_bytes += _cost(reading)
        if len(kept) > PER_CALLER_MAX:
            self.held_bytes -= _cost(kept.pop(0))
        while self.held_bytes > self._max_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self.held_bytes -= sum(map(_cost, dropped))


def _cost(reading: Reading) -> int:
    return len(reading.body) + OVERHEAD_BYTES
