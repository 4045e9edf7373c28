"""Finds the providers of this package by scanning it, and answers what is asked of them by name."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, cast

from gateway import providers
from gateway.config.catalog import CardFacts, Catalog, ProviderFacts
from gateway.ir.profile import Profile
from gateway.ir.request import DialectName
from gateway.plugins import scan
from gateway.providers._errors import shared
from gateway.providers.contract import ModelCard, Provider, ReadError


@cache
def all_providers() -> dict[str, Provider]:
    return cast("dict[str, Provider]", scan(providers, "PROVIDER"))


def resolve_profile(provider: Provider, dialect: DialectName, model_id: str, overrides: dict[str, Any]) -> Profile:
    """How this model speaks this dialect: the provider's profile, its families in order, the card, then the operator."""
    changes: dict[str, Any] = {}
    known = model_id.lower().replace(".", "-")
    for family in provider.families:
        if (not family.dialects or dialect in family.dialects) and fnmatchcase(known, family.pattern):
            changes |= family.changes
    card = card_of(provider, model_id)
    if card is not None:
        changes |= card.profile
    return replace(provider.profile_for(dialect), **changes | overrides)


def card_of(provider: Provider, model_id: str) -> ModelCard | None:
    """The card of exactly this upstream id."""
    return next((card for card in provider.cards if card.id == model_id), None)


def error_reader(provider: Provider) -> ReadError:
    return provider.read_error or shared


@cache
def catalog() -> Catalog:
    """What the configuration needs to know of all providers; config stands below this package and cannot ask it."""
    return Catalog({name: _facts(provider) for name, provider in all_providers().items()})


def _facts(p: Provider) -> ProviderFacts:
    return ProviderFacts(
        name=p.name,
        title=p.title,
        dialects=p.dialects,
        base_url=p.base_url,
        env_keys=p.env_keys,
        env_base_url=p.env_base_url,
        needs_key=p.auth != "none" and not p.local and bool(p.env_keys),
        local=p.local,
        ports=p.ports,
        price_id=p.price_id,
        cards=tuple(
            CardFacts(
                id=c.id,
                lane=c.lane,
                context_tokens=c.context_tokens,
                max_output_tokens=c.max_output_tokens,
                images=c.images,
                reasoning=c.reasoning,
                rank=c.rank,
            )
            for c in p.cards
        ),
    )
