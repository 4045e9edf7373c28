"""A neutral request to a chat request for one upstream.

Content that the target cannot carry is refused with UnsupportedFeature; tuning knobs it has no word for are left out and
named as losses. What only passes through (schemas, the client's own unknown fields) is embedded as the bytes it came in.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.dialects._chat_adapt import schema_note
from gateway.dialects._chat_write import Json, write_messages
from gateway.dialects._shared import custom_as_function, encode, raw, short_name
from gateway.dialects.contract import Encoded, Target
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import OutputFormat, ReasoningOptions, Request, ServerTool, Tool

_NO_PARAMETERS: Final = b'{"type":"object","properties":{}}'

_EFFORT_BY_BUDGET: Final = ((4096, "low"), (16384, "medium"))
"""Anthropic's thinking budgets as efforts: below 4,096 tokens low, below 16,384 medium, else high. Claude Code's steps are
4,000, 10,000 and 31,999 tokens."""


def encode_request(request: Request, target: Target) -> Encoded:
    """See Dialect.encode_request."""
    return _Encoding(request, target).encoded()


class _Encoding:
    def __init__(self, request: Request, target: Target) -> None:
        self._request = request
        self._target = target
        self._profile: Profile = target.profile
        self._losses: list[str] = []
        self._body: Json = {"model": target.model}

    def encoded(self) -> Encoded:
        self._body["messages"] = write_messages(self._request.messages, self._profile)
        if not self._body["messages"]:
            raise UnsupportedFeature("the request holds no content that chat completions can carry")
        self._tools()
        self._bounds()
        self._sampling()
        self._reasoning(self._request.reasoning)
        self._format(self._request.output_format)
        self._stream()
        self._rest()
        self._extra()
        return Encoded(encode(self._body), tuple(dict.fromkeys(self._losses)))

    def _put(self, key: str, value: Any, *, allowed: bool = True) -> None:
        """Set a knob that the client asked for, or name it as lost."""
        if value is None:
            return
        if allowed:
            self._body[key] = value
        else:
            self._losses.append(key)

    # --- tools ----------------------------------------------------------------------------------------------------

    def _tools(self) -> None:
        request = self._request
        if not request.tools:
            return  # a choice without tools is refused by OpenAI
        written = [self._tool(tool) for tool in request.tools]
        self._body["tools"] = written
        self._choice()
        self._put("parallel_tool_calls", request.parallel_tool_calls, allowed=self._profile.parallel_field)

    def _tool(self, tool: Tool | ServerTool) -> Any:
        if isinstance(tool, ServerTool):
            if tool.dialect == "chat":
                return msgspec.Raw(tool.raw)
            raise UnsupportedFeature(
                f"the vendor's own tool {tool.kind!r} exists only in its own API",
                where="$.tools",
                accepted="function tools, or a model of that vendor",
            )
        if tool.kind == "custom":
            if self._profile.custom_tools:
                return {"type": "custom", "custom": _described(tool, {"format": raw(tool.format)})}
            tool = custom_as_function(tool)
        function = _described(tool, {"parameters": raw(tool.parameters or _NO_PARAMETERS)})
        if tool.strict is not None and self._profile.strict_tools:
            function["strict"] = tool.strict
        value: Json = {"type": "function", "function": function}
        if tool.cache and self._profile.cache_marks:
            value["cache_control"] = raw(tool.cache)
        return value

    def _choice(self) -> None:
        choice = self._request.tool_choice
        if choice is None:
            return
        forced = choice.mode in ("required", "tool") or choice.must
        if forced and not self._profile.forced_tool_choice:
            self._body["tool_choice"] = "auto"
            self._losses.append("tool_choice")
        elif choice.mode == "tool" or (choice.must and len(choice.names) == 1):
            self._body["tool_choice"] = self._named(choice.names[0])
        elif choice.mode == "allowed":
            self._allowed(choice.names, "required" if choice.must else "auto")
        else:
            self._body["tool_choice"] = choice.mode

    def _allowed(self, names: tuple[str, ...], mode: str) -> None:
        # OpenAI brought allowed_tools together with custom tools; servers without the one know nothing of the other.
        if not self._profile.custom_tools:
            self._body["tool_choice"] = mode
            self._losses.append("tool_choice.allowed_tools")
            return
        tools = [self._named(name) for name in names]
        self._body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}

    def _named(self, name: str) -> Json:
        custom = any(isinstance(t, Tool) and t.name == name and t.kind == "custom" for t in self._request.tools)
        kind = "custom" if custom and self._profile.custom_tools else "function"
        return {"type": kind, kind: {"name": short_name(name)}}

    # --- knobs ----------------------------------------------------------------------------------------------------

    def _bounds(self) -> None:
        limits = [n for n in (self._request.max_output_tokens, self._target.max_output_tokens) if n is not None]
        if self._request.max_output_tokens is not None:
            self._body[self._profile.max_tokens_field] = min(limits)
        stops = self._request.stop
        if stops:
            self._body["stop"] = list(stops[: self._profile.stop_max])
            if len(stops) > self._profile.stop_max:
                self._losses.append("stop")

    def _sampling(self) -> None:
        request, profile = self._request, self._profile
        self._put("temperature", request.temperature, allowed=profile.sampling)
        self._put("top_p", request.top_p, allowed=profile.sampling)
        self._put("top_k", request.top_k, allowed=profile.sampling and profile.top_k)
        self._put("presence_penalty", request.presence_penalty, allowed=profile.penalties)
        self._put("frequency_penalty", request.frequency_penalty, allowed=profile.penalties)
        self._put("seed", request.seed, allowed=profile.seed)
        self._put("logprobs", request.logprobs, allowed=profile.logprobs)
        self._put("top_logprobs", request.top_logprobs, allowed=profile.logprobs)
        self._put("n", request.n)

    def _reasoning(self, options: ReasoningOptions | None) -> None:
        if options is None:
            return
        profile = self._profile
        if options.summary is not None:
            self._losses.append("reasoning.summary")
        if options.mode == "disabled":
            # Thinking off together with an effort is refused (DeepSeek, gateways.md 3B.42), so the effort goes.
            if profile.disable_thinking is not None:
                self._body["thinking"] = raw(profile.disable_thinking)
            else:
                self._losses.append("thinking")
            return
        if profile.disable_thinking is not None and options.mode is not None and self._request.origin == "chat":
            self._body["thinking"] = {"type": "enabled"}
        self._put("reasoning_effort", _effort(options), allowed=profile.effort_field == "reasoning_effort")

    def _format(self, wanted: OutputFormat | None) -> None:
        if wanted is None or wanted.kind == "text":
            return
        if wanted.kind == "json_object":
            self._body["response_format"] = {"type": "json_object"}
        elif self._profile.json_schema:
            schema: Json = {"name": short_name(wanted.name or "reply"), "schema": raw(wanted.schema or b"{}")}
            if wanted.strict is not None:
                schema["strict"] = wanted.strict
            if wanted.description:
                schema["description"] = wanted.description
            self._body["response_format"] = {"type": "json_schema", "json_schema": schema}
        else:
            self._body["response_format"] = {"type": "json_object"}
            role = "system" if self._profile.mid_system else "user"
            self._body["messages"].append({"role": role, "content": schema_note(wanted.schema or b"{}")})
            self._losses.append("response_format.json_schema")

    def _stream(self) -> None:
        if self._request.stream:
            self._body["stream"] = True
            if self._profile.stream_usage_option:
                self._body["stream_options"] = {"include_usage": True}

    def _rest(self) -> None:
        request = self._request
        native = request.origin == "chat"
        openai = native or request.origin == "responses"
        self._put("verbosity", request.verbosity, allowed=native)
        # Another vendor's user id and metadata are not this vendor's business.
        self._put("user", request.user, allowed=openai)
        self._put("metadata", raw(request.metadata), allowed=native)
        self._put("prompt_cache_key", request.cache_key, allowed=self._profile.cache_key_field)
        self._put("service_tier", request.service_tier, allowed=openai)
        self._put("store", request.store, allowed=native)
        if request.include:
            self._losses.append("include")

    def _extra(self) -> None:
        forward = self._request.origin == "chat" and self._profile.unknown_fields == "forward"
        for key, value in self._request.extra.items():
            if forward:
                self._body.setdefault(key, msgspec.Raw(value))
            else:
                self._losses.append(key)


def _described(tool: Tool, more: Json) -> Json:
    value: Json = {"name": short_name(tool.name)}
    if tool.description is not None:
        value["description"] = tool.description
    value.update({key: held for key, held in more.items() if held is not None})
    return value


def _effort(options: ReasoningOptions) -> str | None:
    if options.effort or options.budget_tokens is None:
        return options.effort
    return next((word for limit, word in _EFFORT_BY_BUDGET if options.budget_tokens < limit), "high")
