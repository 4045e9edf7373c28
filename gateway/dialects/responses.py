"""The OpenAI Responses dialect (`/v1/responses`): Codex, OpenCode and qwen-code in their Responses mode, the OpenAI SDKs.

The parts (`_responses_...`):

| what | where |
|---|---|
| requests of clients | `read` (view, pass-through), `decode`, `names` (namespaces), `parts` |
| requests to upstreams | `encode`, with `input` and `tools`; `reasoning`, `custom` (free-text tools) |
| replies of upstreams, whole ones too | `stream_in`, with `in_...` for each kind of item |
| replies to clients, whole ones too | `stream_out`, with `output` and `out_...` for each kind of item; `resume` |
| the response object, errors | `reply` |
| stored responses | `state` |

Sources are named there; the order of events and failure reports in reference/protocols.md 1.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.dialects import _responses_read as reading
from gateway.dialects import _responses_reasoning as reasoning
from gateway.dialects import _responses_reply as replies
from gateway.dialects import _responses_resume as resuming
from gateway.dialects import _responses_stream_in as incoming
from gateway.dialects import _responses_stream_out as outgoing
from gateway.dialects._responses_decode import CALLS_OF_VENDOR_TOOLS, decode_request
from gateway.dialects._responses_encode import encode_request
from gateway.dialects._responses_state import countable, input_items, output_items, response_id, with_history
from gateway.dialects.contract import (
    Dialect,
    Encoded,
    Glance,
    ReplyContext,
    Resumed,
    SeenReasoning,
    StreamDecoder,
    Target,
    View,
)
from gateway.errors import GatewayError
from gateway.ir.events import Response
from gateway.ir.profile import Profile
from gateway.ir.request import DialectName, Reasoning, Request
from gateway.ir.usage import Usage


class _Responses:
    name: DialectName = "responses"
    paths: tuple[str, ...] = ("/v1/responses",)
    keepalive: bytes = b": keep-alive\n\n"
    terminal: bytes = b""

    def read(self, body: bytes) -> View:
        return reading.read(body)

    def continued(self, body: bytes, earlier: bytes, view: View) -> View | None:
        return reading.continued(body, earlier, view)

    def decode_request(self, body: bytes) -> Request:
        return decode_request(body)

    def needs_translation(self, view: View, profile: Profile) -> bool:
        """Never: nothing here has a stand-in that passing bytes through would miss."""
        return False

    def encode_request(self, request: Request, target: Target) -> Encoded:
        return encode_request(request, target)

    def glance(self, body: bytes) -> Glance | None:
        return None

    def decode_response(self, body: bytes, profile: Profile) -> Response:
        return incoming.decode_response(body)

    def stream_decoder(self, profile: Profile) -> StreamDecoder:
        return incoming.Decoder()

    def encode_response(self, response: Response, context: ReplyContext) -> bytes:
        return outgoing.encode_response(response, context)

    def stream_encoder(self, context: ReplyContext) -> outgoing.Encoder:
        return outgoing.Encoder(context)

    def resumed(self, context: ReplyContext, delivered: bytes) -> Resumed | None:
        return resuming.resumed(context, delivered)

    def is_plain(self, event: bytes) -> bool:
        return reading.is_plain(event)

    def usage_of(self, body: bytes) -> Usage | None:
        return reading.usage_of(body)

    def adapt(self, body: bytes, view: View, target: Target, *, ask_usage: bool) -> bytes:
        return reading.adapt(body, view, target)

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
        return reasoning.rewrite(body, drop, restore, profile)

    def without_reasoning(self, body: bytes, view: View, profile: Profile) -> bytes:
        return reasoning.without_reasoning(body, view, profile)

    def error_body(self, error: GatewayError, request_id: str) -> bytes:
        return replies.error_body(error, request_id)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return replies.error_event(error, request_id)

    def error_of(self, status: int, body: bytes) -> tuple[str, str | None]:
        return replies.error_of(status, body)


DIALECT = _Responses()

__all__ = [
    "CALLS_OF_VENDOR_TOOLS",
    "DIALECT",
    "countable",
    "input_items",
    "output_items",
    "response_id",
    "with_history",
]

_: Dialect = DIALECT
