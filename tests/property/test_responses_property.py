"""Properties of the Responses dialect over generated requests, replies and garbage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.dialects._responses_custom import InputExtractor
from gateway.dialects._responses_read import KNOWN
from gateway.dialects.contract import ReplyContext, Target
from gateway.dialects.responses import DIALECT
from gateway.errors import GatewayError, MalformedRequest, UpstreamError, UpstreamProtocol
from gateway.ir.events import Event, Finished, Response, fold, unfold
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import Opaque, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter

ALL = Profile(
    custom_tools=True, encrypted_reasoning=True, tool_images=True, documents=True, audio=True, cache_key_field=True
)
TARGET = Target(model="up", profile=ALL)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
named = st.text("abcz_-", min_size=1, max_size=80)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)

# --- requests ---

parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("input_text"), "text": words}),
    st.fixed_dictionaries(
        {"type": st.just("input_image"), "detail": st.just("auto"), "image_url": st.just("https://e.com/a")}
    ),
    st.fixed_dictionaries({"type": st.just("input_image"), "image_url": st.just("data:image/png;base64,AA")}),
    st.fixed_dictionaries({"type": st.just("input_file"), "file_data": st.just("data:text/plain;base64,aGk=")}),
    st.fixed_dictionaries({"type": st.just("input_file"), "file_id": words.filter(bool)}),
)
ids = st.sampled_from(["a", "b", "c", "x" * 80])
items = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system", "developer", "assistant"]), "content": words}),
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": st.lists(parts, max_size=3)}),
    st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "role": st.just("assistant"),
            "content": st.lists(
                st.one_of(
                    st.fixed_dictionaries({"type": st.just("output_text"), "text": words}),
                    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": words}),
                ),
                max_size=3,
            ),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("function_call"), "call_id": ids, "name": named, "arguments": words},
        optional={"namespace": named, "id": st.just("fc_1")},
    ),
    st.fixed_dictionaries({"type": st.just("custom_tool_call"), "call_id": ids, "name": named, "input": words}),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["function_call_output", "custom_tool_call_output"]),
            "call_id": ids,
            "output": words | st.lists(parts, max_size=2),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("reasoning"),
            "summary": st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": words}), max_size=2),
        },
        optional={"encrypted_content": words, "id": st.just("rs_1")},
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["web_search_call", "local_shell_call", "compaction"]), "id": words}
    ),
)
functions = st.fixed_dictionaries(
    {"type": st.just("function"), "name": named},
    optional={
        "description": words,
        "parameters": st.dictionaries(words, json_values, max_size=2),
        "strict": st.booleans(),
    },
)
customs = st.fixed_dictionaries({"type": st.just("custom"), "name": named}, optional={"description": words})
tools = st.one_of(
    functions,
    customs,
    st.fixed_dictionaries(
        {
            "type": st.just("namespace"),
            "name": named,
            "description": words,
            "tools": st.lists(functions | customs, max_size=3),
        }
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["web_search", "mcp", "local_shell"]), "x": json_values}),
)
requests = st.fixed_dictionaries(
    {"model": words.filter(bool), "input": words | st.lists(items, max_size=7)},
    optional={
        "instructions": words | st.none(),
        "tools": st.lists(tools, max_size=4),
        "tool_choice": st.sampled_from(
            [
                "auto",
                "none",
                "required",
                {"type": "web_search"},
                {"type": "function", "name": "a"},
                {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "a"}, {"type": "mcp"}],
                },
            ]
        ),
        "stream": st.booleans() | st.none(),
        "store": st.booleans(),
        "temperature": st.floats(0, 2),
        "max_output_tokens": st.integers(1, 10**6),
        "parallel_tool_calls": st.booleans(),
        "reasoning": st.dictionaries(st.sampled_from(["effort", "summary", "generate_summary", "context"]), words),
        "text": st.fixed_dictionaries(
            {},
            optional={
                "verbosity": words,
                "format": st.sampled_from(
                    [{"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "schema": {}}]
                ),
                "later": json_values,
            },
        ),
        "include": st.lists(words, max_size=2),
        "metadata": st.dictionaries(words, words, max_size=2),
        "user": words,
        "safety_identifier": words,
        "prompt_cache_key": words,
        "service_tier": words,
        "truncation": st.sampled_from(["auto", "disabled"]),
        "prompt": st.fixed_dictionaries({"id": words}),
        "stream_options": st.fixed_dictionaries({"include_obfuscation": st.booleans()}),
        "brand_new": json_values,
    },
)


EMPTY_BESIDE = {"role": "system", "content": [{"type": "input_text", "text": ""}, {"type": "input_text", "text": "0"}]}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests)
@example({"model": "0", "input": [EMPTY_BESIDE]})
def test_decoding_and_encoding_is_stable(body: dict[str, Any]) -> None:
    once = DIALECT.encode_request(DIALECT.decode_request(json.dumps(body).encode()), TARGET).body
    assert DIALECT.encode_request(DIALECT.decode_request(once), TARGET).body == once


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests)
def test_every_call_leaves_with_its_result_and_ids_fit(body: dict[str, Any]) -> None:
    sent = json.loads(DIALECT.encode_request(DIALECT.decode_request(json.dumps(body).encode()), TARGET).body)
    waiting: set[str] = set()
    for item in sent["input"]:
        kind = item.get("type", "message")
        if kind.endswith("tool_call") or kind == "function_call":
            assert len(item["call_id"]) <= 64
            assert len(item["name"]) <= 64
            waiting.add(item["call_id"])
        elif kind in ("function_call_output", "custom_tool_call_output"):
            assert item["call_id"] in waiting
            waiting.discard(item["call_id"])
    assert not waiting


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(words.filter(lambda k: k not in KNOWN), json_values, max_size=4),
    words.filter(bool),
    st.sampled_from([None, 1, 2]),
    st.booleans(),
    st.integers(0, 4),
)
def test_adapt_changes_nothing_but_the_model(
    extra: dict[str, Any], model: str, indent: int | None, ascii_only: bool, place: int
) -> None:
    pairs = [*extra.items(), ("input", [{"role": "user", "content": "model"}])]
    pairs.insert(min(place, len(pairs)), ("model", model))
    body = json.dumps(dict(pairs), indent=indent, ensure_ascii=ascii_only).encode()
    view = DIALECT.read(body)
    start, end = view.span_model
    assert json.loads(body[start:end]) == model == view.model
    adapted = DIALECT.adapt(body, view, TARGET, ask_usage=True)
    assert adapted == (body[:start] + b'"up"' + body[end:] if model != "up" else body)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
def test_garbage_is_malformed_and_nothing_else(body: bytes) -> None:
    for read in (DIALECT.read, DIALECT.decode_request):
        with pytest.raises(MalformedRequest):
            read(body)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests, st.data())
def test_a_damaged_request_is_our_own_error(body: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(body)))
    body[key] = data.draw(json_values)
    raw = json.dumps(body).encode()
    for read in (DIALECT.read, DIALECT.decode_request):
        assert status_of(read, raw) in (200, 400, 422)


def status_of(read: Callable[[bytes], object], raw: bytes) -> int:
    try:
        read(raw)
    except GatewayError as error:
        return error.status
    return 200


@settings(max_examples=150, deadline=None)
@given(words, st.lists(st.integers(1, 6), max_size=20), st.booleans())
def test_free_text_comes_out_of_any_pieces(text: str, cuts: list[int], ascii_only: bool) -> None:
    whole = json.dumps({"input": text}, ensure_ascii=ascii_only)
    extractor = InputExtractor()
    out, position = [], 0
    for size in [*cuts, len(whole)]:
        out.append(extractor.feed(whole[position : position + size]))
        position += size
    assert "".join(out) + extractor.close() == text


# --- replies ---

reply_parts = st.one_of(
    words.filter(bool).map(Text),
    words.filter(bool).map(Refusal),
    st.builds(Reasoning, summary=st.lists(words.filter(bool), min_size=1, max_size=2).map(tuple), id=st.just("rs_1")),
    st.builds(ToolCall, id=words.filter(bool), name=named, arguments=words.filter(bool)),
    st.builds(
        ToolCall,
        id=words.filter(bool),
        name=named,
        arguments=words.filter(bool),
        kind=st.just("custom"),
        namespace=named,
    ),
    words.map(
        lambda t: Opaque("responses", "web_search_call", json.dumps({"type": "web_search_call", "id": t}).encode())
    ),
)
replies = st.builds(
    Response,
    id=st.just("resp_1"),
    model=st.just("m"),
    parts=st.lists(reply_parts, max_size=5, unique_by=lambda p: p.id if isinstance(p, ToolCall) else object()).map(
        tuple
    ),
    finish=st.sampled_from([Finished("length", detail="max_output_tokens")]),
    usage=st.builds(Usage, input_tokens=st.integers(0, 9), output_tokens=st.integers(0, 9)),
    created_s=st.integers(0, 2**31),
)
CONTEXT = ReplyContext(reply_id="1", model="m", created_s=0)


def streamed(events: list[Event]) -> bytes:
    encoder = DIALECT.stream_encoder(CONTEXT)
    return b"".join([*map(encoder.feed, events), encoder.close()])


def decoded(raw: bytes, size: int) -> list[Event]:
    splitter, decoder = SseSplitter(), DIALECT.stream_decoder(DEFAULT)
    events: list[Event] = []
    for start in range(0, len(raw), size):
        for frame in splitter.feed(raw[start : start + size]):
            events += decoder.feed(frame)
    return events + decoder.close()


def bare(reply: Any) -> Any:
    """Without the ids that encoders may mint."""
    assert isinstance(reply, Response)
    parts = [
        (type(p).__name__, p.id, p.name, p.arguments, p.kind, p.namespace) if isinstance(p, ToolCall) else p
        for p in reply.parts
    ]
    return parts, reply.finish, reply.usage, reply.created_s


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replies, st.sampled_from([1, 7, 64, 10**6]))
def test_a_reply_survives_the_stream_whatever_the_chunks(reply: Response, size: int) -> None:
    raw = streamed(unfold(reply))
    assert bare(fold(decoded(raw, size))) == bare(reply)
    whole = DIALECT.encode_response(reply, CONTEXT)
    assert bare(DIALECT.decode_response(whole, DEFAULT)) == bare(reply)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replies, st.randoms(use_true_random=False))
def test_interleaving_loses_nothing(reply: Response, random: Any) -> None:
    """Blocks mixed in any order that keeps each block's own order and the order of their starts."""
    first, *rest = unfold(reply)
    tail = [e for e in rest if not hasattr(e, "index")]
    queues: dict[int, list[Event]] = {}
    for event in rest:
        if hasattr(event, "index"):
            queues.setdefault(event.index, []).append(event)
    mixed: list[Event] = []
    waiting = sorted(queues)
    live: list[int] = []
    while waiting or live:
        if waiting and (not live or random.random() < 0.5):
            live.append(waiting.pop(0))
            mixed.append(queues[live[-1]].pop(0))
            continue
        index = random.choice(live)
        mixed.append(queues[index].pop(0))
        if not queues[index]:
            live.remove(index)
    assert bare(fold(decoded(streamed([first, *mixed, *tail]), 10**6))) == bare(reply)


