"""Everything that is not on the data path: models, stored responses, health, metrics, statistics, OpenAPI. FastAPI serves
it, and it is imported in the background of the start, not before the first answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.http.host import Host
from gateway.http.sink import Receive, Scope, Send
from gateway.pipeline.serve import Pipeline

if TYPE_CHECKING:
    from fastapi import FastAPI


class Operations:
    """The back app, built on first use (or by `warm`)."""

    def __init__(self, host: Host, pipeline: Pipeline) -> None:
        self._host = host
        self._pipeline = pipeline
        self._app: FastAPI | None = None
        self._building = asyncio.Lock()

    async def warm(self) -> FastAPI:
        async with self._building:
            if self._app is None:
                # In a thread: the imports take most of a second, in which the first requests are answered.
                self._app = await asyncio.to_thread(self._make)
            return self._app

    def _make(self) -> FastAPI:
        from gateway.http.operations import make

        return make(self._host, self._pipeline)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self.warm()
        await app(scope, receive, send)
