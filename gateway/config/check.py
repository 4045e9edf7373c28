"""What cannot be seen from one field: names that must exist, names that must not clash, expressions, sections that need
each other. Every finding is a Problem with its path; nothing is raised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config import expr
from gateway.config.base import is_ref
from gateway.config.catalog import Catalog, ProviderFacts
from gateway.config.models import ModelConfig
from gateway.config.names import LANE_PREFIX, LANES, MODEL_NAME, NAME_FORM, claude_alias, reserved
from gateway.config.problems import Problem, listed, nearest
from gateway.config.routes import RouteConfig, WhenConfig
from gateway.config.settings import Settings

DEFAULT_ROUTE = "default"
"""Id of the catch-all; it is added when the file has none."""


def problems(settings: Settings, catalog: Catalog, broken_models: tuple[str, ...] = ()) -> list[Problem]:
    """All that is wrong with `settings`. `broken_models` are names of models left out of it because they do not even parse:
    routes may name them, so that one mistake is not told twice."""
    names = (*settings.models, *broken_models)
    return [
        *_models(settings.models, catalog),
        *_aliases(settings.models),
        *_routes(settings, names, catalog),
        *_sections(settings, names),
    ]


def warnings(settings: Settings) -> list[Problem]:
    """What works but is probably not meant."""
    found: list[Problem] = list(_hidden(settings.models))
    always: str | None = None
    served = {LANE_PREFIX + model.lane for model in settings.models.values() if model.enabled}
    for i, route in enumerate(settings.routes):
        if always is not None:
            found.append(Problem(path=("routes", i), message=f"never reached: route {always} before it matches always"))
        elif route.when.always:
            always = route.id
        found += _alone(settings, route, i)
        for j, target in enumerate(route.to):
            model = settings.models.get(target)
            if model is not None and not model.enabled:
                found.append(Problem(path=("routes", i, "to", j), message=f"{target} is not enabled, so it is skipped"))
            elif settings.models and target.startswith(LANE_PREFIX) and target not in served:
                found.append(
                    Problem(path=("routes", i, "to", j), message=f"no enabled model is in the lane of {target}")
                )
    return found


def _hidden(models: Mapping[str, ModelConfig]) -> Iterator[Problem]:
    """Models whose name for Claude Code is another one's: asking for it gets that one."""
    taken = {name: name for name in models}
    for name in models:
        alias = claude_alias(name)
        other = taken.setdefault(alias, name)
        if other != name:
            message = f"Claude Code cannot ask for it: {alias!r} means {other}"
            yield Problem(path=("models", name), message=message, accepted="another name")


def _alone(settings: Settings, route: RouteConfig, place: int) -> Iterator[Problem]:
    """What needs a second model, on a route that has one."""
    names: set[str] = set()
    for target in route.to:
        lane = target.removeprefix(LANE_PREFIX) if target.startswith(LANE_PREFIX) else None
        names |= set(settings.lane(lane)) if lane else {target}
    for word, asked in (("continue_on", bool(route.continue_on)), ("hedge_after_s", route.hedge_after_s is not None)):
        if asked and settings.models and len(names) < 2:
            message = f"{word} has no effect: the route has no second model; add one to `to`"
            yield Problem(path=("routes", place, word), message=message)


def _models(models: Mapping[str, ModelConfig], catalog: Catalog) -> Iterator[Problem]:
    for name, model in models.items():
        path = ("models", name)
        if not MODEL_NAME.match(name):
            yield Problem(path=path, message="not a model name", accepted=NAME_FORM)
        elif (why := reserved(name)) is not None:
            yield Problem(path=path, message=f"the name is reserved: {why}", accepted="any other name")
        facts = catalog.providers.get(model.provider)
        if facts is None:
            yield Problem(
                path=(*path, "provider"),
                message=f"unknown provider {model.provider!r}",
                accepted=listed(catalog.providers),
                nearest=nearest(model.provider, catalog.providers),
            )
        else:
            yield from _provided(name, model, facts)


