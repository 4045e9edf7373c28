"""DeepSeek: chat preferred, a Messages endpoint besides.

Sources: api-docs.deepseek.com (chat, guides/anthropic_api: thinking supported with budget ignored, only effort of
output_config, no images, documents or cache marks); protocols.md sections 0 and 1.1; windows from genai-prices 0.2.3.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers.contract import ModelCard, Provider

PROFILE = Profile(
    reasoning_field="reasoning_content",
    echo_reasoning="tool_turns",  # 400 without it in thinking mode (qwen-code#3579, opencode#25058)
    disable_thinking=b'{"type":"disabled"}',
    json_schema=False,  # response_format knows text and json_object only
    parallel_field=False,
    strict_tools=False,  # strict needs another base URL (/beta)
    seed=False,
    stop_max=16,
    images=False,
    cache="automatic",
)

PROVIDER = Provider(
    name="deepseek",
    title="DeepSeek",
    base_url="https://api.deepseek.com",
    dialects=("chat", "messages"),
    paths={"chat": "/chat/completions", "messages": "/anthropic/v1/messages"},
    profile=PROFILE,
    profiles={
        "messages": replace(
            PROFILE,
            reasoning_field=None,
            echo_reasoning="tool_turns",
            mid_system=False,
            penalties=False,
            logprobs=False,
            thinking_modes=("enabled", "disabled"),
            prefill=True,
        )
    },
    env_keys=("DEEPSEEK_API_KEY",),
    models_path="/models",
    embeddings_path=None,
    price_id="deepseek",
    cards=(
        ModelCard(id="deepseek-v4-flash", lane="mid", context_tokens=1_000_000, max_output_tokens=384_000, rank=10),
        ModelCard(id="deepseek-v4-pro", lane="frontier", context_tokens=1_000_000, max_output_tokens=384_000, rank=60),
    ),
    mint="deepseek",
    read_error=reader(quota_statuses=(402,)),  # "Insufficient Balance"
)
_: Provider = PROVIDER
