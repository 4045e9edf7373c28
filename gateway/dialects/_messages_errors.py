"""Errors in Anthropic's shape, both ways (protocols.md 1.4)."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._messages_stream_out import failure, failure_body
from gateway.errors import GatewayError, UpstreamError, UpstreamRejected

_WORDS: Final = {402: "billing_error", 504: "timeout_error"}
"""Where Anthropic has a word of its own for a status."""

_TYPES: Final = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "api_error",
        "overloaded_error",
    }
)
"""All that Anthropic documents. vLLM says `BadRequestError` in the same shape, by which no client can tell what to do."""

_SHOWN_CHARS: Final = 500


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Inner(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None
    details: _Details | None = None


class _Outer(msgspec.Struct):
    type: str | None = None
    error: _Inner | str | None = None
    message: str | None = None
    detail: str | None = None


_outer = msgspec.json.Decoder(_Outer)


def error_body(error: GatewayError, request_id: str) -> bytes:
    """An upstream's refusal that already has this shape is handed on byte for byte: Claude Code recovers from errors by
    their wording (protocols.md 1.6). Everything else is said in our words."""
    if isinstance(error, UpstreamRejected) and error.body:
        try:
            told = _outer.decode(error.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = _Outer()
        if told.type == "error" and isinstance(told.error, _Inner) and told.error.type in _TYPES and told.error.message:
            return error.body
    return failure_body(error.text(), _WORDS.get(error.status, error.kind), error.code, request_id)


def error_event(error: GatewayError, request_id: str) -> bytes:
    """Ends the stream: nothing follows an error event. A failure of the upstream in mid-stream is "overloaded_error": what
    real streams say when they break, and the word on which OpenCode tries again ("api_error" ends its run)."""
    word = "overloaded_error" if isinstance(error, UpstreamError) and error.status >= 500 else error.kind
    return failure(error.text(), word, error.code, request_id)


def error_of(status: int, body: bytes) -> tuple[str, str | None]:
    """(message, code) of an error body; of an unknown shape its first characters, of none the status."""
    try:
        told = _outer.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body[:_SHOWN_CHARS].decode("utf-8", "replace").strip()
        return text or f"the upstream answered with status {status}", None
    inner = told.error
    if isinstance(inner, _Inner):
        code = (inner.details.error_code if inner.details else None) or inner.code or inner.type
        return inner.message or f"the upstream answered with status {status}", None if code is None else str(code)
    text = (inner or told.message or told.detail or "").strip()
    return text or f"the upstream answered with status {status}", None
