"""Streams as dialogues: this arrives, that is sent."""

import json

import pytest

from gateway.accounting.tally import Tally
from gateway.dialects import registry
from gateway.dialects.contract import ReplyContext
from gateway.errors import UpstreamProtocol
from gateway.ir.profile import DEFAULT
from gateway.pipeline.guard import Guard
from gateway.pipeline.transit import PRELUDE_BYTES_MAX, StreamFailed, Transit, last_event
from gateway.testing.judge import ScriptedJudge, verdict
from gateway.toolgate.values import DEFAULT_MANNER, Manner
from tests.unit.gateway.pipeline.made import exchange

CHAT, MESSAGES = registry.by_name("chat"), registry.by_name("messages")
CONTEXT = ReplyContext(reply_id="r", model="m", created_s=0)


def chunk(**delta):
    return b"data: " + json.dumps({"id": "c", "choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


ROLE = chunk(role="assistant", content="")
HELLO, THERE = chunk(content="hello"), chunk(content=" there")
STOP = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"no more","type":"server_error","code":503}}\n\n'


def made(*, client=CHAT, upstream=CHAT, context=None, hide_usage=False):
    tally = Tally()
    transit = Transit(
        client=client, upstream=upstream, profile=DEFAULT, context=context, tally=tally, hide_usage=hide_usage
    )
    return transit, tally


def test_the_prelude_waits_for_content():
    transit, _ = made()
    assert transit.feed(ROLE) == b""
    assert not transit.begun
    assert transit.feed(HELLO) == ROLE + HELLO
    assert transit.begun
    assert transit.feed(THERE) == THERE


def test_bytes_pass_as_they_came_and_the_end_is_held_for_the_comment():
    transit, tally = made()
    out = b"".join(map(transit.feed, (ROLE, HELLO, THERE, STOP, USAGE, DONE)))
    assert out == ROLE + HELLO + THERE + STOP + USAGE
    assert transit.complete
    assert transit.close() == b""
    assert transit.closing(b": comment\n\n") == b": comment\n\n" + DONE
    assert tally.usage.output_tokens == 2
    assert tally.finish.reason == "stop"


def test_usage_that_nobody_asked_for_is_counted_not_shown():
    transit, tally = made(hide_usage=True)
    out = b"".join(map(transit.feed, (ROLE, HELLO, STOP, USAGE, DONE)))
    assert out == ROLE + HELLO + STOP
    assert tally.usage.input_tokens == 9


@pytest.mark.parametrize("size", [1, 3, 50])
def test_any_chunking_sends_the_same(size):
    whole = ROLE + HELLO + THERE + STOP + USAGE + DONE
    transit, tally = made()
    out = b"".join(transit.feed(whole[i : i + size]) for i in range(0, len(whole), size))
    assert out + transit.close() + transit.closing(b"") == whole
    assert tally.text_bytes > 0


def test_an_error_before_content_is_raised():
    transit, _ = made()
    transit.feed(ROLE)
    with pytest.raises(StreamFailed) as caught:
        transit.feed(ERROR)
    assert caught.value.error.status == 503
    assert caught.value.raw == ERROR


def test_an_error_after_content_lets_the_content_out_first():
    transit, _ = made()
    transit.feed(ROLE + HELLO)
    assert transit.feed(THERE + ERROR) == THERE
    assert isinstance(transit.failure, StreamFailed)


def test_a_translated_error_has_no_raw_form():
    transit, _ = made(client=MESSAGES, context=CONTEXT)
    with pytest.raises(StreamFailed) as caught:
        transit.feed(ERROR)
    assert caught.value.raw == b""


def test_a_cut_stream_is_an_error():
    transit, _ = made()
    transit.feed(ROLE + HELLO)
    with pytest.raises(UpstreamProtocol):
        transit.close()
    nothing, _ = made()
    with pytest.raises(UpstreamProtocol):
        nothing.close()


def test_a_missing_end_is_added():
    transit, _ = made()
    transit.feed(ROLE + HELLO + STOP)
    assert transit.close() == b""
    assert transit.closing(b": c\n\n") == b": c\n\n" + DONE


