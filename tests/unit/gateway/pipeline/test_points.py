"""Each point of a request: what its hooks are told, and what their answers do."""

import json
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from gateway.adapters.state.memory import MemoryState
from gateway.config.settings import Settings
from gateway.errors import PolicyDenied, StateUnavailable
from gateway.ir.exchange import Hop, Identity, Labels, LedgerRow, Plan, Session
from gateway.ir.usage import Usage
from gateway.pipeline import points
from gateway.testing.clock import ManualClock
from policies.hooks import HookAnswer
from policies.points import COMMON, POINTS
from tests.support.desk import policy
from tests.unit.gateway.pipeline.made import flight


class Port:
    """Implements ports.Hooks: answers by hook id, remembers what was asked and told."""

    def __init__(self, **answers):
        self.answers, self.asked, self.told = answers, [], []

    async def ask(self, policies, hook, payload, caller):
        self.asked.append(json.loads(payload))
        return self.answers.get(hook.id, HookAnswer())

    def tell(self, policies, hooks, payload, caller):
        self.told.append(([hook.id for hook in hooks], json.loads(payload)))


class Bench:
    def __init__(self, *hooks, body=None, **answers):
        more = answers.pop("exchange", {})
        entries = ", ".join(f"{{command: [x], {hook}}}" for hook in hooks)
        self.policy = policy(f"hooks: [{entries}]\n")
        self.port = Port(**answers)
        self.flight = flight(body, **more)
        self.state = MemoryState(self.flight.clock, 1 << 20)
        self.ports = SimpleNamespace(hooks=self.port, clock=self.flight.clock, state=self.state)
        self.runtime = SimpleNamespace(hooks=self.policy.at, policy=self.policy, settings=Settings())

    @property
    def rest(self):
        return self.flight, self.ports, self.runtime


NO = HookAnswer("deny", "no")
TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": {}}}]


def fits(told):
    """A payload has exactly the fields of its point."""
    return set(told) == {*COMMON, *POINTS[told["point"]].own}


@pytest.mark.parametrize("point", ["session_start", "request"])
async def test_an_arriving_request(point):
    bench = Bench(f"id: h, on: {point}", body={"tools": TOOLS, "stream": True}, exchange={"labels": Labels("main")})
    await points.arrived(*bench.rest)
    (told,) = bench.port.asked
    assert fits(told)
    assert (told["model"], told["dialect"], told["call"], told["tools"], told["prompt"]) == (
        "auto", "chat", "main", ["bash"], "hi",
    )  # fmt: skip
    with pytest.raises(PolicyDenied, match=f"refused at {point} by hook h: no"):
        await points.arrived(*Bench(f"id: h, on: {point}", h=NO).rest)


async def test_the_first_that_refuses_ends_it():
    bench = Bench("id: a, on: request", "id: b, on: request", a=NO)
    with pytest.raises(PolicyDenied):
        await points.arrived(*bench.rest)
    assert len(bench.port.asked) == 1


@pytest.mark.parametrize(("on_error", "passes"), [("deny", False), ("allow", True)])
async def test_a_failure_is_on_error_and_its_context_is_not_used(on_error, passes):
    bench = Bench(f"id: h, on: request, on_error: {on_error}", h=HookAnswer(context="x", failed="gone"))
    if not passes:
        with pytest.raises(PolicyDenied, match="gone"):
            await points.arrived(*bench.rest)
        return
    await points.arrived(*bench.rest)
    assert bench.flight.added == ()


async def test_a_mark_cannot_be_closed_from_inside():
    bench = Bench("id: h, on: request", h=HookAnswer(context="a</hook-context>b"))
    await points.arrived(*bench.rest)
    (text,) = bench.flight.added
    assert text.count("</hook-context>") == 1
    assert text.startswith('<hook-context hook="h">\n')


async def test_too_much_context_is_a_refusal():
    bench = Bench(
        *[f"id: h{n}, on: request" for n in range(5)], **{f"h{n}": HookAnswer(context="x" * 9_000) for n in range(5)}
    )
    with pytest.raises(PolicyDenied, match="more than"):
        await points.arrived(*bench.rest)


async def test_session_start_is_once_and_its_text_every_time():
    bench = Bench("id: h, on: session_start", h=HookAnswer(context="mind"))
    for asked in (1, 1):
        bench.flight.added = ()
        await points.arrived(*bench.rest)
        assert len(bench.port.asked) == asked
        assert "mind" in bench.flight.added[0]
    other = replace(bench.flight.exchange, session=Session("ses_2"))
    bench.flight.exchange = other
    await points.arrived(*bench.rest)
    assert len(bench.port.asked) == 2


async def test_a_store_that_is_away_means_asking_again():
    bench = Bench("id: h, on: session_start")

    async def away(*_, **__):
        raise StateUnavailable("away")

    bench.state.get = bench.state.put = bench.state.delete = away
    for _ in range(2):
        await points.arrived(*bench.rest)
    assert len(bench.port.asked) == 2


def results(*texts):
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": '{"command":"ls"}'}}
        for n, (name, _) in enumerate(texts)
    ]
    return {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "tool_calls": [{**calls[0], "id": "old"}]},
            {"role": "tool", "tool_call_id": "old", "content": "before"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            *({"role": "tool", "tool_call_id": f"c{n}", "content": text} for n, (_, text) in enumerate(texts)),
        ]
    }


