"""How sessions went so far, kept in memory so that a request pays only for the turns it adds.

A trail is the fold of a session's turns (classifiers.features.trajectory). The next request of the session brings the same
messages and a few more; if the human's first and the last message that were read are still in place, only what follows is
read. Otherwise (compaction, an edited or regenerated turn, another replica's session) all is read again, with the facts of
single messages kept by content. It is a cache: losing an entry costs time, never a wrong number.

A trail is taken out while it is used and put back afterwards, so that two requests of a session at once never share one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from typing import Final

import msgspec

from classifiers.features.facts import Facts, facts_of
from classifiers.features.trajectory import Trail
from gateway.adapters.turns import human_of, turns_of
from gateway.dialects.contract import View
from gateway.ir.exchange import Labels
from gateway.ir.request import DialectName
from gateway.sessions.identity import without_marks

SESSIONS_MAX: Final = 512
"""Trails kept: about 3 KB each, 60 KB at most."""
FACTS_MAX: Final = 2048
"""Messages whose facts are kept, for histories that changed: 2 KB each at most, mostly far less."""
MESSAGES_MAX: Final = 2000
"""Of a longer conversation the last ones are read, and the first FIRST_MAX for what it was begun for."""
FIRST_MAX: Final = 12
MANY: Final = 8
"""New messages in one request, from which their facts are kept: an agent adds two or three at a time."""
NAMED_BYTES: Final = 1024
"""Of a long message, how much of its beginning names it. Cache marks move at the end (clients.md 3.4)."""

MessageFacts = tuple[Facts, ...]
Stood = tuple[int, ...]
"""How often the human had spoken, compactions, and what speaks for a move: whatever a decision in mid-task hangs on."""


@dataclass(slots=True)
class Read:
    """A trail and how far it reaches: the first `count` messages. The message at `anchor`, where the human first said
    something, and the last one have the names `first` and `last`. `labels` are the last that were given for it, `stood` how
    the session stood when scores were last made, after `steps`. `notes` is free for what a user of the trail computed."""

    trail: Trail
    count: int = 0
    anchor: int = -1
    first: bytes = b""
    last: bytes = b""
    labels: Labels | None = None
    stood: Stood = ()
    steps: int = 0
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
    def new_messages(read: Read | None, messages: Sequence[msgspec.Raw], known: int = 0) -> int:
        """How many messages at the end were not read yet; all of them if the history is another one. The first `known` are
        those that `read.labels` were given for, byte for byte (gateway.pipeline.readings has compared them)."""
        total = len(messages)
        if read is None or read.count > total or read.count == 0:
            return total
        if known == read.count:
            return total - known
        if name_of(messages[read.count - 1]) != read.last:
            return total
        if read.anchor >= 0 and name_of(messages[read.anchor]) != read.first:
            return total
        return total - read.count

    def extend(self, read: Read | None, view: View, dialect: DialectName, harness: str, new: int) -> Read:
        """The trail of all messages of the view, of which the last `new` are to be read (see `new_messages`)."""
        messages = view.messages
        total = len(messages)
        if read is None or new == total:
            read = Read(Trail())
        human, feed, keep = human_of(harness), read.trail.feed, new > MANY
        for place in range(total - new, total) if new <= MESSAGES_MAX + FIRST_MAX else _places(total):
            raw = messages[place]
            if keep:
                for facts in self._message(raw, dialect, harness):
                    feed(facts)
            else:
                for turn in turns_of(raw, dialect, human):
                    feed(facts_of(turn))
            if read.anchor < 0 and read.trail.ask is not None:
                read.anchor, read.first = place, name_of(raw)
        read.count = total
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


def _places(total: int) -> Iterable[int]:
    return chain(range(FIRST_MAX), range(total - MESSAGES_MAX, total))


def _facts(raw: msgspec.Raw, dialect: DialectName, harness: str) -> MessageFacts:
    return tuple(facts_of(turn) for turn in turns_of(raw, dialect, human_of(harness)))
