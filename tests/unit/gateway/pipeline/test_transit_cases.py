"""One streamed reply: upstream bytes in, client bytes out."""

from __future__ import annotations

import pytest

from gateway.accounting.tally import Tally
from gateway.dialects import registry
from gateway.dialects.contract import ReplyContext
from gateway.errors import UpstreamOverloaded, UpstreamProtocol
from gateway.ir.profile import DEFAULT
from gateway.ir.request import DialectName
from gateway.pipeline.transit import PRELUDE_BYTES_MAX, StreamFailed, Transit, last_event
from tests.unit.gateway.pipeline.made import DONE, END, ROLE, delta, event, usage_event

COMMENT = b": interlock {}\n\n"
FAILED = event({"error": {"message": "overloaded", "type": "server_error", "code": 503}})


def transit(client: DialectName = "chat", *, hide_usage: bool = False, tally: Tally | None = None) -> Transit:
    context = None if client == "chat" else ReplyContext(reply_id="abc", model="auto", created_s=1)
    return Transit(
        client=registry.by_name(client),
        upstream=registry.by_name("chat"),
        profile=DEFAULT,
        context=context,
        tally=tally or Tally(),
        hide_usage=hide_usage,
    )


def through(made: Transit, *chunks: bytes) -> bytes:
    data = b"".join(map(made.feed, chunks)) + made.close()
    return data + made.closing(COMMENT)


def test_bytes_pass_and_the_comment_stands_before_done() -> None:
    events = [ROLE, delta(content="a"), delta(content="ß"), END]
    assert through(transit(), *events, DONE) == b"".join(events) + COMMENT + DONE


def test_nothing_is_released_before_content() -> None:
    made = transit()
    assert made.feed(ROLE) == b""
    assert not made.begun
    assert made.feed(delta(content="a")) == ROLE + delta(content="a")
    assert made.begun


def test_a_prelude_has_a_bound() -> None:
    made = transit()
    with pytest.raises(UpstreamProtocol, match="before any content"):
        made.feed(delta(role="assistant", content="", x="y" * PRELUDE_BYTES_MAX))


def test_a_tool_call_is_content_at_once() -> None:
    call = delta(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}])
    tally = Tally()
    made = transit(tally=tally)
    assert made.feed(call) == call
    assert tally.tool_call_ids() == ("c1",)


def test_what_was_forwarded_unread_is_counted() -> None:
    tally = Tally()
    through(transit(tally=tally), ROLE, delta(content="abc"), delta(content="dé"), delta(content="fghi"), END, DONE)
    assert tally.text_bytes == len("abcdéfghi".encode())


@pytest.mark.parametrize("hide", [True, False])
def test_usage_that_only_we_asked_for_is_read_and_hidden(hide: bool) -> None:
    tally = Tally()
    usage = usage_event(prompt_tokens=5, completion_tokens=2)
    data = through(transit(hide_usage=hide, tally=tally), ROLE, delta(content="a"), END, usage, DONE)
    assert (usage in data) is not hide
    assert tally.usage is not None
    assert (tally.usage.input_tokens, tally.usage.output_tokens) == (5, 2)


def test_a_forgotten_done_is_added_and_what_follows_one_is_not_read() -> None:
    assert through(transit(), ROLE, delta(content="a"), END).endswith(COMMENT + DONE)
    assert through(transit(), ROLE, delta(content="a"), END, DONE, event("{garbage")).count(b"data:") == 4


def test_an_error_event_before_content_is_raised() -> None:
    with pytest.raises(StreamFailed) as caught:
        transit().feed(ROLE + FAILED)
    assert isinstance(caught.value.error, UpstreamOverloaded)
    assert caught.value.raw == FAILED


def test_one_after_content_is_kept_behind_what_came_before_it() -> None:
    made = transit()
    made.feed(delta(content="a"))
    assert made.feed(delta(content="b") + FAILED) == delta(content="b")
    assert isinstance(made.failure, StreamFailed)


@pytest.mark.parametrize("bad", [event("{not json"), b'data: {"x": "\xff"}\n\n'])
def test_what_cannot_be_read_is_never_passed(bad: bytes) -> None:
    made = transit()
    made.feed(delta(content="a"))
    assert made.feed(bad) == b""
    assert isinstance(made.failure, UpstreamProtocol)


def test_a_cut_stream_is_no_end() -> None:
    made = transit()
    made.feed(ROLE + delta(content="a"))
    with pytest.raises(UpstreamProtocol):
        made.close()


def test_a_translated_stream_ends_in_the_clients_way() -> None:
    made = transit("messages")
    data = through(made, ROLE, delta(content="a"), END, DONE)
    assert b"message_start" in data
    assert b"[DONE]" not in data
    assert data.endswith(COMMENT + registry.by_name("messages").terminal)
    assert b"message_stop" in made.terminal


@pytest.mark.parametrize(
    ("data", "before", "last"),
    [
        (b"", b"", b""),
        (b"a\n\n", b"", b"a\n\n"),
        (b"a\n\nb\n\nc\n\n", b"a\n\nb\n\n", b"c\n\n"),
        (ROLE + DONE, ROLE, DONE),
    ],
)
def test_the_last_event_is_taken_apart(data: bytes, before: bytes, last: bytes) -> None:
    assert last_event(data) == (before, last)
