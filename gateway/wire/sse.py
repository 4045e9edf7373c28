"""Server-sent events on bytes: cut a stream into raw events, look into one, write one.

Knows the framing of the WHATWG HTML standard, section 9.2 "Server-sent events" (read 2026-11), and nothing of any dialect.
Everything works on bytes, because a chunk may end inside a UTF-8 character or between CR and LF; text is decoded only by
whoever needs an event's payload. Raw events keep every byte, so that forwarding one is forwarding what the upstream said.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.errors import UpstreamProtocol

EVENT_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""Largest single event. The closing event of a Responses stream repeats the whole answer (base64 images included)."""

_BOM: Final = b"\xef\xbb\xbf"
# An end of line followed by an empty line, leftmost first. `\r\n\r\n` is found by its `\n\r\n`, `\r\n\n` by its `\n\n`.
# `\n\r` needs to see one more byte: if that is LF the pair is one CRLF. `\r\r` ends the event at once even when LF follows
# (that LF then opens the next event as an empty line, which means nothing): waiting would hold back the last event of a
# CR-only stream. Each alternative needs at most one byte of look-ahead, so the cut does not depend on the chunking.
_BOUNDARY: Final = re.compile(rb"\n\n|\r\r|\n\r\n|\n\r(?=[^\n])")
_RUN_PENDING_BYTES: Final = 64 * 1024  # `run` joins old and new bytes: with more left over that would cost too much
_OVERLAP: Final = 2  # a boundary reaches at most this many bytes back into what an earlier chunk left over
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")


