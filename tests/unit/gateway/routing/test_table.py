"""Compiling a configuration to a routing table."""

from __future__ import annotations

from typing import get_args

import pytest

from gateway.ir.exchange import Call, Task
from gateway.routing import retry
from gateway.routing.match import Facts
from gateway.routing.table import DEFAULT_ROUTES
from tests.unit.gateway.routing.made import TRIO, endpoint, routes


def test_the_built_in_table_is_the_one_of_the_design() -> None:
    table = routes()
    first = {
        facts: next(r for r in table.routes if r.matches(Facts(call=facts[0], task=facts[1]))).to[0]
        for facts in [
            ("title", ""),
            ("commit_message", ""),
            ("main", "boilerplate"),
            ("main", "docstring"),
            ("main", "test_scaffold"),
            ("main", "single_file_edit"),
            ("main", "multi_file_refactor"),
            ("main", "novel_reasoning"),
            ("main", "question"),
        ]
    }
    local, mid, frontier = (e.name for e in TRIO)
    assert list(first.values()) == [local, local, local, local, local, local, mid, frontier, mid]


def test_every_built_in_route_ends_with_every_lane_that_can_do_it() -> None:
    table = routes()
    assert [r.id for r in table.routes] == [id_ for id_, _, _ in DEFAULT_ROUTES]
    assert all(set(r.to) == {e.name for e in TRIO} for r in table.routes)


def test_lanes_keep_the_order_of_the_configuration() -> None:
    table = routes([endpoint("b"), endpoint("a"), endpoint("c", "local")])
    assert dict(table.lanes) == {"local": ("c",), "mid": ("b", "a"), "frontier": (), "daemon": ()}


def test_a_target_is_listed_once_and_only_if_it_exists() -> None:
    """A model that is switched off stays in the file's routes: it is passed over, not an error."""
    (route, *_) = routes(configured=[{"id": "r", "to": ["api/flash", "gone/model", "lane:mid", "lane:local"]}]).routes
    assert route.to == ("api/flash", "box/coder")


def test_a_catch_all_is_added_where_there_is_none() -> None:
    conditional = {"id": "r", "when": {"call": "title"}, "to": "api/flash"}
    assert [r.source.when.always for r in routes(configured=[conditional]).routes] == [False, True]
    always = {"id": "r", "to": "api/flash"}
    assert [r.id for r in routes(configured=[always]).routes] == ["r"]


@pytest.mark.parametrize(
    ("route", "general", "expected"), [({}, True, True), ({}, False, False), ({"sticky": False}, True, False)]
)
def test_stickiness_of_a_route_is_its_own_or_the_general_one(route: dict, general: bool, expected: bool) -> None:  # type: ignore[type-arg]
    table = routes(configured=[{"id": "r", "to": "api/flash", **route}], session={"sticky": general})
    assert table.routes[0].sticky is expected


def test_retry_rules_of_a_route_are_its_own_or_the_general_ones() -> None:
    own = {"id": "own", "to": "api/flash", "when": {"call": "main"}, "retry": {"max_attempts": 5}}
    table = routes(configured=[own, {"id": "rest", "to": "api/flash"}], retry={"max_attempts": 1})
    assert [r.retry for r in table.routes] == [retry.Rules(max_attempts=5), retry.Rules(max_attempts=1)]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("auto", "auto"),
        ("auto:local", "auto:local"),
        ("claude-auto-local", "auto:local"),
        ("box/coder", "box/coder"),
        ("claude-box-coder", "box/coder"),
        ("fast", "api/flash"),
        ("nobody", None),
        ("AUTO", None),
    ],
)
def test_names(asked: str, name: str | None) -> None:
    table = routes([endpoint("box/coder", "local"), endpoint("api/flash", aliases=("fast",))])
    assert table.resolve(asked) == name


def test_a_configured_name_wins_over_an_alias_and_the_first_alias_over_the_second() -> None:
    table = routes([endpoint("a", aliases=("b", "x")), endpoint("b", aliases=("x",))])
    assert (table.resolve("b"), table.resolve("x")) == ("b", "a")


@pytest.mark.parametrize(
    ("route", "guarded"), [({}, False), ({"continue_on": "cut"}, True), ({"hedge_after_s": 1.5}, True)]
)
def test_what_streams_of_a_route_are_guarded_by(route: dict, guarded: bool) -> None:  # type: ignore[type-arg]
    made = routes(configured=[{"id": "r", "to": "api/flash", **route}])
    assert made.routes[0].guarded is guarded


@pytest.mark.parametrize(
    ("route", "always"),
    [
        ({}, False),
        ({"learned": {}}, False),
        ({"learned": {}, "sticky": False}, True),
        ({"sticky": False}, False),
        ({"when": {"expr": "scores.local > 0.8"}}, True),
        ({"when": {"expr": "turns > 3"}}, False),
    ],
)
def test_scores_are_wanted_on_every_turn_only_where_something_hangs_on_them(
    route: dict[str, object], always: bool
) -> None:
    assert routes(configured=[{"id": "r", "to": "api/flash", **route}]).scores_always is always


@pytest.mark.parametrize("task", [None, *get_args(Task)])
@pytest.mark.parametrize("call", get_args(Call))
def test_routes_that_call_and_task_leave_open_are_the_only_ones_that_can_match(call: Call, task: Task | None) -> None:
    table = routes(
        configured=[
            {"id": "calls", "when": {"call": ["title", "main"]}, "to": ["api/flash"]},
            {"id": "tasks", "when": {"task": ["docstring", "question"], "tags": ["a"]}, "to": ["api/flash"]},
            {"id": "both", "when": {"call": "main", "task": "docstring"}, "to": ["api/flash"]},
            {"id": "nobody", "to": ["lane:daemon"]},
            {"id": "tagged", "when": {"tags": ["a"]}, "to": ["api/flash"]},
            {"id": "rest", "to": ["api/flash"]},
        ]
    )
    facts = Facts(call=call, task=task or "", tags=("a",))
    matching = [route for route in table.routes if route.to and route.matches(facts)]
    assert list(table.open_to(call, task)) == matching
    assert table.open_to(call, task) is table.open_to(call, task)
