"""An endpoint: one configured model at one provider, with everything a hop needs already worked out.

Built once per configuration from settings, provider data and resolved secrets; frozen afterwards. An endpoint may speak
several dialects (vLLM serves three): a request in one of them passes through as bytes, any other is translated to the
preferred one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.config.base import is_ref
from gateway.config.models import ModelConfig, profile_changes
from gateway.config.settings import Settings
from gateway.errors import ConfigError, Headers
from gateway.ir.exchange import LaneName
from gateway.ir.profile import Profile
from gateway.ir.request import DialectName
from gateway.ports import Timeouts
from gateway.providers.contract import Provider, ReadError
from gateway.providers.registry import card_of, error_reader, resolve_profile


@dataclass(frozen=True, slots=True)
class Wire:
    """One dialect of an endpoint: where it is served and how it is spoken."""

    dialect: DialectName
    target: str
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`name` is the configured name, `model` the upstream's own. `wires` are in order of preference. `headers` hold the
    credentials: never log them. `context_tokens` 0 = unknown. `first_token_s` bounds the wait for content. `mint` names who
    seals reasoning here. `found` says where the endpoint came from, for people."""

    name: str
    provider: str
    model: str
    lane: LaneName
    origin: str
    wires: tuple[Wire, ...]
    headers: Headers
    timeouts: Timeouts
    first_token_s: float
    read_error: ReadError
    mint: str
    context_tokens: int = 0
    max_output_tokens: int | None = None
    images: bool = False
    tools: bool = True
    local: bool = False
    simulated: bool = False
    price_id: str | None = None
    prefill_tokens_s: float = 0.0
    """Tokens per second that it reads cold; 0: nobody waits for that."""
    cache_ttl_s: float = 300.0
    proxy: str | None = None
    tls_ca: str | None = None
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    count_tokens: Wire | None = None
    """Where the Messages counter is. Set also where another dialect was chosen for replies: the tokenizer is the same."""
    embeddings_target: str | None = None
    found: str = "configuration"
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """What is sent there does not leave the house. The simulated lanes play their parts."""
        return self.local or (self.simulated and self.lane in ("local", "daemon"))

    def wire_for(self, dialect: DialectName, missing: frozenset[DialectName] = frozenset()) -> Wire:
        """The wire in the client's own dialect if there is one, else the preferred one. `missing` are dialects that this
        server turned out not to serve (an older vLLM without /v1/messages)."""
        first = None
        for wire in self.wires:
            if wire.dialect not in missing:
                if wire.dialect == dialect:
                    return wire
                first = first or wire
        return first or self.wires[0]


def build(
    settings: Settings, providers: Mapping[str, Provider], secrets: Mapping[str, str], found: Mapping[str, str]
) -> dict[str, Endpoint]:
    """Every enabled model as an endpoint, in the order of the configuration. `secrets` maps secret references to their
    values (a reference that could not be resolved is absent: the endpoint then sends no credential and the upstream says
    so); `found` tells for people where a discovered model came from. ConfigError for a proxy that could not be read."""
    return {
        name: _endpoint(name, model, providers[model.provider], secrets, found.get(name, "configuration"))
        for name, model in settings.models.items()
        if model.enabled
    }


