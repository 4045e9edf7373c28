"""A model request without a dialect.

Rules of the form, which every dialect's decoder keeps and every encoder may rely on:
- `messages` are in the order of the conversation. System and developer text are messages of those roles, where they
  stood; a dialect with a separate field (Messages `system`, Responses `instructions`) puts it first.
- Tool results are `ToolResult` parts of messages with role "tool", never of user messages: one message holds all results
  that answer one assistant turn, in the client's order. User text beside them becomes the next user message.
- Adjacent assistant pieces of one turn (Responses items, Messages blocks) are one assistant message.
- JSON that only passes through (schemas, metadata) is kept as the client's bytes.
- What a decoder knows only as belonging to its own dialect becomes `Opaque`; an encoder of another dialect refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DialectName = Literal["chat", "responses", "messages"]
Role = Literal["system", "developer", "user", "assistant", "tool"]
ToolKind = Literal["function", "custom"]


@dataclass(frozen=True, slots=True)
class Text:
    """`cache` is the raw JSON of a cache mark on this block (Messages `cache_control`), `annotations` of citations."""

    text: str
    cache: bytes | None = None
    annotations: bytes | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """Exactly one of `data` (base64 text, with `media_type`), `url`, `file_id` is set."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    cache: bytes | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A document; exactly one of `data` (base64 text, or plain text when media_type is text/plain), `url`, `file_id`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    cache: bytes | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    data: str
    format: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """One thinking block. `text` is the open text (thinking, reasoning_content, reasoning_text); `summary` the summary
    parts (Responses); `signature` Anthropic's seal; `encrypted` opaque content (redacted_thinking data, Responses
    encrypted_content); `redacted` marks a Messages redacted_thinking block; `id` the item id (Responses)."""

    text: str = ""
    summary: tuple[str, ...] = ()
    signature: str | None = None
    encrypted: str | None = None
    redacted: bool = False
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is the exact text: JSON for functions (possibly broken), free text for custom tools. `item_id` and
    `namespace` are Responses words."""

    id: str
    name: str
    arguments: str
    kind: ToolKind = "function"
    namespace: str | None = None
    item_id: str | None = None
    cache: bytes | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`parts` are Text, Image or File. `kind` repeats the call's."""

    call_id: str
    parts: tuple[Part, ...]
    is_error: bool = False
    kind: ToolKind = "function"
    name: str | None = None
    cache: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    text: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A block only its own dialect knows (server tools, item references). `kind` is its type, for messages."""

    dialect: DialectName
    kind: str
    raw: bytes


Part = Text | Image | File | Audio | Reasoning | ToolCall | ToolResult | Refusal | Opaque


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """`parameters` is the raw JSON schema of a function; `format` the raw grammar of a custom tool. `namespace` groups
    Responses tools (Codex): then `name` is already one flat name that is unique in the request and fits every dialect
    (calls in the history carry it too), and `inner` is the tool's own name inside the namespace."""

    name: str
    description: str | None = None
    parameters: bytes | None = None
    strict: bool | None = None
    kind: ToolKind = "function"
    format: bytes | None = None
    namespace: str | None = None
    cache: bytes | None = None
    inner: str | None = None


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that the vendor runs itself (web_search, code execution): `kind` is the vendor's type name."""

    dialect: DialectName
    kind: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`names` limits a `tool` choice to one name, or an `allowed` choice (Responses allowed_tools) to several; `must` says
    that one of the allowed ones has to be called (OpenAI's `allowed_tools.mode: required`)."""

    mode: Literal["auto", "none", "required", "tool", "allowed"]
    names: tuple[str, ...] = ()
    must: bool = False


@dataclass(frozen=True, slots=True)
class OutputFormat:
    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: bytes | None = None
    strict: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ReasoningOptions:
    """How much the model should think. None = not said. `budget_tokens` is Anthropic's manual budget; `summary` the
    Responses summary mode; `display` Anthropic's summarized|omitted."""

    mode: Literal["enabled", "disabled", "adaptive"] | None = None
    effort: str | None = None
    budget_tokens: int | None = None
    summary: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `extra` holds top-level fields this form has no word for, as raw JSON by name, of dialect `origin`:
    an encoder of the same dialect writes them back, another one reports each as a loss."""

    origin: DialectName
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool | ServerTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning: ReasoningOptions | None = None
    output_format: OutputFormat | None = None
    verbosity: str | None = None
    stream: bool = False
    include_usage: bool = False
    user: str | None = None
    metadata: bytes | None = None
    cache_key: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    include: tuple[str, ...] = ()
    extra: Mapping[str, bytes] = field(default_factory=dict)
