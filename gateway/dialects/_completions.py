"""Legacy text completions (`/v1/completions`) for clients, answered by any upstream through the neutral form.

Half a dialect: requests come in and replies go out, nothing is ever sent upstream in this shape (an upstream that speaks it
natively is reached by passing the bytes through). A prompt becomes one user message under an instruction to continue it,
because the models behind are chat models. What has no equivalent there (suffix, echo, token prompts, per-token logprobs,
best_of) is refused. Source: openai 3.52 `completion_create_params.py`, `completion.py`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._chat_errors import error_body, error_event
from gateway.dialects._chat_stream_out import DONE, error_chunk
from gateway.dialects._chat_words import finish_out, usage_out
from gateway.dialects._shared import RAW_NULL, bytes_of, encode, opened, parsed, refuse
from gateway.dialects.contract import ReplyContext, Resumed, StreamEncoder, View
from gateway.errors import GatewayError, UnsupportedFeature, UpstreamProtocol
from gateway.ir.events import BlockStart, Delta, Event, Failed, Finished, Response, Started, UsageReport
from gateway.ir.request import DialectName, Message, Opaque, Refusal, Request, Text, ToolCall
from gateway.ir.usage import Usage
from gateway.wire import splice

CONTINUE: Final = "Continue the user's text. Write only what comes next, without repeating or commenting on it."

MAX_TOKENS_DEFAULT: Final = 16
"""The API's own default, which its clients rely on (completion_create_params.py)."""


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Body(msgspec.Struct):
    model: str
    prompt: msgspec.Raw = RAW_NULL
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None
    logprobs: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None


_body: Final = msgspec.json.Decoder(_Body)
_text: Final = msgspec.json.Decoder(str)
_texts: Final = msgspec.json.Decoder(list[str])
_KNOWN: Final = frozenset(_Body.__struct_fields__)


def _read(body: bytes) -> tuple[_Body, str, list[splice.Member]]:
    found, members = opened(_body, body, _KNOWN)
    if not found.model:
        refuse("the model name is empty", "$.model", "a model name")
    return found, _prompt(found.prompt), members


def _prompt(raw: msgspec.Raw) -> str:
    data = bytes_of(raw)
    accepted = "a string, or an array with one string"
    if data is None:
        refuse("there is no prompt", "$.prompt", accepted)
    if data.startswith(b'"'):
        return parsed(_text, data, "$.prompt")
    if (data.startswith(b"[") and data[1:].lstrip()[:1] in (b"[", b"-")) or data[1:].lstrip()[:1].isdigit():
        raise UnsupportedFeature("prompts of token numbers are not supported", where="$.prompt", accepted=accepted)
    prompts: list[str] = parsed(_texts, data, "$.prompt")
    if len(prompts) != 1:
        raise UnsupportedFeature("only one prompt per request is supported", where="$.prompt", accepted=accepted)
    return prompts[0]


def _refuse_unsupported(found: _Body) -> None:
    for name, given in (
        ("suffix", bool(found.suffix)),
        ("echo", bool(found.echo)),
        ("best_of", (found.best_of or 1) > 1),
        ("n", (found.n or 1) > 1),
        ("logprobs", bool(found.logprobs)),
    ):
        if given:
            raise UnsupportedFeature(
                f"{name} needs an upstream that speaks text completions itself",
                where=f"$.{name}",
                accepted="without it",
            )


