"""The plan: who is asked, in which order, and what is never done."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    ContextWindowExceeded,
    GatewayError,
    MalformedRequest,
    ModelNotAllowed,
    NoRoute,
    UnknownModel,
)
from gateway.ir.exchange import Call, Exchange, Identity, LaneName, Task
from gateway.routing.plan import CONVERSATION_CALLS, OUTPUT_RESERVE_TOKENS, facts_of, plan
from gateway.routing.table import RouteTable
from tests.unit.gateway.routing.made import TRIO, down, endpoint, exchange, routes, up

LOCAL, MID, FRONTIER = (e.name for e in TRIO)


def models(asked: Exchange, table: RouteTable | None = None, status: Any = up) -> list[str]:
    return [hop.model for hop in plan(asked, table or routes(), status)[0].hops]


# --- names, lanes, routes ---------------------------------------------------------------------------------------


def test_a_model_asked_for_by_name_is_used_alone_and_even_while_ill() -> None:
    made, route = plan(exchange(MID, call="title"), routes(), down(MID))
    assert [h.model for h in made.hops] == [MID]
    assert (made.route, made.sticky, route) == ("named", False, None)


def test_the_header_goes_before_the_body() -> None:
    assert models(exchange(MID, forced_model=FRONTIER)) == [FRONTIER]
    assert models(exchange(MID, forced_model="auto:local")) == [LOCAL]


@pytest.mark.parametrize("asked", ["auto:local", "claude-auto-local"])
def test_a_lane_asked_for_is_kept(asked: str) -> None:
    made, route = plan(exchange(asked, task="novel_reasoning"), routes(), up)
    assert ([h.model for h in made.hops], made.route, route) == ([LOCAL], "lane:local", None)


def test_a_lane_by_header_and_a_name_in_the_body() -> None:
    assert models(exchange("auto", forced_lane="local")) == [LOCAL]
    assert models(exchange("auto:mid", forced_lane="local")) == [LOCAL]
    assert models(exchange(MID, forced_lane="local")) == [MID]


def test_a_route_may_take_a_lane_over() -> None:
    table = routes(
        configured=[
            {"id": "any", "when": {"call": "main"}, "to": FRONTIER},
            {"id": "cheap-local", "when": {"lane": "local"}, "to": [LOCAL, MID]},
        ]
    )
    made, route = plan(exchange("auto:local"), table, up)
    assert ([h.model for h in made.hops], made.route) == ([LOCAL, MID], "cheap-local")
    assert route is not None
    assert models(exchange("auto:frontier"), table) == [FRONTIER]
    assert models(exchange("auto"), table) == [FRONTIER]


def test_the_first_route_that_matches_wins_and_says_why() -> None:
    made, route = plan(exchange(task="boilerplate"), routes(), up)
    assert [h.model for h in made.hops] == [LOCAL, MID, FRONTIER]
    assert route is not None
    assert (route.id, made.route, made.reason) == ("boilerplate", "boilerplate", "route boilerplate")
    assert plan(exchange(call="title"), routes(), up)[0].reason == "route housekeeping: call title (a sign)"


def test_facts_are_the_exchange() -> None:
    asked = exchange(
        call="tool_result",
        task="question",
        tools=("bash",),
        identity=Identity(key_id="k", key_name="team", harness="codex"),
        tags=("t",),
        context_tokens=9,
        has_images=True,
        received_s=7.0,
    )
    facts = facts_of(asked, "local")
    assert (facts.call, facts.task, facts.lane, facts.harness) == ("tool_result", "question", "local", "codex")
    assert (facts.key, facts.key_name, facts.tags, facts.tools) == ("k", "team", ("t",), ("bash",))
    assert (facts.context_tokens, facts.images, facts.at_s, facts.subagent) == (9, True, 7.0, False)


# --- who is eligible --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("special", "asked", "why"),
    [
        ({}, {"identity": Identity(allowed_models=(MID,))}, "key: model not allowed"),
        ({}, {"identity": Identity(allowed_lanes=("mid",))}, "key: lane local not allowed"),
        ({}, {"has_images": True}, "capability: takes no images"),
        ({"tools": False}, {"tools": ("bash",)}, "capability: calls no tools"),
        ({"context_tokens": 2000}, {"context_tokens": 977}, "window: needs about 2001 tokens, holds 2000"),
    ],
)
def test_who_cannot_serve_is_passed_over_and_told(special: dict[str, Any], asked: dict[str, Any], why: str) -> None:
    table = routes([endpoint(LOCAL, "local", **special), endpoint(MID, images=True)])
    made, _ = plan(exchange(task="boilerplate", **asked), table, up)
    assert [h.model for h in made.hops] == [MID]
    assert {c.model: c.why for c in made.candidates} == {LOCAL: why, MID: "eligible"}


@pytest.mark.parametrize(("limit", "fits"), [(None, False), (5, True), (10**6, False)])
def test_room_is_kept_for_an_answer(limit: int | None, fits: bool) -> None:
    window = 5000
    table = routes([endpoint(MID, context_tokens=window)])
    asked = exchange(context_tokens=window - OUTPUT_RESERVE_TOKENS + 1, max_output_tokens=limit)
    if fits:
        assert models(asked, table) == [MID]
    else:
        with pytest.raises(ContextWindowExceeded, match="maximum context length"):
            plan(asked, table, up)


def test_an_unknown_window_holds_anything() -> None:
    assert models(exchange(context_tokens=10**7), routes([endpoint(MID)])) == [MID]


def test_the_ill_go_last_resort() -> None:
    asked = exchange(task="boilerplate")
    assert models(asked, status=down(LOCAL)) == [MID, FRONTIER]
    assert models(asked, status=down(LOCAL, MID, FRONTIER)) == [LOCAL, MID, FRONTIER]


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (exchange("gpt-9"), UnknownModel, "unknown model 'gpt-9'"),
        (exchange("auto", forced_model="gpt-9"), UnknownModel, "x-interlock-model"),
        (exchange("auto", forced_lane="loco"), MalformedRequest, "unknown lane 'loco'"),
        (exchange("auto:daemon"), NoRoute, "no model is configured for lane daemon"),
        (exchange(identity=Identity(allowed_models=("x",))), ModelNotAllowed, "may not use any candidate"),
        (exchange(MID, identity=Identity(allowed_lanes=("local",))), ModelNotAllowed, "lane mid not allowed"),
        (exchange(has_images=True), NoRoute, "takes no images"),
    ],
)
def test_refusals(asked: Exchange, error: type[GatewayError], words: str) -> None:
    with pytest.raises(error) as caught:
        plan(asked, routes(), up)
    assert words in caught.value.text()


def test_no_model_at_all() -> None:
    with pytest.raises(NoRoute, match="no model is configured"):
        plan(exchange(), routes([]), up)


def test_a_refusal_names_who_could_but_does_not_ask_them() -> None:
    """Where code may go is the operator's word: a route is never left for a model it does not list."""
    table = routes(
        [endpoint(LOCAL, "local"), endpoint(FRONTIER, "frontier", images=True)], [{"id": "only", "to": LOCAL}]
    )
    with pytest.raises(NoRoute) as caught:
        plan(exchange(has_images=True), table, up)
    assert caught.value.accepted == FRONTIER