kinds = st.sampled_from(
    [
        "response.created",
        "response.completed",
        "response.failed",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.custom_tool_call_input.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.done",
        "response.refusal.delta",
        "response.output_text.annotation.added",
        "response.unheard_of",
        "error",
    ]
)
wild_items = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "function_call", "custom_tool_call", "reasoning", "other"]),
        "id": words,
        "call_id": words,
        "name": words,
        "arguments": words,
        "input": words,
        "content": json_values,
        "summary": json_values,
        "encrypted_content": words,
    },
)
wild = st.fixed_dictionaries(
    {"type": kinds},
    optional={
        "item": wild_items | json_values,
        "output_index": st.integers(-1, 3),
        "content_index": st.integers(0, 2),
        "item_id": words,
        "delta": words,
        "text": words,
        "part": json_values,
        "arguments": words,
        "response": st.fixed_dictionaries({}, optional={"id": words, "output": st.lists(wild_items, max_size=2)})
        | json_values,
        "error": json_values,
        "annotation": json_values,
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(wild.map(lambda e: b"data: " + json.dumps(e).encode() + b"\n\n") | st.binary(max_size=60), max_size=8))
def test_wild_events_give_a_sound_stream_or_our_error(frames: list[bytes]) -> None:
    """Whatever decodes is a stream by the grammar: blocks open once, in order, and are closed; the encoder takes it."""
    decoder = DIALECT.stream_decoder(DEFAULT)
    events: list[Event] = []
    try:
        for frame in frames:
            events += decoder.feed(frame)
        events += decoder.close()
    except UpstreamProtocol:
        pass
    opened: list[int] = []
    closed: set[int] = set()
    for event in events:
        name, index = type(event).__name__, getattr(event, "index", None)
        if name == "BlockStart":
            assert index == len(opened)
            opened.append(index)
        elif index is not None:
            assert index in opened
            assert index not in closed
            if name == "BlockStop":
                closed.add(index)
    if events and isinstance(events[-1], Finished):
        assert closed == set(opened)
    streamed(events)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
def test_garbage_replies_are_upstream_errors(body: bytes) -> None:
    for read in (lambda: DIALECT.decode_response(body, DEFAULT), lambda: DIALECT.usage_of(body)):
        try:
            read()
        except UpstreamError:
            pass
    DIALECT.error_of(500, body)
    DIALECT.is_plain(body)
