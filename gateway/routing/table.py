"""The compiled routing table: names, aliases, lanes and routes of one configuration, ready to be asked per request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.config.names import LANE_PREFIX, LANES, VIRTUAL, VIRTUAL_ALIASES, claude_alias
from gateway.config.routes import RouteConfig
from gateway.config.settings import Settings
from gateway.endpoints import Endpoint
from gateway.ir.exchange import LaneName
from gateway.routing import match, retry

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


@dataclass(frozen=True, slots=True)
class RouteTable:
    """`names` maps every name a client may ask for (aliases and claude- forms included) to an endpoint or virtual name."""

    endpoints: Mapping[str, Endpoint]
    routes: tuple[Route, ...]
    names: Mapping[str, str]
    lanes: Mapping[LaneName, tuple[str, ...]] = field(default_factory=dict)

    def resolve(self, asked: str) -> str | None:
        """Endpoint name or virtual name for what the client asked; None when nobody knows it."""
        return self.names.get(asked)


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
    return RouteTable(endpoints, tuple(routes), _names(endpoints), lanes)


def _catch_all() -> RouteConfig:
    id_, when, to = DEFAULT_ROUTES[-1]
    return RouteConfig.model_validate({"id": id_, "when": when, "to": list(to)})


def _compile(
    route: RouteConfig, settings: Settings, lanes: Mapping[LaneName, tuple[str, ...]], endpoints: Mapping[str, Endpoint]
) -> Route:
    names: dict[str, None] = {}
    for target in route.to:
        if target.startswith(LANE_PREFIX):
            lane = next((lane for lane in LANES if target == LANE_PREFIX + lane), None)
            names |= dict.fromkeys(lanes[lane] if lane else ())
        elif target in endpoints:
            names[target] = None
    config = route.retry or settings.retry
    rules = retry.Rules(**config.model_dump())
    sticky = settings.session.sticky if route.sticky is None else route.sticky
    guarded = bool(route.continue_on) or route.hedge_after_s is not None
    return Route(route.id, tuple(names), match.compile_when(route.when), rules, sticky, route, guarded)


def _names(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    names: dict[str, str] = dict(VIRTUAL_ALIASES) | {name: name for name in VIRTUAL}
    for name, endpoint in endpoints.items():
        for alias in (claude_alias(name), *endpoint.aliases):
            names.setdefault(alias, name)
    # A configured name always wins over somebody's alias.
    return names | {name: name for name in endpoints}
