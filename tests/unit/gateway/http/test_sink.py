import asyncio

import pytest

from gateway.errors import BodyTooLarge, MalformedRequest
from gateway.http.sink import AsgiSink, ClientGone, read_body


def sent():
    messages = []

    async def send(message):
        messages.append(message)

    return messages, AsgiSink(send)


async def test_a_whole_answer_has_its_length():
    messages, sink = sent()
    await sink.whole(404, [(b"a", b"b")], b"body")
    assert messages == [
        {"type": "http.response.start", "status": 404, "headers": [(b"a", b"b"), (b"content-length", b"4")]},
        {"type": "http.response.body", "body": b"body", "more_body": False},
    ]
    assert sink.started
    assert sink.finished
    await sink.finish()
    assert len(messages) == 2, "an answer ends once"


async def test_a_stream():
    messages, sink = sent()
    assert not sink.started
    await sink.start(200, [])
    await sink.write(b"")
    await sink.write(b"x")
    assert not sink.finished
    await sink.finish()
    await sink.finish()
    assert [(m.get("body"), m.get("more_body")) for m in messages[1:]] == [(b"x", True), (b"", False)]
    assert sink.status == 200


async def test_what_the_client_takes_at_once_needs_no_task():
    messages, sink = sent()
    await sink.start(200, [])
    assert sink.push(b"x") is None
    assert messages[1:] == [{"type": "http.response.body", "body": b"x", "more_body": True}]


async def test_a_push_to_a_slow_client_is_finished_by_whoever_awaits_it():
    gate, messages = asyncio.Event(), []

    async def send(message):
        await gate.wait()
        await asyncio.sleep(0)
        messages.append(message["body"])

    sink = AsgiSink(send)
    waiting = sink.push(b"x")
    assert messages == []
    asyncio.get_running_loop().call_later(0.01, gate.set)
    await waiting
    assert messages == [b"x"]


async def test_a_push_that_nobody_waits_for_any_more_is_given_up():
    entered, left = [], []

    async def send(message):
        entered.append(message)
        try:
            await asyncio.Event().wait()
        finally:
            left.append(message)

    waiting = AsgiSink(send).push(b"x")
    task = asyncio.ensure_future(asyncio.wait_for(waiting, 0.01))
    with pytest.raises(TimeoutError):
        await task
    assert entered == left != []


async def test_what_send_raises_comes_out_of_the_push():
    async def send(message):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        AsgiSink(send).push(b"x")


async def test_an_abort_is_only_a_wish():
    _, sink = sent()
    sink.abort()
    assert sink.cut


def arriving(*messages, then=None):
    waiting = list(messages)

    async def receive():
        if waiting:
            return waiting.pop(0)
        if then is not None:
            return then
        await asyncio.sleep(60)

    return receive


def piece(body, *, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


async def test_bodies():
    assert await read_body(arriving(piece(b"all", more=False)), length=3, limit_bytes=3, timeout_s=1) == b"all"
    pieces = arriving(piece(b"a"), piece(b"b"), {"type": "http.request", "more_body": False})
    assert await read_body(pieces, length=None, limit_bytes=2, timeout_s=1) == b"ab"


async def test_the_limit():
    untouched = arriving()
    with pytest.raises(BodyTooLarge):
        await read_body(untouched, length=11, limit_bytes=10, timeout_s=1)
    with pytest.raises(BodyTooLarge):
        await read_body(arriving(piece(b"x" * 11, more=False)), length=None, limit_bytes=10, timeout_s=1)
    with pytest.raises(BodyTooLarge):  # a length that lies
        await read_body(arriving(piece(b"x" * 6), piece(b"x" * 6)), length=5, limit_bytes=10, timeout_s=1)


@pytest.mark.parametrize("first", [(), (piece(b"x"),)])
async def test_a_body_that_does_not_come(first):
    with pytest.raises(MalformedRequest, match=r"0\.05 s"):
        await read_body(arriving(*first), length=None, limit_bytes=10, timeout_s=0.05)


@pytest.mark.parametrize("first", [(), (piece(b"x"),)])
async def test_a_client_that_leaves(first):
    gone = {"type": "http.disconnect"}
    with pytest.raises(ClientGone):
        await read_body(arriving(*first, then=gone), length=None, limit_bytes=10, timeout_s=1)