class CompletionsClient:
    """What the pipeline needs of a client's dialect, in the words of Dialect. Stateless."""

    name: DialectName = "chat"
    """Its family: errors, harnesses and sessions are those of chat."""
    paths: tuple[str, ...] = ("/v1/completions",)
    keepalive = b": keep-alive\n\n"
    terminal = DONE

    def read(self, body: bytes) -> View:
        """See Dialect.read; the prompt is shown as one user message."""
        found, prompt, members = _read(body)
        message = msgspec.Raw(encode({"role": "user", "content": prompt}))
        return View(
            model=found.model,
            stream=bool(found.stream),
            messages=(message,),
            include_usage=bool(found.stream_options and found.stream_options.include_usage),
            max_output_tokens=found.max_tokens,
            user_id=found.user,
            metadata=None
            if found.metadata is None
            else {k: v for k, v in found.metadata.items() if isinstance(v, str)},
            span_model=next((m.start, m.end) for m in members if m.key == "model"),
        )

    def continued(self, body: bytes, earlier: bytes, view: View) -> View | None:
        """A prompt has no messages to be appended to."""
        return None

    def decode_request(self, body: bytes) -> Request:
        """See Dialect.decode_request. UnsupportedFeature for what chat models cannot do."""
        found, prompt, members = _read(body)
        _refuse_unsupported(found)
        extra = {m.key: body[m.start : m.end] for m in members if m.key not in _KNOWN}
        return Request(
            origin="chat",
            model=found.model,
            messages=(Message("system", (Text(CONTINUE),)), Message("user", (Text(prompt),))),
            max_output_tokens=MAX_TOKENS_DEFAULT if found.max_tokens is None else found.max_tokens,
            temperature=found.temperature,
            top_p=found.top_p,
            top_k=found.top_k,
            stop=(found.stop,) if isinstance(found.stop, str) else tuple(found.stop or ()),
            presence_penalty=found.presence_penalty,
            frequency_penalty=found.frequency_penalty,
            seed=found.seed,
            stream=bool(found.stream),
            include_usage=bool(found.stream_options and found.stream_options.include_usage),
            user=found.user,
            extra={key: value for key, value in extra.items() if value != b"null"},
        )

    def encode_response(self, response: Response, context: ReplyContext) -> bytes:
        text = "".join(part.text for part in response.parts if _spoken(part))  # type: ignore[union-attr]
        body = _frame(context, response.id, response.created_s)
        finish = finish_out(response.finish, called=False, refused=False)
        body["choices"] = [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]
        if response.usage:
            body["usage"] = usage_out(response.usage)
        return encode(body)

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder:
        return _Encoder(context)

    def resumed(self, context: ReplyContext, delivered: bytes) -> Resumed | None:
        return None

    def error_body(self, error: GatewayError, request_id: str) -> bytes:
        return error_body(error)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return error_event(error)


def _frame(context: ReplyContext, told: str, created_s: int | None) -> dict[str, Any]:
    reply_id = told if told.startswith("cmpl-") else "cmpl-" + context.reply_id.removeprefix("chatcmpl-")
    return {
        "id": reply_id,
        "object": "text_completion",
        "created": created_s or context.created_s,
        "model": context.model,
    }


def _spoken(block: object) -> bool:
    """The block is text for the client; thoughts have no place here. A tool call cannot be: no tool was offered."""
    if isinstance(block, ToolCall | Opaque):
        raise UpstreamProtocol("the reply holds a tool call, but text completions know no tools")
    return isinstance(block, Text | Refusal)


class _Encoder:
    """See StreamEncoder; streamed and whole replies have one shape in this API."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._head: dict[str, Any] = {}
        self._spoken: set[int] = set()
        self._usage: Usage | None = None
        self._finished = False
        self._failed = False

    def feed(self, event: Event) -> bytes:
        if self._failed or (self._finished and not isinstance(event, UsageReport)):
            return b""
        match event:
            case Started(told, _, created_s, usage):
                self._head = self._head or _frame(self._context, told, created_s)
                self._usage = usage or self._usage
            case BlockStart(index, block):
                if _spoken(block):
                    self._spoken.add(index)
            case Delta(index, text) if text and index in self._spoken:
                return self._chunk(text, None)
            case UsageReport(usage):
                self._usage = self._usage.merged(usage) if self._usage else usage
            case Finished():
                self._finished = True
                return self._chunk("", finish_out(event, called=False, refused=False))
            case Failed():
                self._failed = True
                return error_chunk(event.message, event.kind, event.code, event.status)
        return b""

    def close(self) -> bytes:
        if self._failed:
            return b""
        if not self._finished:
            self._failed = True
            return error_chunk(
                "the upstream broke off in the middle of its reply", "api_error", "upstream_protocol", 502
            )
        if not (self._context.include_usage and self._usage):
            return DONE
        return self._event({"choices": [], "usage": usage_out(self._usage)}) + DONE

    def _chunk(self, text: str, finish: str | None) -> bytes:
        choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
        return self._event(
            {"choices": [choice], "usage": None} if self._context.include_usage else {"choices": [choice]}
        )

    def _event(self, rest: dict[str, Any]) -> bytes:
        self._head = self._head or _frame(self._context, "", None)
        return b"data: " + encode({**self._head, **rest}) + b"\n\n"


COMPLETIONS: Final = CompletionsClient()