def _provided(name: str, model: ModelConfig, facts: ProviderFacts) -> Iterator[Problem]:
    path = ("models", name)
    if model.base_url is None and facts.base_url is None:
        message = f"lacks base_url: provider {facts.name} has no address of its own"
        yield Problem(path=path, message=message, accepted="base_url: http://host:port")
    if model.dialect is not None and model.dialect not in facts.dialects:
        yield Problem(
            path=(*path, "dialect"),
            message=f"provider {facts.name} does not speak {model.dialect}",
            accepted=listed(facts.dialects),
        )
    if model.max_output_tokens and model.context_tokens and model.max_output_tokens > model.context_tokens:
        message = f"{model.max_output_tokens} is more than context_tokens {model.context_tokens}"
        yield Problem(path=(*path, "max_output_tokens"), message=message)


def _aliases(models: Mapping[str, ModelConfig]) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    generated = {claude_alias(name): name for name in models if claude_alias(name) != name}
    for name, model in models.items():
        for i, alias in enumerate(model.aliases):
            path = ("models", name, "aliases", i)
            other = taken.get(alias) or (alias if alias in models else None) or generated.get(alias)
            if not MODEL_NAME.match(alias):
                yield Problem(path=path, message="not a model name", accepted=NAME_FORM)
            elif (why := reserved(alias)) is not None:
                yield Problem(path=path, message=f"{alias!r} is reserved: {why}", accepted="any other name")
            elif other is not None and other != name:
                yield Problem(path=path, message=f"{alias!r} already means {other}", accepted="a name of its own")
            taken.setdefault(alias, name)


def _routes(settings: Settings, names: tuple[str, ...], catalog: Catalog) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for i, route in enumerate(settings.routes):
        if route.id in seen:
            message = f"the id {route.id!r} is already that of routes[{seen[route.id]}]"
            yield Problem(path=("routes", i, "id"), message=message, accepted="ids of their own")
        elif route.id == DEFAULT_ROUTE and not route.when.always:
            message = f"the id {DEFAULT_ROUTE!r} is kept for the catch-all, and this route has conditions"
            yield Problem(path=("routes", i, "id"), message=message, accepted="another id")
        seen.setdefault(route.id, i)
        yield from _targets(settings, i, route, names)
        yield from _when(i, route.when, catalog)


def _targets(settings: Settings, i: int, route: RouteConfig, names: tuple[str, ...]) -> Iterator[Problem]:
    lanes = [LANE_PREFIX + lane for lane in LANES]
    for j, target in enumerate(route.to):
        if target in names or target in lanes:
            continue
        owner = next((n for n, m in settings.models.items() if target in m.aliases), None)
        yield Problem(
            path=("routes", i, "to", j),
            message=f"{target!r} is an alias of {owner}" if owner else f"unknown model {target!r}",
            accepted=owner or listed([*names, *lanes]),
            nearest="" if owner else nearest(target, [*names, *lanes]),
        )


def _when(i: int, when: WhenConfig, catalog: Catalog) -> Iterator[Problem]:
    path = ("routes", i, "when")
    for j, harness in enumerate(when.harness):
        if catalog.harnesses and harness not in catalog.harnesses and not any(c in harness for c in "*?["):
            yield Problem(
                path=(*path, "harness", j),
                message=f"unknown harness {harness!r}",
                accepted=listed(catalog.harnesses),
                nearest=nearest(harness, catalog.harnesses),
            )
    if when.expr is not None and (wrong := expr.check(when.expr)) is not None:
        message, accepted, near = wrong
        yield Problem(path=(*path, "expr"), message=message, accepted=accepted, nearest=near)


def _sections(settings: Settings, names: tuple[str, ...]) -> Iterator[Problem]:
    state = settings.state
    if state.kind == "redis" and state.url is None:
        yield Problem(path=("state",), message="kind redis lacks url", accepted="url: redis://host:6379/0 or env:NAME")
    if (
        state.url is not None
        and not is_ref(state.url)
        and not state.url.startswith(("redis://", "rediss://", "unix://"))
    ):
        yield Problem(
            path=("state", "url"), message="not the address of a Redis", accepted="redis://, rediss://, unix://"
        )
    if settings.server.workers > 1 and state.kind == "memory":
        message = "several workers cannot share sessions that are kept in memory"
        yield Problem(path=("server", "workers"), message=message, accepted="1, or state.kind auto, sqlite or redis")
    if settings.baseline_model is not None and settings.baseline_model not in names:
        yield Problem(
            path=("baseline_model",),
            message=f"unknown model {settings.baseline_model!r}",
            accepted=listed(names),
            nearest=nearest(settings.baseline_model, names),
        )
