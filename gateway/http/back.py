"""Everything that is not on the data path: models, stored responses, health, metrics, statistics, OpenAPI. FastAPI serves
it, and it is imported in the background of the start, not before the first answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from gateway.http.sink import Receive, Scope, Send
from gateway.pipeline.runtime import Ports, Runtime
from gateway.pipeline.serve import Pipeline

if TYPE_CHECKING:
    from fastapi import FastAPI


class Host(Protocol):
    """What the operations pages show of the running gateway."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def ports(self) -> Ports: ...

    @property
    def front(self) -> Any: ...

    @property
    def stats(self) -> Any: ...

    @property
    def reload_error(self) -> str | None: ...

    @property
    def reload_failures(self) -> int: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...

    @property
    def version(self) -> str: ...


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
                from gateway.http.operations import make

                self._app = make(self._host, self._pipeline)
            return self._app

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self.warm()
        await app(scope, receive, send)
