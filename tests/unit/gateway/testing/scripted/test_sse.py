"""Framing and faults of bytes: what is written when."""

from __future__ import annotations

import pytest

from gateway.testing.scripted.faults import Chosen, parse
from gateway.testing.scripted.sse import frame, steps
from gateway.testing.scripted.turns import Cut, Pause

EVENTS = [("start", b'{"n":1}'), ("text", b'{"n":2}'), ("text", b'{"n":3}'), ("done", b"[DONE]")]


def test_frames() -> None:
    assert frame(b"{}", "chat", Chosen()) == b"data: {}\n\n"
    assert frame(b"{}", "chat", parse("crlf")) == b"data: {}\r\n\r\n"
    assert frame(b"{}", "chat", parse("no_space")) == b"data:{}\n\n"
    assert frame(b'{"type":"ping"}', "messages", Chosen()) == b'event: ping\ndata: {"type":"ping"}\n\n'


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        ("", ["1", "2", "3", "D"]),
        ("no_done", ["1", "2", "3"]),
        ("cut", ["1", "2", Cut()]),
        ("cut_early", [Cut()]),
        ("hang:4", [Pause(4), "1", "2", "3", "D"]),
        ("stall:2", ["1", "2", Pause(2), "3", "D"]),
        ("midstream_error", ["1", "2", "e"]),
    ],
)
def test_where_trouble_is(fault: str, shape: list[object]) -> None:
    def seen(step: object) -> object:
        if not isinstance(step, bytes):
            return step
        return "D" if b"DONE" in step else "e" if b"error" in step else step[11:12].decode()

    assert [seen(step) for step in steps(EVENTS, "chat", parse(fault))] == shape


def test_comments_and_pauses_stand_between_events() -> None:
    assert steps(EVENTS, "chat", parse("comments"))[::2] == (b": keep-alive\n\n",) * 4
    assert steps(EVENTS, "chat", Chosen(), pause_s=0.5)[1::2] == (Pause(0.5),) * 4


def test_pieces() -> None:
    clean = b"".join(step for step in steps(EVENTS, "chat", Chosen()) if isinstance(step, bytes))
    assert steps(EVENTS, "chat", parse("coalesced")) == (clean,)
    assert b"".join(steps(EVENTS, "chat", parse("split_utf8"))) == clean  # type: ignore[arg-type]
