"""llama.cpp's llama-server: chat, Messages with count_tokens, and Responses (converted to chat inside).

Sources: tools/server/README.md of ggml-org/llama.cpp and its pull request 17570; tools need the jinja template engine, which
is on by default. Overlong prompts answer 400 with type exceed_context_size_error; loading answers 503.
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
    strict_tools=False,
    top_k=True,
    stop_max=64,
    thinking_modes=("enabled", "disabled"),
    cache="automatic",
)

PROVIDER = Provider(
    name="llamacpp",
    title="llama.cpp",
    base_url="http://127.0.0.1:8080",
    dialects=("chat", "messages", "responses"),
    paths={"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"},
    profile=PROFILE,
    profiles={"messages": replace(PROFILE, seed=False, penalties=False, logprobs=False)},
    env_keys=("LLAMA_API_KEY",),
    local=True,
    ports=(8080,),
    count_tokens_path="/v1/messages/count_tokens",
    completions_path="/v1/completions",
    mint="llamacpp",
    read_error=reader(),
)
_: Provider = PROVIDER
