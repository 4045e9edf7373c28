"""What a provider is: address, dialects, credentials and quirks as data, and how its errors read. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.errors import Headers, UpstreamError
from gateway.ir.exchange import LaneName
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import DialectName


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model known to exist at a provider, offered when its key is found and no configuration is given."""

    id: str
    lane: LaneName
    context_tokens: int
    max_output_tokens: int
    reasoning: bool = True
    images: bool = False
    profile: Mapping[str, object] = field(default_factory=dict)
    """Fields of Profile that differ for this model, e.g. {"sampling": False}."""
    rank: int = 50
    """Order within a lane when several are found: lower comes first."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models that speak differently from their provider's profile. `pattern` is a glob over the lower-case upstream id with
    dots written as dashes ("claude-opus-5.5" and "claude-opus-5-5" are one); `dialects` empty means all."""

    pattern: str
    changes: Mapping[str, object]
    dialects: tuple[DialectName, ...] = ()


ReadError = Callable[[int, Headers, bytes, str], UpstreamError]
"""(status, headers, body, configured model name) -> the error, classified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`dialects` lists what the vendor speaks, preferred first; `paths` where (appended to base_url, which ends without
    `/v1` unless the vendor's own form has another prefix). `base_url` None: the configuration must say it. `mint` names
    who seals reasoning: two providers with one mint accept each other's blocks."""

    name: str
    title: str
    base_url: str | None
    dialects: tuple[DialectName, ...]
    paths: Mapping[DialectName, str]
    profile: Profile = DEFAULT
    profiles: Mapping[DialectName, Profile] = field(default_factory=dict)
    """Per dialect, where it differs from `profile`."""
    families: tuple[Family, ...] = ()
    """Applied in order, so a later, narrower one wins."""
    auth: Literal["bearer", "x-api-key", "none"] = "bearer"
    env_keys: tuple[str, ...] = ()
    env_base_url: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Sent unless the client already sends them (e.g. anthropic-version)."""
    local: bool = False
    """Runs on the team's own machine: probed at start, costs no money per token."""
    ports: tuple[int, ...] = ()
    """Loopback ports to probe when local."""
    models_path: str | None = "/v1/models"
    count_tokens_path: str | None = None
    embeddings_path: str | None = "/v1/embeddings"
    completions_path: str | None = None
    price_id: str | None = None
    """Provider id in genai-prices; None: no list price."""
    cards: tuple[ModelCard, ...] = ()
    mint: str = ""
    """Empty: each server for itself (nobody knows what stands behind a generic address)."""
    read_error: ReadError | None = None
    """None: the shared reader of the dialect's usual shape."""

    def profile_for(self, dialect: DialectName) -> Profile:
        return self.profiles.get(dialect, self.profile)
