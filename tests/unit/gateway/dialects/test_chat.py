"""The plug-in as a whole: what it declares, and acceptance cases that need both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects.chat import DIALECT
from gateway.dialects.contract import ReplyContext, Target
from gateway.dialects.registry import all_dialects, by_path
from gateway.errors import UpstreamOverloaded
from gateway.ir.events import Event, Response, fold
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import Reasoning
from gateway.ir.usage import Usage
from gateway.wire.sse import SseSplitter, is_comment

GOLDEN = sorted((Path(__file__).parents[3] / "golden/dialects/chat").glob("*.sse"))
CONTEXT = ReplyContext(reply_id="chatcmpl-1", model="m", created_s=1)
COMPLETE = [path for path in GOLDEN if "error" not in path.name]


def _events(data: bytes, step: int) -> list[Event]:
    splitter, decoder = SseSplitter(), DIALECT.stream_decoder(DEFAULT)
    out: list[Event] = []
    for at in range(0, len(data), step):
        for raw in splitter.feed(data[at : at + step]):
            out += decoder.feed(raw)
    tail = splitter.close()
    if tail.strip():
        out += decoder.feed(tail)
    return out + decoder.close()


def test_it_is_found_under_its_name_and_path() -> None:
    assert all_dialects()["chat"] is DIALECT
    assert by_path()["/v1/chat/completions"] is DIALECT
    assert is_comment(DIALECT.keepalive)
    assert DIALECT.keepalive.endswith(b"\n\n")
    assert DIALECT.stream_decoder(DEFAULT).finished is False


@pytest.mark.parametrize("path", COMPLETE, ids=lambda p: p.stem)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_any_chunking_gives_the_same_events(path: Path, step: int) -> None:
    data = path.read_bytes()
    assert _events(data, step) == _events(data, len(data))
    assert _events(data.replace(b"\n", b"\r\n"), step) == _events(data, len(data))


@pytest.mark.parametrize("path", COMPLETE, ids=lambda p: p.stem)
def test_a_stream_encoded_again_is_the_same_reply(path: Path) -> None:
    events = _events(path.read_bytes(), 4096)
    encoder = DIALECT.stream_encoder(CONTEXT)
    written = b"".join(map(encoder.feed, events)) + encoder.close()
    first, second = fold(events), fold(_events(written, 4096))
    assert isinstance(first, Response)
    assert isinstance(second, Response)
    assert (first.parts, first.finish, first.usage) == (second.parts, second.finish, second.usage)
    whole = DIALECT.decode_response(DIALECT.encode_response(first, CONTEXT), DEFAULT)
    assert (whole.parts, whole.finish, whole.usage) == (first.parts, first.finish, first.usage)


REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "d"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/y"}}],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "t",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                {"id": "b", "type": "custom", "custom": {"name": "p", "input": "free"}},
            ],
        },
        {"role": "tool", "tool_call_id": "b", "content": "B"},
        {"role": "tool", "tool_call_id": "a", "content": "A"},
    ],
    "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "p"}}],
    "tool_choice": "required",
    "stream": True,
    "made_up": {"k": [1, 2]},
}


@pytest.mark.parametrize(
    "profile",
    [
        DEFAULT,
        Profile(developer_role=True, custom_tools=True, reasoning_field="reasoning", echo_reasoning="optional"),
        Profile(mid_system=False, forced_tool_choice=False, unknown_fields="drop", strict_tools=False),
    ],
)
def test_encoding_is_stable(profile: Profile) -> None:
    target = Target(model="up", profile=profile)
    once = DIALECT.encode_request(DIALECT.decode_request(json.dumps(REQUEST).encode()), target).body
    assert DIALECT.encode_request(DIALECT.decode_request(once), target).body == once
    assert DIALECT.adapt(once, DIALECT.read(once), target, ask_usage=True) is once


def test_the_rest_of_the_plug_in_is_wired() -> None:
    body = json.dumps(REQUEST).encode()
    view = DIALECT.read(body)
    assert DIALECT.needs_translation(view, DEFAULT)
    assert [trace.path for trace in DIALECT.seen_reasoning(view)] == [(2, -1)]
    left = DIALECT.rewrite_reasoning(body, view, [(2, -1)], {}, DEFAULT)
    assert DIALECT.seen_reasoning(DIALECT.read(left))[0].missing
    back = DIALECT.rewrite_reasoning(left, DIALECT.read(left), [], {2: (Reasoning("t"),)}, DEFAULT)
    assert json.loads(back) == REQUEST
    assert not any(
        "reasoning" in key for m in json.loads(DIALECT.without_reasoning(body, view, DEFAULT))["messages"] for key in m
    )
    assert DIALECT.usage_of(b'{"usage":{"prompt_tokens":1,"completion_tokens":2}}') == Usage(1, output_tokens=2)
    assert DIALECT.is_plain(b": x\n\n")
    error = UpstreamOverloaded("busy")
    assert DIALECT.error_body(error, "r") in DIALECT.error_event(error, "r")
    assert DIALECT.error_of(500, b'{"error":{"message":"m"}}') == ("m", None)


@pytest.mark.case("3A.36")
def test_done_ends_the_stream_and_only_here() -> None:
    """`[DONE]` is chat's own terminal event; the decoder turns it into Finished and never hands it on.

    gateways.md 3A.36 (alexazhou/gt_ai_gateway#14)."""
    data = next(path for path in GOLDEN if path.stem == "openai_text").read_bytes()
    assert not any(b"DONE" in repr(event).encode() for event in _events(data, 4096))
    assert DIALECT.terminal == b"data: [DONE]\n\n"
