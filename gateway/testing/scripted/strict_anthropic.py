"""What Anthropic's Messages API refuses, in its words (API error pages and client issue threads, November 2026)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.testing.scripted.asked import dicts
from gateway.testing.scripted.memory import Memory
from gateway.testing.scripted.vendor_errors import Complaint

Body = Mapping[str, Any]
Headers = tuple[tuple[bytes, bytes], ...]

# Top-level fields of the request (anthropic 2.11 `message_create_params`, beta ones included).
_FIELDS = frozenset(
    """
    model messages max_tokens system tools tool_choice stream temperature top_p top_k stop_sequences
    metadata thinking service_tier container mcp_servers context_management output_config output_format
    cache_control diagnostics speed inference_geo betas user_profile_id
    """.split()  # noqa: SIM905 (a list of forty names reads badly)
)
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_RULE = "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
MAX_MARKS = 4
MIN_BUDGET = 1024


def complaint(body: Body, headers: Headers, memory: Memory, *, genuine: bool) -> Complaint | None:
    """The first objection. `genuine`: the vendor itself; otherwise a look-alike that neither signs nor knows betas."""
    words = next(_objections(body, headers, memory, genuine), None)
    return Complaint(words) if words else None


def count_complaint(body: Body) -> Complaint | None:
    """The first objection to a count_tokens request, which has no max_tokens and no stream."""
    words = next(_missing(body, ("model", "messages")), None) or next(_history(body), None)
    return Complaint(words) if words else None


def _objections(body: Body, headers: Headers, memory: Memory, genuine: bool) -> Iterator[str]:
    named = {name.lower(): value for name, value in headers}
    if genuine and b"anthropic-version" not in named:
        yield "anthropic-version: header is required"
    yield from _missing(body, ("model", "messages", "max_tokens"))
    if genuine:
        for name in body:
            if name not in _FIELDS:
                yield f"{name}: Extra inputs are not permitted"
    yield from _history(body)
    yield from _tools(body)
    yield from _pairs(dicts(body.get("messages")))
    if genuine:
        marks = sum(1 for _ in _marks(body))
        if marks > MAX_MARKS:
            yield f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {marks}."
        yield from _thinking(body, named.get(b"anthropic-beta", b""))
        yield from _signatures(dicts(body.get("messages")), memory)


def _missing(body: Body, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if body.get(name) is None:
            yield f"{name}: Field required"


def _history(body: Body) -> Iterator[str]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "messages: at least one message is required"
        return
    if isinstance(messages[0], dict) and messages[0].get("role") == "assistant":
        yield 'messages: first message must use the "user" role'
    system = body.get("system")
    if system is not None and not isinstance(system, str | list):
        yield "system: Input should be a valid list"
    for block in dicts(system):
        if block.get("type") == "text" and not block.get("text"):
            yield "system: text content blocks must be non-empty"
    for place, message in enumerate(messages):
        yield from _message(place, message, last=place == len(messages) - 1)


def _message(place: int, message: object, *, last: bool) -> Iterator[str]:
    if not isinstance(message, dict):
        yield f"messages.{place}: Input should be a valid dictionary"
        return
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant", "system"):
        yield f"messages.{place}.role: Input should be 'user' or 'assistant'"
    if content is None:
        yield f"messages.{place}.content: Field required"
    if content in ("", []) and not (last and role == "assistant"):
        yield f"messages.{place}: all messages must have non-empty content except for the optional final assistant message"
    allowed = {"role", "content", "cache_control", "id"}
    for name in message:
        if name not in allowed:
            yield f"messages.{place}.{name}: Extra inputs are not permitted"
    for index, block in enumerate(dicts(content)):
        yield from _block(f"messages.{place}.content.{index}", block, str(role))


def _block(where: str, block: Body, role: str) -> Iterator[str]:
    kind = block.get("type")
    if kind == "text" and not block.get("text"):
        yield "messages: text content blocks must be non-empty"
    if kind == "text" and not str(block.get("text", "")).strip():
        yield "messages: text content blocks must contain non-whitespace text"
    if kind == "tool_use":
        if role != "assistant":
            yield f"{where}: `tool_use` blocks can only be in `assistant` messages"
        if not isinstance(block.get("input"), dict):
            yield f"{where}.tool_use.input: Input should be a valid dictionary"
        if not _CALL_ID.fullmatch(str(block.get("id") or "")):
            yield f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        if not _TOOL_NAME.fullmatch(str(block.get("name") or "")):
            yield f"{where}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
    if kind == "tool_result" and role != "user":
        yield f"{where}: `tool_result` blocks can only be in `user` messages"
    if kind in ("thinking", "redacted_thinking") and role != "assistant":
        yield f"{where}: `{kind}` blocks may only be in `assistant` messages"
    if kind in ("image_url", "input_text", "output_text", "refusal", None):
        yield (
            f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags: 'document', 'image', "
            "'redacted_thinking', 'search_result', 'text', 'thinking', 'tool_result', 'tool_use'"
        )


def _tools(body: Body) -> Iterator[str]:
    names: set[str] = set()
    for place, tool in enumerate(dicts(body.get("tools"))):
        if tool.get("type") not in (None, "custom"):
            if tool.get("type") == "function":
                yield f"tools.{place}: Input tag 'function' found using 'type' does not match any of the expected tags"
            continue
        name = str(tool.get("name") or "")
        if not _TOOL_NAME.fullmatch(name):
            yield f"tools.{place}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        if name in names:
            yield "tools: Tool names must be unique."
        names.add(name)
        schema = tool.get("input_schema")
        if not isinstance(schema, dict):
            yield f"tools.{place}.custom.input_schema: Field required"
        elif schema.get("type") != "object":
            yield f"tools.{place}.custom.input_schema.type: Field required"
    choice = body.get("tool_choice")
    if choice is not None and (
        not isinstance(choice, dict) or choice.get("type") not in ("auto", "any", "tool", "none")
    ):
        yield "tool_choice: Input should be a valid dictionary or object to extract fields from"
    if isinstance(choice, dict) and not body.get("tools") and choice.get("type") != "none":
        yield "tool_choice: Tool choice may only be specified while providing tools."


def _pairs(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Every tool_use is answered in the next message, every tool_result answers one of the message before."""
    asked: list[str] = []
    seen: set[str] = set()
    for place, message in enumerate(messages):
        blocks = dicts(message.get("content"))
        results = [str(b.get("tool_use_id")) for b in blocks if b.get("type") == "tool_result"]
        if missing := [one for one in asked if one not in results]:
            yield (
                f"messages.{place - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. {_RULE}"
            )
        for index, one in enumerate(results):
            if one not in asked:
                yield (
                    f"messages.{place}.content.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {one}. Each "
                    "`tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
            if results.index(one) != index:
                yield (
                    f"messages.{place}.content.{index}: each tool_use must have a single result. Found multiple "
                    f"`tool_result` blocks with id: {one}"
                )
        asked = [str(b.get("id")) for b in blocks if b.get("type") == "tool_use"]
        for one in asked:
            if one in seen:
                yield f"messages.{place}: `tool_use` ids must be unique"
            seen.add(one)
    if asked:
        yield (
            f"messages.{len(messages) - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(asked)}. {_RULE}"
        )


def _marks(value: object) -> Iterator[object]:
    """Every non-null `cache_control` on a block, wherever it is nested; a top-level one (automatic) is one too."""
    if isinstance(value, Mapping):
        if value.get("cache_control") is not None:
            yield value["cache_control"]
        for name in ("system", "messages", "tools", "content"):
            yield from _marks(value.get(name))
    elif isinstance(value, list):
        for entry in value:
            yield from _marks(entry)


def _thinking(body: Body, beta: bytes) -> Iterator[str]:
    thinking = body.get("thinking")
    mode = thinking.get("type") if isinstance(thinking, dict) else None
    config = body.get("output_config")
    if mode == "disabled" and isinstance(config, dict) and config.get("effort") is not None:
        yield "output_config.effort: effort may not be set when thinking is disabled"
    if mode not in ("enabled", "adaptive", "between_tools") or not isinstance(thinking, dict):
        return
    if mode == "enabled":
        budget = thinking.get("budget_tokens")
        if not isinstance(budget, int):
            yield "thinking.enabled.budget_tokens: Field required"
        elif budget < MIN_BUDGET:
            yield f"thinking.enabled.budget_tokens: Input should be greater than or equal to {MIN_BUDGET}"
        elif budget >= int(body.get("max_tokens", 0)) and b"interleaved-thinking" not in beta:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`."
        yield from _begins_with_thinking(dicts(body.get("messages")))
    if body.get("temperature") not in (None, 1, 1.0):
        yield "`temperature` may only be set to 1 when thinking is enabled."
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        yield "Thinking may not be enabled when tool_choice forces tool use."


def _begins_with_thinking(messages: list[dict[str, Any]]) -> Iterator[str]:
    """With a thinking budget, the turn whose tools are being answered must begin with its thinking."""
    if len(messages) < 2 or not any(b.get("type") == "tool_result" for b in dicts(messages[-1].get("content"))):
        return
    first = next(iter(dicts(messages[-2].get("content"))), {}).get("type")
    if first not in ("thinking", "redacted_thinking"):
        yield (
            f"messages.{len(messages) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`. "
            "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost "
            "set of `tool_use` and `tool_result` blocks)."
        )


def _signatures(messages: list[dict[str, Any]], memory: Memory) -> Iterator[str]:
    """Thinking blocks go back exactly as they came, or not at all."""
    for place, message in enumerate(messages):
        for index, block in enumerate(dicts(message.get("content"))):
            where = f"messages.{place}.content.{index}"
            if block.get("type") == "thinking":
                signature = block.get("signature")
                if signature is None:
                    yield f"{where}.thinking.signature: Field required"
                elif memory.signatures.get(str(signature)) is None:
                    yield f"{where}: Invalid `signature` in `thinking` block"
                elif memory.signatures[str(signature)] != block.get("thinking"):
                    yield (
                        f"{where}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
                        "modified. These blocks must remain as they were in the original response."
                    )
            elif block.get("type") == "redacted_thinking" and block.get("data") not in memory.redacted:
                yield f"{where}: Invalid `data` in `redacted_thinking` block"
