"""How upstream errors read: status, headers and body to one leaf of the error tree.

One reader serves all vendors, because their bodies are few shapes (protocols.md section 1.4) and a wrong guess costs little:
- OpenAI `{"error": {message, type, param, code}}`; Gemini wraps the same in a one-element list;
- Anthropic `{"type": "error", "error": {type, message, details?}}`;
- Ollama `{"error": "text"}`; FastAPI servers `{"detail": ...}`; older vLLM `{"object": "error", message, code}`;
- HTML or text from a proxy in between.
What a vendor does otherwise is an argument of `reader`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from gateway.errors import Headers, UpstreamError, UpstreamOverloaded, UpstreamRateLimited, UpstreamRejected
from gateway.providers.contract import ReadError

CONTEXT_CODE = "context_length_exceeded"
CREDENTIAL_CODE = "upstream_credential"

_BODY_BYTES_MAX = 256 * 1024
"""An error body beyond this is not parsed; it is kept for the client all the same."""
_MESSAGE_CHARS_MAX = 600
_RETRY_AFTER_S_MAX = 86_400.0

CONTEXT_PHRASES = (
    # OpenAI, vLLM, DeepSeek, SGLang: "maximum context length is N tokens"
    "maximum context length",
    "context_length_exceeded",
    "context length exceeded",
    # OpenAI Responses: "Your input exceeds the context window of this model"
    "exceeds the context window",
    "context window exceeded",
    # Anthropic: "prompt is too long: N tokens > M maximum", "input length and `max_tokens` exceed context limit"
    "prompt is too long",
    "exceed context limit",
    "model_context_window_exceeded",
    # llama.cpp: type exceed_context_size_error, "the request exceeds the available context size"
    "exceed_context_size",
    "exceeds the available context size",
    # Gemini: "The input token count (N) exceeds the maximum number of tokens allowed (M)"
    "exceeds the maximum number of tokens",
    # vLLM: "The decoder prompt (length N) is longer than the maximum model length of M"
    "maximum model length",
    "longer than the model's context length",
    # LM Studio: "Trying to keep the first N tokens when context the overflows" / "greater than the context length"
    "greater than the context length",
    "context overflows",
    # OpenRouter relays, Mistral, xAI
    "too many tokens",
    "input is too long",
    "reduce the length of the messages",
)
_CONTEXT_STATUSES = frozenset({400, 413, 422})
"""Some servers say it with 413 or 422 (gateways.md: Switchyard recognises only 400)."""

_QUOTA_CODES = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached", "insufficient_balance"})
_QUOTA_PHRASES = (
    "insufficient balance",
    "credit balance is too low",
    "insufficient credits",
)
_OVERLOAD_TYPES = frozenset({"overloaded_error", "server_overloaded", "engine_overloaded"})
_CREDENTIAL = re.compile(r"\b(?:(?:sk|pk|rk|gsk|xai)[-_]|AIza|Bearer +)[A-Za-z0-9_\-*.]{4,}")
"""Vendors repeat part of a refused key in their message; clients must not see it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a body says, as far as it says it. Empty strings for what is missing; `retry_s` seconds (Google's RetryInfo)."""

    message: str = ""
    type: str = ""
    code: str = ""
    retry_s: float | None = None


def reader(
    *,
    quota_statuses: Collection[int] = (402,),
    busy_statuses: Collection[int] = (),
    quota_codes: Collection[str] = (),
    hand_on: bool = True,
) -> ReadError:
    """A reader for one vendor. `quota_statuses` mean "no money", `busy_statuses` are 4xx that mean "try later",
    `quota_codes` are error codes that mean "no money" besides the usual ones. `hand_on` False: the vendor's types and
    codes are its own and tell clients nothing, so its bodies are said anew (the message stays)."""
    spent = _QUOTA_CODES | frozenset(quota_codes)

    def read(status: int, headers: Headers, body: bytes, model: str) -> UpstreamError:
        said = parse(body)
        body = body if hand_on else b""
        text = f"{model}: {clean(said.message) or f'the upstream answered {status}'}"
        wait_s = retry_after_s(headers)
        wait_s = said.retry_s if wait_s is None else wait_s
        quota = (
            status in quota_statuses or said.code in spent or said.type in spent or _has(said.message, _QUOTA_PHRASES)
        )
        if quota and 400 <= status < 500:
            # The vendor's own status: Codex retries 402 and gives up on 429 with a quota code, as it does without us.
            return UpstreamRateLimited(
                text, status=status, retry_after_s=wait_s, quota=True, body=body, headers=headers
            )
        if status == 429:
            may_retry = header(headers, b"x-should-retry") != b"false"
            return UpstreamRateLimited(text, retry_after_s=wait_s, may_retry=may_retry, body=body, headers=headers)
        if status >= 500 or status == 408 or status in busy_statuses or said.type in _OVERLOAD_TYPES:
            return _overloaded(status, headers, body, text, wait_s)
        return _rejected(status, headers, body, said, text, model)

    return read


def _overloaded(status: int, headers: Headers, body: bytes, text: str, wait_s: float | None) -> UpstreamError:
    return UpstreamOverloaded(
        text,
        status=status if status >= 500 else 503,
        retry_after_s=wait_s,
        may_retry=header(headers, b"x-should-retry") != b"false",
        body=body,
        headers=headers,
    )


def _rejected(status: int, headers: Headers, body: bytes, said: Said, text: str, model: str) -> UpstreamError:
    """4xx about this request. 401 and 403 are about the gateway's own credential or rights, 404 about the model: another
    hop may do. Their bodies are not for the client, which did nothing wrong and would ask its user for a new key."""
    if status in _CONTEXT_STATUSES and is_context_error(said):
        return UpstreamRejected(
            text, status=status, body=body, headers=headers, upstream_code=CONTEXT_CODE, try_next=True
        )
    if status in (401, 403):
        message = f"{text} (this is about the gateway's credential for {model}, not about yours: check its api_key)"
        return UpstreamRejected(
            message, status=status, headers=headers, upstream_code=said.code or CREDENTIAL_CODE, try_next=True
        )
    return UpstreamRejected(
        text,
        status=status if 400 <= status < 500 else 502,
        body=body,
        headers=headers,
        upstream_code=said.code or said.type or None,
        try_next=status == 404,
    )


def is_context_error(said: Said) -> bool:
    """Whether the request was too long for the model, by code, type or the wording of all servers we know."""
    return _has(f"{said.code}\n{said.type}\n{said.message}", CONTEXT_PHRASES)


def _has(text: str, phrases: Collection[str]) -> bool:
    lowered = text.lower()
    return any(phrase in lowered for phrase in phrases)


def parse(body: bytes) -> Said:
    """Never raises: an error body is the last place to insist on form."""
    if not body or len(body) > _BODY_BYTES_MAX:
        return Said()
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Said(message=_plain(body))
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Said(message=_plain(body))
    inner = value.get("error")
    if isinstance(inner, dict):
        return _said(inner)
    if isinstance(inner, str):
        return Said(message=inner)
    if "detail" in value and "message" not in value:
        detail = value["detail"]
        return Said(message=detail if isinstance(detail, str) else msgspec.json.encode(detail).decode())
    return _said(value)


def _said(value: dict[str, Any]) -> Said:
    """`code` only when it is a word: many servers repeat the status there as a number."""
    details = value.get("details")
    nested = details.get("error_code") if isinstance(details, dict) else None
    words = (value.get("code"), nested, value.get("status"))
    return Said(
        message=_text(value.get("message")),
        type=_text(value.get("type")),
        code=next((w for w in words if isinstance(w, str) and w), ""),
        retry_s=_retry_info(details),
    )


def _retry_info(details: Any) -> float | None:
    """Google: {"@type": ".../google.rpc.RetryInfo", "retryDelay": "34s"} among `details`."""
    for entry in details if isinstance(details, list) else ():
        delay = entry.get("retryDelay") if isinstance(entry, dict) else None
        if isinstance(delay, str) and re.fullmatch(r"\d{1,6}(\.\d+)?s", delay):
            return min(float(delay[:-1]), _RETRY_AFTER_S_MAX)
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _plain(body: bytes) -> str:
    """The first line of a text body; nothing of a page of HTML."""
    text = body[:2000].decode("utf-8", "replace").strip()
    return "" if text.startswith("<") else text.split("\n", 1)[0]


def clean(message: str) -> str:
    """For the client: one line, bounded, without anything that looks like a key."""
    line = " ".join(_CREDENTIAL.sub("[redacted]", message).split())
    return line if len(line) <= _MESSAGE_CHARS_MAX else line[: _MESSAGE_CHARS_MAX - 1] + "…"


def header(headers: Headers, name: bytes) -> bytes | None:
    """Value of a header by lower-case name; names are lower-case already."""
    return next((value.strip() for key, value in headers if key == name), None)


def retry_after_s(headers: Headers) -> float | None:
    """Seconds asked for: `retry-after-ms`, then `retry-after` in seconds (both SDKs read them in this order). An HTTP date
    is counted from the reply's own `date`, so no clock is needed; without one it says nothing. Never over a day."""
    for name, unit_s in ((b"retry-after-ms", 0.001), (b"retry-after", 1.0)):
        value = header(headers, name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit_s
        except ValueError:
            date = _seconds_between(header(headers, b"date"), value)
            if date is None:
                continue
            seconds = date
        if seconds == seconds and seconds >= 0:
            return min(seconds, _RETRY_AFTER_S_MAX)
    return None


def _seconds_between(sent: bytes | None, until: bytes) -> float | None:
    if sent is None:
        return None
    try:
        start, end = (parsedate_to_datetime(v.decode("ascii")) for v in (sent, until))
        return max((end - start).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):  # a day or a zone of twenty digits overflows
        return None


shared: ReadError = reader()
"""The reader of providers that declare none."""
