"""`ScriptedUpstream`: the scripted vendor behind the `Upstream` port, in process, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from gateway.errors import Headers, UpstreamConnect, UpstreamProtocol, UpstreamTimeout
from gateway.ports import Timeouts, Upstream, UpstreamReply, UpstreamRequest
from gateway.testing.scripted.model import Recorded, ScriptedModel
from gateway.testing.scripted.turns import Answer, Cut, Pause

Sleep = Callable[[float], Awaitable[None]]


class ScriptedReply:
    """An answer that plays itself as it is read. Timeouts are applied to the planned silences: a silence longer than
    the limit sleeps for the limit and raises, so that virtual clocks (`sleep`) need no waiting."""

    def __init__(self, answer: Answer, record: Recorded, timeouts: Timeouts, sleep: Sleep) -> None:
        self._answer, self._record, self._timeouts, self._sleep = answer, record, timeouts, sleep
        self._complete = False
        self._closed = False
        self._started = False

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Headers:
        if not self._answer.whole:
            return self._answer.headers
        return (*self._answer.headers, (b"content-length", str(len(self._answer.body)).encode()))

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._started:
            raise RuntimeError("the body of a reply can be read once")
        self._started = True
        for step in self._answer.steps:
            if self._closed:
                return
            if isinstance(step, Cut):
                raise UpstreamProtocol("the upstream closed the connection in the middle of its answer")
            if isinstance(step, Pause):
                await _silence(step.seconds, self._timeouts.idle_s, self._sleep, "idle")
            elif step:
                await asyncio.sleep(0)  # a real read gives way to others, so does this one
                yield step
        self._complete = True

    async def read(self, limit_bytes: int) -> bytes:
        body = b""
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit_bytes:
                raise UpstreamProtocol(f"the upstream's answer is larger than {limit_bytes} bytes")
        return body

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._record.aborted = not self._complete


async def _silence(seconds: float, limit_s: float, sleep: Sleep, phase: Any) -> None:
    await sleep(min(seconds, limit_s))
    if seconds > limit_s:
        raise UpstreamTimeout(f"the upstream sent nothing for {limit_s:g} s", phase=phase)


class ScriptedUpstream:
    """One or more scripted vendors by origin; `ScriptedUpstream(fault="cut")` is one for every origin.

    Keyword arguments are those of `ScriptedModel`. `vendors` maps an origin to its own model; an origin that is not in it
    goes to `self.model`. `down` lists origins that refuse connections. `sleep` is how silences pass."""

    def __init__(
        self,
        model: ScriptedModel | None = None,
        *,
        vendors: dict[str, ScriptedModel] | None = None,
        down: set[str] | None = None,
        sleep: Sleep = asyncio.sleep,
        **script: Any,
    ) -> None:
        self.model = model if model is not None else ScriptedModel(**script)
        self.vendors = vendors if vendors is not None else {}
        self.down = down if down is not None else set()
        self.closed = False
        self._sleep = sleep

    @property
    def requests(self) -> list[Recorded]:
        """Requests that reached the default model, in order of arrival."""
        return self.model.requests

    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        if self.closed:
            raise UpstreamConnect("the upstream client is closed", origin=request.origin)
        if request.origin in self.down:
            raise UpstreamConnect("connection refused", origin=request.origin)
        model = self.vendors.get(request.origin, self.model)
        answer, record = model.answer(request.method, request.target, request.headers, request.body)
        if answer.delay_s:
            await _silence(answer.delay_s, request.timeouts.first_byte_s, self._sleep, "first_byte")
        return ScriptedReply(answer, record, request.timeouts, self._sleep)

    async def aclose(self) -> None:
        self.closed = True


_: type[Upstream] = ScriptedUpstream
