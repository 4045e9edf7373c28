"""The connection tells of a departure at once and hands over a body that is here, without opening a socket."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.errors import BodyTooLarge
from gateway.http.front import CONNECTION
from gateway.http.listener import ListenerProtocol


class Transport(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self): ...

    def resume_reading(self): ...

    def get_extra_info(self, name, default=None):
        return default


async def connected(app):
    config = uvicorn.Config(app, http=ListenerProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    protocol = ListenerProtocol(
        config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop()
    )
    protocol.connection_made(Transport())
    return protocol


def head(length, path=b"/x"):
    return b"POST %b HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (path, length)


async def test_a_whole_body_is_handed_over_and_the_rest_of_asgi_works():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["extensions"][CONNECTION].take_body(100))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    protocol = await connected(app)
    for n in (b"one", b"two!"):
        protocol.data_received(head(len(n)) + n)
        await asyncio.sleep(0.01)
    assert seen == [b"one", b"two!"]
    assert protocol.transport.written.count(b"204") == 2


async def test_a_body_on_its_way_is_left_to_receive():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["extensions"][CONNECTION].take_body(100))
        seen.append((await receive())["body"])

    protocol = await connected(app)
    protocol.data_received(head(4) + b"ab")
    await asyncio.sleep(0.01)
    assert seen[0] is None
    assert seen[1] == b"ab"


async def test_pipelined_requests_do_not_get_each_others_bodies():
    seen = []

    async def app(scope, receive, send):
        body = scope["extensions"][CONNECTION].take_body(100)
        if body is None:
            body = (await receive())["body"]
        seen.append((scope["path"], body))
        await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    protocol = await connected(app)
    protocol.data_received(head(3, b"/1") + b"one" + head(3, b"/2") + b"two" + head(5, b"/3") + b"three")
    await asyncio.sleep(0.1)
    assert seen == [("/1", b"one"), ("/2", b"two"), ("/3", b"three")]


async def test_a_body_over_the_limit_is_refused():
    caught = []

    async def app(scope, receive, send):
        with pytest.raises(BodyTooLarge) as found:
            scope["extensions"][CONNECTION].take_body(3)
        caught.append(found.value)

    protocol = await connected(app)
    protocol.data_received(head(4) + b"four")
    await asyncio.sleep(0.01)
    assert caught


async def test_a_departure_is_told_once_and_at_once():
    told = []
    going = asyncio.Event()

    async def app(scope, receive, send):
        scope["extensions"][CONNECTION].on_departure(lambda: told.append("left"))
        await going.wait()

    protocol = await connected(app)
    protocol.data_received(head(0))
    await asyncio.sleep(0.01)
    protocol.connection_lost(None)
    assert told == ["left"]
    protocol.connection_lost(None)
    assert told == ["left"]
    going.set()
    await asyncio.sleep(0)


async def test_who_asks_too_late_is_told_at_once_and_who_unsets_is_not_told():
    told = []
    begin = asyncio.Event()

    async def app(scope, receive, send):
        connection = scope["extensions"][CONNECTION]
        connection.on_departure(lambda: told.append("early"))
        connection.on_departure(None)
        await begin.wait()
        connection.on_departure(lambda: told.append("late"))

    protocol = await connected(app)
    protocol.data_received(head(0))
    await asyncio.sleep(0.01)
    protocol.connection_lost(None)
    assert told == []
    begin.set()
    await asyncio.sleep(0.01)
    assert told == ["late"]
