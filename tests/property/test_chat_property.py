"""Chat on arbitrary input: edits change nothing else, encoding is stable, parsers give a value or our own error."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.chat import DIALECT
from gateway.dialects.contract import ReplyContext, Target
from gateway.errors import GatewayError, MalformedRequest, UnsupportedFeature, UpstreamProtocol
from gateway.ir.events import (
    BlockStart,
    BlockStop,
    Delta,
    Event,
    Finished,
    Response,
    Started,
    UsageReport,
    fold,
    unfold,
)
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter

OPEN = Profile(developer_role=True, tool_images=True, custom_tools=True, top_k=True, cache_key_field=True)
CONTEXT = ReplyContext(reply_id="chatcmpl-1", model="m", created_s=1)

_text = st.text(st.characters(codec="utf-8"), max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)
_extra = st.dictionaries(st.from_regex(r"x_[a-z]{1,6}", fullmatch=True), _json, max_size=4)
_spaces = st.text(" \t\n\r", max_size=2)


@st.composite
def _bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body in any formatting, and the same with another model name."""
    fields = draw(_extra)
    fields["messages"] = [{"role": "user", "content": draw(_text), **draw(_extra)}]
    keys = draw(st.permutations([*fields, "model"]))
    between, ascii_only = draw(_spaces), draw(st.booleans())

    def members(model: str) -> bytes:
        values = {**fields, "model": model}
        pairs = [f"{json.dumps(k)}{between}:{between}{json.dumps(values[k], ensure_ascii=ascii_only)}" for k in keys]
        return (between + "{" + between + f"{between},{between}".join(pairs) + between + "}" + between).encode()

    return members("m\u00e9"), members("other")


@given(_bodies())
def test_adapting_replaces_the_model_and_nothing_else(bodies: tuple[bytes, bytes]) -> None:
    body, expected = bodies
    view = DIALECT.read(body)
    assert view.model == "m\u00e9"
    assert DIALECT.adapt(body, view, Target(model="other", profile=OPEN), ask_usage=True) == expected
    assert DIALECT.adapt(body, view, Target(model=view.model, profile=OPEN), ask_usage=True) is body


# --- requests ----------------------------------------------------------------------------------------------------

_id = st.sampled_from(["c1", "c2", "c3", "c4"])
_call = st.fixed_dictionaries(
    {
        "id": _id,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": st.sampled_from(["f", "g"]), "arguments": _text | st.just("{}")}),
    }
)
_part = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": _text}),
    st.fixed_dictionaries({"type": st.just("image_url"), "image_url": st.just({"url": "data:image/png;base64,QQ=="})}),
)
_message = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "developer"]), "content": _text}),
    st.fixed_dictionaries({"role": st.just("user"), "content": _text | st.lists(_part, max_size=3)}),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": _text | st.none()},
        optional={"tool_calls": st.lists(_call, max_size=3), "reasoning_content": _text, "refusal": _text},
    ),
    st.fixed_dictionaries(
        {"role": st.just("tool"), "tool_call_id": _id, "content": _text | st.lists(_part, max_size=2)}
    ),
)
_request = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(_message, min_size=1, max_size=8)},
    optional={"temperature": st.floats(0, 2), "stream": st.booleans(), "max_tokens": st.integers(1, 99), "x_y": _json},
)
_profiles = st.sampled_from(
    [
        DEFAULT,
        OPEN,
        Profile(mid_system=False, reasoning_field="reasoning_content", echo_reasoning="tool_turns", sampling=False),
    ]
)


@given(_request, _profiles)
@settings(max_examples=200)
def test_encoding_what_was_encoded_changes_nothing(request: dict[str, Any], profile: Profile) -> None:
    target = Target(model="up", profile=profile)
    try:
        once = DIALECT.encode_request(DIALECT.decode_request(json.dumps(request).encode()), target).body
    except UnsupportedFeature:
        return  # nothing but empty turns
    assert DIALECT.encode_request(DIALECT.decode_request(once), target).body == once
    _is_legal(json.loads(once)["messages"])


def _is_legal(messages: list[Any]) -> None:
    """Every call is answered directly behind its turn, and every tool message answers one."""
    open_ids: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in open_ids
            open_ids.remove(message["tool_call_id"])
            continue
        assert not open_ids
        open_ids = list(dict.fromkeys(call["id"] for call in message.get("tool_calls", [])))


# --- replies -----------------------------------------------------------------------------------------------------

_usage = st.builds(
    lambda i, c, w, o, r: Usage(i + c + w, c, w, 0, o + r, r), *[st.integers(0, 10**6) for _ in range(5)]
)
_nonempty = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_reply = st.builds(
    Response,
    id=st.just("chatcmpl-x"),
    model=st.just("m"),
    parts=st.tuples(
        st.lists(st.builds(Reasoning, text=_nonempty), max_size=1),
        st.lists(st.builds(Text, text=_nonempty), max_size=1),
        st.lists(st.builds(Refusal, text=_nonempty), max_size=1),
        st.lists(st.builds(ToolCall, id=_nonempty, name=_nonempty, arguments=_nonempty), max_size=3),
    ).map(lambda groups: tuple(part for group in groups for part in group)),
    finish=st.just(Finished("length")),
    usage=st.none() | _usage,
    created_s=st.just(5),
)


