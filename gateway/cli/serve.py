"""Run the gateway.

Finds the configuration (or what is in the environment and on this machine), shows it as a table, listens, reloads when the
file changes or on SIGHUP, and drains on SIGTERM. With several workers a supervisor does that for all of them.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import uvicorn

from gateway import __version__
from gateway.adapters import policy_files
from gateway.adapters.board import Board
from gateway.adapters.crew import Crew
from gateway.adapters.watch import Stamp, Watcher, stamp
from gateway.app import LAST_WORDS_S, Gateway, Load, make_files, runtime_of
from gateway.cli import EXIT_PROBLEMS, _configuration, _logging
from gateway.cli._paths import state_dir_of
from gateway.cli._supervisor import SIGNALS, Processes, Supervisor
from gateway.config import render
from gateway.config.discover import Found
from gateway.config.load import Loaded, overridden
from gateway.config.settings import WORKERS_MAX, Settings
from gateway.errors import ConfigError
from gateway.http.acceptor import Acceptor
from gateway.http.listener import ListenerProtocol
from gateway.telemetry import LOG

_log = logging.getLogger(LOG)

EXIT_PORT_TAKEN = 3
REACH_S = 1.0
SETTLED_S = 5.0
"""After the start: by then prices, ranks and the operations app are loaded."""


@click.command()
@click.option(
    "--config", "config", type=click.Path(dir_okay=False), help="Configuration file (default: interlock.yaml)."
)
@click.option("--host", help="Address to listen on (default: server.host, 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes a free one (default: 4242).")
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where ledger, keys and state live.")
@click.option(
    "--workers", type=click.IntRange(1, WORKERS_MAX), help="Processes that serve (default: server.workers, 1)."
)
def COMMAND(config: str | None, host: str | None, port: int | None, state_dir: str | None, workers: int | None) -> None:
    """Run the gateway."""
    try:
        code = _main(config, host, port, state_dir_of(state_dir), workers)
    except ConfigError as error:
        _configuration.tell(error)
    sys.exit(code)


@dataclass(frozen=True, slots=True)
class Start:
    """What is decided before anything runs. `found` are the rows of the table when the models were discovered."""

    loaded: Loaded
    load: Load
    path: Path | None
    state_dir: Path
    address: str
    port: int
    found: tuple[Found, ...]

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    def gateway(self, crew: Crew | None = None, listening: socket.socket | None = None) -> Gateway:
        port = self.port if listening is None else listening.getsockname()[1]
        local = is_loopback(self.address)
        return Gateway(self.loaded, self.load, self.state_dir, local=local, crew=crew, address=(self.address, port))

    @property
    def files(self) -> list[str]:
        """What a change of is a reason to reload: the configuration and the policies that it names."""
        own = [self.path] if self.path is not None else []
        return [str(path) for path in (*own, *policy_files.paths(self.loaded))]


class Latest:
    """A start whose `files` are those of the configuration read last, be it a good one or not: a policy that it names is
    watched from then on."""

    def __init__(self, start: Start) -> None:
        self._first, self._loaded = start, start.loaded
        self.start = replace(start, load=self._load)

    async def _load(self) -> Loaded:
        self._loaded = await self._first.load()
        return self._loaded

    def files(self) -> list[str]:
        return replace(self._first, loaded=self._loaded).files


def _main(config: str | None, host: str | None, port: int | None, state_dir: Path, workers: int | None) -> int:
    start = asyncio.run(_decide(config, host, port, state_dir, workers))
    listening = bind(start.address, start.port)
    if listening is None:
        click.echo(
            f"{start.address}:{start.port} is taken; choose another with --port, or see `interlock doctor`", err=True
        )
        return EXIT_PORT_TAKEN
    with listening:
        if start.settings.server.workers > 1:
            return _many(start, listening)
        import uvloop

        code: int = uvloop.run(_one(start, listening))
        return code


async def _decide(
    config: str | None, host: str | None, port: int | None, state_dir: Path, workers: int | None
) -> Start:
    path = _configuration.locate(config)
    mine = frozenset({port if port is not None else 4242})

    async def read() -> _configuration.Configuration:
        found = await _configuration.load_or_discover(path, skip_ports=mine)
        return found if workers is None else replace(found, loaded=with_workers(found.loaded, workers))

    async def load() -> Loaded:
        return (await read()).loaded

    found = await read()
    settings = found.loaded.settings
    _logging.set_up(settings.log)
    start = Start(
        found.loaded,
        load,
        path,
        state_dir,
        host or settings.server.host,
        settings.server.port if port is None else port,
        found.found,
    )
    gateway = start.gateway()
    click.echo(render.table(found.found or await _configured(gateway)))
    for warning in gateway.warnings:
        click.echo(f"warning: {warning}", err=True)
    return start


def with_workers(loaded: Loaded, workers: int) -> Loaded:
    """`--workers` in place of `server.workers`. ConfigError when the rest of the configuration forbids it."""
    settings = loaded.settings
    server = settings.server.model_copy(update={"workers": workers})
    return overridden(loaded, settings.model_copy(update={"server": server}), "--workers", _configuration.catalog())


async def _one(start: Start, listening: socket.socket) -> int:
    """The only process."""
    latest = Latest(start)
    gateway = latest.start.gateway(listening=listening)
    await gateway.start()
    try:
        return await _serve(gateway, listening, latest.files, lambda: _say(listening))
    finally:
        await gateway.stop()


# --- several workers ---------------------------------------------------------------------------------------------


def _many(start: Start, listening: socket.socket) -> int:
    """The supervisor. Never returns in a worker."""
    make_files(start.settings, start.state_dir)
    size = start.settings.server.workers
    board = Board(size)
    current = Current(start)
    sockets = Listeners(listening, size)

    def work(slot: int, ready: Callable[[], None], life: int) -> int:
        import uvloop

        _logging.set_up(start.settings.log, worker=slot)
        try:
            code: int = uvloop.run(_worker(current.start, sockets.only(slot), Crew(board, slot), ready, life))
        except ConfigError as error:
            for problem in error.problems or (error.text(),):
                _log.error("%s", problem)
            return EXIT_PROBLEMS
        return code

    # What lives until the end need not be looked at again by every worker's collector, which would copy its memory.
    gc.collect()
    gc.freeze()
    with sockets:
        return Supervisor(
            Processes(work, sockets, current),
            board,
            size,
            start.settings.server.drain_s + LAST_WORDS_S,
            lambda: _say(sockets.one, size),
            fatal=frozenset({EXIT_PROBLEMS}),
        ).run()


class Listeners:
    """One listening socket per worker, all on the address of `first` (SO_REUSEPORT: the kernel spreads connections evenly,
    docs/decisions/0016). The supervisor holds them, so what waits in the queue of a worker that died is served by the one
    that is started in its place."""

    def __init__(self, first: socket.socket, size: int) -> None:
        """`first` is bound by itself alone, which proves that nobody else has the port; then it makes way."""
        self._family, self._address = first.family, first.getsockname()
        first.close()
        self._sockets: list[socket.socket | None] = [None] * size
        for slot in range(size):
            self.open(slot)

    @property
    def one(self) -> socket.socket:
        return next(found for found in self._sockets if found is not None)

    def open(self, slot: int) -> None:
        if self._sockets[slot] is None:
            self._sockets[slot] = _bound(self._family, self._address, shared=True)

    def close(self, slot: int) -> None:
        """Its share goes to the others; what waited there is lost."""
        if (found := self._sockets[slot]) is not None:
            found.close()
            self._sockets[slot] = None

    def only(self, slot: int) -> socket.socket:
        """In the worker: its own socket; its copies of the others are closed, or they would outlive their owners."""
        for other in range(len(self._sockets)):
            if other != slot:
                self.close(other)
        return self.one

    def __enter__(self) -> Listeners:
        return self

    def __exit__(self, *_: object) -> None:
        for slot in range(len(self._sockets)):
            self.close(slot)


async def _worker(start: Start, listening: socket.socket, crew: Crew, ready: Callable[[], None], life: int) -> int:
    gateway = start.gateway(crew, listening)
    await gateway.start()
    try:
        return await _serve(gateway, listening, tuple, ready, life)  # the supervisor watches
    finally:
        await gateway.stop()


class Current:
    """The configuration as the supervisor holds it for the next worker: the file is looked at here for all workers, and the
    last good one is kept, so that a worker that is started again has what the others have."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self._seen = self._stamps()

    def changed(self) -> bool:
        """A file that disappears is no change (editors replace files): its return is."""
        now = {path: found for path, found in self._stamps().items() if found is not None}
        changed = any(found != self._seen.get(path) for path, found in now.items())
        self._seen |= now
        return changed

    def _stamps(self) -> dict[str, Stamp]:
        return {path: stamp(path) for path in self.start.files}

    def load(self) -> None:
        """What is wrong with a bad one is told by the workers, which refuse it too. What is read now is no change later."""
        self.changed()
        try:
            loaded = asyncio.run(_decided(self.start.load))
            runtime_of(loaded, 1)
        except ConfigError:
            return
        self.start = replace(self.start, loaded=loaded)


