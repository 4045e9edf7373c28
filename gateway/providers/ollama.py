"""Ollama: chat, Messages and stateless Responses on the local port.

Sources: docs.ollama.com, api/openai-compatibility (no tool_choice, logit_bias, user or n; Responses without state since
0.13.3) and api/anthropic-compatibility (no count_tokens, no tool_choice, no cache marks, images as base64 only).
A model is served with the window it was loaded with, by default far below what it could do, and the prompt is cut without a
word: discovery therefore reports the loaded window.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers.contract import Provider

PROFILE = Profile(
    mid_system=False,
    reasoning_field="reasoning",
    echo_reasoning="optional",
    custom_tools=False,
    forced_tool_choice=False,
    parallel_field=False,
    strict_tools=False,
    stop_max=64,
    thinking_modes=("enabled", "disabled"),
    cache="automatic",
)

PROVIDER = Provider(
    name="ollama",
    title="Ollama",
    base_url="http://127.0.0.1:11434",
    dialects=("chat", "messages", "responses"),
    paths={"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"},
    profile=PROFILE,
    profiles={"messages": replace(PROFILE, top_k=True, seed=False, penalties=False, logprobs=False)},
    env_keys=("OLLAMA_API_KEY",),
    env_base_url=(),  # OLLAMA_HOST is the server's listening address and has no scheme
    local=True,
    ports=(11434,),
    completions_path="/v1/completions",
    mint="ollama",
    read_error=reader(),
)
_: Provider = PROVIDER
