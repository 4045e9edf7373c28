"""How one upstream speaks its dialect: data that providers declare and dialect encoders and decoders obey.

Every flag names a difference seen between vendors; the provider file that sets it carries the source. Shared code asks
the flag, never the provider's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CacheStyle = Literal["breakpoints", "automatic", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    # --- chat -----------------------------------------------------------------------------------------------
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Field that bounds the output of a chat request. OpenAI's reasoning models refuse `max_tokens`."""
    developer_role: bool = False
    """Chat accepts role "developer"; otherwise it is sent as "system"."""
    mid_system: bool = True
    """System messages may stand after the first user message (chat: yes for most; Messages: Opus 4.8+ only)."""
    stream_usage_option: bool = True
    """`stream_options.include_usage` is understood; otherwise it is not sent."""
    reasoning_field: Literal["reasoning_content", "reasoning"] | None = None
    """Name under which chat requests carry an assistant message's reasoning back; None: it is not sent."""
    echo_reasoning: Literal["never", "optional", "tool_turns"] = "never"
    """Whether assistant messages with tool calls must carry their reasoning when replayed (DeepSeek: 400 without)."""
    disable_thinking: bytes | None = None
    """Raw JSON of the top-level field `thinking` that switches thinking off, for repair after a reasoning 400."""
    effort_field: Literal["reasoning_effort", "none"] = "reasoning_effort"
    """Whether chat takes `reasoning_effort`."""
    tool_images: bool = False
    """Tool results may carry images; otherwise they follow in a user message after all results."""
    continue_fields: bytes | None = None
    """Raw JSON object of the top-level fields that make a chat server continue a trailing assistant message (vLLM)."""
    call_seal: bytes | None = None
    """Raw JSON of the `extra_content` that the first tool call of an assistant turn gets where it has none: its own was
    lost, or another vendor made the call (Gemini 3: 400 without)."""
    custom_tools: bool = False
    """Free-text (custom, grammar) tools are understood; otherwise they become functions with one string argument."""
    json_schema: bool = True
    """response_format json_schema is understood."""
    forced_tool_choice: bool = True
    """`required` or a named tool may be asked for."""
    parallel_field: bool = True
    """`parallel_tool_calls` is understood."""
    strict_tools: bool = True
    """A tool's `strict` is understood; otherwise it is left out (a hint, not content)."""
    sampling: bool = True
    """temperature, top_p and top_k are accepted (Anthropic: not from Opus 4.7 on)."""
    penalties: bool = True
    """presence_penalty and frequency_penalty are understood; otherwise they are left out and reported."""
    seed: bool = True
    """`seed` is understood; otherwise it is left out and reported."""
    logprobs: bool = True
    """`logprobs` and `top_logprobs` are understood; otherwise they are left out and reported."""
    top_k: bool = False
    """`top_k` is understood; otherwise it is left out and reported."""
    stop_max: int = 4
    """Most stop sequences accepted."""
    # --- messages -------------------------------------------------------------------------------------------
    thinking_modes: tuple[str, ...] = ("enabled", "disabled")
    """Values of Messages `thinking.type` understood; () when the field is not."""
    verifies_signatures: bool = False
    """Thinking blocks need a signature that this vendor minted (Anthropic: 400 otherwise)."""
    billing_header: Literal["keep", "strip"] = "strip"
    """Claude Code's per-request attribution block at the head of `system`: kept for api.anthropic.com, which removes it
    itself; anywhere else it empties the prefix cache (protocols.md section 0, fact 5)."""
    cache_marks: bool = False
    """`cache_control` is understood; otherwise marks are left out."""
    output_config: bool = False
    """Messages `output_config` (effort, format) is understood."""
    prefill: bool = True
    """A trailing assistant message is continued (Messages; other dialects answer it)."""
    # --- responses ------------------------------------------------------------------------------------------
    encrypted_reasoning: bool = False
    """Reasoning items are replayed with encrypted_content; otherwise reasoning items are withheld."""
    stores: bool = False
    """`store` / `previous_response_id` work upstream. The gateway never relies on it: it resolves them itself."""
    # --- all ------------------------------------------------------------------------------------------------
    images: bool = True
    documents: bool = False
    audio: bool = False
    cache: CacheStyle = "none"
    cache_key_field: bool = False
    """`prompt_cache_key` is understood."""
    max_tokens_default: int = 8192
    """Sent when the dialect needs a bound, the client gave none and the model card is silent (Messages)."""
    unknown_fields: Literal["forward", "drop"] = "forward"
    """What to do in a same-dialect request with fields we do not know."""


DEFAULT = Profile()
