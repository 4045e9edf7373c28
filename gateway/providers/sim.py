"""The built-in simulated upstream: serves every lane when nothing else is found, so that all can be tried, and says so.

Never on the network: the composition root gives its origin to an in-process upstream. It speaks all three dialects itself,
so same-dialect requests pass through as they would elsewhere.
"""

from __future__ import annotations

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers.contract import ModelCard, Provider

ORIGIN = "sim://builtin"

PROVIDER = Provider(
    name="sim",
    title="Simulated upstream (built in)",
    base_url=ORIGIN,
    dialects=("chat", "messages", "responses"),
    paths={"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"},
    profile=Profile(
        developer_role=True,
        reasoning_field="reasoning_content",
        echo_reasoning="optional",
        tool_images=True,
        documents=True,
        custom_tools=True,
        top_k=True,
        stop_max=64,
        thinking_modes=("enabled", "disabled", "adaptive"),
        cache="automatic",
    ),
    auth="none",
    count_tokens_path="/v1/messages/count_tokens",
    completions_path="/v1/completions",
    cards=(
        ModelCard(id="local", lane="local", context_tokens=65_536, max_output_tokens=16_384, images=True),
        ModelCard(id="mid", lane="mid", context_tokens=200_000, max_output_tokens=32_768, images=True),
        ModelCard(id="frontier", lane="frontier", context_tokens=1_000_000, max_output_tokens=128_000, images=True),
        ModelCard(id="daemon", lane="daemon", context_tokens=65_536, max_output_tokens=16_384, images=True),
    ),
    mint="sim",
    read_error=reader(),
)
_: Provider = PROVIDER