def _endpoint(name: str, model: ModelConfig, provider: Provider, secrets: Mapping[str, str], found: str) -> Endpoint:
    upstream = model.model or name.rpartition("/")[2]
    card = card_of(provider, upstream)
    overrides = profile_changes(model.profile)
    dialects = (model.dialect,) if model.dialect else provider.dialects
    base = _value(model.base_url, secrets) or provider.base_url or ""
    origin, prefix = _split(base)
    wires = tuple(
        Wire(d, prefix + provider.paths[d], resolve_profile(provider, d, upstream, overrides)) for d in dialects
    )
    profile = wires[0].profile
    images = model.capabilities.images
    return Endpoint(
        name=name,
        provider=provider.name,
        model=upstream,
        lane=model.lane,
        origin=origin,
        wires=wires,
        headers=_headers(model, provider, secrets),
        timeouts=_timeouts(model),
        first_token_s=_first_token_s(model, provider),
        read_error=error_reader(provider),
        mint=provider.mint or f"{provider.name}:{origin}",
        context_tokens=model.context_tokens or (card.context_tokens if card else 0),
        max_output_tokens=model.max_output_tokens or (card.max_output_tokens if card else None),
        images=images if images is not None else (card.images if card else profile.images),
        tools=model.capabilities.tools is not False,
        local=provider.local,
        simulated=origin.startswith("sim://"),
        price_id=model.price_id or provider.price_id,
        prefill_tokens_s=model.prefill_tokens_per_s or (LOCAL_PREFILL_TOKENS_S if provider.local else 0.0),
        cache_ttl_s=model.cache_ttl_s or (LOCAL_CACHE_TTL_S if provider.local else CACHE_TTL_S),
        proxy=_proxy(name, model, secrets),
        tls_ca=model.tls_ca,
        tags=tuple(model.tags),
        aliases=tuple(model.aliases),
        count_tokens=_counter(provider, upstream, overrides, prefix),
        embeddings_target=_joined(prefix, provider.embeddings_path),
        found=found,
    )


def _split(base: str) -> tuple[str, str]:
    """("https://host:1", "/prefix") of a base address; a trailing slash or /v1 is not doubled."""
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    prefix = (slash + path).rstrip("/").removesuffix("/v1")
    return f"{scheme}://{host}", prefix


def _counter(provider: Provider, upstream: str, overrides: dict[str, Any], prefix: str) -> Wire | None:
    if provider.count_tokens_path is None or "messages" not in provider.dialects:
        return None
    profile = resolve_profile(provider, "messages", upstream, overrides)
    return Wire("messages", prefix + provider.count_tokens_path, profile)


def _joined(prefix: str, path: str | None) -> str | None:
    return None if path is None else prefix + path


def _value(text: str | None, secrets: Mapping[str, str]) -> str | None:
    """A literal as it is, a reference as its secret; None for one that could not be read: its name must not go upstream."""
    if text is None:
        return None
    return secrets.get(text) if is_ref(text) else text


def _proxy(name: str, model: ModelConfig, secrets: Mapping[str, str]) -> str | None:
    """ConfigError for one that could not be read: without it the request would go out directly, which somebody forbade."""
    proxy = _value(model.proxy, secrets)
    if proxy is None and model.proxy is not None:
        raise ConfigError(f"models.{name}.proxy: {model.proxy} cannot be read", where=f"models.{name}.proxy")
    return proxy


def _headers(model: ModelConfig, provider: Provider, secrets: Mapping[str, str]) -> Headers:
    pairs = {n.lower(): v for n, v in provider.headers}
    secret = secrets.get(model.api_key) if model.api_key else None
    if secret and provider.auth == "bearer":
        pairs["authorization"] = f"Bearer {secret}"
    elif secret and provider.auth == "x-api-key":
        pairs["x-api-key"] = secret
    pairs |= {n.lower(): text for n, v in model.headers.items() if (text := _value(v, secrets)) is not None}
    return tuple((n.encode("ascii"), v.encode("latin-1")) for n, v in pairs.items())


def _timeouts(model: ModelConfig) -> Timeouts:
    t = model.timeouts
    return Timeouts(t.connect_s, t.first_byte_s, t.idle_s, t.total_s)


LOCAL_PREFILL_TOKENS_S = 1000.0
"""A 30B model on a GB10 reads one to two thousand tokens per second; the lower end, so that moves are not made lightly."""

CACHE_TTL_S = 300.0
"""Anthropic's short cache and the lower end of what OpenAI states; others keep longer, and say so in the configuration."""

LOCAL_CACHE_TTL_S = 3600.0
"""An own server forgets when it needs the room, not by the clock."""

LOCAL_FIRST_TOKEN_S = 600.0
"""Prefill of a long prompt on an own box takes minutes (protocols.md 2.4); a cloud that is silent for two is gone."""


def _first_token_s(model: ModelConfig, provider: Provider) -> float:
    written = "first_token_s" in model.timeouts.model_fields_set
    return LOCAL_FIRST_TOKEN_S if provider.local and not written else model.timeouts.first_token_s
