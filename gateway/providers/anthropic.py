"""Anthropic: the Messages API.

Sources: protocols.md sections 1.3 to 1.6; anthropic 2.11 SDK (headers, retry rules); platform.claude.com, api/versioning and
the model pages (1M window and 128k output of the 5.5 generation, read November 2026).
"""

from __future__ import annotations

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers._families import CLAUDE
from gateway.providers.contract import ModelCard, Provider

PROFILE = Profile(
    mid_system=False,  # only newer Opus, see the families
    tool_images=True,  # tool_result blocks hold images
    documents=True,
    sampling=False,  # base is the newest generation, older families turn it on
    penalties=False,
    seed=False,
    logprobs=False,
    top_k=True,
    stop_max=64,  # no limit is documented; 64 keeps requests sane
    thinking_modes=("adaptive", "disabled"),
    verifies_signatures=True,
    billing_header="keep",  # api.anthropic.com removes the block itself (protocols.md section 0, fact 5)
    cache_marks=True,
    output_config=True,
    prefill=False,
    cache="breakpoints",
    max_tokens_default=8192,
)

PROVIDER = Provider(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com",
    dialects=("messages",),
    paths={"messages": "/v1/messages"},
    profile=PROFILE,
    families=CLAUDE,
    auth="x-api-key",
    env_keys=("ANTHROPIC_API_KEY",),
    env_base_url=(),  # ANTHROPIC_BASE_URL is what harnesses set to reach us: following it would be a loop
    # 2026-10-21 removes temperature, top_p and top_k for every model; translated requests to older models still carry them.
    headers=(("anthropic-version", "2023-06-01"),),
    count_tokens_path="/v1/messages/count_tokens",
    embeddings_path=None,
    price_id="anthropic",
    cards=(
        ModelCard(
            id="claude-opus-5-5",
            lane="frontier",
            context_tokens=1_000_000,
            max_output_tokens=128_000,
            images=True,
            rank=10,
        ),
        ModelCard(
            id="claude-sonnet-5-5",
            lane="mid",
            context_tokens=1_000_000,
            max_output_tokens=128_000,
            images=True,
            rank=40,
        ),
    ),
    mint="anthropic",
    # "credit balance is too low" comes as a 400 invalid_request_error, 402 billing_error besides.
    read_error=reader(quota_statuses=(402,)),
)
_: Provider = PROVIDER
