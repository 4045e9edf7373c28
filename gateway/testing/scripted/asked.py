"""Reading of a request, in any of the three dialects, as far as the scripted model needs it.

Written without a look at `gateway.dialects`: this is the oracle against which they are tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.testing.scripted.turns import Dialect

Body = Mapping[str, Any]

# How the clients tell the model where it works (OpenCode, Continue, Codex, qwen-code, in this order).
_FOLDERS = (
    re.compile(r"Working directory: (/[^\s\"<)]+)"),
    re.compile(r"<cwd>(/[^<]+)</cwd>"),
    re.compile(r"working in the directory: (/[^\s\"<)]+)"),
    re.compile(r"[Cc]urrent working directory[^/\n]{0,20}(/[^\s\"<)]+)"),
    re.compile(r"\"?(?:cwd|workspace|rootPath)\"?[:=]\s*\"?(/[^\s\"<),]+)"),
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer: `fields` are the names of its arguments, `schema` its JSON schema."""

    name: str
    schema: Mapping[str, Any]
    kind: str = "function"
    namespace: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.schema.get("properties") or ())


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the history: `kind` is system, user, assistant, calls or result; `ids` are those of its calls."""

    kind: str
    text: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the scripted model sees it."""

    dialect: Dialect
    body: Body
    model: str
    stream: bool
    include_usage: bool
    tools: tuple[Tool, ...]
    steps: tuple[Step, ...]
    thinking: bool | None = None
    pieces: tuple[str, ...] = field(default=(), repr=False)

    @property
    def has_result(self) -> bool:
        """Whether the last assistant entry made calls that have been answered."""
        for index in range(len(self.steps) - 1, -1, -1):
            if self.steps[index].kind == "assistant":
                return False
            if self.steps[index].kind == "calls":
                return any(step.kind == "result" for step in self.steps[index + 1 :])
        return any(step.kind == "result" for step in self.steps)

    @property
    def text(self) -> str:
        return "\n".join(step.text for step in self.steps)

    @property
    def folder(self) -> str | None:
        """The client's working folder, when its prompts name one."""
        everything = self.text
        for pattern in _FOLDERS:
            if found := pattern.search(everything):
                return found.group(1).rstrip("/.")
        return None

    @property
    def edits_as_text(self) -> str | None:
        """'diff' or 'whole' when the client (Aider) wants its edits as text, else None."""
        if self.tools or not self.steps:
            return None
        last = next((step.text for step in reversed(self.steps) if step.kind == "user"), "")
        if "SEARCH/REPLACE" in last:
            return "diff"
        return "whole" if "*file listing*" in last else None


def read(dialect: Dialect, body: Body) -> Asked:
    """Read a parsed body. Tolerates everything: whether a request is valid is the business of `strict`."""
    if dialect == "chat":
        return _chat(body)
    return _responses(body) if dialect == "responses" else _messages(body)


def texts(content: object) -> str:
    """All text of a content field: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(_part_text(part) for part in content)


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    if isinstance(part.get("text"), str):
        return str(part["text"])
    return texts(part.get("content"))


def dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _chat(body: Body) -> Asked:
    steps = tuple(_chat_step(message) for message in dicts(body.get("messages")))
    tools = tuple(_chat_tools(body))
    options = body.get("stream_options")
    thinking = body.get("thinking")
    switched_off = isinstance(thinking, dict) and thinking.get("type") == "disabled"
    template = body.get("chat_template_kwargs")
    if isinstance(template, dict) and template.get("enable_thinking") is False:
        switched_off = True
    return Asked(
        dialect="chat",
        body=body,
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        tools=tools,
        steps=steps,
        thinking=False if switched_off else None,
        pieces=_prefix_pieces(body.get("tools"), None, body.get("messages")),
    )


def _chat_step(message: Mapping[str, Any]) -> Step:
    role, text = message.get("role"), texts(message.get("content"))
    if role == "tool":
        return Step("result", text, (str(message.get("tool_call_id", "")),))
    if role == "assistant":
        ids = tuple(str(entry.get("id", "")) for entry in dicts(message.get("tool_calls")))
        return Step("calls" if ids else "assistant", text, ids)
    return Step("user" if role == "user" else "system", text)


def _chat_tools(body: Body) -> Iterator[Tool]:
    for entry in dicts(body.get("tools")):
        function = entry.get("function")
        if isinstance(function, dict):
            yield Tool(str(function.get("name", "")), _schema(function.get("parameters")))


def _schema(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _responses(body: Body) -> Asked:
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else dicts(given)
    steps = tuple(_item_step(item) for item in items)
    if instructions := body.get("instructions"):
        steps = (Step("system", str(instructions)), *steps)
    return Asked(
        dialect="responses",
        body=body,
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        include_usage=True,
        tools=tuple(_responses_tools(body.get("tools"))),
        steps=steps,
        pieces=_prefix_pieces(body.get("tools"), body.get("instructions"), items),
    )


def _item_step(item: Mapping[str, Any]) -> Step:
    kind = str(item.get("type") or "message")
    if kind.endswith("_call_output"):
        return Step("result", texts(item.get("output")), (str(item.get("call_id", "")),))
    if kind.endswith("_call"):
        return Step("calls", "", (str(item.get("call_id", "")),))
    if kind == "reasoning":
        return Step("reasoning", "")
    role = item.get("role")
    name = "user" if role == "user" else "assistant" if role == "assistant" else "system"
    return Step(name, texts(item.get("content")))


def _responses_tools(value: object, namespace: str | None = None) -> Iterator[Tool]:
    for entry in dicts(value):
        kind = str(entry.get("type", "function"))
        if kind == "namespace":
            yield from _responses_tools(entry.get("tools"), str(entry.get("name", "")))
        elif kind in ("function", "custom"):
            yield Tool(str(entry.get("name", "")), _schema(entry.get("parameters")), kind, namespace)


def _messages(body: Body) -> Asked:
    steps: list[Step] = []
    if system := texts(body.get("system")):
        steps.append(Step("system", system))
    for message in dicts(body.get("messages")):
        steps.extend(_message_steps(message))
    thinking = body.get("thinking")
    mode = thinking.get("type") if isinstance(thinking, dict) else None
    return Asked(
        dialect="messages",
        body=body,
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        include_usage=True,
        tools=tuple(
            Tool(str(entry.get("name", "")), _schema(entry.get("input_schema"))) for entry in dicts(body.get("tools"))
        ),
        steps=tuple(steps),
        thinking=None if mode is None else mode != "disabled",
        pieces=_prefix_pieces(body.get("tools"), body.get("system"), body.get("messages")),
    )


def _message_steps(message: Mapping[str, Any]) -> Iterator[Step]:
    content = message.get("content")
    blocks = dicts(content)
    if message.get("role") == "assistant":
        ids = tuple(str(block.get("id", "")) for block in blocks if block.get("type") == "tool_use")
        yield Step("calls" if ids else "assistant", texts(content), ids)
        return
    results = [block for block in blocks if block.get("type") == "tool_result"]
    for block in results:
        yield Step("result", texts(block.get("content")), (str(block.get("tool_use_id", "")),))
    if not results or any(block.get("type") == "text" for block in blocks):
        yield Step("system" if message.get("role") == "system" else "user", texts(content))


def _prefix_pieces(tools: object, system: object, history: object) -> tuple[str, ...]:
    """The prompt in the order in which a provider's prefix cache sees it, one text per tool list, system and message."""
    pieces = [repr(tools), repr(system)]
    pieces.extend(repr(entry) for entry in (history if isinstance(history, list) else [history]))
    return tuple(pieces)