async def _decided(load: Load) -> Loaded:
    return await load()


# --- what both do ------------------------------------------------------------------------------------------------


async def _configured(gateway: Gateway) -> tuple[Found, ...]:
    """The configured models as rows of the table; reachable = a connection could be opened within a second."""
    endpoints = list(gateway.runtime.endpoints.values())
    up = await asyncio.gather(*(_reachable(e.origin) for e in endpoints))
    return tuple(
        Found(name=e.name, provider=e.provider, model=e.model, lane=e.lane, where=e.origin, reachable=ok)
        for e, ok in zip(endpoints, up, strict=True)
    )


async def _reachable(origin: str) -> bool:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return True
    try:
        async with asyncio.timeout(REACH_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
            )
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def is_loopback(host: str) -> bool:
    """Loopback needs no key until keys exist; anything else always does."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket | None:
    """A bound socket; None when the port is taken. ConfigError for an address that is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return _bound(family, (host, port))
    except OSError as error:
        if error.errno in (98, 48):  # EADDRINUSE on Linux, macOS
            return None
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error


def _bound(family: int, address: Any, *, shared: bool = False) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(address)
    except OSError:
        listening.close()
        raise
    listening.set_inheritable(True)
    return listening


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: a stream must be told of a shutdown, and may finish first."""

    def install_signal_handlers(self) -> None: ...

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Our own acceptor on the sockets we bound; there is no other way in (and no lifespan)."""
        loop = asyncio.get_running_loop()
        self.servers: list[Any] = []
        for listening in sockets or ():
            acceptor = Acceptor(loop, listening, self._protocol, self.config.backlog)
            acceptor.start()
            self.servers.append(acceptor)
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        return ListenerProtocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=asyncio.get_running_loop(),
        )

    def capture_signals(self):  # type: ignore[no-untyped-def]
        from contextlib import nullcontext

        return nullcontext()


