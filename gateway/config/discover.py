"""Zero configuration: keys of the environment and answers of local servers to a list of models, and that list to settings.

Pure: the environment is a mapping, answers of servers are `Probe` values (made by `gateway.adapters.discovery`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.config.catalog import CardFacts, Catalog, ProviderFacts
from gateway.config.load import Loaded, complete
from gateway.config.models import ModelConfig
from gateway.config.names import LANES
from gateway.config.problems import Path
from gateway.config.settings import Settings
from gateway.ir.exchange import LaneName

SIM = "sim"
LOCAL_MODELS_MAX = 24
"""Per server: an Ollama with a hundred models would drown the table; the rest can be configured by name."""
_NOT_CHAT = re.compile(r"embed|rerank|whisper|tts|bge-|e5-|clip|guard", re.IGNORECASE)
_ILLEGAL = re.compile(r"[^A-Za-z0-9._:/@+-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One model of a local server. `context_tokens` None: the server does not say. `base_model`: an adapter's parent."""

    id: str
    context_tokens: int | None = None
    base_model: str | None = None
    images: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A local server that answered."""

    provider: str
    base_url: str
    models: tuple[Served, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One model that can be used without configuration. `where` is for people. `reachable` None: not tried (a cloud is not
    called at start). `note` is what the user should know of it."""

    name: str
    provider: str
    model: str
    lane: LaneName
    where: str
    base_url: str | None = None
    api_key: str | None = None
    context_tokens: int | None = None
    images: bool | None = None
    reachable: bool | None = None
    note: str = ""


def discover(environment: Mapping[str, str], probes: Iterable[Probe], catalog: Catalog) -> tuple[Found, ...]:
    """Everything found, best first within each lane; with nothing found the simulated models, never both."""
    local = [found for probe in probes for found in _of_server(probe, environment, catalog)]
    cloud = _of_keys(environment, catalog)
    return tuple(_unique([*local, *cloud])) or simulated(catalog)


def simulated(catalog: Catalog) -> tuple[Found, ...]:
    """The built-in models, one for each lane."""
    return tuple(
        Found(
            name=f"{SIM}/{card.id}",
            provider=SIM,
            model=card.id,
            lane=card.lane,
            where="built in",
            context_tokens=card.context_tokens,
            reachable=True,
            note="SIMULATED: no model answers, only scripted text",
        )
        for card in catalog.providers[SIM].cards
    )


def _of_server(probe: Probe, environment: Mapping[str, str], catalog: Catalog) -> Iterable[Found]:
    """Adapters before the models they sit on: a team that trained one wants it used."""
    usable = [m for m in probe.models if not _NOT_CHAT.search(m.id)]
    usable.sort(key=lambda m: m.base_model is None)
    facts = catalog.providers[probe.provider]
    key = next((f"env:{name}" for name in facts.env_keys if environment.get(name)), None)
    for model in usable[:LOCAL_MODELS_MAX]:
        yield Found(
            name=_name(probe.provider, model.id),
            provider=probe.provider,
            model=model.id,
            lane="local",
            where=f"{facts.title} at {probe.base_url}",
            base_url=probe.base_url,
            api_key=key,
            context_tokens=model.context_tokens,
            images=model.images,
            reachable=True,
            note=f"adapter on {model.base_model}" if model.base_model else "",
        )


def _of_keys(environment: Mapping[str, str], catalog: Catalog) -> list[Found]:
    ranked: list[tuple[int, int, Found]] = []
    for facts in catalog.providers.values():
        variable = next((name for name in facts.env_keys if environment.get(name)), None)
        if variable is not None and facts.needs_key:
            ranked += [(LANES.index(card.lane), card.rank, _card(facts, card, variable)) for card in facts.cards]
    return [found for _, _, found in sorted(ranked, key=lambda r: r[:2])]


def _card(facts: ProviderFacts, card: CardFacts, variable: str) -> Found:
    return Found(
        name=_name(facts.name, card.id),
        provider=facts.name,
        model=card.id,
        lane=card.lane,
        where=f"key in {variable}",
        api_key=f"env:{variable}",
        context_tokens=card.context_tokens,
        images=card.images,
    )


def _name(provider: str, model: str) -> str:
    """provider/model, without repeating a provider that the model's own id begins with, in characters a name may have."""
    return _ILLEGAL.sub("-", f"{provider}/{model.removeprefix(provider + '/')}")[:128]


def _unique(found: Iterable[Found]) -> Iterable[Found]:
    """The first of a name wins (one server seen at two addresses)."""
    seen: dict[str, Found] = {}
    for entry in found:
        seen.setdefault(entry.name, entry)
    return seen.values()


def model_config(found: Found) -> ModelConfig:
    """What `interlock.yaml` would say of it."""
    said: dict[str, object] = {"provider": found.provider, "model": found.model, "lane": found.lane}
    if found.base_url is not None:
        said["base_url"] = found.base_url
    if found.api_key is not None:
        said["api_key"] = found.api_key
    if found.context_tokens is not None:
        said["context_tokens"] = found.context_tokens
    if found.images is not None:
        said["capabilities"] = {"images": found.images}
    return ModelConfig.model_validate(said)


def settings_from(found: Iterable[Found], base: Settings | None = None) -> Settings:
    """`base` (a file that names no models, or the defaults) with the models found, as a file would say them."""
    return (base or Settings()).model_copy(update={"models": {entry.name: model_config(entry) for entry in found}})


def loaded_from(found: Iterable[Found], catalog: Catalog, base: Settings | None = None) -> Loaded:
    """The same, checked and filled in. ConfigError when `base` has routes to models that were not found."""
    entries = tuple(found)
    settings = settings_from(entries, base)
    origins: dict[Path, str] = {}
    for entry in entries:
        origins[("models", entry.name)] = f"found: {entry.where}"
        for field in settings.models[entry.name].model_fields_set:
            origins[("models", entry.name, field)] = f"found: {entry.where}"
    return complete(settings, source="discovery", catalog=catalog, origins=origins)


def is_simulated(found: Iterable[Found]) -> bool:
    return any(entry.provider == SIM for entry in found)
