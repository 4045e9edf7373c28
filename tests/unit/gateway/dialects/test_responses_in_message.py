from __future__ import annotations

import pytest

from gateway.ir.events import Annotated, BlockStart, BlockStop, Delta, Finished, Started, UsageReport
from gateway.ir.request import Refusal, Text
from gateway.ir.usage import Usage
from tests.support.responses_in import CREATED, added, completed, decoded, done, text, whole


def test_a_message() -> None:
    part = {"type": "output_text", "text": "hello", "annotations": [{"type": "file_path", "file_id": "f", "index": 0}]}
    assert decoded(
        CREATED,
        {"type": "response.in_progress", "response": CREATED["response"]},
        added(0, type="message", id="msg_0", role="assistant", content=[]),
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": {"type": "output_text"}},
        text(0, "hel"),
        text(0, "lo"),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hello"},
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part},
        done(0, type="message", id="msg_0", role="assistant", content=[part]),
        completed([{"type": "message", "id": "msg_0", "role": "assistant", "content": [part]}]),
    ) == [
        Started("resp_1", "gpt", 7),
        BlockStart(0, Text("")),
        Delta(0, "hel"),
        Delta(0, "lo"),
        Annotated(0, b'{"type":"file_path","file_id":"f","index":0}'.replace(b":", b": ").replace(b",", b", ")),
        BlockStop(0),
        UsageReport(Usage(10, output_tokens=3)),
        Finished("stop"),
    ]


def test_text_is_found_wherever_it_is_told() -> None:
    message = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
    part = {"type": "output_text", "text": "hi"}
    for events in (
        [text(0, "hi"), completed()],
        [{"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hi"}, completed()],
        [{"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part}, completed()],
        [done(0, **message), completed()],
        [completed([message])],
        [completed([{**message, "content": "hi"}])],
    ):
        assert whole(*events).parts == (Text("hi"),), events


def test_text_is_not_doubled_when_deltas_were_passed_through_unfed() -> None:
    """Pass-through feeds the first delta only; `done` must not tell it again."""
    assert whole(
        CREATED, text(0, "he"), {"type": "response.output_text.done", "output_index": 0, "text": "hello"}, completed()
    ).parts == (Text("he"),)


@pytest.mark.case("3A.17")
def test_every_part_of_a_message_is_kept() -> None:
    """Several content parts and several messages are several blocks.

    gateways.md case 3A.17 (agentgateway#2007), 3A.23 (plano#978)."""
    reply = whole(CREATED, text(0, "a", 0), text(0, "b", 1), text(1, "c"), completed())
    assert reply.parts == (Text("a"), Text("b"), Text("c"))


def test_refusals() -> None:
    refusal = {"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "no"}
    reply = whole(CREATED, refusal, completed())
    assert reply.parts == (Refusal("no"),)
    assert reply.finish == Finished("refusal")
    assert whole(CREATED, text(0, "a"), {**refusal, "content_index": 1}, completed()).finish == Finished("stop")
