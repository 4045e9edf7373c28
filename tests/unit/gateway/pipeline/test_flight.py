import asyncio
import json

from msgspec.structs import replace

from gateway.ir.exchange import Exchange
from gateway.pipeline.flight import Flight
from gateway.testing.clock import ManualClock, settle
from gateway.wire.sse import data_of


class Sink:
    def __init__(self):
        self.sent, self.started, self.gate = [], False, asyncio.Event()
        self.gate.set()

    async def start(self, status, headers):
        self.started = True
        self.sent.append((status, dict(headers)))

    async def write(self, data):
        await self.gate.wait()
        self.sent.append(data)

    def push(self, data):
        if not self.gate.is_set():
            return self.write(data)
        self.sent.append(data)
        return None


class Words:
    keepalive = b": alive\n\n"


def made(clock=None):
    exchange = Exchange(
        request_id="req_1", received_s=0, dialect="chat", path="", query="", headers=(), body=b"", view=None,
        model_asked="m", stream=True,
    )  # fmt: skip
    flight = Flight(exchange, Words(), Sink(), clock or ManualClock(), 0.0)
    flight.keepalive = True
    return flight


async def test_the_first_write_opens_the_stream():
    clock = ManualClock()
    flight = made(clock)
    flight.headers = [(b"x-a", b"1")]
    await clock.advance(5)
    await flight.write(b"one")
    await flight.write(b"two")
    (status, headers), *rest = flight.sink.sent
    assert status == flight.status == 200
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"x-a"] == b"1"
    assert rest == [b"one", b"two"]
    assert flight.reply_bytes == 6
    assert flight.last_write == 1005


async def test_a_harness_may_need_a_keep_alive_of_its_own():
    flight = made()
    identity = replace(flight.exchange.identity, harness="codex")
    flight.exchange = replace(flight.exchange, dialect="responses", identity=identity)
    await flight.ping()
    assert json.loads(data_of(flight.sink.sent[1])) == {"type": "keepalive", "sequence_number": 0}


async def test_a_keep_alive_opens_it_too_but_is_no_reply():
    flight = made()
    await flight.ping()
    assert flight.sink.sent[1:] == [b": alive\n\n"]
    assert flight.reply_bytes == 0
    assert not flight.begun


async def test_events_and_keep_alives_never_mix():
    flight = made()
    flight.sink.gate.clear()
    ping = asyncio.ensure_future(flight.ping())
    await settle()
    assert not flight.quiet
    write = asyncio.ensure_future(flight.write(b"event"))
    await flight.ping()  # a second one while the first waits does nothing
    flight.sink.gate.set()
    await asyncio.gather(ping, write)
    assert flight.sink.sent[1:] == [b": alive\n\n", b"event"]


async def test_no_keep_alive_while_somebody_writes():
    flight = made()
    flight.sink.gate.clear()
    write = asyncio.ensure_future(flight.write(b"event"))
    await settle()
    assert not flight.quiet
    await flight.ping()
    flight.sink.gate.set()
    await write
    assert flight.sink.sent[1:] == [b"event"]


async def test_whole_answers_are_left_alone():
    flight = made()
    flight.keepalive = False
    await flight.ping()
    assert flight.sink.sent == []


async def test_a_failed_keep_alive_blocks_nobody():
    flight = made()

    async def broken(data):
        raise OSError("gone")

    write, flight.sink.write = flight.sink.write, broken
    await asyncio.gather(flight.ping(), return_exceptions=True)
    flight.sink.write = write
    assert flight.quiet
    await flight.write(b"on")
    assert flight.sink.sent[-1] == b"on"


async def test_a_push_needs_an_open_stream():
    flight = made()
    assert not flight.push(b"one")
    await flight.settle()
    assert flight.push(b"two")
    await flight.settle()
    assert flight.sink.sent[1:] == [b"one", b"two"]
    assert flight.reply_bytes == 6


async def test_a_push_waits_for_a_keep_alive_under_way():
    flight = made()
    await flight.write(b"one")
    flight.sink.gate.clear()
    ping = asyncio.ensure_future(flight.ping())
    await settle()
    assert not flight.push(b"two")
    flight.sink.gate.set()
    await asyncio.gather(ping, flight.settle())
    assert flight.sink.sent[1:] == [b"one", b": alive\n\n", b"two"]


async def test_no_keep_alive_into_a_push_that_waits():
    flight = made()
    await flight.write(b"one")
    flight.sink.gate.clear()
    assert not flight.push(b"two")
    assert not flight.quiet
    assert flight.reply_bytes == 3, "not yet delivered"
    flight.sink.gate.set()
    await flight.settle()
    assert flight.quiet
    assert flight.sink.sent[1:] == [b"one", b"two"]
    assert flight.reply_bytes == 6
