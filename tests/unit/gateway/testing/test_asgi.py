import asyncio

import pytest

from gateway.testing.asgi import AsgiClient


async def echo(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    head = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} ".encode()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-one", b"1")]})
    await send({"type": "http.response.body", "body": head + body})
    assert (await receive())["type"] == "http.disconnect"


async def test_a_whole_exchange():
    reply = await AsgiClient(echo).post("/a?b=c", b"body")
    assert (reply.status, reply.headers, reply.text, reply.cut) == (201, {"x-one": "1"}, "POST /a?b=c body", False)


async def test_bodies_in_pieces():
    async def slowly():
        yield b"x"
        await asyncio.sleep(0.01)
        yield b"y"

    assert (await AsgiClient(echo).post("/", slowly())).text.endswith(" xy")
    assert (await AsgiClient(echo).post("/", [b"1", b"2"])).text.endswith(" 12")
    assert (await AsgiClient(echo).post("/", {"a": 1})).text.endswith('{"a": 1}')
    assert (await AsgiClient(echo).get("/")).status == 201


def streaming(pieces, log):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(pieces):
            await send({"type": "http.response.body", "body": b"%d," % number, "more_body": True})
            log.append(number)
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


async def test_a_client_that_does_not_read_makes_the_app_wait():
    log = []
    async with AsgiClient(streaming(100, log)).open("GET", "/", buffer=2) as stream:
        assert await stream.head() == 200
        await asyncio.sleep(0.02)
        assert len(log) == 2
        assert await stream.read_until(b"5,") == b"0,1,2,3,4,5,"
        assert (await stream.rest()).endswith(b"99,")
        await stream.wait()
        assert not stream.cut


async def test_leaving_is_told_to_the_app_and_frees_it():
    told = asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"
        told.set()
        await send({"type": "http.response.body", "body": b"to nobody", "more_body": True})

    async with AsgiClient(app).open("GET", "/") as stream:
        await stream.head()
    assert told.is_set()
    assert stream.ended


async def test_a_body_without_an_end_is_a_cut():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("on purpose")

    async with AsgiClient(app).open("GET", "/") as stream:
        assert await stream.rest() == b"half"
        assert stream.cut
        assert str(stream.error) == "on purpose"


async def test_a_body_that_ends_too_soon_is_noticed():
    async with AsgiClient(streaming(2, [])).open("GET", "/") as stream:
        with pytest.raises(AssertionError, match="ended before"):
            await stream.read_until(b"never")


async def test_wrong_order_is_an_error_of_the_app():
    async def app(scope, receive, send):
        await send({"type": "http.response.body", "body": b"x"})

    async with AsgiClient(app).open("GET", "/") as stream:
        await stream.rest()
        assert isinstance(stream.error, AssertionError)
