"""What chat completions (OpenAI, DeepSeek, vLLM) and Responses (OpenAI, vLLM) refuse, in the vendors' words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.testing.scripted.asked import dicts
from gateway.testing.scripted.memory import Memory
from gateway.testing.scripted.turns import Profile
from gateway.testing.scripted.vendor_errors import Complaint

Body = Mapping[str, Any]

# openai 3.52 `chat/completion_create_params`.
_CHAT_FIELDS = frozenset(
    """
    model messages audio frequency_penalty function_call functions logit_bias logprobs
    max_completion_tokens max_tokens metadata modalities moderation n parallel_tool_calls prediction
    presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort
    response_format safety_identifier seed service_tier stop store stream stream_options temperature
    tool_choice tools top_logprobs top_p user verbosity web_search_options
    """.split()  # noqa: SIM905 (a list of forty names reads badly)
)
# openai 3.52 `responses/response_create_params`, and what Codex adds for its own back end.
_RESPONSES_FIELDS = frozenset(
    """
    model input instructions background context_management conversation include max_output_tokens
    max_tool_calls metadata moderation parallel_tool_calls previous_response_id prompt prompt_cache_key
    prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store stream
    stream_options temperature text tool_choice tools top_logprobs top_p truncation user client_metadata
    """.split()  # noqa: SIM905 (a list of forty names reads badly)
)
_ROLES: dict[Profile, tuple[str, ...]] = {
    "openai": ("developer", "system", "user", "assistant", "tool", "function"),
    "deepseek": ("system", "user", "assistant", "tool"),
    "vllm": ("system", "user", "assistant", "tool"),
}
_ID_PREFIXES = {"function_call": "fc", "message": "msg", "reasoning": "rs", "custom_tool_call": "ctc"}
_LOST_REASONING = "The `reasoning_content` in the thinking mode must be passed back to the API."


def chat(body: Body, memory: Memory, profile: Profile) -> Complaint | None:
    """The first objection to a chat completions request."""
    return next(_chat(body, memory, profile), None)


def _chat(body: Body, memory: Memory, profile: Profile) -> Iterator[Complaint]:
    if not body.get("model"):
        yield Complaint("you must provide a model parameter")
    messages = body.get("messages")
    if not isinstance(messages, list):
        yield Complaint("Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter")
        return
    if not messages:
        yield Complaint("Invalid 'messages': empty array. Expected an array with minimum length 1.", param="messages")
    if profile == "openai":
        for name in body:
            if name not in _CHAT_FIELDS:
                yield Complaint(f"Unrecognized request argument supplied: {name}")
    for place, message in enumerate(dicts(messages)):
        yield from _chat_message(place, message, profile)
    yield from _chat_pairs(dicts(messages))
    yield from _chat_tools(body, profile)
    if body.get("stream_options") is not None and body.get("stream") is not True:
        yield Complaint(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if profile == "deepseek":
        yield from _deepseek(body, memory)


def _chat_message(place: int, message: Body, profile: Profile) -> Iterator[Complaint]:
    role, content, where = message.get("role"), message.get("content"), f"messages.[{place}]"
    if role not in _ROLES[profile]:
        if profile == "vllm":
            yield Complaint("Unexpected message role.")
        elif profile == "deepseek":
            known = ", ".join(f"`{name}`" for name in _ROLES[profile])
            yield Complaint(
                f"Failed to deserialize the JSON body into the target type: messages[{place}].role: unknown variant "
                f"`{role}`, expected one of {known}"
            )
        else:
            yield Complaint(f"Invalid value: '{role}'.", param=f"{where}.role", code="invalid_value")
    calls = dicts(message.get("tool_calls"))
    if content is None and not calls and message.get("refusal") is None and role != "function":
        yield Complaint("Invalid value for 'content': expected a string, got null.", param=f"{where}.content")
    if message.get("tool_calls") == []:
        yield Complaint(f"Invalid '{where}.tool_calls': empty array. Expected an array with minimum length 1.")
    for part in dicts(content):
        if part.get("type") not in ("text", "image_url", "input_audio", "file", "refusal"):
            yield Complaint(
                f"Invalid value: '{part.get('type')}'. Supported values are: 'text', 'image_url'.", param=where
            )
    for index, call in enumerate(calls):
        yield from _chat_call(f"messages[{place}].tool_calls[{index}]", call, profile)


def _chat_call(where: str, call: Body, profile: Profile) -> Iterator[Complaint]:
    if not call.get("id"):
        yield Complaint(f"Missing required parameter: '{where}.id'.", param=f"{where}.id")
    if call.get("type") == "custom":
        return
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(arguments, str):
        kind = {dict: "an object", type(None): "null"}.get(type(arguments), "another type")
        words = f"Invalid type for '{where}.function.arguments': expected a string, but got {kind} instead."
        yield Complaint(words, param=f"{where}.function.arguments", code="invalid_type")
    elif profile == "vllm":
        try:  # its chat template parses them
            json.loads(arguments or "{}")
        except ValueError as error:
            yield Complaint(str(error))


def _chat_pairs(messages: list[dict[str, Any]]) -> Iterator[Complaint]:
    open_ids: list[str] = []
    for place, message in enumerate(messages):
        if message.get("role") == "tool":
            one = str(message.get("tool_call_id"))
            if one not in open_ids:
                yield Complaint(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    param=f"messages.[{place}].role",
                )
                return
            open_ids.remove(one)
            continue
        if open_ids:
            break
        open_ids = [str(call.get("id")) for call in dicts(message.get("tool_calls"))]
    if open_ids:
        yield Complaint(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
            f"The following tool_call_ids did not have response messages: {', '.join(open_ids)}",
            param="messages",
        )


def _chat_tools(body: Body, profile: Profile) -> Iterator[Complaint]:
    tools = body.get("tools")
    if tools == [] and profile == "openai":
        yield Complaint("Invalid 'tools': empty array. Expected an array with minimum length 1.", param="tools")
    if not tools and body.get("tool_choice") not in (None, "none") and profile != "deepseek":
        yield Complaint("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
    for place, tool in enumerate(dicts(tools)):
        function = tool.get("function")
        if tool.get("type") == "custom" and profile == "openai":
            continue
        if tool.get("type") != "function" or not isinstance(function, dict) or not function.get("name"):
            yield Complaint(f"Missing required parameter: 'tools[{place}].function'.", param=f"tools[{place}].function")


def _deepseek(body: Body, memory: Memory) -> Iterator[Complaint]:
    """In thinking mode the reasoning that led to a tool call has to come back with it."""
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "disabled":
        return
    for message in dicts(body.get("messages")):
        if message.get("role") != "assistant":
            continue
        given = message.get("reasoning_content")
        for call in dicts(message.get("tool_calls")):
            minted = memory.reasoning.get(str(call.get("id")))
            if not isinstance(given, str) or (minted is not None and minted != given):
                yield Complaint(_LOST_REASONING)


def responses(body: Body, memory: Memory, *, genuine: bool) -> Complaint | None:
    """The first objection to a Responses request. `genuine`: OpenAI itself, which knows its own ids and secrets."""
    return next(_responses(body, memory, genuine), None)


def _responses(body: Body, memory: Memory, genuine: bool) -> Iterator[Complaint]:
    given = body.get("input")
    if given is None and not body.get("previous_response_id") and not body.get("prompt"):
        words = "Missing required parameter: 'input'."
        yield Complaint(words, param="input", code="missing_required_parameter")
    if genuine:
        for name in body:
            if name not in _RESPONSES_FIELDS:
                yield Complaint(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    for place, tool in enumerate(dicts(body.get("tools"))):
        if tool.get("type") in ("function", "custom", "namespace") and not tool.get("name"):
            words = f"Missing required parameter: 'tools[{place}].name'."
            yield Complaint(words, param=f"tools[{place}].name", code="missing_required_parameter")
    items = dicts(given)
    for place, item in enumerate(items):
        yield from _item(place, item, memory, genuine)
    if not body.get("previous_response_id"):
        yield from _item_pairs(items)


def _item(place: int, item: Body, memory: Memory, genuine: bool) -> Iterator[Complaint]:
    kind = str(item.get("type") or "message")
    prefix, own = _ID_PREFIXES.get(kind), item.get("id")
    if genuine and prefix and own and not str(own).startswith(prefix):
        words = f"Invalid 'input[{place}].id': '{own}'. Expected an ID that begins with '{prefix}'."
        yield Complaint(words, param=f"input[{place}].id", code="invalid_value")
    if kind == "function_call" and not isinstance(item.get("arguments"), str):
        yield Complaint(f"Invalid type for 'input[{place}].arguments': expected a string.", code="invalid_type")
    if kind == "message":
        wanted = (
            ("output_text", "refusal")
            if item.get("role") == "assistant"
            else ("input_text", "input_image", "input_file")
        )
        for index, part in enumerate(dicts(item.get("content"))):
            if part.get("type") not in wanted:
                known = " and ".join(f"'{name}'" for name in wanted)
                words = f"Invalid value: '{part.get('type')}'. Supported values are: {known}."
                yield Complaint(words, param=f"input[{place}].content[{index}]", code="invalid_value")
    if kind == "reasoning" and genuine:
        yield from _reasoning(item, memory)


def _reasoning(item: Body, memory: Memory) -> Iterator[Complaint]:
    secret, own = item.get("encrypted_content"), item.get("id")
    if secret is None:
        words = (
            f"Item with id '{own}' not found. Items are not persisted when `store` is set to false. Try again with `store` "
            "set to true, or remove this item from your input."
        )
        yield Complaint(words, 404, param="input")
    elif str(secret) not in memory.encrypted:
        words = (
            f"The encrypted content for item {own} could not be verified. Reason: Encrypted content could not be decrypted "
            "or parsed."
        )
        yield Complaint(words, code="invalid_encrypted_content")


def _item_pairs(items: list[dict[str, Any]]) -> Iterator[Complaint]:
    called = [
        str(item.get("call_id")) for item in items if str(item.get("type")) in ("function_call", "custom_tool_call")
    ]
    answered = [str(item.get("call_id")) for item in items if str(item.get("type", "")).endswith("_call_output")]
    for one in answered:
        if one not in called:
            yield Complaint(f"No tool call found for function call output with call_id {one}.", param="input")
    for one in called:
        if one not in answered:
            yield Complaint(f"No tool output found for function call {one}.", param="input")
