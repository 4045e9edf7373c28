"""How sessions went so far, kept in memory so that a request pays only for the turns it adds.

A trail is the fold of a session's turns (classifiers.features.trajectory). The next request of the session brings the same
messages and a few more; if the first and the last message that were read are still in place, only what follows is read.
Otherwise (compaction, an edited or regenerated turn, another replica's session) all is read again, with the facts of single
messages kept by content. It is a cache: losing an entry costs time, never a wrong number.

A trail is taken out while it is used and put back afterwards, so that two requests of a session at once never share one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import msgspec

from classifiers.features.facts import Facts, facts_of
from classifiers.features.trajectory import Trail
from gateway.adapters.turns import human_of, turns_of
from gateway.dialects.contract import View
from gateway.ir.request import DialectName
from gateway.sessions.identity import without_marks

SESSIONS_MAX: Final = 512
"""Trails kept: about 3 KB each, 60 KB at most."""
FACTS_MAX: Final = 2048
"""Messages whose facts are kept, for histories that changed: 2 KB each at most, mostly far less."""
MESSAGES_MAX: Final = 2000
"""Of a longer conversation the last ones are read."""
MANY: Final = 8
"""New messages in one request, from which their facts are kept: an agent adds two or three at a time."""
NAMED_BYTES: Final = 1024
"""Of a long message, how much of its beginning names it. Cache marks move at the end (clients.md 3.4)."""

MessageFacts = tuple[Facts, ...]


@dataclass(slots=True)
class Read:
    """A trail and how far it reaches: the first `count` messages, of which the first and last have these names. `notes` is
    free for what a user of the trail computed from it."""

    trail: Trail
    count: int
    first: bytes
    last: bytes
    notes: dict[str, object] = field(default_factory=dict)


def name_of(raw: msgspec.Raw) -> bytes:
    """Names a message well enough to see that it is still in place; without cache marks."""
    data = bytes(memoryview(raw)[:NAMED_BYTES]) if len(raw) > 4 * NAMED_BYTES else without_marks(bytes(raw))
    return blake2b(data, digest_size=12).digest()


class Trails:
    """Not thread-safe by itself: `take` and `put` belong to one thread, `extend` works on what was taken."""

    def __init__(self, sessions_max: int = SESSIONS_MAX) -> None:
        self._kept: OrderedDict[str, Read] = OrderedDict()
        self._facts: OrderedDict[bytes, MessageFacts] = OrderedDict()
        self._max = sessions_max

    def take(self, session: str) -> Read | None:
        return self._kept.pop(session, None)

    def put(self, session: str, read: Read) -> None:
        self._kept[session] = read
        if len(self._kept) > self._max:
            self._kept.popitem(last=False)

    @staticmethod
    def new_messages(read: Read | None, messages: Sequence[msgspec.Raw]) -> int:
        """How many messages at the end were not read yet; all of them if the history is another one."""
        total = len(messages)
        if read is None or read.count > total or read.count == 0:
            return total
        if name_of(messages[0]) != read.first or name_of(messages[read.count - 1]) != read.last:
            return total
        return total - read.count

    def extend(self, read: Read | None, view: View, dialect: DialectName, harness: str, new: int) -> Read:
        """The trail of all messages of the view, of which the last `new` are to be read (see `new_messages`)."""
        messages = view.messages
        if read is None or new == len(messages):
            read = Read(Trail(), 0, name_of(messages[0]) if messages else b"", b"")
            new = min(new, MESSAGES_MAX)
        keep = new > MANY
        for raw in messages[len(messages) - new :]:
            for facts in self._message(raw, dialect, harness) if keep else _facts(raw, dialect, harness):
                read.trail.feed(facts)
        read.count = len(messages)
        if new:
            read.last = name_of(messages[-1])
        return read

    def _message(self, raw: msgspec.Raw, dialect: DialectName, harness: str) -> MessageFacts:
        """Facts by content: many messages are read at once only when a history changed or is new here."""
        key = blake2b(without_marks(bytes(raw)), digest_size=16, key=harness.encode()[:64]).digest()
        known = self._facts.get(key)
        if known is None:
            known = _facts(raw, dialect, harness)
            self._facts[key] = known
            if len(self._facts) > FACTS_MAX:
                self._facts.popitem(last=False)
        return known


def _facts(raw: msgspec.Raw, dialect: DialectName, harness: str) -> MessageFacts:
    return tuple(facts_of(turn) for turn in turns_of(raw, dialect, human_of(harness)))
