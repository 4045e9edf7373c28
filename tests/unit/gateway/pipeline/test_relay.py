import asyncio
from types import SimpleNamespace

import pytest

from gateway.errors import UpstreamProtocol
from gateway.ir.exchange import Hop
from gateway.pipeline import relay


@pytest.mark.parametrize(
    ("text", "value"),
    [("plain", b"plain"), ("ünï\r\nx: y", b"?n???x: y"), ("x" * 1000, b"x" * 300), ("", b"")],
)
def test_header_values_are_one_printable_line(text, value):
    assert relay.header_text(text) == value


def test_headers_tell_the_hop_that_served():
    """A second hop replaces what the first one said."""
    flight = SimpleNamespace(headers=[(b"x-request-id", b"r")], losses=())
    for name, simulated in (("a", True), ("b", False)):
        flight.losses = ("seed",) if simulated else ()
        endpoint = SimpleNamespace(name=name, lane="mid", simulated=simulated)
        flight.headers = relay.headers_for(flight, Hop(name, "mid", f"because {name}"), endpoint)
    assert flight.headers == [
        (b"x-request-id", b"r"),
        (b"x-interlock-model", b"b"),
        (b"x-interlock-lane", b"mid"),
        (b"x-interlock-reason", b"because b"),
    ]


class Reply:
    def __init__(self, *, stalls=False, breaks=False):
        self.closed, self.read, self.stalls, self.breaks = 0, 0, stalls, breaks

    async def chunks(self):
        self.read += 1
        yield b"after the end"
        if self.breaks:
            raise UpstreamProtocol("cut")
        if self.stalls:
            await asyncio.sleep(60)

    async def aclose(self):
        self.closed += 1


@pytest.mark.parametrize("reply", [Reply(), Reply(stalls=True), Reply(breaks=True)], ids=["ends", "stalls", "breaks"])
async def test_connections_are_given_back_soon(reply):
    flight = SimpleNamespace(reply=reply, rest=reply.chunks())
    await asyncio.wait_for(relay.release(flight), 2)
    await relay.release(flight)
    assert (reply.closed, reply.read) == (1, 1)


def test_what_is_an_event_stream():
    def streams(*headers):
        return relay._is_event_stream(SimpleNamespace(headers=headers))

    assert streams((b"content-type", b"text/event-stream; charset=utf-8"))
    assert streams((b"content-type", b"Text/Event-Stream"))
    assert not streams((b"content-type", b"application/json"))
    assert not streams()
