"""The response object that clients see: every field the SDK's type demands, request fields echoed, ids with their prefix.

`instructions` is echoed as null: it is the client's own text, up to 30 KB, in three events of every stream, and no client
reads it back. Source: openai 3.52 `response.py`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._responses_names import Directory
from gateway.dialects._responses_read import usage_json
from gateway.dialects._responses_tools import tool_entries
from gateway.dialects._shared import encode, one_line, read_error
from gateway.dialects.contract import ReplyContext
from gateway.errors import (
    BudgetExceeded,
    ContextWindowExceeded,
    DownstreamError,
    GatewayError,
    PolicyError,
    TooManyRequests,
    UpstreamRateLimited,
)
from gateway.ir.events import Failed
from gateway.ir.request import Request, ToolChoice
from gateway.ir.usage import Usage

LAST_SEQUENCE: Final = 2**31 - 1
"""sequence_number of an error event written by somebody who did not count: larger than any before it."""
_SERVICE_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})


def reply_id(upstream: str, context: ReplyContext) -> str:
    """The upstream's id if it is one of this dialect, else the gateway's, with its prefix."""
    if upstream.startswith("resp_"):
        return upstream
    own = context.reply_id
    return own if own.startswith("resp_") else f"resp_{own}"


def item_id(prefix: str, response_id: str, number: int) -> str:
    """`number` is the place in the output. At most 64 characters, the API's bound on ids that come back."""
    return f"{prefix}{response_id.removeprefix('resp_')[:48]}{number:04x}"


class Frame:
    """Builds response objects of one reply; what does not change is encoded once."""

    def __init__(self, response_id: str, context: ReplyContext, created_s: int | None) -> None:
        self.id = response_id
        self._head: dict[str, Any] = {
            "id": response_id,
            "object": "response",
            "created_at": created_s if created_s is not None else context.created_s,
        }
        # the client's own JSON (schemas, metadata) may have line ends, which would break the event's frame
        self._echo = {key: msgspec.Raw(one_line(encode(value))) for key, value in _echo(context).items()}

    def build(
        self,
        status: str,
        output: list[Any],
        usage: Usage | None = None,
        *,
        error: dict[str, Any] | None = None,
        incomplete: str | None = None,
    ) -> dict[str, Any]:
        return {
            **self._head,
            "status": status,
            "error": error,
            "incomplete_details": {"reason": incomplete} if incomplete else None,
            "output": output,
            "usage": usage_json(usage),
            **self._echo,
        }


def _echo(context: ReplyContext) -> dict[str, Any]:
    request = context.request
    echo: dict[str, Any] = {
        "model": context.model,
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": None,
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": None,
        "truncation": "disabled",
        "user": None,
    }
    if request is not None:
        echo |= _echo_of(request)
    return echo


def _echo_of(request: Request) -> dict[str, Any]:
    told = request.reasoning
    echo: dict[str, Any] = {
        "max_output_tokens": request.max_output_tokens,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "reasoning": {"effort": told.effort if told else None, "summary": told.summary if told else None},
        "store": bool(request.store),
        "temperature": request.temperature,
        "text": _text(request),
        "tool_choice": _choice(request),
        "tools": tool_entries(request, None, []),
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.top_p,
        "user": request.user,
    }
    if request.metadata is not None:
        echo["metadata"] = msgspec.Raw(request.metadata)
    if request.service_tier in _SERVICE_TIERS:
        echo["service_tier"] = request.service_tier
    if request.cache_key is not None:
        echo["prompt_cache_key"] = request.cache_key
    if request.origin == "responses":
        for key in ("truncation", "max_tool_calls", "safety_identifier", "prompt_cache_retention"):
            if key in request.extra:
                echo[key] = msgspec.Raw(request.extra[key])
    return echo


def _text(request: Request) -> dict[str, Any]:
    form = request.output_format
    text: dict[str, Any] = {"format": {"type": "text"}}
    if form is not None and form.kind == "json_object":
        text["format"] = {"type": "json_object"}
    elif form is not None and form.kind == "json_schema":
        text["format"] = {
            "type": "json_schema",
            "name": form.name or "output",
            "schema": msgspec.Raw(form.schema or b"{}"),
            "strict": bool(form.strict),
            "description": form.description,
        }
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    return text