def test_the_prelude_is_bounded():
    transit, _ = made()
    silent = chunk(role="assistant", content="", padding="x" * 10_000)
    for _ in range(PRELUDE_BYTES_MAX // len(silent)):
        assert transit.feed(silent) == b""
    with pytest.raises(UpstreamProtocol, match="1 MiB"):
        transit.feed(silent)


def test_what_is_no_text_is_refused():
    transit, _ = made()
    bad = b'data: {"choices":[{"index":0,"delta":{"content":"\xff"}}]}\n\n'
    with pytest.raises(UpstreamProtocol):
        transit.feed(bad)
    later, _ = made()
    later.feed(ROLE + HELLO)
    assert later.feed(bad) == b""
    assert isinstance(later.failure, UpstreamProtocol)


def test_translated_streams_end_in_their_own_way():
    transit, _ = made(client=MESSAGES, context=CONTEXT)
    out = b"".join(map(transit.feed, (ROLE, HELLO, STOP, USAGE, DONE))) + transit.close()
    assert b'"text":"hello"' in out.replace(b'": "', b'":"')
    assert b"message_stop" not in out
    assert b"message_stop" in transit.closing(b": c\n\n")
    assert b"message_stop" in transit.terminal


def test_nothing_after_the_end():
    transit, _ = made()
    transit.feed(ROLE + HELLO + STOP + DONE)
    assert transit.feed(THERE) == b""


def test_the_last_event_is_taken_apart() -> None:
    first, second = b'data: {"a": 1}\n\n', b"data: [DONE]\n\n"
    assert last_event(first + second) == (first, second)
    assert last_event(second) == (b"", second)
    assert last_event(b"") == (b"", b"")


def call(arguments=None, **named):
    function = {**named, **({} if arguments is None else {"arguments": arguments})}
    piece = {"index": 0, **({"id": "call_1", "type": "function"} if named else {}), "function": function}
    return chunk(tool_calls=[piece])


def test_runs_of_text_pass_as_they_came_and_are_counted():
    texts = [chunk(content=f"word{i} \n") for i in range(50)]
    whole = ROLE + HELLO + b"".join(texts) + STOP + USAGE + DONE
    one, counted = made()
    assert one.feed(whole) + one.closing(b"") == whole
    single, told = made()
    for event in (ROLE, HELLO, *texts, STOP, USAGE, DONE):
        single.feed(event)
    assert counted.text_bytes == told.text_bytes
    assert counted == told


@pytest.mark.parametrize("paced", [True, False])
def test_arguments_of_a_call_are_known_whatever_the_pace(paced):
    pieces = [call("", name="bash"), *[call(f'"{i}') for i in range(9)]]
    transit, tally = made()
    for data in [ROLE, *pieces] if paced else [ROLE + b"".join(pieces)]:
        transit.feed(data)
    assert tally.tool_calls[0].name == "bash"
    assert tally.text_bytes == len("bash") + 18


@pytest.mark.parametrize("paced", [True, False])
def test_reasoning_is_kept_whatever_the_pace(paced):
    thoughts = [chunk(reasoning_content=f"thought {i}\n") for i in range(9)]
    transit, tally = made()
    for data in [ROLE, *thoughts] if paced else [ROLE + b"".join(thoughts)]:
        transit.feed(data)
    assert tally.reasoning()[0].text == "".join(f"thought {i}\n" for i in range(9))


def test_an_event_that_only_looks_like_the_others_is_read():
    transit, tally = made()
    transit.feed(ROLE + b"".join(chunk(content="x") for _ in range(5)))
    disguised = chunk(content="x").replace(b'"x"', b'"x", "tool_calls": [{"index": 0, "function": {"name": "rm"}}]')
    transit.feed(chunk(content="y") + disguised + chunk(content="z"))
    assert [call.name for call in tally.tool_calls.values()] == ["rm"]


def test_broken_text_in_the_middle_of_a_run_ends_the_stream_there():
    transit, _ = made()
    transit.feed(ROLE + b"".join(chunk(content="x") for _ in range(5)))
    bad = chunk(content="!").replace(b"!", b"\xff")
    assert transit.feed(HELLO + bad + THERE) == HELLO
    assert isinstance(transit.failure, UpstreamProtocol)


def test_a_second_call_under_the_same_number_is_a_call_of_its_own():
    """Gemini's compatible API gives every call the index 0."""
    transit, tally = made()
    first = [call("", name="one"), call('{"a":'), call("1"), call("}")]
    second = call("{}", name="two").replace(b"call_1", b"call_2")
    transit.feed(ROLE + b"".join(first) + second + STOP + DONE)
    assert [c.name for c in tally.tool_calls.values()] == ["one", "two"]


PARTS = ['{"command":', '"echo \\"', "ä\\\\n", '\\""', ',"why":"x"', "}"]
BASH = chunk(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "bash", "arguments": ""}}])
CALLED = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n'


def piece(text):
    return chunk(tool_calls=[{"index": 0, "function": {"arguments": text}}])


def judged(manner=DEFAULT_MANNER):
    tally = Tally()
    request = {"tools": [{"type": "function", "function": {"name": "bash", "parameters": {}}}]}
    guard = Guard(ScriptedJudge(), exchange(request), manner)
    transit = Transit(
        client=CHAT, upstream=CHAT, profile=DEFAULT, context=None, tally=tally, hide_usage=False, guard=guard
    )
    return transit, tally


@pytest.mark.parametrize("parts", [PARTS, ["{", *["x" * 9000] * 20, "}"]])
@pytest.mark.parametrize("at_once", [False, True])
def test_pieces_of_a_held_call_are_counted_as_they_come_and_read_as_one(parts, at_once):
    transit, tally = judged()
    said = b"".join(map(piece, parts))
    before = 0
    assert transit.feed(ROLE + BASH) == b""
    for arrived in [said] if at_once else map(piece, parts):
        assert transit.feed(arrived) == b""
        assert tally.text_bytes > before
        before = tally.text_bytes
    assert tally.text_bytes == len("".join(parts).encode()) + len("bash")
    assert transit.feed(CALLED + DONE) == b""
    assert [call.arguments.decode() for call in transit.need] == ["".join(parts)]
    assert transit.resolve([verdict("allow")]) == ROLE + BASH + said + CALLED


@pytest.mark.parametrize("room", [60, 400, 100_000])
def test_pieces_that_nobody_has_read_yet_count_towards_the_bound(room):
    transit, _ = judged(Manner(held_bytes=room + len(ROLE + BASH)))
    transit.feed(ROLE + BASH)
    while transit._gate.room:
        transit.feed(piece("x" * 50))
    assert transit._gate._over
    assert transit._gate._held_bytes <= room + len(ROLE + BASH) + len(piece("x" * 50))


def test_pieces_that_nobody_has_read_yet_are_refused_with_their_call():
    transit, _ = judged()
    for arrived in (BASH, *map(piece, PARTS[:4])):
        transit.feed(arrived)
    transit.expire()
    out = b"".join(map(transit.feed, (*map(piece, PARTS[4:]), CALLED, DONE)))
    assert b"echo" not in out
    assert b"[interlock] Not allowed: bash" in out
