"""Every point has one schema for what goes in and one for what may come out, and both are what the code does."""

import json
from typing import get_args

import pytest

from policies import hooks, points
from policies.model import Hook, Point
from policies.points import POINTS, Points, answer_schema, resolved, schema
from policies.verdict import Caller

SAMPLES = {"string": "", "integer": 0, "number": 0.5, "boolean": False, "array": [], "object": {}}


def sample(held):
    if "enum" in held:
        return held["enum"][0]
    kind = held["type"]
    return SAMPLES[kind] if isinstance(kind, str) else None


def hook(point, **more):
    return Hook.model_validate({"id": "h", "on": point, "command": ["x"], **more})


def test_every_point_of_the_language_is_described():
    assert tuple(POINTS) == get_args(Point)


@pytest.mark.parametrize("point", POINTS)
def test_a_payload_has_what_the_schema_says(point):
    held = schema(point)
    own = {name: sample(value) for name, value in POINTS[point].own.items()}
    told = json.loads(hooks.payload(point, Caller(), own))
    assert set(told) == set(held["required"]) == set(held["properties"])
    assert told["point"] == held["properties"]["point"]["const"]
    json.dumps(held)


@pytest.mark.parametrize("point", POINTS)
def test_answers_are_taken_as_the_schema_says(point):
    held = answer_schema(point)
    if held is None:
        assert POINTS[point].may == ()
        assert hooks.answer(hook(point), b'{"decision":"deny"}') == hooks.HookAnswer()
        return
    for name in ("decision", "reason", "arguments", "context", "lane", "tags", "approve"):
        value = {"decision": "deny", "arguments": {}, "lane": "local", "tags": ["t"]}.get(name, "x")
        more = {"tags": ["t"]} if point == "pre_route" else {}
        taken = not hooks.answer(hook(point, may_rewrite=True, **more), json.dumps({name: value}).encode()).failed
        assert taken is (name in held["properties"])
    for word in ("allow", "ask", "deny", "maybe"):
        taken = not hooks.answer(hook(point), json.dumps({"decision": word}).encode()).failed
        assert taken is (word in held["properties"]["decision"]["enum"])


def test_hooks_by_point_in_their_order_and_none_where_there_are_none():
    first, second = hook("stop"), Hook.model_validate({"id": "i", "on": "stop", "command": ["y"]})
    held = resolved([first, hook("reload"), second])
    assert held.stop == (first, second)
    assert held.request is None
    assert resolved([]) == Points() == points.NONE


@pytest.mark.parametrize("point", POINTS)
def test_which_points_a_request_passes(point):
    assert resolved([hook(point)]).on_requests is (point not in ("permission_request", "permission_decided", "reload"))