class SseSplitter:
    """Cuts a byte stream into raw events, each with its terminating blank line.

    Whatever the chunking, the joined outputs followed by `close()` are the input, and the events are the same. Work is
    linear in the bytes fed. One event may have `limit_bytes`; beyond that `feed` raises UpstreamProtocol, as does every
    later call (the stream cannot be trusted any more).
    """

    __slots__ = ("_limit_bytes", "_overflowed", "_pending", "_rest")

    def __init__(self, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._pending = bytearray()
        self._overflowed = False
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the events completed by `chunk`, oldest first; raises UpstreamProtocol over the limit."""
        if self._pending or self._overflowed:
            events = self._feed_pending(chunk)
        elif b"\r" in chunk:
            events = self._cut(chunk)
        elif chunk.find(b"\n\n") == len(chunk) - 2 and len(chunk) > 2:
            events = [chunk]  # the paced case: one read is one event, handed on without a copy
        else:
            parts = chunk.split(b"\n\n")
            self._pending += parts.pop()
            events = [part + b"\n\n" for part in parts]
        if len(chunk) > self._limit_bytes or self._pending:
            self._check(events)
        return events

    @property
    def idle(self) -> bool:
        """Between two events: what comes next is the beginning of one."""
        return not self._pending and not self._overflowed

    def run(self, chunk: bytes) -> bytes:
        """The events completed by `chunk` as one slice, where telling them costs next to nothing (LF only, little left over
        from before); b"" otherwise. Nothing is taken until `take`."""
        pending = self._pending
        if not pending:
            if b"\r" in chunk or self._overflowed:
                return b""
        elif b"\n" not in chunk or b"\r" in chunk or len(pending) > _RUN_PENDING_BYTES or b"\r" in pending:
            return b""
        else:
            chunk = bytes(pending) + chunk
        if len(chunk) > self._limit_bytes:
            return b""
        if chunk.endswith(b"\n\n"):
            self._rest = b""
            return chunk
        cut = chunk.rfind(b"\n\n") + 2
        if cut < 2:
            return b""
        self._rest = chunk[cut:]
        return chunk[:cut]

    def take(self, left: bytes = b"") -> None:
        """What `run` returned is dealt with, but for `left` at its end."""
        if left or self._rest or self._pending:
            self._pending = bytearray(left + self._rest)

    def give_back(self, left: bytes) -> None:
        """The first bytes of an event that was not whole after all stand before what came since."""
        if left:
            self._pending[:0] = left

    def _feed_pending(self, chunk: bytes) -> list[bytes]:
        if self._overflowed:
            raise self._overflow()
        pending = self._pending
        start = len(pending)
        pending += chunk
        found = _BOUNDARY.search(pending, max(0, start - _OVERLAP))
        if found is None:
            return []
        end = found.end()
        first = bytes(memoryview(pending)[:end])
        # `\n\r` is only known by its successor, so it may lie wholly in the old bytes (end == start), never earlier.
        self._pending = bytearray()
        events = [first]
        events += self._cut(chunk[end - start :])
        if len(first) > self._limit_bytes:
            self._check(events)
        return events

    def _cut(self, chunk: bytes) -> list[bytes]:
        events: list[bytes] = []
        start = 0
        for found in _BOUNDARY.finditer(chunk):
            end = found.end()
            events.append(chunk[start:end])
            start = end
        self._pending += chunk[start:]
        return events

    def _check(self, events: list[bytes]) -> None:
        longest = max(len(self._pending), max(map(len, events), default=0))
        if longest > self._limit_bytes:
            self._overflowed = True
            self._pending = bytearray()
            raise self._overflow()

    def _overflow(self) -> UpstreamProtocol:
        return UpstreamProtocol(f"one server-sent event is longer than {self._limit_bytes} bytes")

    def close(self) -> bytes:
        """Return the unterminated rest (often empty; some servers leave out the last blank line) and forget it."""
        tail, self._pending = bytes(self._pending), bytearray()
        return tail


def _lines(event: bytes) -> list[bytes]:
    if event.startswith(_BOM):
        event = event[3:]
    return event.split(b"\n") if b"\r" not in event else _LINE_END.split(event)


def data_of(event: bytes) -> bytes | None:
    """Return the payload: all `data` lines joined with LF; None where there is none (comments, keep-alives, bare names).

    A byte order mark at the start is ignored (the standard allows one at the start of a stream). The unterminated tail of
    a stream may be given too.
    """
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and event.endswith(b"\n\n"):
        payload = event[6:-2]
        if b"\r" not in payload:
            return payload
    values = [line[5:] for line in _lines(event) if line.startswith(b"data:") or line == b"data"]
    if not values:
        return None
    return b"\n".join([value[1:] if value.startswith(b" ") else value for value in values])


def name_of(event: bytes) -> bytes | None:
    """Return the value of the `event` field (the last one counts), None where there is none."""
    if b"event" not in event:
        return None
    name: bytes | None = None
    for line in _lines(event):
        if line.startswith(b"event:"):
            name = line[7:] if line.startswith(b"event: ") else line[6:]
        elif line == b"event":
            name = b""
    return name


def is_comment(event: bytes) -> bool:
    """True when the event holds comments or blank lines only: nothing a reader would dispatch or remember."""
    if event.startswith(b"data:"):
        return False
    return all(not line or line.startswith(b":") for line in _lines(event))


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" not in value and b"\r" not in value:
        return name + value + b"\n"
    return b"".join([name + line + b"\n" for line in _LINE_END.split(value)])


def data(payload: bytes) -> bytes:
    """Encode an unnamed event. A payload of several lines becomes several `data` lines, as the standard wants."""
    return _field(b"data: ", payload) + b"\n"


def event(name: bytes, payload: bytes) -> bytes:
    """Encode a named event; the name must be one line (ValueError otherwise: it would forge fields)."""
    if b"\n" in name or b"\r" in name:
        raise ValueError("an event name is one line")
    return b"event: " + name + b"\n" + _field(b"data: ", payload) + b"\n"


def comment(text: str) -> bytes:
    """Encode a comment, which every reader skips; several lines become several comment lines of one event."""
    return _field(b": ", text.encode()) + b"\n"
