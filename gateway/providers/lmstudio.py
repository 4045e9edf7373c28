"""LM Studio: chat, Responses and Messages on the local port.

Sources: lmstudio.ai/docs, developer/openai-compat, developer/anthropic-compat (only POST /v1/messages, so no count_tokens)
and the REST pages (context sizes under /api/v0/models).
"""

from __future__ import annotations

from dataclasses import replace

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers.contract import Provider

PROFILE = Profile(
    mid_system=False,
    reasoning_field="reasoning_content",
    echo_reasoning="optional",
    parallel_field=False,
    strict_tools=False,
    top_k=True,
    logprobs=False,
    stop_max=64,
    thinking_modes=("enabled", "disabled"),
    cache="automatic",
)

PROVIDER = Provider(
    name="lmstudio",
    title="LM Studio",
    base_url="http://127.0.0.1:1234",
    dialects=("chat", "messages", "responses"),
    paths={"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"},
    profile=PROFILE,
    profiles={"messages": replace(PROFILE, seed=False, penalties=False)},
    env_keys=("LM_API_TOKEN",),
    local=True,
    ports=(1234,),
    completions_path="/v1/completions",
    mint="lmstudio",
    read_error=reader(),
)
_: Provider = PROVIDER
