"""Hedging: when a stream's first content is late, the next hop is asked the same beside it, and who has content first
serves.

The second hop is only listened to until its first content is there (`Early`); nothing of it reaches the client before the
first one has been cancelled. So there is never more than one writer, and the winner is served in the usual way. The loser is
cancelled and billed. One hedge per request at most; what a broken stream goes on with is never hedged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

from gateway.accounting.tally import Tally
from gateway.endpoints import Endpoint
from gateway.errors import (
    DownstreamError,
    GatewayError,
    Headers,
    PolicyError,
    UpstreamError,
    UpstreamProtocol,
    UpstreamTimeout,
)
from gateway.ir.exchange import Hop
from gateway.pipeline import refusal, rows
from gateway.pipeline.flight import Flight
from gateway.pipeline.prepare import Prepared
from gateway.pipeline.runtime import Ports, Runtime
from gateway.pipeline.transit import is_content
from gateway.ports import UpstreamReply
from gateway.wire.sse import SseSplitter

AHEAD_BYTES_MAX = 1 << 20
"""Read before content is seen: longer than any prelude (`transit.PRELUDE_BYTES_MAX` gives the reason)."""


class Peeked:
    """Implements `ports.UpstreamReply`: a reply of which the beginning has been read already."""

    def __init__(self, reply: UpstreamReply, chunks: AsyncIterator[bytes] | None, read: list[bytes]) -> None:
        self._reply, self._chunks, self._read = reply, chunks, read

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Headers:
        return self._reply.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._read:
            yield chunk
        async for chunk in self._chunks if self._chunks is not None else self._reply.chunks():
            yield chunk

    async def read(self, limit_bytes: int) -> bytes:
        if self._chunks is None:
            return await self._reply.read(limit_bytes)
        body = b""
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit_bytes:
                raise UpstreamProtocol(f"the upstream's answer is larger than {limit_bytes} bytes")
        return body

    async def aclose(self) -> None:
        await self._reply.aclose()


class Early:
    """A hop that was asked before its turn. `reply` is awaited in place of a call of its own."""

    def __init__(self, hop: Hop, endpoint: Endpoint, prepared: Prepared, ports: Ports) -> None:
        self.hop, self.endpoint, self.prepared = hop, endpoint, prepared
        self.began = ports.clock.monotonic()
        self.probe = ports.health.started(endpoint.name)
        self._ports = ports
        self._reply: UpstreamReply | None = None
        self.task = asyncio.ensure_future(self._peek())  # noqa: TID251 - awaited by `reply` or ended by `drop`

    async def reply(self) -> UpstreamReply:
        try:
            return await self.task
        except asyncio.CancelledError:
            await self.close()
            raise

    @property
    def ready(self) -> bool:
        """It has content to serve."""
        return self.task.done() and self.task.exception() is None and self.task.result().status < 400

    async def close(self) -> None:
        """Ends it, wherever it is."""
        self.task.cancel()
        await asyncio.wait({self.task})
        if self._reply is not None:
            await self._reply.aclose()

    async def failure(self) -> GatewayError:
        """How it failed; only when it is done and not `ready`."""
        error = self.task.exception()
        if error is None:
            error = await refusal.read(self.task.result(), self.endpoint, self.prepared.wire)
        assert isinstance(error, GatewayError)
        refusal.tell(error, self.endpoint, streamed=True)
        return error

    async def _peek(self) -> UpstreamReply:
        """The reply as soon as it has content, or is an error; within the same limit as any other."""
        try:
            async with asyncio.timeout(self.endpoint.first_token_s):
                return await self._content()
        except TimeoutError:
            raise UpstreamTimeout(f"{self.endpoint.name} sent no content in time", phase="first_token") from None

    async def _content(self) -> UpstreamReply:
        self._reply = reply = await self._ports.upstream.send(self.prepared.taken())
        streamed = any(n == b"content-type" and b"event-stream" in v.lower() for n, v in reply.headers)
        if reply.status >= 400 or not streamed:
            return Peeked(reply, None, [])
        splitter, decoder = SseSplitter(), self.prepared.dialect.stream_decoder(self.prepared.wire.profile)
        chunks, read, size = reply.chunks(), [], 0
        async for chunk in chunks:
            read.append(chunk)
            size += len(chunk)
            events = [event for raw in splitter.feed(chunk) for event in decoder.feed(raw)]
            if any(map(is_content, events)) or size > AHEAD_BYTES_MAX:
                break
        return Peeked(reply, chunks, read)


Serve = Callable[[Hop, Early], Awaitable[None]]
Ask = Callable[[Hop], Awaitable[Early | None]]


class Race:
    """The hedge of one request. `ask` begins a hop early (None: it cannot carry the request), `serve` serves it."""

    def __init__(self, flight: Flight, ports: Ports, runtime: Runtime, after_s: float, ask: Ask, serve: Serve) -> None:
        self._flight, self._ports, self._runtime = flight, ports, runtime
        self._after_s, self._ask, self._serve = after_s, ask, serve
        self._early: Early | None = None
        self.open = True
        """No hop was asked early yet."""
        self.spent: set[str] = set()
        """Models that had their chance beside another one."""

    async def run(self, first: Coroutine[Any, Any, None], others: Sequence[Hop]) -> None:
        """Serves from `first` or from the first of `others` that is well. Raises what the one that serves raises."""
        serving = asyncio.ensure_future(first)  # noqa: TID251 - ended below
        content = asyncio.Event()
        self._flight.on_content = content.set
        waiting: list[asyncio.Future[Any]] = [serving]
        try:
            timer = self._also(waiting, self._ports.clock.sleep(self._after_s))
            shown = self._also(waiting, content.wait())
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if timer.done() and not serving.done() and not content.is_set():
                early = await self._begin(others)
                if early is not None and await self._beaten(serving, shown, early):
                    self.spent.add(early.hop.model)
                    return await self._serve(early.hop, early)
            await serving
        finally:
            self._flight.on_content = None
            await _end(waiting)

    def early(self, model: str) -> Early | None:
        """The hop that was begun early and whose turn it is now, once."""
        if self._early is None or self._early.hop.model != model:
            return None
        found, self._early = self._early, None
        return found

    async def close(self) -> None:
        """A hop begun early whose turn never came."""
        if self._early is not None:
            early, self._early = self._early, None
            await self._drop(early, "beaten", None)

    # --- inside -----------------------------------------------------------------------------------------------

    @staticmethod
    def _also(waiting: list[asyncio.Future[Any]], work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        task = asyncio.ensure_future(work)  # noqa: TID251 - ended by `run`
        waiting.append(task)
        return task

    async def _begin(self, others: Sequence[Hop]) -> Early | None:
        for hop in others:
            if self._ports.health.status(hop.model)[0]:
                self.open = False
                try:
                    self._early = await self._ask(hop)
                except (UpstreamError, DownstreamError, PolicyError):
                    return None  # it cannot carry this request: the turn it may get later says why
                return self._early
        return None

    async def _beaten(self, serving: asyncio.Future[None], shown: asyncio.Future[Any], early: Early) -> bool:
        """The early one is to serve. Otherwise `serving` tells what becomes of the request."""
        await asyncio.wait({serving, shown, early.task}, return_when=asyncio.FIRST_COMPLETED)
        if shown.done() or (serving.done() and not serving.cancelled() and serving.exception() is None):
            await self.close()
            if serving.done():  # so fast that its row is there already: the one that served goes last
                self._flight.hops[-2:] = reversed(self._flight.hops[-2:])
            return False
        if serving.done():
            return False  # it failed before content: the early one gets its turn in the usual order
        if not early.ready:
            self._early = None
            self.spent.add(early.hop.model)
            await self._drop(early, "", await early.failure())
            return False
        return await self._cancel(serving)

    async def _cancel(self, serving: asyncio.Future[None]) -> bool:
        flight, tried = self._flight, len(self._flight.hops)
        flight.beaten = True
        serving.cancel()
        await asyncio.wait({serving})
        flight.beaten = False
        if not serving.cancelled():
            return False  # it ended in the same moment, well or not
        if len(flight.hops) > tried and flight.hops[-1].outcome == "cancelled":
            flight.hops[-1] = rows.beaten(flight, flight.hops[-1], self._ports, self._runtime)
        self._early = None
        return True

    async def _drop(self, early: Early, outcome: str, failure: GatewayError | None) -> None:
        """Ends a hop that does not serve, with its row."""
        await early.close()
        flight, ports, runtime = self._flight, self._ports, self._runtime
        word = "failure" if failure is not None and failure.trips_breaker else "neutral"
        ports.health.ended(early.endpoint.name, word, probe=early.probe)  # type: ignore[arg-type]
        seconds = ports.clock.monotonic() - early.began
        name = failure.code if failure is not None else outcome
        ttft, flight.ttft_s = flight.ttft_s, None
        row = rows.ended(flight, early.endpoint, Tally(), name, failure, seconds, ports, runtime, None)
        flight.ttft_s = ttft
        flight.hops.append(row if failure is not None else rows.beaten(flight, row, ports, runtime))


async def _end(tasks: list[asyncio.Future[Any]]) -> None:
    """Cancelled, over, and heard: the row of a cancelled attempt belongs to the request."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
