"""Framing of server-sent events: this arrives, these raw events leave."""

import pytest

from gateway.errors import UpstreamProtocol
from gateway.wire import sse


@pytest.mark.parametrize(
    ("chunks", "events", "tail"),
    [
        ([b"data: a\n\n"], [b"data: a\n\n"], b""),
        ([b"data: a\n\ndata: b\n\n"], [b"data: a\n\n", b"data: b\n\n"], b""),
        ([b"data: a\r\n\r\ndata: b\r\n\r\n"], [b"data: a\r\n\r\n", b"data: b\r\n\r\n"], b""),
        ([b"data: a\r\rdata: b\r\r"], [b"data: a\r\r", b"data: b\r\r"], b""),
        ([b"data: a\n\r\ndata: b\r\n\n"], [b"data: a\n\r\n", b"data: b\r\n\n"], b""),
        ([b"data: a\n", b"\ndata: b"], [b"data: a\n\n"], b"data: b"),
        ([b"data: a\r\n\r", b"\ndata: b\n\n"], [b"data: a\r\n\r\n", b"data: b\n\n"], b""),
        ([b"data: a\n\r", b"data: b\n\n"], [b"data: a\n\r", b"data: b\n\n"], b""),
        ([b"d", b"a", b"", b"ta: a", b"\n", b"\n"], [b"data: a\n\n"], b""),
        ([b"\n\n\n"], [b"\n\n"], b"\n"),
        ([b"\n"], [], b"\n"),
        ([b""], [], b""),
        ([b"data: \xc3", b"\xa9\xe4\xbd", b"\xa0\n\n"], ["data: é你\n\n".encode()], b""),
    ],
)
def test_events_keep_every_byte(chunks: list[bytes], events: list[bytes], tail: bytes) -> None:
    splitter = sse.SseSplitter()
    assert [event for chunk in chunks for event in splitter.feed(chunk)] == events
    assert splitter.close() == tail
    assert splitter.close() == b""


def test_one_whole_event_is_handed_on_without_a_copy() -> None:
    chunk = b"data: {}\n\n"
    assert sse.SseSplitter().feed(chunk)[0] is chunk


@pytest.mark.parametrize("chunk_bytes", [1, 3, 7, 64, 1000])
@pytest.mark.parametrize("ending", [b"\n\n", b"", b"\r\n\r\n"])
def test_an_event_over_the_limit_is_a_protocol_error_however_it_arrives(chunk_bytes: int, ending: bytes) -> None:
    stream = b"data: " + b"x" * 95 + ending
    splitter = sse.SseSplitter(limit_bytes=100)
    chunks = [stream[start : start + chunk_bytes] for start in range(0, len(stream), chunk_bytes)]
    with pytest.raises(UpstreamProtocol, match="100 bytes"):
        [splitter.feed(chunk) for chunk in chunks]
    with pytest.raises(UpstreamProtocol):
        splitter.feed(b"data: a\n\n")


def test_an_event_of_exactly_the_limit_passes() -> None:
    event = b"data: " + b"x" * 92 + b"\n\n"
    assert len(event) == 100
    splitter = sse.SseSplitter(limit_bytes=100)
    assert splitter.feed(event + event) == [event, event]
    assert splitter.feed(event[:50]) + splitter.feed(event[50:]) == [event]


def test_a_limit_bounds_events_not_chunks() -> None:
    assert len(sse.SseSplitter(limit_bytes=16).feed(b"data: a\n\n" * 100)) == 100


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\n\n", b"{}"),
        (b"data:  {}\n\n", b" {}"),
        (b"data: a\r\n\r\n", b"a"),
        (b"data: a\r\r", b"a"),
        (b"data: a\rdata: b\n\n", b"a\nb"),
        (b"event: x\ndata: a\n\n", b"a"),
        (b"data: a\nevent: x\n\n", b"a"),
        (b"data: a\ndata\ndata: b\n\n", b"a\n\nb"),
        (b"data\n\n", b""),
        (b"data:\n\n", b""),
        (b"database: a\n\n", None),
        (b": keep-alive\n\n", None),
        (b": data: a\n\n", None),
        (b"event: ping\n\n", None),
        (b"\n\n", None),
        (b"", None),
        (b"\xef\xbb\xbfdata: a\n\n", b"a"),
        (b"\ndata: a\n\n", b"a"),
        (b"data: a", b"a"),
        (b"data: ", b""),
        (b": c\ndata: a\nid: 3\nretry: 5\n\n", b"a"),
    ],
)
def test_data_of(event: bytes, payload: bytes | None) -> None:
    assert sse.data_of(event) == payload


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (b"event: ping\ndata: {}\n\n", b"ping"),
        (b"data: {}\r\nevent:ping\r\n\r\n", b"ping"),
        (b"event: a\nevent: b\n\n", b"b"),
        (b"event\n\n", b""),
        (b'data: {"type": "event: x"}\n\n', None),
        (b"data: {}\n\n", None),
        (b": event: x\n\n", None),
        (b"\xef\xbb\xbfevent: a\n\n", b"a"),
    ],
)
def test_name_of(event: bytes, name: bytes | None) -> None:
    assert sse.name_of(event) == name


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (b": keep-alive\n\n", True),
        (b":\r\n\r\n", True),
        (b"\n\n", True),
        (b": a\n: b\n\n", True),
        (b": a\ndata: b\n\n", False),
        (b"event: ping\n\n", False),
        (b"id: 4\n\n", False),
        (b"data: a\n\n", False),
    ],
)
def test_is_comment(event: bytes, expected: bool) -> None:
    assert sse.is_comment(event) is expected


def test_encoders() -> None:
    assert sse.data(b"{}") == b"data: {}\n\n"
    assert sse.data(b"a\nb\r\nc") == b"data: a\ndata: b\ndata: c\n\n"
    assert sse.event(b"ping", b"{}") == b"event: ping\ndata: {}\n\n"
    assert sse.comment("kept alive") == b": kept alive\n\n"
    assert sse.comment("a\nb") == b": a\n: b\n\n"
    with pytest.raises(ValueError, match="one line"):
        sse.event(b"a\ndata: forged", b"{}")


def test_a_run_is_what_completes_and_is_taken_afterwards():
    splitter = sse.SseSplitter()
    assert splitter.run(b"data: a\n\ndata: b\n\nda") == b"data: a\n\ndata: b\n\n"
    assert splitter.idle  # nothing is taken yet
    splitter.take()
    assert not splitter.idle
    assert splitter.run(b"ta: c") == b""
    assert splitter.feed(b"ta: c") == []
    assert splitter.run(b"\n\n") == b"data: c\n\n"
    splitter.take()
    assert splitter.idle
    assert splitter.close() == b""


def test_what_a_run_leaves_comes_back():
    splitter = sse.SseSplitter()
    run = splitter.run(b"data: a\n\n\ndata: b")
    splitter.take(run[9:])
    assert splitter.feed(b"\n\n") == [b"\ndata: b\n\n"]


@pytest.mark.parametrize("chunk", [b"data: a\r\n\r\n", b"data: a\n\nx\r", b"data: a", b""])
def test_no_run_where_it_would_cost_something(chunk):
    assert sse.SseSplitter().run(chunk) == b""


def test_no_run_after_much_that_is_unfinished():
    splitter = sse.SseSplitter()
    splitter.feed(b"data: " + b"x" * (70 << 10))
    assert splitter.run(b"x\n\n") == b""
    small = sse.SseSplitter(limit_bytes=10)
    assert small.run(b"data: a\n\n" + b"y" * 11) == b""