def server(gateway: Gateway, settings: Settings) -> uvicorn.Server:
    """uvicorn around the gateway's front, which is started already."""
    return _Server(
        uvicorn.Config(
            gateway.front,
            http=ListenerProtocol,
            proxy_headers=False,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            backlog=2048,
            timeout_keep_alive=max(1, round(settings.server.idle_connection_s)),
        )
    )


async def _serve(
    gateway: Gateway,
    listening: socket.socket,
    files: Callable[[], Sequence[str]],
    say: Callable[[], None],
    life: int | None = None,
) -> int:
    """Serves until a signal, or until the end of `life` says that the supervisor is gone."""
    http = server(gateway, gateway.runtime.settings)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    # Before anybody can know that we are up: a stop or a reload that follows at once is a clean one too.
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    if life is not None:
        loop.add_reader(life, _orphaned, loop, life, stopping)
    serving = loop.create_task(http.serve([listening]), name="http")
    gateway.warm_up()
    loop.call_later(SETTLED_S, _settle_memory)
    async with Watcher(files, lambda _: gateway.reload()):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # a worker is forked with them blocked
        while not http.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        say()
        _freeze()
        stop = loop.create_task(stopping.wait(), name="signals")
        await asyncio.wait([stop, serving], return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            _log.info("draining: %d requests in flight", gateway.front.in_flight)
            await gateway.drain()
        stop.cancel()
    http.should_exit = True
    http.force_exit = gateway.front.in_flight > 0
    await serving
    return 0


def _orphaned(loop: asyncio.AbstractEventLoop, life: int, stopping: asyncio.Event) -> None:
    loop.remove_reader(life)
    _log.error("the supervisor is gone: this worker drains and ends")
    stopping.set()


def _say(listening: socket.socket, workers: int = 1) -> None:
    host, port = listening.getsockname()[:2]
    many = f" with {workers} workers" if workers > 1 else ""
    click.echo(
        f"Interlock {__version__} serves on http://{_shown(host)}:{port}{many}  (POST /v1/chat/completions, "
        f"/v1/responses, /v1/messages; GET /health, /docs)"
    )
    sys.stdout.flush()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _freeze() -> None:
    """What is imported and built by now is never walked by the collector, from the first request on. Nothing is collected
    here: that would add its 60 ms to the start. Cycles are rare, so the young generation may be larger than Python's 700."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _settle_memory() -> None:
    """What is loaded by now stays for good: the collector need not walk it (200,000 objects, 60 ms) whenever requests have
    made some thousand new ones."""
    gc.unfreeze()  # what was garbage at the start goes too
    gc.collect()
    gc.freeze()