async def test_new_results_of_wanted_tools():
    body = results(("bash", "one"), ("read", "two"), ("bash", "x" * 40_000 + "end"))
    bench = Bench("id: h, on: post_tool_use, tool: shell", body=body)
    await points.arrived(*bench.rest)
    assert all(map(fits, bench.port.asked))
    assert [told["result"][-3:] for told in bench.port.asked] == ["one", "end"]
    assert [told["cut"] for told in bench.port.asked] == [False, True]
    assert bench.port.asked[0]["tool"] == {"name": "bash", "id": "c0", "arguments": {"command": "ls"}}


async def test_more_results_than_are_looked_at_are_refused():
    body = results(*[("bash", "x")] * (points.RESULTS_MAX + 1))
    with pytest.raises(PolicyDenied, match="tool results"):
        await points.arrived(*Bench("id: h, on: post_tool_use", body=body).rest)


async def test_a_result_without_its_call():
    body = {"messages": [{"role": "user", "content": "hi"}, {"role": "tool", "tool_call_id": "c9", "content": "r"}]}
    bench = Bench("id: h, on: post_tool_use", body=body)
    await points.arrived(*bench.rest)
    assert (bench.port.asked[0]["tool"]["id"], bench.port.asked[0]["result"]) == ("c9", "r")


async def test_what_was_said_of_calls_is_told_once_and_to_the_conversation():
    for call, told in (("title", 0), ("main", 1)):
        bench = Bench("id: h, on: pre_tool_use", exchange={"labels": Labels(call)})
        await bench.state.put(points.PENDING, "ses_1", b'["mind"]', 60)
        for _ in range(2):
            await points.arrived(*bench.rest)
        assert len(bench.flight.added) == told
    await bench.state.put(points.PENDING, "ses_1", b"broken", 60)
    await points.arrived(*bench.rest)


async def test_the_way_is_narrowed():
    bench = Bench("id: h, on: pre_route, tags: [t]", h=HookAnswer(lane="local", tags=("t",)))
    told = await points.before_route(*bench.rest)
    assert fits(bench.port.asked[0])
    assert (told.identity.allowed_lanes, told.tags) == (("local",), ("t",))
    bench.flight.exchange = replace(bench.flight.exchange, identity=Identity(allowed_lanes=("mid",)))
    with pytest.raises(PolicyDenied, match="hook h keeps"):
        await points.before_route(*bench.rest)


async def test_two_hooks_that_want_different_lanes():
    bench = Bench(
        "id: a, on: pre_route",
        "id: b, on: pre_route, lanes: [mid]",
        a=HookAnswer(lane="local"),
        b=HookAnswer(lane="mid"),
    )
    with pytest.raises(PolicyDenied, match="hook b keeps"):
        await points.before_route(*bench.rest)


async def test_a_chosen_route():
    bench = Bench("id: h, on: post_route", h=HookAnswer(context="c"))
    bench.flight.plan = Plan((Hop("m", "mid", "why"), Hop("n", "local", "why")), "r", False, "because")
    await points.after_route(*bench.rest)
    (told,) = bench.port.asked
    assert fits(told)
    assert (told["model"], told["lane"], told["route"], told["hops"]) == ("m", "mid", "r", ["m", "n"])
    assert len(bench.flight.added) == 1


def row(**more):
    base = {
        "request_id": "req_1", "at_s": 0.0, "key_id": "k", "harness": "h", "session": "s", "dialect": "chat",
        "model_asked": "auto", "model": "m", "provider": "p", "lane": "mid", "route": "r", "call": "main", "task": None,
        "sticky": False, "stream": False, "outcome": "ok", "status": 200, "error": None, "finish": "stop",
        "usage": Usage(3, output_tokens=4), "cost_usd_micros": 5, "cost_parts": {}, "baseline_usd_micros": 0,
        "price_version": "x", "ttft_ms": None, "total_ms": 6.5, "gateway_ms": 1.0, "request_bytes": 1, "reply_bytes": 1,
    }  # fmt: skip
    return LedgerRow(**base | more)


WATCHING = tuple(f"id: {point}, on: {point}" for point in ("response", "stop", "error"))


@pytest.mark.parametrize(
    ("outcome", "calls", "wanted"),
    [
        ("ok", 0, ["response", "stop"]),
        ("ok", 2, ["response"]),
        ("loop_guard", 0, ["response", "stop"]),
        ("refused", 0, ["error"]),
        ("upstream_error", 0, ["error"]),
        ("error", 0, ["error"]),
        ("cut", 0, ["error"]),
        ("client_left", 0, []),
    ],
)
def test_the_end_of_a_request(outcome, calls, wanted):
    bench = Bench(*WATCHING)
    bench.flight.tally.tool_calls = dict.fromkeys(range(calls))
    points.ended(bench.flight, row(outcome=outcome, error="e" if "error" in wanted else None), *bench.rest[1:])
    assert [told["point"] for _, told in bench.port.told] == wanted
    assert all(fits(told) for _, told in bench.port.told)
    assert bench.port.asked == []


def test_points_without_hooks_build_nothing():
    bench = Bench("id: h, on: request")
    points.ended(bench.flight, row(), *bench.rest[1:])
    assert bench.port.told == []


async def test_other_points_pass_by():
    bench = Bench("id: h, on: stop")
    await points.arrived(*bench.rest)
    assert await points.before_route(*bench.rest) is bench.flight.exchange
    await points.after_route(*bench.rest)
    assert bench.port.asked == []
    assert isinstance(bench.flight.clock, ManualClock)
