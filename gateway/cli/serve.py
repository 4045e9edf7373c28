"""Run the gateway.

Finds the configuration (or what is in the environment and on this machine), shows it as a table, listens, reloads when the
file changes or on SIGHUP, and drains on SIGTERM.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvicorn

from gateway.adapters.watch import Watcher
from gateway.app import Gateway
from gateway.cli import _configuration, _logging
from gateway.cli._paths import state_dir_of
from gateway.config import render
from gateway.config.discover import Found
from gateway.config.load import Loaded
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.http.listener import ListenerProtocol
from gateway.telemetry import LOG

_log = logging.getLogger(LOG)

EXIT_PORT_TAKEN = 3
REACH_S = 1.0


@click.command()
@click.option(
    "--config", "config", type=click.Path(dir_okay=False), help="Configuration file (default: interlock.yaml)."
)
@click.option("--host", help="Address to listen on (default: server.host, 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes a free one (default: 4242).")
@click.option("--state-dir", type=click.Path(file_okay=False), help="Where ledger, keys and state live.")
def COMMAND(config: str | None, host: str | None, port: int | None, state_dir: str | None) -> None:
    """Run the gateway."""
    import uvloop

    try:
        code = uvloop.run(_main(config, host, port, state_dir))
    except ConfigError as error:
        _configuration.tell(error)
    sys.exit(code)


async def _main(config: str | None, host: str | None, port: int | None, state_dir: str | None) -> int:
    path = _configuration.locate(config)
    mine = frozenset({port if port is not None else 4242})
    found = await _configuration.load_or_discover(path, skip_ports=mine)
    settings = found.loaded.settings
    _logging.set_up(settings.log)
    if settings.server.workers > 1:
        raise ConfigError(
            "server.workers above 1 is not available in this version; run one process", where="server.workers"
        )
    address = host or settings.server.host
    local = is_loopback(address)

    async def load() -> Loaded:
        return (await _configuration.load_or_discover(path, skip_ports=mine)).loaded

    gateway = Gateway(found.loaded, load, state_dir_of(state_dir), local=local)
    click.echo(render.table(found.found or await _configured(gateway)))
    for warning in gateway.warnings:
        click.echo(f"warning: {warning}", err=True)
    listening = bind(address, settings.server.port if port is None else port)
    if listening is None:
        wanted = settings.server.port if port is None else port
        click.echo(f"{address}:{wanted} is taken; choose another with --port, or see `interlock doctor`", err=True)
        return EXIT_PORT_TAKEN
    await gateway.start()
    try:
        return await _serve(gateway, listening, settings, path)
    finally:
        await gateway.stop()


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
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno in (98, 48):  # EADDRINUSE on Linux, macOS
            return None
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listening.set_inheritable(True)
    return listening


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: a stream must be told of a shutdown, and may finish first."""

    def install_signal_handlers(self) -> None: ...

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


async def _serve(gateway: Gateway, listening: socket.socket, settings: Settings, path: Path | None) -> int:
    http = server(gateway, settings)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    # Before anybody can know that we are up: a stop or a reload that follows at once is a clean one too.
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopping.set)
    serving = loop.create_task(http.serve([listening]), name="http")
    gateway.warm_up()
    async with Watcher([str(path)] if path else [], lambda _: gateway.reload()):
        _say(gateway, listening)
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


def _say(gateway: Gateway, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    click.echo(
        f"Interlock {gateway.version} serves on http://{_shown(host)}:{port}  (POST /v1/chat/completions, /v1/responses, "
        f"/v1/messages; GET /health, /docs)"
    )
    sys.stdout.flush()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
