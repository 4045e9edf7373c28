"""A neutral request as a Responses request.

Stateless on purpose: `store` is false unless the client said otherwise, and reasoning is asked for in encrypted form where
the upstream replays it. The messages are written by `_responses_input`, the tools by `_responses_tools`; here are the fields
beside them. Source: openai 3.52 `response_create_params.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

from gateway.dialects._responses_input import Items
from gateway.dialects._responses_names import Directory
from gateway.dialects._responses_parts import reasoning_item
from gateway.dialects._responses_tools import EMPTY_SCHEMA, put_tools
from gateway.dialects._shared import encode
from gateway.dialects.contract import Encoded, Target
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Message, OutputFormat, Part, Reasoning, ReasoningOptions, Request, Text

_EFFORT_UP_TO: Final = ((4_096, "low"), (16_384, "medium"))
"""Thinking budgets in tokens and the effort that stands for them; above: high."""


def encode_request(request: Request, target: Target) -> Encoded:
    losses: list[str] = []
    own = request.origin == "responses"
    directory = Directory.of_request(request)
    out: dict[str, Any] = {"model": target.model}
    messages = _turns(request.messages, target.profile)
    instructions = _instructions(messages)
    if instructions is not None:
        out["instructions"] = instructions
        messages = messages[1:]
    writer = Items(target.profile, directory, losses)
    out["input"] = writer.write(messages)
    if writer.prompt is not None:
        out["prompt"] = writer.prompt
    put_tools(out, request, target.profile, directory, losses)
    _put_limits(out, request, target, losses)
    _put_thinking(out, request, target.profile, losses)
    _put_format(out, request, target.profile, losses)
    _put_names(out, request, target.profile, losses)
    _put_extra(out, request.extra, own, losses)
    if request.stream:
        out["stream"] = True
    return Encoded(encode(out), tuple(dict.fromkeys(losses)))


def _turns(messages: tuple[Message, ...], profile: Profile) -> tuple[Message, ...]:
    """Without traces that this upstream does not take back and messages that say nothing; what the assistant did in a row
    is one turn."""
    turns: list[Message] = []
    for message in messages:
        parts = tuple([part for part in message.parts if not _withheld(part, profile)])
        if all(isinstance(part, Text) and not part.text for part in parts):
            continue
        message = replace(message, parts=parts)
        if turns and message.role == turns[-1].role == "assistant":
            turns[-1] = replace(turns[-1], parts=turns[-1].parts + message.parts)
        else:
            turns.append(message)
    return tuple(turns)


def _withheld(part: Part, profile: Profile) -> bool:
    return isinstance(part, Reasoning) and not (profile.encrypted_reasoning and reasoning_item(part))


def _instructions(messages: tuple[Message, ...]) -> str | None:
    """A first system message of one plain text has a field of its own; empty texts beside it say nothing."""
    if not messages or messages[0].role != "system":
        return None
    parts = [part for part in messages[0].parts if not (isinstance(part, Text) and not part.text)]
    return parts[0].text if len(parts) == 1 and isinstance(parts[0], Text) else None


def _put_limits(out: dict[str, Any], request: Request, target: Target, losses: list[str]) -> None:
    limit = request.max_output_tokens
    if limit is not None:
        out["max_output_tokens"] = min(limit, target.max_output_tokens) if target.max_output_tokens else limit
    for name in ("temperature", "top_p"):
        value = getattr(request, name)
        if value is not None and target.profile.sampling:
            out[name] = value
        elif value is not None:
            losses.append(name)
    if request.top_k is not None and target.profile.top_k:
        out["top_k"] = request.top_k
    elif request.top_k is not None:
        losses.append("top_k")
    if request.n is not None and request.n > 1:
        raise UnsupportedFeature("several choices (n) do not exist in the Responses dialect", where="$.n", accepted="1")
    unknown = ("presence_penalty", "frequency_penalty", "seed")
    losses += [name for name in unknown if getattr(request, name) is not None]
    if request.stop:
        losses.append("stop")
    if request.origin == "responses":
        if request.top_logprobs is not None:
            out["top_logprobs"] = request.top_logprobs
    elif request.logprobs or request.top_logprobs:
        losses.append("logprobs")


def _put_thinking(out: dict[str, Any], request: Request, profile: Profile, losses: list[str]) -> None:
    include = list(request.include)
    if request.origin != "responses" and profile.encrypted_reasoning:
        include.append("reasoning.encrypted_content")
    if include:
        out["include"] = include
    told = request.reasoning
    if told is None:
        return
    effort = _effort(told)
    thinking: dict[str, str] = {}
    if effort is not None and profile.effort_field != "none":
        thinking["effort"] = effort
    elif effort is not None:
        losses.append("reasoning.effort")
    if told.summary is not None:
        thinking["summary"] = told.summary
    elif request.origin == "messages" and told.mode in ("enabled", "adaptive") and told.display != "omitted":
        thinking["summary"] = "auto"
    if thinking:
        out["reasoning"] = thinking


def _effort(told: ReasoningOptions) -> str | None:
    if told.mode == "disabled":
        return "none"
    if told.effort is not None or told.budget_tokens is None:
        return told.effort
    for bound, effort in _EFFORT_UP_TO:
        if told.budget_tokens <= bound:
            return effort
    return "high"


def _put_format(out: dict[str, Any], request: Request, profile: Profile, losses: list[str]) -> None:
    text: dict[str, Any] = {}
    form = request.output_format
    if form is not None and form.kind != "text":
        if form.kind == "json_schema" and not profile.json_schema:
            losses.append("response_format")
        else:
            text["format"] = _format(form)
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    if text:
        out["text"] = text


def _format(form: OutputFormat) -> dict[str, Any]:
    if form.kind == "json_object":
        return {"type": "json_object"}
    out: dict[str, Any] = {"type": "json_schema", "name": form.name or "output"}
    out["schema"] = msgspec.Raw(form.schema) if form.schema is not None else EMPTY_SCHEMA
    if form.strict is not None:
        out["strict"] = form.strict
    if form.description is not None:
        out["description"] = form.description
    return out


_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})


def _put_names(out: dict[str, Any], request: Request, profile: Profile, losses: list[str]) -> None:
    own = request.origin == "responses"
    if request.store is not None or not own:
        out["store"] = bool(request.store) and own
    if request.user is not None:
        out["user"] = request.user
    if request.metadata is not None:
        if own or _strings(request.metadata):
            out["metadata"] = msgspec.Raw(request.metadata)
        else:
            losses.append("metadata")
    if request.cache_key is not None:
        if own or profile.cache_key_field:
            out["prompt_cache_key"] = request.cache_key
        else:
            losses.append("prompt_cache_key")
    if request.service_tier is not None:
        if own or request.service_tier in _TIERS:
            out["service_tier"] = request.service_tier
        else:
            losses.append("service_tier")


def _strings(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw, type=dict[str, str])
    except msgspec.DecodeError:
        return False
    return True


_OURS: Final = frozenset({"effort", "summary", "generate_summary", "format", "verbosity"})


def _put_extra(out: dict[str, Any], extra: Any, own: bool, losses: list[str]) -> None:
    for key, raw in extra.items():
        head, dot, rest = key.partition(".")
        if not own:
            losses.append(key)
        elif head == "input" and dot:
            losses.append(key)  # a vendor's own record, withheld by the decoder
        elif head in ("namespace", "tools") and dot:
            continue  # written with the tools
        elif head in ("reasoning", "text") and dot:
            if rest not in _OURS:
                out.setdefault(head, {})[rest] = msgspec.Raw(raw)
        else:
            out[key] = msgspec.Raw(raw)
