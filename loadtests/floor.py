"""The floor: the gateway's own edges and nothing between them. `python -m loadtests.floor PORT UPSTREAM_PORT`

The same HTTP server, event loop and upstream client as Interlock's; bodies and streams go through unread. No key is asked
for, nothing is routed, judged, counted or booked. What a workload costs here is what is left to Python before any of the
gateway's own work; the difference to Interlock is that work.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

from gateway.adapters.upstream import LeanUpstream
from gateway.errors import Headers
from gateway.http.front import Connection, Direct
from gateway.http.listener import ListenerProtocol
from gateway.ports import UpstreamReply, UpstreamRequest, pour

BODY_BYTES_MAX = 64 << 20
WAIT_S = 60.0


class Floor:
    """The app that `ListenerProtocol` asks. What is no POST over HTTP/1.1 is closed unanswered."""

    def __init__(self, upstream_port: int) -> None:
        self._origin = f"http://127.0.0.1:{upstream_port}"
        self._upstream: LeanUpstream | None = None

    def direct(self, method: bytes, target: bytes) -> Direct | None:
        path = target.decode()

        async def answer(headers: Headers, connection: Connection) -> None:
            await self._answer(path, headers, connection)

        return answer if method == b"POST" else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError(f"the floor answers POST requests only, not {scope.get('method')}")

    async def _answer(self, path: str, headers: Headers, connection: Connection) -> None:
        if self._upstream is None:
            self._upstream = LeanUpstream()
        body = await connection.body(BODY_BYTES_MAX, WAIT_S)
        reply = await self._upstream.send(UpstreamRequest("POST", self._origin, path, headers, body))
        try:
            await self._pass_on(reply, connection)
        finally:
            await reply.aclose()

    async def _pass_on(self, reply: UpstreamReply, connection: Connection) -> None:
        sink = connection.sink()
        told = [(name, value) for name, value in reply.headers if name == b"content-type"]
        if not any(b"event-stream" in value for _, value in told):
            await sink.whole(reply.status, told, await reply.read(BODY_BYTES_MAX))
            return
        await sink.start(reply.status, told)
        chunks, ended = reply.chunks(), False
        waiting: list[Any] = []

        def take(chunk: bytes) -> bool:
            wait = sink.push(chunk)
            if wait is not None:
                waiting.append(wait)
            return wait is None

        while not ended:
            ended = await pour(chunks, take)
            while waiting:
                await waiting.pop()
        await sink.finish()


def main() -> None:
    port, upstream_port = map(int, sys.argv[1:3])
    config = uvicorn.Config(
        Floor(upstream_port),
        host="127.0.0.1",
        port=port,
        http=ListenerProtocol,
        loop="uvloop",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=4096,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
