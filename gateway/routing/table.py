"""The compiled routing table: names, aliases, lanes and routes of one configuration, ready to be asked per request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.config.names import LANE_PREFIX, LANES, VIRTUAL, VIRTUAL_ALIASES, claude_alias
from gateway.config.routes import LearnedConfig, RouteConfig, WhenConfig
from gateway.config.settings import Settings
from gateway.endpoints import Endpoint
from gateway.ir.exchange import Call, LaneName, Task
from gateway.routing import match, moves, retry
from gateway.routing.strategies.contract import Strategy
from gateway.routing.strategies.registry import strategy

LEAK_TAG = "leak:"
"""Begins the tags of sessions whose text must not reach the cloud models of a lane (a policy's `redact`, action `local`)."""

DEFAULT_ROUTES: tuple[tuple[str, dict[str, object], tuple[str, ...]], ...] = (
    (
        "housekeeping",
        {"call": ["title", "summary", "commit_message", "probe"]},
        ("lane:local", "lane:mid", "lane:frontier"),
    ),
    (
        "boilerplate",
        {"task": ["boilerplate", "docstring", "test_scaffold"]},
        ("lane:local", "lane:mid", "lane:frontier"),
    ),
    ("single-file", {"task": "single_file_edit"}, ("lane:local", "lane:mid", "lane:frontier")),
    ("multi-file", {"task": "multi_file_refactor"}, ("lane:mid", "lane:frontier", "lane:local")),
    ("novel", {"task": "novel_reasoning"}, ("lane:frontier", "lane:mid", "lane:local")),
    ("long-running", {"task": "long_running"}, ("lane:daemon", "lane:local", "lane:mid", "lane:frontier")),
    ("default", {}, ("lane:mid", "lane:frontier", "lane:local", "lane:daemon")),
)
"""DESIGN.md, "The table that routing must implement out of the box", over whatever lanes have models."""


@dataclass(frozen=True, slots=True)
class Learned:
    """How scores choose among the models of a route."""

    strategy: Strategy
    params: LearnedConfig


@dataclass(frozen=True, slots=True)
class Shadow:
    """The other choice of a route: its models, and how they are ranked (None: in order)."""

    to: tuple[str, ...]
    learned: Learned | None


@dataclass(frozen=True, slots=True)
class Route:
    """One compiled route; `to` are endpoint names in order, each once."""

    id: str
    to: tuple[str, ...]
    matches: Callable[[match.Facts], bool]
    retry: retry.Rules
    sticky: bool
    source: RouteConfig
    guarded: bool = False
    """Streams are to be hedged or gone on with."""
    learned: Learned | None = None
    shadow: Shadow | None = None


@dataclass(frozen=True, slots=True)
class RouteTable:
    """`names` maps every name a client may ask for (aliases and claude- forms included) to an endpoint or virtual name."""

    endpoints: Mapping[str, Endpoint]
    routes: tuple[Route, ...]
    names: Mapping[str, str]
    lanes: Mapping[LaneName, tuple[str, ...]] = field(default_factory=dict)
    moves: moves.Rules = field(default_factory=moves.Rules)
    private: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Tag to the only models that may serve a session with it."""
    scores_always: bool = False
    """Some route asks for scores on every turn, also where a session just goes on with its work: it is not sticky and lets
    scores choose, or its expression reads them."""
    _open: dict[tuple[Call, Task | None], tuple[Route, ...]] = field(default_factory=dict, compare=False, repr=False)

    def open_to(self, call: Call, task: Task | None) -> tuple[Route, ...]:
        """The routes with a model that neither the call nor the task rules out, in order; found once for each of the few
        dozen pairs there are. Their other matchers are still to be asked."""
        found = self._open.get((call, task))
        if found is None:
            found = self._open[call, task] = tuple(
                r for r in self.routes if r.to and _concerns(r.source.when, call, task)
            )
        return found

    def resolve(self, asked: str) -> str | None:
        """Endpoint name or virtual name for what the client asked; None when nobody knows it."""
        return self.names.get(asked)


def _concerns(when: WhenConfig, call: Call, task: Task | None) -> bool:
    return (not when.call or call in when.call) and (not when.task or task in when.task)


def build(settings: Settings, endpoints: Mapping[str, Endpoint]) -> RouteTable:
    lanes: dict[LaneName, tuple[str, ...]] = {
        lane: tuple(name for name, e in endpoints.items() if e.lane == lane) for lane in LANES
    }
    configured = settings.routes or tuple(
        RouteConfig.model_validate({"id": id_, "when": when, "to": list(to)}) for id_, when, to in DEFAULT_ROUTES
    )
    routes = [_compile(route, settings, lanes, endpoints) for route in configured]
    if not any(route.when.always for route in configured):
        routes.append(_compile(_catch_all(), settings, lanes, endpoints))
    session = settings.session
    rules = moves.Rules(session.switch_budget_pct, session.escalate, session.expected_turns, session.prefill_wait_s_max)
    private = {tag: _keepers(tag, endpoints) for tag in session.private_tags}
    private |= {
        LEAK_TAG + lane: frozenset(n for n, e in endpoints.items() if e.own or e.lane != lane) for lane in LANES
    }
    always = any(map(_scores_always, routes))
    return RouteTable(endpoints, tuple(routes), _names(endpoints), lanes, rules, private, always)


def _scores_always(route: Route) -> bool:
    ranks = route.learned is not None and not route.sticky
    return ranks or "scores" in (route.source.when.expr or "")


def _keepers(tag: str, endpoints: Mapping[str, Endpoint]) -> frozenset[str]:
    """Who may see what is tagged so: the models that say so themselves, and where none does, own servers."""
    tagged = frozenset(name for name, e in endpoints.items() if tag in e.tags)
    return tagged or frozenset(name for name, e in endpoints.items() if e.local)


def _catch_all() -> RouteConfig:
    id_, when, to = DEFAULT_ROUTES[-1]
    return RouteConfig.model_validate({"id": id_, "when": when, "to": list(to)})


def _compile(
    route: RouteConfig, settings: Settings, lanes: Mapping[LaneName, tuple[str, ...]], endpoints: Mapping[str, Endpoint]
) -> Route:
    config = route.retry or settings.retry
    rules = retry.Rules(**config.model_dump())
    sticky = settings.session.sticky if route.sticky is None else route.sticky
    guarded = bool(route.continue_on) or route.hedge_after_s is not None
    to = _targets(route.to, lanes, endpoints)
    learned = _learned(route, settings)
    shadow = _shadow(route, learned, lanes, endpoints)
    return Route(route.id, to, match.compile_when(route.when), rules, sticky, route, guarded, learned, shadow)


def _learned(route: RouteConfig, settings: Settings) -> Learned | None:
    """What the route says; else what the file says; else only the last route of the built-in table lets scores choose, for
    nobody wrote down an order for what it catches."""
    config = route.learned if route.learned is not None else settings.learned
    if config is None and not settings.routes and route.id == DEFAULT_ROUTES[-1][0]:
        config = LearnedConfig()
    return _made(config, f"routes.{route.id}.learned.strategy")


def _made(config: LearnedConfig | bool | None, where: str) -> Learned | None:
    if not isinstance(config, LearnedConfig):
        return None
    return Learned(strategy(config.strategy, where), config)


def _shadow(
    route: RouteConfig,
    learned: Learned | None,
    lanes: Mapping[LaneName, tuple[str, ...]],
    endpoints: Mapping[str, Endpoint],
) -> Shadow | None:
    other = route.shadow
    if other is None:
        return None
    how = learned if other.learned is None else _made(other.learned, f"routes.{route.id}.shadow.learned.strategy")
    return Shadow(_targets(other.to or route.to, lanes, endpoints), how)


def _targets(
    to: tuple[str, ...], lanes: Mapping[LaneName, tuple[str, ...]], endpoints: Mapping[str, Endpoint]
) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for target in to:
        if target.startswith(LANE_PREFIX):
            lane = next((lane for lane in LANES if target == LANE_PREFIX + lane), None)
            names |= dict.fromkeys(lanes[lane] if lane else ())
        elif target in endpoints:
            names[target] = None
    return tuple(names)


def _names(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    names: dict[str, str] = dict(VIRTUAL_ALIASES) | {name: name for name in VIRTUAL}
    for name, endpoint in endpoints.items():
        for alias in (claude_alias(name), *endpoint.aliases):
            names.setdefault(alias, name)
    # A configured name always wins over somebody's alias.
    return names | {name: name for name in endpoints}
