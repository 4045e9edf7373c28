"""A reading that continues an earlier one says exactly what a fresh one says."""

import dataclasses
import json
import random

import msgspec
import pytest

from gateway.dialects import registry
from gateway.errors import MalformedRequest
from gateway.ir.profile import DEFAULT
from gateway.pipeline import estimate
from gateway.pipeline.readings import OVERHEAD_BYTES, PER_CALLER_MAX, Reading, Readings

IMAGE = "A" * 2000
HEADERS = ((b"user-agent", b"x/1"), (b"content-length", b"1"))
NOT_SAID = ("source", "members", "found", "fitted", "plans")  # how a view was read, not what it says


def said(view):
    return {
        f.name: [bytes(m) for m in value]
        if f.name in ("messages", "tools")
        else bytes(value)
        if isinstance(value, msgspec.Raw)
        else value
        for f in msgspec.structs.fields(type(view))
        if f.name not in NOT_SAID
        for value in [getattr(view, f.name)]
    }


def chat(turns, *, tail=None, space=False):
    separators = (", ", ": ") if space else (",", ":")
    body = {
        "model": "up/m",
        "messages": turns,
        "stream": True,
        "tools": [{"type": "function", "function": {"name": "t"}}],
    }
    return json.dumps({**body, **(tail or {})}, separators=separators).encode()


def messages(turns, **more):
    return json.dumps({"max_tokens": 9, "system": "s", "messages": turns, "model": "up/m"}).encode()


def responses(turns, **more):
    return json.dumps({"input": turns, "model": "up/m", "instructions": "s"}).encode()


