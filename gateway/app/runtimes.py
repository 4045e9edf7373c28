"""A configuration as requests see it: one runtime for each, made at the start and at every reload."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from gateway.accounting.cost import Pricing
from gateway.adapters import policy_files
from gateway.adapters import secrets as secret_store
from gateway.config.load import Loaded
from gateway.config.settings import Settings
from gateway.endpoints import Endpoint, build
from gateway.pipeline.runtime import Runtime
from gateway.ports import Rates
from gateway.providers.registry import all_providers
from gateway.routing import table
from gateway.toolgate.values import DEFAULT_MANNER, Manner
from policies.compiled import Guard, Policy

HOLD_MARGIN_S = 10.0
"""Of judging beside the wait for a person: parses, hooks, the store."""


def runtime_of(loaded: Loaded, generation: int, guard: Guard | None = None) -> tuple[Runtime, tuple[str, ...]]:
    """The runtime of a configuration and warnings about it (secrets that could not be read). `guard`: what the policies
    protect of this gateway. ConfigError."""
    settings = loaded.settings
    secrets, problems = secret_store.resolve(settings)
    found = {name: loaded.origin(("models", name)) for name in settings.models}
    endpoints = build(settings, all_providers(), secrets, found)
    pricing = {name: _pricing(name, endpoint, settings) for name, endpoint in endpoints.items()}
    routes = table.build(settings, endpoints)
    policy = policy_files.compiled(loaded, guard or Guard())
    runtime = Runtime(
        settings,
        routes,
        pricing,
        _baseline(settings, endpoints),
        generation,
        loaded.source,
        manner=_manner(policy),
        policy=policy,
        judged=policy is not None,
        hooks=policy.at if policy is not None and policy.at.on_requests else None,
        strips=policy is not None and policy.strips,
    )
    return runtime, (*loaded.warnings, *problems)


def _manner(policy: Policy | None) -> Manner:
    """A judge that may wait for a person gets the time for it."""
    if policy is None:
        return DEFAULT_MANNER
    asked = [policy.file.defaults.ask_timeout_s, *(rule.ask_timeout_s or 0.0 for rule in policy.rules.values())]
    return replace(DEFAULT_MANNER, judge_s=max(DEFAULT_MANNER.judge_s, max(asked) + HOLD_MARGIN_S))


def _pricing(name: str, endpoint: Endpoint, settings: Settings) -> Pricing:
    if endpoint.simulated:
        return Pricing(free=True)
    cost = settings.models[name].cost or settings.prices.get(name) or settings.prices.get(endpoint.model)
    if cost is None:
        if endpoint.local:
            return Pricing(free=True)
        price_id, _, model = (endpoint.price_id or "").partition("/")
        return Pricing(price_id=price_id or None, model=model or endpoint.model)
    if cost.usd_per_hour is not None:
        return Pricing(usd_per_hour=cost.usd_per_hour)
    assert cost.input_usd_per_mtok is not None
    assert cost.output_usd_per_mtok is not None  # the settings model demands both
    rates = Rates(
        input=cost.input_usd_per_mtok,
        output=cost.output_usd_per_mtok,
        cached=cost.cached_usd_per_mtok,
        cache_write=cost.cache_write_usd_per_mtok,
        cache_write_1h=cost.cache_write_1h_usd_per_mtok,
    )
    return Pricing(rates=rates)


def _baseline(settings: Settings, endpoints: dict[str, Endpoint]) -> str | None:
    if settings.baseline_model is not None:
        return settings.baseline_model
    return next((name for name, e in endpoints.items() if e.lane == "frontier"), None)


FIXED = (
    "server.host",
    "server.port",
    "server.workers",
    "server.keepalive_s",
    "server.idle_connection_s",
    "state",
    "ledger",
    "log",
)
"""Settings that are read once, at start; all others are asked of the runtime."""


def at_next_start(old: Settings, new: Settings) -> list[str]:
    """One warning for each setting that a reload changed without effect."""
    changed = [path for path in FIXED if attrgetter(path)(old) != attrgetter(path)(new)]
    return [f"{path} was changed: it takes effect at the next start" for path in changed]
