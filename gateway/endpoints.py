"""An endpoint: one configured model at one provider, with everything a hop needs already worked out.

Built once per configuration from settings, provider data and resolved secrets; frozen afterwards. An endpoint may speak
several dialects (vLLM serves three): a request in one of them passes through as bytes, any other is translated to the
preferred one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.errors import Headers
from gateway.ir.exchange import LaneName
from gateway.ir.profile import Profile
from gateway.ir.request import DialectName
from gateway.ports import Timeouts
from gateway.providers.contract import ReadError


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
    proxy: str | None = None
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    count_tokens_target: str | None = None
    embeddings_target: str | None = None
    found: str = "configuration"
    extra: Mapping[str, str] = field(default_factory=dict)

    def wire_for(self, dialect: DialectName, missing: frozenset[DialectName] = frozenset()) -> Wire:
        """The wire in the client's own dialect if there is one, else the preferred one. `missing` are dialects that this
        server turned out not to serve (an older vLLM without /v1/messages)."""
        usable = [w for w in self.wires if w.dialect not in missing] or list(self.wires[:1])
        return next((w for w in usable if w.dialect == dialect), usable[0])
