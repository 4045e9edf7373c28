"""Any server that speaks Messages and is not Anthropic: Bedrock and Vertex bridges, a vendor's Claude Code endpoint.

The attribution block is removed (it empties any other prefix cache, protocols.md section 0 fact 5), and signatures are taken
as not verified: blocks minted elsewhere are withheld anyway, because the mint is this server's own.
"""

from __future__ import annotations

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers._families import CLAUDE
from gateway.providers.contract import Family, Provider

PROVIDER = Provider(
    name="anthropic_compatible",
    title="Anthropic-compatible server",
    base_url=None,
    dialects=("messages",),
    paths={"messages": "/v1/messages"},
    profile=Profile(
        mid_system=False,
        tool_images=True,
        penalties=False,
        seed=False,
        logprobs=False,
        top_k=True,
        stop_max=64,
        thinking_modes=("enabled", "disabled"),
        cache_marks=True,
        cache="breakpoints",
    ),
    families=(
        # Real Claude models behind a bridge: as at Anthropic.
        Family(
            "*claude-*",
            {
                "sampling": False,
                "prefill": False,
                "thinking_modes": ("adaptive", "disabled"),
                "output_config": True,
                "verifies_signatures": True,
                "documents": True,
            },
        ),
        *CLAUDE,
    ),
    auth="x-api-key",
    headers=(("anthropic-version", "2023-06-01"),),
    count_tokens_path="/v1/messages/count_tokens",
    embeddings_path=None,
    read_error=reader(quota_statuses=(402,)),
)
_: Provider = PROVIDER
