"""Any chunking of any byte stream gives the same events, and no byte is lost."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamProtocol
from gateway.wire import sse

# Streams made mostly of what can go wrong: line ends in any mixture, around field names and broken UTF-8.
STREAM = st.lists(
    st.sampled_from(
        [
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"data: x",
            b"data:",
            b"event: e",
            b":c",
            b"\xc3",
            b"\xa9",
            b"\xef\xbb\xbf",
            b" ",
        ]
    )
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)


@st.composite
def chunked(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    stream = draw(STREAM)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return stream, [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]


def run(chunks: list[bytes]) -> tuple[list[bytes], bytes]:
    splitter = sse.SseSplitter()
    return [event for chunk in chunks for event in splitter.feed(chunk)], splitter.close()


@given(chunked())
def test_chunking_does_not_matter_and_no_byte_is_lost(given_: tuple[bytes, list[bytes]]) -> None:
    stream, chunks = given_
    events, tail = run(chunks)
    assert b"".join(events) + tail == stream
    assert (events, tail) == run([stream])
    assert (events, tail) == run([stream[i : i + 1] for i in range(len(stream))])


@given(STREAM)
def test_every_event_ends_at_its_first_blank_line(stream: bytes) -> None:
    events, tail = run([stream])
    blank = re.compile(rb"(\r\n|\n|\r)(\r\n|\n|\r)$")
    for event in events:
        assert blank.search(event)
        assert not re.search(rb"\n\n|\r\r|\n\r\n", event[:-1])
    assert not re.search(rb"\n\n|\r\r|\n\r\n", tail)


def dispatched(stream: bytes) -> list[tuple[bytes, bytes | None]]:
    """A plain reading of the standard, line by line: what a browser would dispatch (names kept as written)."""
    found: list[tuple[bytes, bytes | None]] = []
    data: list[bytes] | None = None
    name: bytes | None = None
    for line in re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf")):
        if not line:
            if data is not None:
                found.append((b"\n".join(data), name))
            data, name = None, None
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data" and line:
            data = [*(data or []), value]
        if field == b"event":
            name = value
    return found


@given(STREAM.filter(lambda stream: b"\xef\xbb\xbf" not in stream[1:]), st.integers(1, 9))
def test_readers_agree_with_the_standard_read_line_by_line(stream: bytes, size: int) -> None:
    events, _ = run([stream[i : i + size] for i in range(0, len(stream), size)])
    seen = [(payload, sse.name_of(event)) for event in events if (payload := sse.data_of(event)) is not None]
    expected = dispatched(stream)
    # a name before an empty line is forgotten by both; an unterminated last event is dispatched by neither
    assert seen == expected[: len(seen)]
    assert len(expected) - len(seen) in (0, 1)  # `\n\r` at the very end waits for its next byte


@given(STREAM, st.integers(1, 50), st.integers(1, 9))
def test_arbitrary_bytes_raise_nothing_but_the_one_error(stream: bytes, limit: int, size: int) -> None:
    splitter = sse.SseSplitter(limit_bytes=limit)
    try:
        for start in range(0, len(stream), size):
            for event in splitter.feed(stream[start : start + size]):
                assert len(event) <= limit
                sse.data_of(event)
                sse.name_of(event)
                sse.is_comment(event)
    except UpstreamProtocol:
        assert len(stream) > limit


@given(st.binary(max_size=60), st.binary(max_size=20).filter(lambda name: not re.search(rb"[\r\n]", name)))
def test_what_is_encoded_is_one_event_that_reads_back(payload: bytes, name: bytes) -> None:
    lines = re.sub(rb"\r\n|\r", b"\n", payload)
    for event, expected in ((sse.data(payload), None), (sse.event(name, payload), name)):
        assert run([event]) == ([event], b"")
        assert sse.data_of(event) == lines
        assert sse.name_of(event) == expected
    comment = sse.comment(payload.decode("latin-1"))
    assert run([comment]) == ([comment], b"")
    assert sse.is_comment(comment)