# --- stickiness -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", sorted(get_args(Call)))
def test_only_conversations_follow_a_binding(call: Call) -> None:
    made, _ = plan(exchange(call=call, task="boilerplate", bound=FRONTIER), routes(), up)
    assert made.sticky is (call in CONVERSATION_CALLS)
    assert (made.hops[0].model == FRONTIER) is made.sticky
    assert len({h.model for h in made.hops}) == len(made.hops) == 3


def test_a_binding_is_left_when_its_model_is_ill_or_the_route_is_not_sticky() -> None:
    assert models(exchange(task="boilerplate", bound=FRONTIER), status=down(FRONTIER)) == [LOCAL, MID]
    loose = routes(configured=[{"id": "r", "to": [LOCAL, MID], "sticky": False}])
    assert models(exchange(bound=MID), loose) == [LOCAL, MID]


TWO = [{"id": "novel", "when": {"task": "novel_reasoning"}, "to": FRONTIER}, {"id": "rest", "to": LOCAL}]


@pytest.mark.parametrize(("call", "first"), [("tool_result", FRONTIER), ("compaction", FRONTIER), ("main", LOCAL)])
def test_a_tool_result_goes_to_the_model_that_called_the_tool(call: Call, first: str) -> None:
    assert models(exchange(call=call, bound=FRONTIER), routes(configured=TWO))[0] == first


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"model": "auto:local"}, up),
        ({"model": LOCAL}, up),
        ({}, down(FRONTIER)),
        ({"identity": Identity(allowed_lanes=("local",))}, up),
        ({"bound": "gone/model"}, up),
    ],
)
def test_but_not_against_the_clients_word_the_key_or_its_health(asked: dict[str, Any], status: Any) -> None:
    request = exchange(**{"call": "tool_result", "bound": FRONTIER, **asked})
    assert models(request, routes(configured=TWO), status) == [LOCAL]


# --- what is never done -----------------------------------------------------------------------------------------

NAMES = [e.name for e in TRIO]
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)


@given(
    to=SOME,
    model=st.sampled_from(["auto", "auto:local", "auto:mid", "auto:daemon", *NAMES, "nobody"]),
    call=st.sampled_from(get_args(Call)),
    task=st.sampled_from([None, *get_args(Task)]),
    lane=st.sampled_from([None, *get_args(LaneName)]),
    bound=st.sampled_from([None, "gone", *NAMES]),
    ill=st.lists(st.sampled_from(NAMES)),
    allowed=st.lists(st.sampled_from(NAMES)),
    tokens=st.sampled_from([0, 5_000]),
    small=st.sampled_from(NAMES),
)
def test_never_invents_a_candidate(
    to: list[str],
    model: str,
    call: Call,
    task: Task | None,
    lane: LaneName | None,
    bound: str | None,
    ill: list[str],
    allowed: list[str],
    tokens: int,
    small: str,
) -> None:
    windows = {name: 2_000 if name == small else 100_000 for name in NAMES}
    endpoints = [endpoint(e.name, e.lane, context_tokens=windows[e.name]) for e in TRIO]
    configured = [{"id": "t", "when": {"task": "question"}, "to": to[:1]}, {"id": "r", "to": to}]
    table = routes(endpoints, configured)
    asked = exchange(
        model,
        call=call,
        task=task,
        bound=bound,
        forced_lane=lane,
        context_tokens=tokens,
        identity=Identity(allowed_models=tuple(allowed)),
    )
    try:
        made, route = plan(asked, table, down(*ill))
    except GatewayError:
        return
    hops = [h.model for h in made.hops]
    listed = {model} if model in NAMES else set(route.to) if route else set(table.lanes[lane or model[5:]])  # type: ignore[index]
    mid_task = {bound} if route is not None and call in ("tool_result", "compaction") else set()
    assert hops
    assert set(hops) <= listed | mid_task
    assert len(set(hops)) == len(hops)
    assert not allowed or set(hops) <= set(allowed)
    assert all(windows[h] > tokens for h in hops)
    assert not made.sticky or (hops[0] == bound and call in CONVERSATION_CALLS)
    healthy = {c.model for c in made.candidates if c.eligible}
    assert not healthy or model in NAMES or set(hops) - {bound} <= healthy
