"""Properties of the Messages dialect: nothing but the addressed bytes changes, translation is stable, garbage is refused."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dialects.contract import ReplyContext, Target
from gateway.dialects.messages import DIALECT
from gateway.errors import MalformedRequest, UnsupportedFeature, UpstreamProtocol
from gateway.ir.events import (
    BlockStart,
    BlockStop,
    Delta,
    Failed,
    Finished,
    Response,
    Sealed,
    Started,
    UsageReport,
    fold,
    unfold,
)
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter

MODES = ("enabled", "disabled", "adaptive")
EQUAL = Profile(billing_header="keep", cache_marks=True, output_config=True, thinking_modes=MODES)
STRICT = Profile(mid_system=False, sampling=False, thinking_modes=(), forced_tool_choice=False, unknown_fields="drop")
CONTEXT = ReplyContext(reply_id="msg_x", model="m", created_s=0, input_tokens_estimate=7)
slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.text("abcXYZ_-019.:", min_size=1, max_size=12)
texts = st.text(max_size=20)
mark = st.fixed_dictionaries({}, optional={"cache_control": st.just({"type": "ephemeral"})})


def block(kind, **fields):
    return st.tuples(st.fixed_dictionaries({"type": st.just(kind), **fields}), mark).map(
        lambda two: {**two[0], **two[1]}
    )


objects = st.dictionaries(st.text(max_size=5), json_values, max_size=3)
text_block = block("text", text=texts)
image = block("image", source=st.just({"type": "base64", "media_type": "image/png", "data": "iVBO"}))
result = block(
    "tool_result", tool_use_id=names, content=texts | st.lists(text_block | image, max_size=2), is_error=st.booleans()
)
call = block("tool_use", id=names, name=names, input=objects)
thinking = st.fixed_dictionaries(
    {"type": st.just("thinking"), "thinking": texts, "signature": st.sampled_from(["", "s"])}
)
server = block("server_tool_use", id=names, name=st.just("web_search"), input=objects)
user = st.fixed_dictionaries(
    {"role": st.just("user"), "content": texts | st.lists(text_block | image | result, max_size=4)}
)
assistant = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": texts | st.lists(text_block | call | thinking | server, max_size=4)}
)
system = st.fixed_dictionaries({"role": st.just("system"), "content": texts | st.lists(text_block, max_size=2)})
tool = st.fixed_dictionaries(
    {"name": names, "input_schema": objects}, optional={"description": texts, "strict": st.booleans()}
)
requests = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "max_tokens": st.integers(1, 100_000),
        "messages": st.lists(user | assistant | system, min_size=1, max_size=6),
    },
    optional={
        "system": texts | st.lists(text_block, max_size=3),
        "tools": st.lists(tool, max_size=3, unique_by=lambda one: one["name"]),
        "tool_choice": st.sampled_from(
            [{"type": "auto"}, {"type": "any", "disable_parallel_tool_use": True}, {"type": "none"}]
        ),
        "thinking": st.sampled_from(
            [{"type": "adaptive"}, {"type": "disabled"}, {"type": "enabled", "budget_tokens": 2048}]
        ),
        "output_config": st.just({"effort": "low"}),
        "stop_sequences": st.lists(texts, max_size=3),
        "temperature": st.floats(0, 1),
        "stream": st.booleans(),
        "metadata": st.just({"user_id": "u"}),
    },
)


@st.composite
def spelled(draw):
    """A body as bytes: any order of keys, white space and escapes, any unknown fields. The model's value is `"old"`."""
    fields = draw(st.dictionaries(st.text(max_size=8).map(lambda s: "x" + s), json_values, max_size=3))
    fields.update(draw(requests))
    fields["max_tokens"] = 100_000
    fields.pop("thinking", None)  # its budget may fire a rule
    space = draw(st.sampled_from(["", " ", "\n\t", "\r\n  "]))
    members = []
    for key in draw(st.permutations(sorted(fields))):
        value = b'"old"' if key == "model" else msgspec.json.encode(fields[key])
        if draw(st.booleans()) and key != "model":
            value = value.decode().replace("é", "\\u00e9").replace("/", "\\/").encode()
        members.append(msgspec.json.encode(key) + space.encode() + b":" + space.encode() + value)
    gap = space.encode()
    return b"{" + gap + (gap + b"," + gap).join(members) + gap + b"}"


