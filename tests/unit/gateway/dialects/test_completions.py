"""Legacy text completions for clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects._completions import COMPLETIONS, CONTINUE, MAX_TOKENS_DEFAULT
from gateway.dialects.contract import ReplyContext
from gateway.dialects.registry import all_dialects
from gateway.errors import GatewayError, MalformedRequest, UnsupportedFeature, UpstreamOverloaded, UpstreamProtocol
from gateway.ir.events import BlockStart, Delta, Failed, Finished, Response, Started, UsageReport, unfold
from gateway.ir.request import Message, Reasoning, Refusal, Text, ToolCall
from gateway.ir.usage import Usage

CONTEXT = ReplyContext(reply_id="abc", model="auto", created_s=7)


def _body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": "def f(", **fields}).encode()


@pytest.mark.parametrize("prompt", ["def f(", ["def f("]])
def test_a_prompt_is_a_user_message_to_continue(prompt: Any) -> None:
    body = _body(
        prompt=prompt, stream=True, stream_options={"include_usage": True}, stop="\n", seed=3, logit_bias={"5": 1}
    )
    request = COMPLETIONS.decode_request(body)
    assert request.messages == (Message("system", (Text(CONTINUE),)), Message("user", (Text("def f("),)))
    assert (request.max_output_tokens, request.stop, request.seed) == (MAX_TOKENS_DEFAULT, ("\n",), 3)
    assert (request.stream, request.include_usage) == (True, True)
    assert request.extra == {"logit_bias": b'{"5": 1}'}
    assert COMPLETIONS.decode_request(_body(max_tokens=99)).max_output_tokens == 99


def test_the_view_shows_the_prompt_to_routing() -> None:
    body = _body(user="u", metadata={"a": "b", "n": 1})
    view = COMPLETIONS.read(body)
    assert [bytes(m) for m in view.messages] == [b'{"role":"user","content":"def f("}']
    assert (view.model, view.stream, view.user_id, view.metadata) == ("m", False, "u", {"a": "b"})
    assert body[slice(*view.span_model)] == b'"m"'


@pytest.mark.parametrize(
    "fields",
    [
        {"suffix": "x"},
        {"echo": True},
        {"best_of": 2},
        {"n": 2},
        {"logprobs": 1},
        {"prompt": [1, 2]},
        {"prompt": [[1]]},
        {"prompt": ["a", "b"]},
    ],
)
def test_what_chat_models_cannot_do_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedFeature):
        COMPLETIONS.decode_request(_body(**fields))


def test_neutral_values_of_those_are_fine() -> None:
    COMPLETIONS.decode_request(_body(suffix="", echo=False, best_of=1, n=1, logprobs=None, made_up=None))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "$"),
        (b'{"model":"m"}', "$.prompt"),
        (b'{"model":"m","prompt":5}', "$.prompt"),
        (b'{"model":"m","prompt":{}}', "$.prompt"),
        (b'{"model":"m","prompt":["a",5]}', "$.prompt[1]"),
        (b'{"model":"","prompt":"x"}', "$.model"),
        (b'{"model":"m","prompt":"x","prompt":"y"}', "$.prompt"),
        (b'{"model":"m","prompt":"\xff"}', "$"),
        (b'{"model":"m","prompt":' + b"[" * 20_000, "$"),
    ],
)
def test_wrong_requests_are_named(body: bytes, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        COMPLETIONS.read(body)
    assert caught.value.where == where


REPLY = Response("x", "m", (Reasoning("hm"), Text("a"), Text("b")), Finished("length"), Usage(3, output_tokens=2), 5)


def test_a_whole_reply_holds_the_text_and_not_the_thoughts() -> None:
    body = json.loads(COMPLETIONS.encode_response(REPLY, CONTEXT))
    assert body["choices"] == [{"text": "ab", "index": 0, "logprobs": None, "finish_reason": "length"}]
    assert (body["id"], body["object"], body["model"], body["created"]) == ("cmpl-abc", "text_completion", "auto", 5)
    assert body["usage"]["total_tokens"] == 5
    assert (
        json.loads(COMPLETIONS.encode_response(Response("", "", (Refusal("no"),)), CONTEXT))["choices"][0]["text"]
        == "no"
    )


def _stream(events: list[Any], context: ReplyContext = CONTEXT) -> list[Any]:
    encoder = COMPLETIONS.stream_encoder(context)
    data = b"".join(encoder.feed(event) for event in events) + encoder.close()
    payloads = [event.removeprefix(b"data: ") for event in data.split(b"\n\n")[:-1]]
    return [payload.decode() if payload == b"[DONE]" else json.loads(payload) for payload in payloads]


def test_a_streamed_reply_says_the_same() -> None:
    sent = _stream(unfold(REPLY))
    assert "".join(c["text"] for chunk in sent[:-1] for c in chunk["choices"]) == "ab"
    assert sent[-3]["choices"][0]["finish_reason"] == "length"
    assert sent[-2]["usage"]["total_tokens"] == 5
    assert sent[-1] == "[DONE]"
    quiet = _stream(unfold(REPLY), ReplyContext(reply_id="cmpl-1", model="m", created_s=1, include_usage=False))
    assert not any("usage" in chunk for chunk in quiet[:-1])


def test_failures_and_cuts_end_without_done() -> None:
    begin = [Started("x", "m"), BlockStart(0, Text("")), Delta(0, "x")]
    assert (
        _stream([*begin, Failed("m", "overloaded_error", None, 529), UsageReport(Usage(1))])[-1]["error"]["message"]
        == "m"
    )
    assert _stream(begin)[-1]["error"]["code"] == "upstream_protocol"


def test_a_tool_call_has_no_place() -> None:
    with pytest.raises(UpstreamProtocol):
        COMPLETIONS.encode_response(Response("", "", (ToolCall("a", "f", "{}"),)), CONTEXT)


def test_it_is_no_dialect_of_upstreams() -> None:
    assert COMPLETIONS not in all_dialects().values()
    assert COMPLETIONS.paths == ("/v1/completions",)
    assert COMPLETIONS.terminal == b"data: [DONE]\n\n"


def test_errors_have_openais_shape() -> None:
    error: GatewayError = UpstreamOverloaded("busy")
    assert json.loads(COMPLETIONS.error_body(error, "r"))["error"]["type"] == "overloaded_error"
    assert COMPLETIONS.error_event(error, "r").startswith(b'data: {"error"')
