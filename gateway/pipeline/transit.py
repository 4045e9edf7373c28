"""One streamed reply in transit: upstream bytes in, client bytes out. Pure; the relay owns the sockets and the clock.

Same dialect: raw events are forwarded; plain text events by a substring test, all others decoded as well so that usage,
tool calls, reasoning and the ending are known. Other dialect: every event is decoded and encoded anew.

Until the first piece of content nothing is released (the prelude: role chunks, message_start, response.created), so
another hop can still take over without the client seeing two beginnings. A failure (an error event, or one that cannot be
read) before anything was released is raised; after that it is kept in `failure`, so that what came before it in the same
read still reaches the client, and the relay decides how the client learns of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.accounting.tally import Tally, size_of
from gateway.dialects._shared import error_of_failed
from gateway.dialects.contract import ClientDialect, Dialect, ReplyContext, StreamEncoder
from gateway.errors import PolicyDenied, UpstreamError, UpstreamProtocol
from gateway.ir import request as ir
from gateway.ir.events import BlockStart, Delta, Event, Failed, Finished, UsageReport
from gateway.ir.profile import Profile
from gateway.pipeline.guard import Guard
from gateway.toolgate.gate import Gate
from gateway.wire.frame import Frame
from gateway.wire.sse import SseSplitter
from policies.verdict import ToolCall, Verdict

PRELUDE_BYTES_MAX = 1 << 20
"""Content must begin within this; real preludes are a few KB (Responses echoes the request's tools in two events)."""


LESSONS = 4
"""Attempts to find out what events have in common, each some µs, before a stream is taken for one whose events differ."""

PILE_BYTES_MAX: Final = 64 << 10
"""Pieces of a held call that wait to be read together; the gate's own limit is never passed by them."""


class StreamFailed(Exception):
    """The upstream reported an error inside its stream. `raw` is its event if the client speaks the same dialect."""

    def __init__(self, error: UpstreamError, raw: bytes) -> None:
        super().__init__(error.message)
        self.error = error
        self.raw = raw


class Transit:
    """One hop's stream. `begun`: content was seen. `complete`: the reply came to its proper end. `failure`: it broke after
    content had been released, and nothing more will come."""

    def __init__(
        self,
        *,
        client: ClientDialect,
        upstream: Dialect,
        profile: Profile,
        context: ReplyContext | None,
        tally: Tally,
        hide_usage: bool,
        encoder: StreamEncoder | None = None,
        guard: Guard | None = None,
    ) -> None:
        """`context` None: the bytes pass through; otherwise they are translated with it, by `encoder` if one is given.
        `guard`: tool calls are held and judged; without one the stream costs nothing more."""
        self._client = client
        self._same = context is None
        self._decoder = upstream.stream_decoder(profile)
        self._encoder = encoder if context is None or encoder is not None else client.stream_encoder(context)
        self._is_plain = upstream.is_plain
        self._guard = guard
        self._gate: Gate | None = None
        """Made when the first call begins: most streams have none. Where the reply is translated, at once."""
        self._spoke = False
        if guard is not None and self._encoder is not None:
            self._gate = guard.gate(client.name, self._encoder, context.request if context is not None else None)
        self._splitter = SseSplitter()
        self._tally = tally
        self._hide_usage = hide_usage and self._same
        self._prelude: list[bytes] = []
        self._prelude_bytes = 0
        self._frame_bytes = -1
        self._tail = b""
        self._frame: Frame | None = None
        self._lessons = LESSONS
        self._backlog = b""
        self._waiting: list[bytes] = []
        self._pile: list[bytes] = []
        self._pile_room = 0
        """Events of `_frame` that go on with a held call: nobody can see them, so they are read when others come."""
        self._last: bytes | None = None
        self._open = False
        self.begun = False
        self.complete = False
        self.failure: StreamFailed | UpstreamProtocol | PolicyDenied | None = None
        self._released = False
        self.terminal: bytes = b""
        """The event that ended the reply as the client sees it, for whoever stores the reply."""

    def feed(self, chunk: bytes) -> bytes:
        """Bytes for the client, possibly none. StreamFailed, UpstreamProtocol, PolicyDenied if nothing was released yet."""
        frame = self._frame
        if frame is not None and frame.one(chunk) and (self._pile or self._splitter.idle) and not self.complete:
            if frame.kind == "call" and self._gate is not None:
                self._piled(frame, chunk, self._gate)
                return b""
            return chunk if self._framed(frame, chunk, 1) else b""
        if self._pile:
            self._catch_up()
        if self.failure is not None:
            return b""
        out: list[bytes] = []
        try:
            run = self._splitter.run(chunk)
            if run:
                self._splitter.take(self._through(run, out))
            else:
                self._each(self._splitter.feed(chunk), out)
        except (StreamFailed, UpstreamProtocol, PolicyDenied) as failure:
            self._broke(failure)
        return self._release(out)

    def close(self) -> bytes:
        """The upstream ended. Completes what may be completed; a cut stream raises UpstreamProtocol."""
        out: list[bytes] = []
        self._catch_up()
        if not self.complete:
            if tail := self._splitter.close().strip():
                out.append(self._interesting(tail + b"\n\n"))
            if not self.complete:
                out.append(self._ended())
        return self._release(out, final=not self.need)

    @property
    def need(self) -> tuple[ToolCall, ...]:
        """Calls that wait for a verdict: `resolve` or `give_up` comes before anything else."""
        return self._gate.need if self._gate is not None else ()

    @property
    def holding(self) -> bool:
        return self._gate is not None and self._gate.holding

    def expire(self) -> None:
        """Calls have been under way for too long."""
        self._catch_up()
        if self._gate is not None:
            self._gate.expire()

    def resolve(self, verdicts: Sequence[Verdict]) -> bytes:
        """The verdicts on `need`, in its order; then what had come behind those calls. Errors as those of `feed`, and
        TurnRefused."""
        assert self._gate is not None
        fresh = not self._released
        return self._go_on(lambda gate: gate.resolve(verdicts, fresh=fresh))

    def give_up(self, why: str) -> bytes:
        """No verdict will come: the calls are refused."""
        return self._go_on(lambda gate: gate.give_up(why))

    def _go_on(self, decide: Callable[[Gate], bytes]) -> bytes:
        assert self._gate is not None
        out: list[bytes] = []
        try:
            data = self._passed(decide(self._gate))
            if self._last is not None:
                out.append(self._finished(self._last, data))
            else:
                out.append(data)
                waiting, self._waiting = self._waiting, []
                self._each(waiting, out)
                backlog, self._backlog = self._backlog, b""
                if backlog:
                    self._splitter.give_back(self._through(backlog, out))
        except (StreamFailed, UpstreamProtocol, PolicyDenied) as failure:
            self._broke(failure)
        return self._release(out, final=self.complete and not self.need)

    def _broke(self, failure: StreamFailed | UpstreamProtocol | PolicyDenied) -> None:
        """What breaks after something was released is kept, so that what came before it still goes out."""
        if not self._released:
            raise failure
        self.failure, self._frame = failure, None

    def closing(self, comment: bytes) -> bytes:
        """What ends the client's stream after everything else: the closing comment, then the terminal event. Readers stop
        there; and with it the client may send its next turn, so by then this one must have been remembered."""
        tail, self._tail = self._tail, b""
        return comment + tail

    @property
    def over(self) -> bool:
        """Nothing more is wanted of the upstream, for now at least."""
        return self.complete or self.failure is not None or bool(self.need)

    # --- inside -----------------------------------------------------------------------------------------------

    def _through(self, run: bytes, out: list[bytes]) -> bytes:
        """All events of `run`, those of a known frame together. Returns what is left: the first bytes of another event."""
        at, size = 0, len(run)
        while at < size and not self.complete:
            if self.need:
                self._backlog = run[at:]
                return b""
            frame = self._frame
            if frame is not None:
                part, count = frame.run(run, at)
                if count:
                    if self._framed(frame, part, count):
                        out.append(part)
                    at += len(part)
                    continue
            end = run.find(b"\n\n", at) + 2
            if end < 2:
                return run[at:]
            out.append(self._one(run[at:end]))
            at = end
        return b""

    def _each(self, events: list[bytes], out: list[bytes]) -> None:
        for place, event in enumerate(events):
            if self.complete:
                return
            if self.need:
                self._waiting = events[place:]
                return
            out.append(self._one(event))

    def _one(self, event: bytes) -> bytes:
        if not self._same:
            return self._interesting(event)
        if not event.isascii():
            _check_utf8(event)
        if self.begun and self._is_plain(event):
            self._count_plain(event)
            gate = self._gate
            if gate is None:
                self._spoke = True
            else:
                gate.spoke()
                if gate.watching:
                    return self._passed(gate.feed(event, (), pieces=False, calls_open=self._decoder.calls_open))
            self._open = True
            if self._lessons:
                self._learn(event)
            return event
        return b"" if self._goes_on(event) else self._interesting(event)

    def _goes_on(self, event: bytes) -> bool:
        """Whether the event is a piece of a held call and nothing else, told by the frame that is made of it: the first of
        many need not be decoded before that. (Where events have names the decoder compares those first.)"""
        if self._frame is not None or self._gate is None or not self._lessons or not self._decoder.calls_open:
            return False
        if not event.startswith(b"data:"):
            return False
        self._learn(event)
        frame = self._frame
        return frame is not None and frame.kind == "call" and frame.one(event) and not self._framed(frame, event, 1)

    def _passed(self, data: bytes) -> bytes:
        self._open = self._open or bool(data)
        return data

    def _framed(self, frame: Frame, run: bytes, count: int) -> bool:
        """Events like ones before: forwarded together, their text counted or read without a parser's help. False: held."""
        self._lessons = LESSONS
        if frame.kind == "text":
            self._tally.plain(len(run) - count * frame.around_bytes)
            return True
        if frame.kind == "reasoning":
            for text in frame.texts(run):
                self._decoder.more(frame, text)
                self._tally.feed(Delta(frame.index, text))
            return True
        text = frame.text(run)
        self._decoder.more(frame, text)
        self._tally.plain(size_of(text))
        if self._guard is None:
            return True
        assert self._gate is not None  # the call that goes on here has begun, so there is one
        self._gate.more(run, frame.index, text)
        return False

    def _piled(self, frame: Frame, event: bytes, gate: Gate) -> None:
        """One further piece of a held call, which is what a paced stream of arguments consists of: read later."""
        if not self._pile:
            self._lessons = LESSONS
            self._pile_room = min(PILE_BYTES_MAX, gate.room)
        size = len(event)
        self._tally.text_bytes += frame.text_bytes(event, 1) if b"\\" in event else size - frame.around_bytes
        self._pile.append(event)
        self._pile_room -= size
        if self._pile_room < 0:
            self._catch_up()

    def _catch_up(self) -> None:
        """Reads what is piled up. Before anything else is done with the decoder or the gate."""
        if not self._pile:
            return
        assert self._frame is not None  # only other events change it, and those come after this
        assert self._gate is not None
        run = self._pile[0] if len(self._pile) == 1 else b"".join(self._pile)
        self._pile.clear()
        text = self._frame.text(run)
        self._decoder.more(self._frame, text)
        self._gate.more(run, self._frame.index, text)

    def _learn(self, event: bytes) -> None:
        """Frames serve streams that repeat themselves; where none ever fits a second event, trying ends soon."""
        self._frame = self._decoder.frame(event)
        self._lessons -= 1

    def _count_plain(self, event: bytes) -> None:
        size = len(event) - self._frame_bytes
        if self._frame_bytes < 0:
            # The frame around the text is constant within a stream: measure it once on a decoded event.
            text = sum(len(e.text.encode()) for e in self._decoder.feed(event) if isinstance(e, Delta))
            if text:
                self._frame_bytes = len(event) - text
            size = text
        if size > 0:
            self._tally.plain(size)

    def _interesting(self, event: bytes) -> bytes:
        pieces = self._decoder.call_pieces
        events = self._decoder.feed(event)
        if self._same:
            if len(events) == 1 and type(events[0]) is Delta and self.begun:
                if self._lessons:
                    self._learn(event)
            elif events:
                self._frame = None
        out = self._account(events, event)
        last = self._decoder.finished
        out = self._guarded(b"" if last and self._same else out, events, self._decoder.call_pieces != pieces)
        if not last:
            return out
        self.complete = True
        self._last = event
        return out if self.need else self._finished(event, out)

    def _guarded(self, raw: bytes, events: list[Event], pieces: bool) -> bytes:
        """What may go on of an event, in the client's dialect."""
        if self._guard is None:
            self._open = self.begun
            if self._encoder is None:
                return raw
            return b"".join(map(self._encoder.feed, events)) if events else b""
        gate = self._gate
        if not pieces and self._encoder is None and (gate is None or not gate.engaged) and _callless(events):
            # Nothing of a call, and none is open: what an open gate would say, without asking it.
            self._spoke = self._spoke or any(type(event) is Delta for event in events)
            self._open = self._open or self.begun
            return raw
        if gate is None:
            gate = self._gate = self._guard.gate(self._client.name, None, None)
        if self._spoke:
            gate.spoke()
        out = gate.feed(raw, events, pieces=pieces, calls_open=self._decoder.calls_open)
        spoke = bool(out) and any(isinstance(event, Delta) for event in events)
        self._open = self._open or (self.begun and (spoke or not gate.holding))
        return out

    def _finished(self, event: bytes, out: bytes) -> bytes:
        """The reply is complete and nothing waits for a verdict; `out` is what goes before its end."""
        self._last = None
        if self._gate is not None:
            out += self._passed(self._gate.end(fresh=not self._released))
        if self._encoder is not None:
            return self._finish_translation(out)
        self.terminal = self._tail = event if self._gate is None else self._gate.ended(event)
        return out

    def _finish_translation(self, data: bytes) -> bytes:
        assert self._encoder is not None
        data += self._encoder.close()
        self.terminal = data
        data, self._tail = last_event(data)
        return data

    def _account(self, events: list[Event], raw: bytes) -> bytes:
        for event in events:
            self._tally.feed(event)
            if type(event) is Failed:
                raise StreamFailed(error_of_failed(event), raw if self._same else b"")
            if not self.begun and is_content(event):
                self.begun = True
        if self._hide_usage and events and all(type(event) is UsageReport for event in events):
            return b""
        return raw

    def _ended(self) -> bytes:
        pieces = self._decoder.call_pieces
        events = self._decoder.close()
        for event in events:
            self._tally.feed(event)
            if not self.begun and is_content(event):
                self.begun = True
        out = self._guarded(b"", events, self._decoder.call_pieces != pieces)
        self.complete = True
        self._last = self._client.terminal
        return out if self.need else self._finished(self._last, out)

    def _release(self, out: list[bytes], *, final: bool = False) -> bytes:
        data = out[0] if len(out) == 1 else b"".join(out)
        if self._open or final or (self.complete and not self.need):
            if self._prelude:
                self._prelude.append(data)
                data = b"".join(self._prelude)
                self._prelude.clear()
            self._released = self._released or bool(data)
            return data
        if data:
            self._prelude.append(data)
            self._prelude_bytes += len(data)
            if self._prelude_bytes > PRELUDE_BYTES_MAX:
                raise UpstreamProtocol("the upstream sent over 1 MiB before any content")
        return b""


def _check_utf8(event: bytes) -> None:
    """What is forwarded unread is at least text: broken UTF-8 stops many clients' readers for good."""
    try:
        event.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UpstreamProtocol("the upstream sent an event that is not UTF-8") from error


def _callless(events: list[Event]) -> bool:
    """None of them begins a call; while no call is open, none belongs to one either."""
    return not any(type(event) is BlockStart and isinstance(event.block, ir.ToolCall | ir.Opaque) for event in events)


def is_content(event: Event) -> bool:
    if type(event) is Delta:
        return bool(event.text)
    match event:
        case BlockStart(_, ir.ToolCall()) | Finished():
            return True
        case _:
            return False


def last_event(data: bytes) -> tuple[bytes, bytes]:
    """(what comes before, the last event) of bytes that end with a whole event; two empty ones for none."""
    cut = data.rfind(b"\n\n", 0, max(0, len(data) - 2))
    return (b"", data) if cut < 0 else (data[: cut + 2], data[cut + 2 :])