def _decoded(data: bytes) -> Response:
    decoder = DIALECT.stream_decoder(DEFAULT)
    events = [event for raw in SseSplitter().feed(data) for event in decoder.feed(raw)] + decoder.close()
    reply = fold(events)
    assert isinstance(reply, Response)
    return reply


@given(_reply)
def test_stream_and_whole_are_one_mapping(reply: Response) -> None:
    encoder = DIALECT.stream_encoder(CONTEXT)
    streamed = b"".join(map(encoder.feed, unfold(reply))) + encoder.close()
    assert _decoded(streamed) == reply
    assert DIALECT.decode_response(DIALECT.encode_response(reply, CONTEXT), DEFAULT) == reply


@given(st.lists(st.tuples(st.integers(0, 3), _nonempty), min_size=1, max_size=20))
def test_interleaved_calls_lose_nothing(pieces: list[tuple[int, str]]) -> None:
    seen: dict[int, str] = {}
    encoder, events = DIALECT.stream_encoder(CONTEXT), [Started("chatcmpl-x", "m")]
    stream: list[Event] = list(events)
    order: dict[int, int] = {}
    for number, text in pieces:
        if number not in order:
            order[number] = len(order)
            stream.append(BlockStart(order[number], ToolCall(f"c{number}", "f", "")))
        seen[number] = seen.get(number, "") + text
        stream.append(Delta(order[number], text))
    stream += [*(BlockStop(index) for index in order.values()), UsageReport(Usage(1)), Finished("tool_calls")]
    reply = _decoded(b"".join(map(encoder.feed, stream)) + encoder.close())
    assert {part.id: part.arguments for part in reply.parts if isinstance(part, ToolCall)} == {
        f"c{number}": text for number, text in seen.items()
    }


# --- garbage -----------------------------------------------------------------------------------------------------

_deltaish = st.fixed_dictionaries({}, optional={"content": _json, "tool_calls": _json | st.lists(_call, max_size=2)})
_chunkish = st.fixed_dictionaries(
    {},
    optional={
        "id": _json,
        "model": _json,
        "choices": _json
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "index": _json,
                    "delta": _json
                    | st.fixed_dictionaries(
                        {}, optional={"content": _json, "tool_calls": _json | st.lists(_call, max_size=2)}
                    ),
                    "finish_reason": _json,
                },
            ),
            max_size=2,
        ),
        "usage": _json,
        "error": _json,
    },
)
_payloads = st.binary(max_size=60) | _chunkish.map(lambda value: json.dumps(value).encode())


@given(st.lists(_payloads, max_size=5))
@settings(max_examples=300)
def test_upstream_garbage_is_events_or_our_error(payloads: list[bytes]) -> None:
    decoder = DIALECT.stream_decoder(DEFAULT)
    try:
        for payload in payloads:
            event = b"data: " + payload + b"\n\n"
            plain = DIALECT.is_plain(event)
            out = decoder.feed(event)
            if plain:
                assert all(isinstance(e, Started | BlockStart | Delta) for e in out)
        decoder.close()
    except UpstreamProtocol:
        pass
    for payload in payloads:
        try:
            DIALECT.decode_response(payload, DEFAULT)
        except GatewayError:
            pass
        DIALECT.usage_of(payload)
        DIALECT.error_of(500, payload)


_requestish = st.fixed_dictionaries(
    {},
    optional={
        "model": _json | st.just("m"),
        "messages": _json | st.lists(_json | _message, max_size=3),
        "tools": _json,
        "stop": _json,
    },
)


@given(st.binary(max_size=80) | _requestish.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300)
def test_client_garbage_is_a_request_or_malformed(body: bytes) -> None:
    try:
        view = DIALECT.read(body)
        DIALECT.seen_reasoning(view)
        DIALECT.adapt(body, view, Target(model="up", profile=DEFAULT), ask_usage=True)
    except (MalformedRequest, UnsupportedFeature):
        pass
    try:
        DIALECT.encode_request(DIALECT.decode_request(body), Target(model="up", profile=DEFAULT))
    except (MalformedRequest, UnsupportedFeature):
        pass


@pytest.mark.parametrize(
    "content",
    [
        '"' + "a" * 1_000_000 + '"',
        '"' + "\\\\" * 500_000 + '"',
        "[" * 10_000 + "]" * 10_000,
        '[{"type":"text","text":"x"}' + ',{"type":"text","text":"x"}' * 20_000 + "]",
        "9" * 100_000,
    ],
)
def test_large_and_deep_input_takes_bounded_time(content: str) -> None:
    body = ('{"model":"m","messages":[{"role":"user","content":' + content + "}]}").encode()
    began = time.process_time()
    for use in (DIALECT.read, DIALECT.decode_request):
        try:
            use(body)
        except MalformedRequest:
            pass
    assert time.process_time() - began < 5
