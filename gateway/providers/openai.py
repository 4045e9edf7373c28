"""OpenAI: Responses preferred, chat completions besides.

From GPT-5.4 on, chat refuses function tools together with reasoning, even the default one ("use /v1/responses",
openai/openai-openapi#541, BerriAI/litellm#34569), and loses reasoning between turns: so Responses comes first.
Sources: protocols.md sections 1.1, 1.2, 2.1; openai 3.52 SDK; windows from genai-prices 0.2.3 and the model pages.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers._families import OPENAI
from gateway.providers.contract import Family, ModelCard, Provider

PROFILE = Profile(
    max_tokens_field="max_completion_tokens",  # reasoning models refuse max_tokens; older ones take both
    developer_role=True,
    custom_tools=True,
    sampling=False,
    penalties=False,
    seed=False,
    logprobs=False,
    stop_max=0,
    documents=True,
    audio=False,
    thinking_modes=(),
    cache="automatic",
    cache_key_field=True,
)

PROVIDER = Provider(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com",
    dialects=("responses", "chat"),
    paths={"responses": "/v1/responses", "chat": "/v1/chat/completions"},
    profile=PROFILE,
    profiles={"responses": replace(PROFILE, encrypted_reasoning=True, stores=True, tool_images=True)},
    families=(
        *OPENAI,
        # Chat with tools answers 400 unless reasoning is off; a tool call matters more than an effort hint.
        *(Family(p, {"effort_field": "none"}, ("chat",)) for p in ("gpt-5-[4-9]*", "gpt-6*", "gpt-7*")),
    ),
    env_keys=("OPENAI_API_KEY",),
    completions_path="/v1/completions",
    price_id="openai",
    cards=(
        ModelCard(
            id="gpt-6.1-sol", lane="frontier", context_tokens=1_050_000, max_output_tokens=128_000, images=True, rank=20
        ),
        ModelCard(
            id="gpt-6.1-terra", lane="mid", context_tokens=1_050_000, max_output_tokens=128_000, images=True, rank=20
        ),
    ),
    mint="openai",
    read_error=reader(quota_codes=("insufficient_quota", "billing_hard_limit_reached")),
)
_: Provider = PROVIDER
