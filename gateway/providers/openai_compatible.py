"""Any server that speaks chat completions: SGLang, TGI, text-generation-webui, a company's own gateway.

The profile is the careful middle: what most servers take. Differences belong in the model's `profile` of the configuration.
`transformers serve` ends without `[DONE]` and renames its model (clients.md section 5.2); both are tolerated by the decoder.
"""

from __future__ import annotations

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers.contract import Provider

PROVIDER = Provider(
    name="openai_compatible",
    title="OpenAI-compatible server",
    base_url=None,
    dialects=("chat", "responses"),
    paths={"chat": "/v1/chat/completions", "responses": "/v1/responses"},
    profile=Profile(
        reasoning_field="reasoning_content",
        echo_reasoning="optional",
        mid_system=False,
        thinking_modes=(),
        cache="automatic",
    ),
    completions_path="/v1/completions",
    read_error=reader(),
)
_: Provider = PROVIDER