@given(spelled())
@slow
def test_without_a_firing_rule_only_the_model_changes(body):
    done = DIALECT.adapt(body, DIALECT.read(body), Target(model="new", profile=EQUAL), ask_usage=True)
    start, end = DIALECT.read(body).span_model
    assert done == body[:start] + b'"new"' + body[end:]


@given(spelled(), st.booleans())
@slow
def test_an_adapted_body_is_a_request_again(body, own):
    target = Target(model="new", profile=STRICT if not own else EQUAL, max_output_tokens=9000)
    done = DIALECT.adapt(body, DIALECT.read(body), target, ask_usage=False)
    view = DIALECT.read(done)
    assert view.model == "new"
    assert len(view.messages) == len(DIALECT.read(body).messages)
    again = DIALECT.adapt(done, view, target, ask_usage=False)
    assert again == done
    if not own:
        assert all(b'"cache_control":{"type"' not in bytes(message) for message in view.messages)


def legal(body):
    """What the API demands of any request."""
    sent = msgspec.json.decode(body)
    assert sent["max_tokens"] >= 1
    assert sent["messages"][0]["role"] == "user"
    open_calls = set()
    previous = None
    for message in sent["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert blocks
        assert message["role"] != previous or previous == "system"
        assert all(one["type"] != "text" or one["text"].strip() for one in blocks)
        answered = [one["tool_use_id"] for one in blocks if one["type"] == "tool_result"]
        if message["role"] == "user":
            assert set(answered) == open_calls
            assert len(answered) == len(set(answered))
            assert [one["type"] for one in blocks[: len(answered)]] == ["tool_result"] * len(answered)
            open_calls = set()
        elif message["role"] == "assistant":
            assert not open_calls
            open_calls = {one["id"] for one in blocks if one["type"] == "tool_use"}
            assert len(open_calls) == sum(one["type"] == "tool_use" for one in blocks)
        previous = message["role"]
    assert not open_calls
    for entry in sent.get("tools", ()):
        assert "type" in entry["input_schema"]


@given(
    requests, st.sampled_from([EQUAL, Profile(), Profile(verifies_signatures=True, mid_system=False, cache_marks=True)])
)
@slow
def test_translation_is_legal_and_stable(fields, profile):
    target = Target(model="m", profile=profile)
    try:
        once = DIALECT.encode_request(DIALECT.decode_request(msgspec.json.encode(fields)), target).body
    except UnsupportedFeature:
        return
    legal(once)
    assert DIALECT.encode_request(DIALECT.decode_request(once), target).body == once


parts = st.lists(
    st.builds(Text, st.text(min_size=1, max_size=20))
    | st.builds(
        lambda text, seal: Reasoning(text, signature=seal),
        st.text(min_size=1, max_size=20),
        st.sampled_from([None, "s"]),
    )
    | st.builds(
        lambda n, value: ToolCall(f"toolu_{n}", "t", msgspec.json.encode(value).decode()), st.integers(0, 99), objects
    ),
    min_size=1,
    max_size=5,
)


def through(wire, sizes):
    splitter, decoder, made, position = SseSplitter(), DIALECT.stream_decoder(EQUAL), [], 0
    for size in [*sizes, len(wire)]:
        for event in splitter.feed(wire[position : position + size]):
            made += decoder.feed(event)
        position += size
    return made + decoder.close()


@given(parts, st.lists(st.integers(1, 60), max_size=20))
@slow
def test_a_reply_survives_encoding_decoding_and_any_chunking(pieces, sizes):
    calls = any(isinstance(part, ToolCall) for part in pieces)
    reply = Response("msg_1", "m", tuple(pieces), Finished("tool_calls" if calls else "stop"), Usage(9, 4, 2, 0, 5))
    encoder = DIALECT.stream_encoder(CONTEXT)
    wire = b"".join([encoder.feed(event) for event in unfold(reply)]) + encoder.close()
    whole = DIALECT.decode_response(DIALECT.encode_response(reply, CONTEXT), EQUAL)
    assert fold(through(wire, sizes)) == whole == reply
    assert through(wire, sizes) == through(wire, [])


@given(st.lists(st.integers(0, 3), max_size=24), st.lists(st.sampled_from("tcr"), min_size=4, max_size=4))
@slow
def test_interleaved_blocks_lose_nothing_and_keep_one_open(order, block_kinds):
    """Pieces of several open blocks in any order: each block's text arrives whole, with one block open at a time."""
    starts = {"t": Text(""), "r": Reasoning()}
    events = [Started("", "")]
    seen, sent = [], dict.fromkeys(range(4), "")
    for number, index in enumerate(order):
        if index not in seen:
            seen.append(index)
            kind = block_kinds[index]
            events.append(BlockStart(index, starts.get(kind) or ToolCall(f"c{index}", "t", "")))
        events.append(Delta(index, f"<{number}>"))
        sent[index] += f"<{number}>"
    events += [BlockStop(index) for index in reversed(seen)]
    encoder = DIALECT.stream_encoder(CONTEXT)
    wire = b"".join([encoder.feed(event) for event in [*events, Finished("stop")]]) + encoder.close()
    reply = fold(through(wire, []))
    assert isinstance(reply, Response)
    for kind, part_type in (("t", Text), ("r", Reasoning)):
        got = "".join([part.text for part in reply.parts if isinstance(part, part_type)])
        wanted = [piece for n, index in enumerate(order) if block_kinds[index] == kind for piece in [f"<{n}>"]]
        assert sorted(got.replace(">", ">,").split(",")) == sorted([*wanted, ""]) or not wanted
    calls = {part.id: msgspec.json.decode(part.arguments)["_raw"] for part in reply.parts if isinstance(part, ToolCall)}
    assert calls == {f"c{index}": sent[index] for index in seen if block_kinds[index] == "c"}


@given(st.binary(max_size=200))
@slow
def test_garbage_requests_are_refused_by_name(body):
    for use in (DIALECT.read, DIALECT.decode_request, DIALECT.countable):
        with pytest.raises(MalformedRequest):
            use(body)


@given(requests, st.data())
@slow
def test_damaged_requests_are_read_or_refused(fields, data):
    body = bytearray(msgspec.json.encode(fields))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(body) - 1))
        body[position : position + 1] = data.draw(st.binary(max_size=2))
    damaged = bytes(body)
    target = Target(model="n", profile=STRICT)
    try:
        view = DIALECT.read(damaged)
        DIALECT.adapt(damaged, view, target, ask_usage=True)
        DIALECT.seen_reasoning(view)
        DIALECT.without_reasoning(damaged, view, EQUAL)
        DIALECT.countable(damaged)
        DIALECT.encode_request(DIALECT.decode_request(damaged), target)
    except (MalformedRequest, UnsupportedFeature):
        pass


