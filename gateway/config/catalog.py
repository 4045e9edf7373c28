"""What the configuration must know of providers. They stand above this package, so their registry hands it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.ir.exchange import LaneName
from gateway.ir.request import DialectName


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """A model known to exist at a provider. `rank`: lower comes first within a lane."""

    id: str
    lane: LaneName
    context_tokens: int
    max_output_tokens: int
    images: bool = False
    reasoning: bool = True
    rank: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """`base_url` None: the configuration must say it. `env_keys` are the variables its key is usually found in."""

    name: str
    title: str
    dialects: tuple[DialectName, ...]
    base_url: str | None
    env_keys: tuple[str, ...] = ()
    env_base_url: tuple[str, ...] = ()
    needs_key: bool = False
    local: bool = False
    ports: tuple[int, ...] = ()
    price_id: str | None = None
    cards: tuple[CardFacts, ...] = ()

    def card(self, model_id: str) -> CardFacts | None:
        return next((card for card in self.cards if card.id == model_id), None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Providers by name; names of harnesses, () when they are not known here (then any is accepted in `when`)."""

    providers: Mapping[str, ProviderFacts]
    harnesses: tuple[str, ...] = field(default=())