def turn(n, dialect):
    if dialect == "responses":
        return [
            {"role": "user", "content": [{"type": "input_text", "text": f"ask {n}"}]},
            {"type": "reasoning", "id": f"rs_{n}", "encrypted_content": f"sealed {n}", "summary": []},
            {"type": "function_call", "call_id": f"c{n}", "name": "t", "arguments": "{}"},
            {"type": "function_call_output", "call_id": f"c{n}", "output": "x" * n},
        ]
    if dialect == "messages":
        return [
            {"role": "user", "content": [{"type": "text", "text": f"ask {n} é"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "t", "signature": f"s{n}"},
                    {"type": "tool_use", "id": f"c{n}", "name": "t", "input": {}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"c{n}", "content": "x" * n}]},
        ]
    return [
        {"role": "user", "content": f"ask {n} é"},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "t",
            "tool_calls": [{"id": f"c{n}", "type": "function", "function": {"name": "t", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": f"c{n}", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]},
    ]


@pytest.mark.parametrize(("dialect", "make"), [("chat", chat), ("messages", messages), ("responses", responses)])
def test_every_turn_of_a_session_reads_as_if_it_were_the_first(dialect, make):
    kept = Readings(1 << 20)
    known = registry.by_name(dialect)
    turns, continued = [], 0
    for n in range(1, 9):
        turns += turn(n, dialect)
        body = make(turns)
        reading = kept.read(known, "k", HEADERS, body)
        continued += reading.new_from > 0
        fresh = known.read(body)
        assert said(reading.view) == said(fresh)
        assert reading.seen(known) == known.seen_reasoning(fresh)
        assert len(reading.seen(known)) == n
        assert reading.messages_bytes == sum(map(len, fresh.messages))
        assert body[slice(*reading.view.span_model)] == b'"up/m"'
        size = estimate.of_messages(reading.view, reading.size, reading.sized_to)
        reading.size, reading.sized_to = size, len(reading.view.messages)
        assert size == estimate.of_messages(fresh)
    assert continued == 7


def test_what_is_no_continuation_is_read_anew():
    kept, known = Readings(1 << 20), registry.by_name("chat")
    first = chat(turn(1, "chat"))
    kept.read(known, "k", HEADERS, first)
    for other in (
        chat([*turn(1, "chat"), *turn(2, "chat")], tail={"temperature": 1}),  # another field changed
        chat([{"role": "user", "content": "else"}]),  # another conversation
        chat(turn(1, "chat")[:2]),  # taken back
        chat([*turn(1, "chat"), *turn(2, "chat")], space=True),  # written differently
    ):
        reading = kept.read(known, "k", HEADERS, other)
        assert reading.new_from == 0
        assert said(reading.view) == said(known.read(other))
    assert kept.read(known, "other key", HEADERS, chat([*turn(1, "chat"), *turn(2, "chat")])).new_from == 0


@pytest.mark.parametrize(
    "added",
    [
        b",",
        b',{"role":"user"}',
        b', {"role":"user","content":"x"} ,',
        b",7",
        b',{"role":"user","content":"\xff"}',
        b"x",
        b"]",
    ],
)
def test_a_bad_continuation_is_judged_like_a_bad_request(added):
    kept, known = Readings(1 << 20), registry.by_name("chat")
    first = chat(turn(1, "chat"))
    at = kept.read(known, "k", HEADERS, first).view.messages_end
    body = first[:at] + added + first[at:]

    def outcome(read):
        try:
            return said(read())
        except MalformedRequest as error:
            return error.where

    assert outcome(lambda: kept.read(known, "k", HEADERS, body).view) == outcome(lambda: known.read(body))


def test_the_same_body_again_is_the_same_reading():
    kept, known = Readings(1 << 20), registry.by_name("chat")
    body = chat(turn(1, "chat"))
    assert kept.read(known, "k", HEADERS, bytes(bytearray(body))) is kept.read(known, "k", HEADERS, body)


def test_headers_that_change_with_every_request_do_not_hide_the_session():
    kept, known = Readings(1 << 20), registry.by_name("chat")
    kept.read(known, "k", ((b"x-session-id", b"s"), (b"traceparent", b"1")), chat(turn(1, "chat")))
    again = chat([*turn(1, "chat"), *turn(2, "chat")])
    assert kept.read(known, "k", ((b"x-session-id", b"s"), (b"traceparent", b"2")), again).new_from == 3
    assert kept.read(known, "k", ((b"x-session-id", b"t"), (b"traceparent", b"2")), again).new_from == 0


def test_memory_is_bounded_and_several_conversations_share_headers():
    limit = 20 * (OVERHEAD_BYTES + 400)
    kept, known = Readings(limit), registry.by_name("chat")
    chance = random.Random(1)
    for n in range(200):
        headers = ((b"x-session-id", b"%d" % chance.randrange(30)),)
        kept.read(known, "k", headers, chat([{"role": "user", "content": f"{n}"}]))
        assert kept.held_bytes <= limit + PER_CALLER_MAX * (OVERHEAD_BYTES + 400)
    for n in range(PER_CALLER_MAX):
        kept.read(known, "k", HEADERS, chat([{"role": "user", "content": f"c{n}"}]))
    reading = kept.read(
        known, "k", HEADERS, chat([{"role": "user", "content": "c0"}, {"role": "user", "content": "more"}])
    )
    assert reading.new_from == 1


def test_an_open_turn_is_not_remembered_as_closed():
    """A request that ends with the assistant's own words (prefill): what is appended may belong to the same turn."""
    known = registry.by_name("messages")
    kept = Readings(1 << 20)
    whole = turn(1, "messages")
    reading = kept.read(known, "k", HEADERS, messages(whole[:2]))
    assert reading.seen(known) == known.seen_reasoning(known.read(messages(whole[:2])))
    grown = kept.read(known, "k", HEADERS, messages(whole))
    assert grown.new_from == 2
    assert grown.seen(known) == known.seen_reasoning(known.read(messages(whole)))


def test_a_reading_starts_from_nothing():
    view = registry.by_name("chat").read(chat(turn(1, "chat")))
    reading = Reading(b"", view)
    assert (reading.new_from, reading.found, reading.session, reading.labels) == (0, None, None, None)


def test_traces_that_need_nothing_are_not_looked_at_again():
    dialect, kept = registry.by_name("responses"), Readings(1 << 20)
    turns = turn(1, "responses")
    first = kept.read(dialect, "k", HEADERS, responses(turns))
    seen = first.seen(dialect)
    assert seen == first.unsound(seen, "a", DEFAULT, ("a",))
    first.found_sound("a", DEFAULT, ("a",))

    later = kept.read(dialect, "k", HEADERS, responses([*turns, *turn(2, "responses")]))
    seen = later.seen(dialect)
    assert later.unsound(seen, "a", DEFAULT, ("a",)) == seen[len(first.seen(dialect)) :] != []
    # Another minter, another profile, or a session that has seen one more: everything counts anew.
    assert later.unsound(seen, "b", DEFAULT, ("a",)) == seen
    assert later.unsound(seen, "a", dataclasses.replace(DEFAULT, echo_reasoning="optional"), ("a",)) == seen
    assert later.unsound(seen, "a", DEFAULT, ("a", "b")) == seen
