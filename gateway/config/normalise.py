"""Fills in what an operator left to the provider: upstream name, address, key, window, price.

The dialect stays open unless it is written: a provider that speaks several is spoken to in the client's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from gateway.config.catalog import Catalog, ProviderFacts
from gateway.config.models import Capabilities, ModelConfig
from gateway.config.problems import Path
from gateway.config.settings import Settings

LOCAL_FIRST_TOKEN_S = 600.0
"""A 100,000 token prompt takes minutes on an own box."""


def normalise(settings: Settings, catalog: Catalog) -> tuple[Settings, dict[Path, str]]:
    """Settings in which every model says all that can be known, and the origin of each value that was filled in. Models of
    unknown providers stay as they are (`check` names them)."""
    filled: dict[Path, str] = {}
    models: dict[str, ModelConfig] = {}
    for name, model in settings.models.items():
        facts = catalog.providers.get(model.provider)
        changes = {} if facts is None else _changes(name, model, facts)
        models[name] = model.model_copy(update={key: value for key, (value, _) in changes.items()})
        for key, (value, origin) in changes.items():
            for path in _leaves(key, value, getattr(model, key)):
                filled[("models", name, *path)] = origin
    return settings.model_copy(update={"models": models}), filled


def _leaves(key: str, value: Any, before: Any) -> Iterator[Path]:
    """The paths below `key` that differ, so that each field of a section has its own origin."""
    if isinstance(value, BaseModel):
        yield from ((key, f) for f in type(value).model_fields if getattr(value, f) != getattr(before, f))
    else:
        yield (key,)


def _changes(name: str, model: ModelConfig, facts: ProviderFacts) -> dict[str, tuple[Any, str]]:
    upstream = model.model or name.rsplit("/", 1)[-1]
    card = facts.card(upstream)
    of_provider, of_card = f"provider {facts.name}", f"card of {facts.name} {upstream}"
    changes: dict[str, tuple[Any, str]] = {}

    def fill(key: str, value: Any, origin: str, missing: bool) -> None:
        if missing and value is not None:
            changes[key] = (value, origin)

    fill("model", upstream, "last part of the name", not model.model)
    fill("base_url", facts.base_url, of_provider, model.base_url is None)
    fill("price_id", facts.price_id, of_provider, model.price_id is None)
    if facts.needs_key:
        fill("api_key", f"env:{facts.env_keys[0]}", of_provider, model.api_key is None)
    if card is not None:
        fill("context_tokens", card.context_tokens, of_card, model.context_tokens is None)
        fill("max_output_tokens", card.max_output_tokens, of_card, model.max_output_tokens is None)
        asked = model.capabilities
        capabilities = Capabilities(
            images=card.images if asked.images is None else asked.images,
            tools=asked.tools,
            reasoning=card.reasoning if asked.reasoning is None else asked.reasoning,
        )
        fill("capabilities", capabilities, of_card, capabilities != asked)
    if facts.local and "first_token_s" not in model.timeouts.model_fields_set:
        timeouts = model.timeouts.model_copy(update={"first_token_s": LOCAL_FIRST_TOKEN_S})
        changes["timeouts"] = (timeouts, of_provider)
    return changes
