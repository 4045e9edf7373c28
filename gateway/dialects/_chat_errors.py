"""Errors in OpenAI's shape, `{"error": {message, type, param, code}}`, and what upstreams' error bodies say."""

from __future__ import annotations

from typing import Any

from gateway.dialects._chat_stream_out import error_value
from gateway.dialects._shared import encode, read_error
from gateway.errors import GatewayError, UpstreamRateLimited, UpstreamRejected


def error_body(error: GatewayError) -> bytes:
    return encode(_value(error))


def error_event(error: GatewayError) -> bytes:
    """The error as the last event of a stream; no `[DONE]` follows (protocols.md 1.1)."""
    return b"data: " + encode(_value(error)) + b"\n\n"


def _value(error: GatewayError) -> dict[str, Any]:
    code: str | None = error.code
    # OpenAI's word for its own faults, on which OpenCode tries again; "api_error" ends its run.
    kind = "server_error" if error.kind == "api_error" else error.kind
    if isinstance(error, UpstreamRejected) and error.upstream_code:
        code = error.upstream_code
    if isinstance(error, UpstreamRateLimited) and error.quota:
        kind = code = "insufficient_quota"  # the word that tells OpenAI's clients not to retry
    value = error_value(error.text(), kind, code, error.status)
    where = error.where
    if where and where.startswith("$."):
        value["error"]["param"] = where[2:]
    return value


def error_of(status: int, body: bytes) -> tuple[str, str | None]:
    """(message, code): the vendor's code, or its type where the code only repeats the status."""
    message, code, kind = read_error(body)
    if code is None or code.isdigit():
        code = kind or code
    return message, code
