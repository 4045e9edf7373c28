"""The Anthropic Messages dialect (`POST /v1/messages`): the plug-in; the work is in the `_messages_*` files beside it.

| file | what |
|---|---|
| `_messages_read` | the cheap view of a request |
| `_messages_adapt`, `_messages_thinking` | pass-through edits for a profile |
| `_messages_reasoning` | thinking blocks: find, drop, restore, switch off |
| `_messages_blocks`, `_messages_decode` | request to neutral form |
| `_messages_turns`, `_messages_encode` | neutral form to request |
| `_messages_stream_in` with `_messages_in_blocks` and `_messages_in_frames`, `_messages_usage` | replies of upstreams |
| `_messages_stream_out`, `_messages_errors` | replies and errors for clients |
| `_messages_count` | count_tokens |
| `_messages_ids`, `_messages_json` | tool ids across dialects, byte edits |

Sources: anthropic 2.11 types and stream accumulator; Claude Code's gateway contract (protocols.md 1.3, 1.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.dialects import _messages_adapt as adapting
from gateway.dialects import _messages_decode as decoding
from gateway.dialects import _messages_encode as encoding
from gateway.dialects import _messages_errors as errors
from gateway.dialects import _messages_reasoning as reasoning
from gateway.dialects import _messages_resume as resuming
from gateway.dialects import _messages_stream_in as stream_in
from gateway.dialects import _messages_stream_out as stream_out
from gateway.dialects._messages_count import count_body, countable
from gateway.dialects._messages_read import continued, read
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

# One whole event, matched to its end: nothing can hide behind the text. Both key orders are seen (Anthropic and most put
# index before delta, vLLM after it). Anything else, thinking included, is left to the decoder.
_STRING: Final = rb'"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"'
_DELTA: Final = rb'"delta":\s*\{\s*"type":\s*"text_delta",\s*"text":\s*' + _STRING + rb"\s*\}"
_PLAIN: Final = re.compile(
    rb'(?:event: ?content_block_delta\r?\n)?data: ?\{\s*"type":\s*"content_block_delta",\s*'
    rb'(?:"index":\s*\d+\s*,\s*' + _DELTA + rb"|" + _DELTA + rb'\s*,\s*"index":\s*\d+)\s*\}[ \t]*(?:\r?\n){1,2}'
    rb'|event: ?ping\r?\ndata: ?(?:\{\s*"type":\s*"ping"\s*\}|\{\})[ \t]*(?:\r?\n){1,2}'
    rb"|(?::[^\r\n]*\r?\n)*\r?\n"
)


class MessagesDialect:
    """See contract.Dialect."""

    name: DialectName = "messages"
    paths: tuple[str, ...] = ("/v1/messages",)
    keepalive: bytes = b'event: ping\ndata: {"type": "ping"}\n\n'
    terminal: bytes = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    def read(self, body: bytes) -> View:
        return read(body)

    def continued(self, body: bytes, earlier: bytes, view: View) -> View | None:
        return continued(body, earlier, view)

    def decode_request(self, body: bytes) -> Request:
        return decoding.decode_request(body)

    def needs_translation(self, view: View, profile: Profile) -> bool:
        """Never: nothing here has a stand-in that passing bytes through would miss."""
        return False

    def encode_request(self, request: Request, target: Target) -> Encoded:
        return encoding.encode_request(request, target)

    def glance(self, body: bytes) -> Glance | None:
        return None

    def decode_response(self, body: bytes, profile: Profile) -> Response:
        return stream_in.decode_response(body)

    def stream_decoder(self, profile: Profile) -> StreamDecoder:
        return stream_in.MessagesDecoder()

    def encode_response(self, response: Response, context: ReplyContext) -> bytes:
        return stream_out.encode_response(response, context)

    def stream_encoder(self, context: ReplyContext) -> StreamEncoder:
        return stream_out.MessagesEncoder(context)

    def resumed(self, context: ReplyContext, delivered: bytes) -> Resumed | None:
        return resuming.resumed(context, delivered)

    def is_plain(self, event: bytes) -> bool:
        return _PLAIN.fullmatch(event) is not None

    def usage_of(self, body: bytes) -> Usage | None:
        return stream_in.usage_of(body)

    def adapt(self, body: bytes, view: View, target: Target, *, ask_usage: bool) -> bytes:
        """Usage is always told in this dialect, so `ask_usage` changes nothing."""
        return adapting.adapt(body, view, target)

    def seen_reasoning(self, view: View, since: int = 0) -> list[SeenReasoning]:
        return reasoning.seen_reasoning(view, since)

    def rewrite_reasoning(
        self,
        body: bytes,
        view: View,
        drop: Iterable[tuple[int, int]],
        restore: Mapping[int, tuple[Reasoning, ...]],
        profile: Profile,
    ) -> bytes:
        return reasoning.rewrite_reasoning(body, view, drop, restore, profile)

    def without_reasoning(self, body: bytes, view: View, profile: Profile) -> bytes:
        return reasoning.without_reasoning(body, view, profile)

    def error_body(self, error: GatewayError, request_id: str) -> bytes:
        return errors.error_body(error, request_id)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return errors.error_event(error, request_id)

    def error_of(self, status: int, body: bytes) -> tuple[str, str | None]:
        return errors.error_of(status, body)

    def countable(self, body: bytes) -> tuple[list[bytes], int]:
        """Texts to count for `/v1/messages/count_tokens`, and tokens for what has no text."""
        return countable(body)

    def count_body(self, tokens: int) -> bytes:
        return count_body(tokens)


__all__ = ["DIALECT", "MessagesDialect", "count_body", "countable"]

DIALECT = MessagesDialect()
_: Dialect = DIALECT
