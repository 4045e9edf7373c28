"""A scripted HTTP server on loopback, and every client on every event loop we run on."""

import asyncio
import contextlib
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.adapters.upstream import LeanUpstream
from gateway.adapters.upstream.aiohttp_client import AiohttpUpstream
from gateway.ports import Timeouts, UpstreamRequest


def pytest_asyncio_loop_factories(config: Any, item: Any) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Peer:
    """One accepted connection, as the script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        self.requests = 0

    async def request(self) -> tuple[bytes, bytes]:
        """Read one request: its head and its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = b""
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                body = await self.reader.readexactly(int(line.split(b":")[1]))
        self.requests += 1
        return head, body

    async def send(self, *parts: bytes, pause_s: float = 0.0) -> None:
        for part in parts:
            if self.writer.transport.is_closing():  # uvloop raises RuntimeError from a write then
                raise ConnectionResetError
            self.writer.write(part)
            await self.writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)

    def reset(self) -> None:
        """Close with RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Return when the client has closed its side."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Peer], Awaitable[None]]


class Server:
    """Runs one script for each connection. `errors` are what scripts raised, except that the client left."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.errors: list[BaseException] = []
        self.origin = ""
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, script: Script, context: ssl.SSLContext | None, host: str) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            peer = Peer(reader, writer, len(self.peers))
            self.peers.append(peer)
            try:
                await script(peer)
            except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
                pass
            except Exception as error:
                self.errors.append(error)
            finally:
                self._running.discard(task)
                writer.transport.abort() if context else writer.close()

        self._server = await asyncio.start_server(accept, host, 0, ssl=context, limit=1 << 20, backlog=1024)
        port = self._server.sockets[0].getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        self.origin = f"{'https' if context else 'http'}://{name}:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._running):
            task.cancel()
        for _ in range(20):
            if not self._running:
                break
            await asyncio.sleep(0.01)
        for peer in self.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0.01)


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[Server] = []

    async def start(script: Script, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Server:
        server = Server()
        servers.append(server)
        await server.start(script, context, host)
        return server

    yield start
    for server in servers:
        await server.stop()
        assert not server.errors


Client = LeanUpstream | AiohttpUpstream


@pytest.fixture(params=[LeanUpstream, AiohttpUpstream], ids=["lean", "aiohttp"])
def make_client(request: pytest.FixtureRequest) -> Callable[..., Client]:
    """Build the client under test; tests close what they build."""
    kind: Callable[..., Client] = request.param
    return kind


@pytest.fixture
async def client(make_client: Callable[..., Client]) -> AsyncIterator[Client]:
    client = make_client()
    yield client
    await client.aclose()
    await asyncio.sleep(0)
    assert client.open_count == 0


@pytest.fixture
def ask() -> Callable[..., UpstreamRequest]:
    def build(origin: str | Server, body: bytes = b"{}", *, target: str = "/v1/x", **options: Any) -> UpstreamRequest:
        limits = {key: options.pop(key) for key in list(options) if key.endswith("_s")}
        return UpstreamRequest(
            method=options.pop("method", "POST"),
            origin=origin.origin if isinstance(origin, Server) else origin,
            target=target,
            headers=options.pop("headers", ((b"content-type", b"application/json"),)),
            body=body,
            timeouts=Timeouts(**({"connect_s": 5.0, "first_byte_s": 5.0, "idle_s": 5.0, "total_s": 30.0} | limits)),
            **options,
        )

    return build


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A CA of our own and a certificate for localhost and 127.0.0.1 signed by it: (CA file, key with certificate)."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca "
        "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile ext",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=30)
    (folder / "both.pem").write_bytes((folder / "server.key").read_bytes() + (folder / "server.pem").read_bytes())
    return folder / "ca.pem", folder / "both.pem"