def _choice(request: Request) -> Any:
    if request.origin == "responses" and "tool_choice" in request.extra:
        return msgspec.Raw(request.extra["tool_choice"])
    choice = request.tool_choice or ToolChoice("auto")
    if choice.mode not in ("tool", "allowed"):
        return choice.mode
    directory = Directory.of_request(request)
    named = [{"type": known.kind, "name": known.name} for known in map(directory.find, choice.names)]
    if choice.mode == "tool":
        return named[0] if named else "required"
    return {"type": "allowed_tools", "mode": "required" if choice.must else "auto", "tools": named}


# --- errors ------------------------------------------------------------------------------------------------------
# Codex reads `response.error.code` of `response.failed` (openai/codex, codex-rs/codex-api/src/sse/responses.rs):
# context_length_exceeded, insufficient_quota, usage_not_included, invalid_prompt, server_is_overloaded and slow_down end
# the turn; anything else is retried, rate_limit_exceeded after the delay that the message names ("try again in 3s"). So an
# upstream's overload is told as server_error: a retry comes back to the gateway, which may route it elsewhere.


def stream_error(failed: Failed) -> dict[str, Any]:
    """`response.error` for an error inside a reply."""
    code = failed.code or ""
    if "context_length" in code or "context window" in failed.message or "maximum context" in failed.message:
        word = "context_length_exceeded"
    elif "quota" in code or failed.status == 402:
        word = "insufficient_quota"
    elif failed.status == 429:
        word = "rate_limit_exceeded"
    elif 400 <= failed.status < 500 and failed.status not in (408, 409):
        word = "invalid_prompt"
    else:
        word = "server_error"
    return {"code": word, "message": failed.message}


def code_of(error: GatewayError) -> str:
    match error:
        case ContextWindowExceeded():
            return "context_length_exceeded"
        case BudgetExceeded() | UpstreamRateLimited(quota=True):
            return "insufficient_quota"
        case TooManyRequests() | UpstreamRateLimited():
            return "rate_limit_exceeded"
        case PolicyError() | DownstreamError():
            return "invalid_prompt"
        case _ if 400 <= error.status < 500 and error.status not in (408, 409):
            return "invalid_prompt"
        case _:
            return "server_error"


def told(error: GatewayError) -> str:
    """The message; after a rate limit it names the delay in the words that Codex looks for."""
    text = error.text()
    if isinstance(error, UpstreamRateLimited) and error.retry_after_s is not None and "try again in" not in text:
        return f"{text}. Please try again in {error.retry_after_s:g}s."
    return text


_OPENAI_TYPES: Final = {"request_too_large": "invalid_request_error", "overloaded_error": "server_error"}


def error_body(error: GatewayError, request_id: str) -> bytes:
    """`{"error": {...}}` (protocols.md 1.4). `code` keeps the gateway's own word: SDKs and harnesses show it."""
    code = error.code
    if isinstance(error, UpstreamRateLimited):
        code = "insufficient_quota" if error.quota else "rate_limit_exceeded"
    return encode(
        {
            "error": {
                "message": error.text(),
                "type": _OPENAI_TYPES.get(error.kind, error.kind),
                "param": error.where,
                "code": code,
                "request_id": request_id,
            }
        }
    )


def sse(kind: str, payload: dict[str, Any]) -> bytes:
    """One event. `payload` begins with its type; msgspec writes no line ends outside raw values, which are one line."""
    return b"event: " + kind.encode() + b"\ndata: " + encode(payload) + b"\n\n"


def error_event(error: GatewayError, request_id: str) -> bytes:
    """Two events: `error`, which the SDKs raise on, and `response.failed`, which Codex needs."""
    message, code = told(error), code_of(error)
    response_id = f"resp_{request_id.removeprefix('req_')}"
    first = {
        "type": "error",
        "code": code,
        "message": message,
        "param": error.where,
        "sequence_number": LAST_SEQUENCE - 1,
    }
    response = {
        "id": response_id,
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": code, "message": message},
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }
    last = {"type": "response.failed", "sequence_number": LAST_SEQUENCE, "response": response}
    return sse("error", first) + sse("response.failed", last)


def error_of(status: int, body: bytes) -> tuple[str, str | None]:
    """(message, code) of an upstream's error body in whatever shape."""
    message, code, _kind = read_error(body)
    return message or f"the upstream answered {status}", code
