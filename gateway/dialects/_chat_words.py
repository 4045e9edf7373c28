"""Words of Chat Completions that requests, whole replies and streams share: usage, finish reasons, top-level names.

Both directions of each table stand together, so that a stream and a whole reply cannot disagree. Sources: OpenAI's types
(openai 3.52 `completion_usage.py`, `chat_completion_chunk.py`) and vendors' own words as noted; protocols.md 1.1 and 1.5.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from gateway.dialects._shared import Bad
from gateway.ir.events import Finished, FinishReason
from gateway.ir.usage import Usage

# fmt: off
KNOWN_FIELDS: Final = frozenset({
    "model", "messages", "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "max_tokens",
    "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "presence_penalty", "frequency_penalty",
    "seed", "n", "logprobs", "top_logprobs", "logit_bias", "reasoning_effort", "reasoning", "thinking",
    "response_format", "verbosity", "stream", "stream_options", "user", "safety_identifier", "metadata",
    "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "service_tier", "store", "modalities",
    "audio", "prediction", "web_search_options", "moderation",
})
# fmt: on
"""Top-level request fields that somebody here acts on, or that OpenAI documents; each may stand only once."""

IMAGES_FOLLOW: Final = "[images of this result are in the next user message]"
IMAGES_HERE: Final = "Images of the tool results above:"
"""Chat's tool messages hold text only: what stands in for their images, and what introduces the user message with them."""

# --- usage -------------------------------------------------------------------------------------------------------


_Tokens = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]


class _PromptDetails(msgspec.Struct):
    cached_tokens: _Tokens | None = None
    cache_write_tokens: _Tokens | None = None  # OpenAI from gpt-5.6 on
    created_cache_tokens: _Tokens | None = None  # vLLM
    cache_creation_tokens: _Tokens | None = None  # LiteLLM and others in front of Anthropic


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: _Tokens | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Tokens | None = None
    completion_tokens: _Tokens | None = None
    total_tokens: _Tokens | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: _Tokens | None = None  # DeepSeek
    prompt_cache_miss_tokens: _Tokens | None = None
    cached_tokens: _Tokens | None = None  # Moonshot


class _WithUsage(msgspec.Struct):
    usage: _Usage | None = None


_usage: Final = msgspec.json.Decoder(_Usage)
_with_usage: Final = msgspec.json.Decoder(_WithUsage)


def usage_in(data: bytes | msgspec.Raw) -> Usage | None:
    """A vendor's `usage` object; None for null, for one without counts, and for one of the wrong shape: a reply is worth
    more than its meter reading, so a broken count is never a broken reply."""
    try:
        return _counted(_usage.decode(data))
    except Bad:
        return None


def usage_of_body(body: bytes) -> Usage | None:
    try:
        found = _with_usage.decode(body).usage
    except Bad:
        return None
    return None if found is None else _counted(found)


def _counted(told: _Usage) -> Usage | None:
    hit = max(0, told.prompt_cache_hit_tokens or 0)
    prompt = told.prompt_tokens
    if prompt is None and told.prompt_cache_miss_tokens is not None:
        prompt = hit + max(0, told.prompt_cache_miss_tokens)
    if prompt is None and told.completion_tokens is None:
        return None
    prompt = max(0, prompt or 0)
    details = told.prompt_tokens_details or _PromptDetails()
    cached = min(prompt, max(0, details.cached_tokens or hit or told.cached_tokens or 0))
    written = details.cache_write_tokens or details.created_cache_tokens or details.cache_creation_tokens or 0
    thought = max(0, (told.completion_tokens_details or _CompletionDetails()).reasoning_tokens or 0)
    output = max(0, told.completion_tokens or 0)
    beyond = (told.total_tokens or 0) - prompt - output
    if 0 < beyond <= thought:
        output += beyond  # xAI and Gemini count reasoning in the total but not in completion_tokens
    return Usage(
        input_tokens=prompt,
        cached_tokens=cached,
        cache_written_tokens=min(prompt - cached, max(0, written)),
        output_tokens=output,
        reasoning_tokens=min(output, thought),
    )


def usage_out(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object; `prompt_tokens` includes what was cached."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_written_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


# --- how a reply ends --------------------------------------------------------------------------------------------

_FINISH: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # Words that leak through OpenAI-compatible servers in front of other APIs.
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "tool_use": "tool_calls",
    "end_turn": "stop",
    "eos": "stop",
    "stop_sequence": "stop_sequence",
    "safety": "content_filter",
    "sensitive": "content_filter",  # GLM
    "refusal": "refusal",
    "pause_turn": "pause",
    "model_context_window_exceeded": "context_window",
}

BROKEN_FINISH: Final = {
    "insufficient_system_resource": 503,  # DeepSeek: cut off for want of capacity
    "network_error": 502,  # GLM
    "error": 500,  # OpenRouter
    "abort": 500,  # vLLM, SGLang: the engine dropped the request
}
"""Finish reasons that are failures, and the HTTP status each amounts to."""


def finish_in(word: str, *, called: bool, refused: bool, stop_reason: str | int | None) -> Finished:
    """`called`: tool calls were seen. `stop_reason` is vLLM's: the stop string that matched, or a token's number."""
    reason = _FINISH.get(word.lower(), "stop")
    detail = None if word.lower() in _FINISH else word
    if reason == "stop":
        if called:
            return Finished("tool_calls", detail=detail)
        if refused:
            return Finished("refusal", detail=detail)
        if isinstance(stop_reason, str):
            return Finished("stop_sequence", stop_reason, detail)
    return Finished(reason, detail=detail)


def finish_out(finish: Finished, *, called: bool, refused: bool) -> str:
    """OpenAI's word. `called`: the client was sent tool calls (a gate may have taken them all away)."""
    match finish.reason:
        case "stop" | "stop_sequence" | "tool_calls":
            return "tool_calls" if called else "stop"
        case "length" | "context_window" | "pause":
            return "length"
        case "content_filter":
            return "content_filter"
        case "refusal":
            # The refusal's text, where there is one, has a field of its own; the reply then ended by itself.
            return "stop" if refused else "content_filter"
