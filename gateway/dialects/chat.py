"""Chat Completions, the dialect of OpenAI's first API and of nearly every server since.

This file only names the parts. Reading and pass-through edits: `_chat_read`, `_chat_adapt`. Requests: `_chat_decode`,
`_chat_messages` in, `_chat_encode`, `_chat_write` out. Replies: `_chat_stream_in`, `_chat_assemble` in, `_chat_stream_out`
out. Words common to both directions: `_chat_words`. Source: openai 3.52 types, protocols.md 1.1, 1.4, 1.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.dialects import (
    _chat_adapt,
    _chat_decode,
    _chat_encode,
    _chat_errors,
    _chat_read,
    _chat_resume,
    _chat_stream_in,
)
from gateway.dialects import _chat_stream_out as _out
from gateway.dialects._chat_words import usage_of_body
from gateway.dialects.contract import (
    Dialect,
    Encoded,
    Glance,
    ReplyContext,
    Resumed,
    SeenReasoning,
    StreamDecoder,
    StreamEncoder,
    Target,
    View,
)
from gateway.errors import GatewayError
from gateway.ir.events import Response
from gateway.ir.profile import Profile
from gateway.ir.request import DialectName, Reasoning, Request
from gateway.ir.usage import Usage


class ChatDialect:
    """See Dialect. Stateless; one instance serves all."""

    name: DialectName = "chat"
    paths: tuple[str, ...] = ("/v1/chat/completions",)
    keepalive = b": keep-alive\n\n"
    terminal = _out.DONE

    def read(self, body: bytes) -> View:
        return _chat_read.read(body)

    def continued(self, body: bytes, earlier: bytes, view: View) -> View | None:
        return _chat_read.continued(body, earlier, view)

    def decode_request(self, body: bytes) -> Request:
        return _chat_decode.decode_request(body)

    def encode_request(self, request: Request, target: Target) -> Encoded:
        return _chat_encode.encode_request(request, target)

    def glance(self, body: bytes) -> Glance | None:
        return _chat_stream_in.glance(body)

    def decode_response(self, body: bytes, profile: Profile) -> Response:
        return _chat_stream_in.ChatDecoder().whole(body)

    def stream_decoder(self, profile: Profile) -> StreamDecoder:
        return _chat_stream_in.ChatDecoder()

    def encode_response(self, response: Response, context: ReplyContext) -> bytes:
        return _out.encode_response(response, context)

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder:
        return _out.ChatEncoder(context)

    def resumed(self, context: ReplyContext, delivered: bytes) -> Resumed | None:
        return _chat_resume.resumed(context, delivered)

    def is_plain(self, event: bytes) -> bool:
        return _chat_stream_in.is_plain(event)

    def usage_of(self, body: bytes) -> Usage | None:
        return usage_of_body(body)

    def adapt(self, body: bytes, view: View, target: Target, *, ask_usage: bool) -> bytes:
        return _chat_adapt.adapt(body, view, target, ask_usage=ask_usage)

    def needs_translation(self, view: View, profile: Profile) -> bool:
        """`adapt` cannot fit this request to this upstream (custom tools): it must be decoded and encoded anew."""
        return _chat_adapt.needs_translation(view, profile)

    def seen_reasoning(self, view: View, since: int = 0) -> list[SeenReasoning]:
        return _chat_read.seen_reasoning(view, since)

    def rewrite_reasoning(
        self,
        body: bytes,
        view: View,
        drop: Iterable[tuple[int, int]],
        restore: Mapping[int, tuple[Reasoning, ...]],
        profile: Profile,
    ) -> bytes:
        return _chat_adapt.rewrite_reasoning(body, view, drop, restore, profile)

    def without_reasoning(self, body: bytes, view: View, profile: Profile) -> bytes:
        return _chat_adapt.without_reasoning(body, view, profile)

    def error_body(self, error: GatewayError, request_id: str) -> bytes:
        return _chat_errors.error_body(error)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return _chat_errors.error_event(error)

    def error_of(self, status: int, body: bytes) -> tuple[str, str | None]:
        return _chat_errors.error_of(status, body)


DIALECT = ChatDialect()

_: Dialect = DIALECT
