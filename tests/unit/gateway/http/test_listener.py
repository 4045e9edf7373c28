"""The connection tells of a departure at once and hands over a body that is here, without opening a socket."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.errors import BodyTooLarge, MalformedRequest
from gateway.http import listener
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
    config = uvicorn.Config(
        app, http=ListenerProtocol, ws="none", lifespan="off", log_config=None, proxy_headers=False, server_header=False
    )
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
            assert not protocol.transport.written.endswith(b"x-a: 1\r\n\r\n"), "waits for data"
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
        protocol.flow.pause_writing()
        waiting = sink.push(b"late")
        assert waiting is not None
        await waiting
        done.append(protocol.transport.written)

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


class Direct:
    """An app with a way of its own for one path."""

    def __init__(self):
        self.seen = []
        self.asgi = []
        self.requests = []

    def direct(self, method, target):
        return self.answer if (method, target) == (b"POST", b"/fast") else None

    async def answer(self, headers, connection):
        self.requests.append(connection)
        body = await connection.body(1 << 20, 1)
        self.seen.append((dict(headers)[b"host"], body))
        await connection.sink().whole(200, [(b"x-a", b"1")], b"fast")

    async def __call__(self, scope, receive, send):
        connection = scope["extensions"][CONNECTION]
        body = (await receive())["body"] if connection.shared else await connection.body(100, 1)
        self.asgi.append((scope["path"], body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


async def test_an_inference_path_goes_straight_to_the_front():
    app = Direct()
    protocol = await connected(app)
    for n in range(3):
        protocol.data_received(head(3, b"/fast") + b"a%d" % n)
        await asyncio.sleep(0.01)
        assert len(app.seen) == n, "the body is not whole"
        protocol.data_received(b"!")
        await asyncio.sleep(0.01)
    assert app.seen == [(b"a", b"a%d!" % n) for n in range(3)]
    assert protocol.transport.written.count(b"HTTP/1.1 200 OK") == 3
    assert not app.asgi
    assert not protocol.tasks


@pytest.mark.parametrize(
    "line", [b"GET /fast HTTP/1.1", b"POST /fast?x=1 HTTP/1.1", b"POST /fast HTTP/1.0", b"POST /other HTTP/1.1"]
)
async def test_everything_else_goes_through_asgi(line):
    app = Direct()
    protocol = await connected(app)
    protocol.data_received(line + b"\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi")
    await asyncio.sleep(0.01)
    assert len(app.asgi) == 1
    assert app.asgi[0][1] == b"hi"
    assert not app.seen


async def test_what_is_pipelined_behind_a_direct_request_is_answered_after_it_with_its_own_body():
    app = Direct()
    protocol = await connected(app)
    protocol.data_received(head(3, b"/fast") + b"one" + head(3, b"/fast") + b"two" + head(5, b"/other") + b"three")
    await asyncio.sleep(0.05)
    assert [body for _, body in app.seen] == [b"one"]
    assert app.asgi == [("/fast", b"two"), ("/other", b"three")]
    written = protocol.transport.written
    assert written.index(b"200 OK") < written.index(b"204")
    protocol.data_received(head(4, b"/fast") + b"four")
    await asyncio.sleep(0.02)
    assert [body for _, body in app.seen] == [b"one", b"four"]


async def test_a_direct_client_that_leaves_is_told():
    told = []

    class Waiting(Direct):
        async def answer(self, headers, connection):
            connection.on_departure(lambda: told.append("left"))
            await asyncio.sleep(10)

    protocol = await connected(Waiting())
    protocol.data_received(head(0, b"/fast"))
    await asyncio.sleep(0.01)
    protocol.connection_lost(None)
    assert told == ["left"]
    for task in list(protocol.tasks):
        task.cancel()


async def test_a_front_that_breaks_closes_the_connection(caplog):
    class Broken(Direct):
        async def answer(self, headers, connection):
            raise ValueError("oh")

    protocol = await connected(Broken())
    protocol.data_received(head(0, b"/fast"))
    await asyncio.sleep(0.01)
    assert protocol.transport.closed
    assert not protocol.tasks


async def test_an_idle_connection_is_closed_and_a_used_one_is_not():
    protocol = await connected(Direct())
    protocol.timeout_keep_alive = 0.1
    for _ in range(4):
        protocol.data_received(head(0, b"/fast"))
        await asyncio.sleep(0.06)
        assert not protocol.transport.closed
    await asyncio.sleep(0.2)
    assert protocol.transport.closed


async def test_a_connection_that_is_answering_is_not_idle():
    class Slow(Direct):
        async def answer(self, headers, connection):
            await connection.body(10, 1)
            if self.seen:
                await asyncio.sleep(0.25)
            self.seen.append(1)
            await connection.sink().whole(200, [], b"x")

    protocol = await connected(Slow())
    protocol.timeout_keep_alive = 0.1
    protocol.data_received(head(0, b"/fast"))
    await asyncio.sleep(0.01)
    protocol.data_received(head(0, b"/fast"))
    await asyncio.sleep(0.2)
    assert not protocol.transport.closed
    await asyncio.sleep(0.1)
    assert protocol.transport.written.count(b"200 OK") == 2


async def test_a_flag_is_what_the_server_uses_of_an_event():
    flag = listener._Flag()
    waiting = [asyncio.ensure_future(flag.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert not flag.is_set()
    assert not waiting[1].done()
    flag.set()
    assert await asyncio.gather(*waiting[1:]) == [True, True]
    assert waiting[0].cancelled()
    assert flag.is_set()
    assert await flag.wait()
    flag.clear()
    assert not flag.is_set()
    assert await listener._Flag(up=True).wait()


def test_a_line_is_what_it_uses_of_a_deque():
    line = listener._Line()
    assert not line
    line.appendleft("first")
    line.appendleft("second")
    assert line.pop() == "first"
    assert line.pop() == "second"
