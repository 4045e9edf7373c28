"""OpenRouter: many vendors behind one chat dialect; Messages and a stateless Responses (beta) besides.

Sources: openrouter.ai/docs (responses overview: stateless, beta; reasoning field `reasoning`; 402 for spent credits; cache
marks are handed on to Anthropic models). Claude's own rules hold behind it too, so its families are applied.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers._families import CLAUDE, OPENAI_OLDER
from gateway.providers.contract import Family, ModelCard, Provider

PROFILE = Profile(
    reasoning_field="reasoning",
    echo_reasoning="optional",
    top_k=True,
    thinking_modes=("enabled", "disabled"),
    cache="automatic",
)
MESSAGES = replace(
    PROFILE, mid_system=False, cache_marks=True, seed=False, penalties=False, logprobs=False, prefill=False
)

PROVIDER = Provider(
    name="openrouter",
    title="OpenRouter",
    base_url="https://openrouter.ai/api",
    dialects=("chat", "messages", "responses"),
    paths={"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"},
    profile=PROFILE,
    profiles={"messages": MESSAGES},
    families=(
        # The base here is the mixed catalogue, so Claude's newest behaviour must be said before its older exceptions.
        Family("anthropic/claude-*", {"sampling": False, "prefill": False, "thinking_modes": ("adaptive", "disabled")}),
        *CLAUDE,
        *(
            Family(p, {"sampling": False, "penalties": False, "logprobs": False})
            for p in ("openai/gpt-[5-9]*", "openai/o[134]*")
        ),
        Family("openai/gpt-4*", {k: v for k, v in OPENAI_OLDER.items() if k != "effort_field"}),
    ),
    env_keys=("OPENROUTER_API_KEY",),
    completions_path="/v1/completions",
    price_id="openrouter",
    cards=(
        ModelCard(
            id="anthropic/claude-opus-5.5",
            lane="frontier",
            context_tokens=1_000_000,
            max_output_tokens=128_000,
            images=True,
            rank=70,
        ),
        ModelCard(
            id="deepseek/deepseek-v4-flash", lane="mid", context_tokens=1_000_000, max_output_tokens=384_000, rank=70
        ),
    ),
    mint="openrouter",
    read_error=reader(quota_statuses=(402,)),
)
_: Provider = PROVIDER
