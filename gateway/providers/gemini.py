"""Google Gemini through its OpenAI-compatible endpoint (chat only).

Sources: ai.google.dev, gemini-api/docs/openai (beta; reasoning_effort maps to thinking levels); unknown fields answer 400
"Unknown name". Errors come as a one-element list. Gemini 3 signs the first tool call of each step in
`extra_content.google.thought_signature` and answers 400 to a history without ("Function call is missing a
thought_signature"; ai.google.dev, gemini-api/docs/thought-signatures). A same-dialect request carries it through where the
client does; a translated one cannot, nor can a call that another vendor made have one: those get the word that Google
documents for this, and the model goes on without its earlier thought.
"""

from __future__ import annotations

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers.contract import Family, ModelCard, Provider

PROFILE = Profile(
    parallel_field=False,
    strict_tools=False,
    penalties=False,
    seed=False,
    logprobs=False,
    call_seal=b'{"google":{"thought_signature":"skip_thought_signature_validator"}}',
    stop_max=5,  # stopSequences of the native API
    thinking_modes=(),
    audio=True,
    cache="automatic",
    unknown_fields="drop",
)

PROVIDER = Provider(
    name="gemini",
    title="Google Gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta/openai",
    dialects=("chat",),
    paths={"chat": "/chat/completions"},
    profile=PROFILE,
    families=tuple(Family(p, {"call_seal": None}) for p in ("gemini-1*", "gemini-2*")),  # signatures came with 3
    env_keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    models_path="/models",
    embeddings_path="/embeddings",
    price_id="google",
    cards=(
        ModelCard(
            id="gemini-4-argon",
            lane="frontier",
            context_tokens=1_048_576,
            max_output_tokens=65_536,
            images=True,
            rank=30,
        ),
        ModelCard(
            id="gemini-3.8-flash", lane="mid", context_tokens=1_000_000, max_output_tokens=65_536, images=True, rank=30
        ),
    ),
    mint="gemini",
    # "exceeded your current quota" is said of per-minute limits too: not taken as spent, the delay in RetryInfo is.
    read_error=reader(),
)
_: Provider = PROVIDER