wire_events = st.fixed_dictionaries(
    {"type": st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop"])},
    optional={
        "index": st.integers(-1, 3) | json_values,
        "message": json_values,
        "content_block": text_block | call | thinking | json_values,
        "delta": json_values | st.just({"type": "text_delta", "text": "x"}),
        "usage": json_values,
    },
).map(msgspec.json.encode)


@given(st.lists(st.binary(max_size=60) | wire_events, max_size=8))
@slow
def test_any_bytes_are_events_or_a_protocol_error(payloads):
    decoder = DIALECT.stream_decoder(EQUAL)
    made = []
    try:
        for payload in payloads:
            made += decoder.feed(b"data: " + payload + b"\n\n")
            DIALECT.is_plain(b"data: " + payload + b"\n\n")
        made += decoder.close()
    except UpstreamProtocol:
        return
    open_blocks = set()
    for event in made:
        if isinstance(event, BlockStart):
            open_blocks.add(event.index)
        elif isinstance(event, BlockStop):
            open_blocks.remove(event.index)
        elif isinstance(event, (Delta, Sealed)):
            assert event.index in open_blocks
    assert not open_blocks or isinstance(made[-1], Failed)


@given(st.binary(max_size=100) | wire_events)
@slow
def test_any_whole_body_is_a_reply_or_a_protocol_error(body):
    with pytest.raises(UpstreamProtocol):
        DIALECT.decode_response(body, EQUAL)
    DIALECT.usage_of(body)
    DIALECT.error_of(500, body)


@given(st.lists(st.sampled_from("sdfeux"), max_size=12))
@slow
def test_usage_and_ends_in_any_order_give_one_end(letters):
    kinds = {
        "s": BlockStart(0, Text("")),
        "d": Delta(0, "x"),
        "e": BlockStop(0),
        "f": Finished("stop"),
        "u": UsageReport(Usage(3, output_tokens=2)),
        "x": Started("", ""),
    }
    encoder = DIALECT.stream_encoder(CONTEXT)
    wire = b"".join([encoder.feed(kinds[letter]) for letter in letters]) + encoder.close()
    assert (wire.count(b"event: message_stop") + wire.count(b"event: error")) == 1
    assert wire.count(b"event: message_start\n") <= 1
