"""The connection tells of a departure at once and hands over a body that is here, without opening a socket."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.errors import BodyTooLarge, MalformedRequest
from gateway.http.front import CONNECTION
from gateway.http.listener import ListenerProtocol
from gateway.http.sink import ClientGone


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
        seen.append(await scope["extensions"][CONNECTION].body(100, 1))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    protocol = await connected(app)
    for n in (b"one", b"two!"):
        protocol.data_received(head(len(n)) + n)
        await asyncio.sleep(0.01)
    assert seen == [b"one", b"two!"]
    assert protocol.transport.written.count(b"204") == 2


async def test_a_body_on_its_way_is_waited_for_and_collected():
    seen = []

    async def app(scope, receive, send):
        seen.append(await scope["extensions"][CONNECTION].body(100, 1))

    protocol = await connected(app)
    protocol.data_received(head(6) + b"ab")
    await asyncio.sleep(0.01)
    assert not seen
    protocol.data_received(b"cd")
    protocol.data_received(b"ef")
    await asyncio.sleep(0.01)
    assert seen == [b"abcdef"]


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (lambda p: p.connection_lost(None), ClientGone),
        (lambda p: p.data_received(b"x" * 200), BodyTooLarge),
        (lambda p: None, MalformedRequest),
    ],
)
async def test_a_body_that_never_comes_whole(end, error):
    caught = []

    async def app(scope, receive, send):
        with pytest.raises(error):
            await scope["extensions"][CONNECTION].body(100, 0.05)
        caught.append(error)

    protocol = await connected(app)
    protocol.data_received(head(1000) + b"ab")
    await asyncio.sleep(0.01)
    end(protocol)
    await asyncio.sleep(0.1)
    assert caught


async def test_a_response_on_the_connection_reads_like_one_through_asgi():
    async def app(scope, receive, send):
        sink = scope["extensions"][CONNECTION].sink()
        if scope["path"] == "/whole":
            await sink.whole(200, [(b"x-a", b"1")], b"body")
        else:
            await sink.start(200, [(b"x-a", b"1")])
            assert not scope["extensions"][CONNECTION].transport.written.endswith(b"x-a: 1\r\n\r\n"), "waits for data"
            await sink.write(b"one")
            assert sink.push(b"three") is None
            await sink.finish()
            await sink.finish()

    protocol = await connected(app)
    protocol.data_received(head(0, b"/whole"))
    await asyncio.sleep(0.01)
    whole, protocol.transport.written = protocol.transport.written, b""
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert whole.endswith(b"x-a: 1\r\ncontent-length: 4\r\n\r\nbody")
    protocol.data_received(head(0, b"/stream"))
    await asyncio.sleep(0.01)
    assert protocol.transport.written.endswith(
        b"x-a: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"
    )
    assert protocol.cycle.response_complete
    assert not protocol.transport.closed


async def test_a_client_that_does_not_keep_alive_is_closed_after_its_answer():
    async def app(scope, receive, send):
        await scope["extensions"][CONNECTION].sink().whole(200, [], b"body")

    protocol = await connected(app)
    protocol.data_received(b"POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    await asyncio.sleep(0.01)
    assert b"\r\nconnection: close\r\n" in protocol.transport.written
    assert protocol.transport.closed


async def test_a_header_cannot_smuggle_a_second_one():
    caught = []

    async def app(scope, receive, send):
        for name, value in ((b"x-a", b"1\r\nx-b: 2"), (b"x-a", b"1\n"), (b"x\n-a", b"1")):
            with pytest.raises(RuntimeError, match="line end"):
                await scope["extensions"][CONNECTION].sink().whole(200, [(name, value)], b"")
            caught.append(name)

    protocol = await connected(app)
    protocol.data_received(head(0))
    await asyncio.sleep(0.01)
    assert len(caught) == 3
    assert b"x-b" not in protocol.transport.written


async def test_back_pressure_waits_and_a_client_that_left_frees_the_writer():
    done = []

    async def app(scope, receive, send):
        connection = scope["extensions"][CONNECTION]
        sink = connection.sink()
        await sink.start(200, [])
        connection.flow.pause_writing()
        waiting = sink.push(b"late")
        assert waiting is not None
        await waiting
        done.append(connection.transport.written)

    protocol = await connected(app)
    protocol.data_received(head(0))
    await asyncio.sleep(0.01)
    assert not done
    protocol.connection_lost(None)
    await asyncio.sleep(0.01)
    assert done == [b""]


async def test_an_aborted_stream_has_no_proper_ending():
    async def app(scope, receive, send):
        sink = scope["extensions"][CONNECTION].sink()
        await sink.start(200, [])
        await sink.write(b"half")
        sink.abort()

    protocol = await connected(app)
    protocol.data_received(head(0))
    await asyncio.sleep(0.01)
    assert protocol.transport.closed
    assert not protocol.transport.written.endswith(b"0\r\n\r\n")


async def test_pipelined_requests_do_not_get_each_others_bodies():
    seen = []

    async def app(scope, receive, send):
        body = None
        if not scope["extensions"][CONNECTION].shared:
            body = await scope["extensions"][CONNECTION].body(100, 1)
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
            await scope["extensions"][CONNECTION].body(3, 1)
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
