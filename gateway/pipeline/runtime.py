"""Everything a request needs that a reload may replace, as one frozen value, and the ports that outlive reloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.accounting.cost import Pricing
from gateway.config.settings import Settings
from gateway.endpoints import Endpoint
from gateway.harnesses import registry as harnesses
from gateway.ir.request import DialectName
from gateway.pipeline.leaks import Leaks
from gateway.ports import (
    Classifier,
    Clock,
    Health,
    Hooks,
    Judge,
    Keys,
    Ledger,
    PriceBook,
    Random,
    StateStore,
    TokenCounter,
    Upstream,
)
from gateway.routing.retry import Rules
from gateway.routing.table import RouteTable
from gateway.toolgate.values import DEFAULT_MANNER, Manner
from policies.compiled import Policy
from policies.points import Points


@dataclass(frozen=True, slots=True)
class Ports:
    clock: Clock
    random: Random
    upstream: Upstream
    state: StateStore
    ledger: Ledger
    keys: Keys
    classifier: Classifier
    tokens: TokenCounter
    health: Health
    prices: PriceBook
    judge: Judge | None = None
    """None: no policy, every call passes."""
    hooks: Hooks | None = None
    """Asked only where `Runtime.hooks` says so."""
    leaks: Leaks | None = None
    """None: requests go out as they came."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Built from one configuration; `generation` counts reloads. `pricing` holds the operator's prices by endpoint."""

    settings: Settings
    table: RouteTable
    pricing: Mapping[str, Pricing]
    baseline: str | None
    generation: int = 1
    config_source: str = "defaults"
    missing_wires: dict[str, frozenset[DialectName]] = field(default_factory=dict)
    """Dialects that a server turned out not to serve, learned while running."""
    manner: Manner = DEFAULT_MANNER
    """How clients are refused tool calls; the form is that of the harness (`manner_for`)."""
    policy: Policy | None = None
    judged: bool = True
    """Tool calls go to the judge, where there is one; False: every call passes, at no cost."""
    hooks: Points | None = None
    """Hooks at the points of a request; None where the policy has none there."""
    strips: bool = False
    """Some profile of the policy takes tools out of requests."""
    retry: Rules = field(init=False)
    """Of models asked for by name; a route has its own."""
    tags: tuple[str, ...] = field(init=False)
    """Of every request."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", tuple(dict.fromkeys(self.settings.tags)))
        object.__setattr__(self, "retry", Rules(**self.settings.retry.model_dump()))

    def manner_for(self, harness: str) -> Manner:
        known = harnesses.all_harnesses().get(harness)
        if known is None or known.refusal == self.manner.form:
            return self.manner
        return replace(self.manner, form=known.refusal)

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        return self.table.endpoints
