import json

import pytest

from gateway.adapters.simulated import MARK, PACES, SimulatedUpstream, answer, paced
from gateway.ir.events import Delta, fold
from gateway.ir.request import (
    Message,
    Reasoning,
    ReasoningOptions,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from gateway.ports import UpstreamRequest
from gateway.testing.chance import SeededRandom
from gateway.testing.clock import ManualClock

PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}


def asked(*messages, model="mid", **more):
    given = messages or (Message("user", (Text("hello there"),)),)
    return Request(origin="chat", model=model, messages=tuple(given), **more)


def body(dialect, *, stream=False, model="mid"):
    base = {"model": model, "stream": stream}
    if dialect == "responses":
        return base | {"input": "hello"}
    return base | {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}


async def send(upstream, target, content, method="POST"):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return await upstream.send(UpstreamRequest(method, "sim://builtin", target, (), raw))


def made(clock=None, *, is_paced=False):
    return SimulatedUpstream(clock or ManualClock(), SeededRandom(1), paced=is_paced)


@pytest.mark.parametrize("dialect", PATHS)
async def test_says_that_it_is_simulated_in_every_dialect(dialect):
    for stream in (False, True):
        reply = await send(made(), PATHS[dialect] + "?beta=true", body(dialect, stream=stream))
        data = await reply.read(1 << 20)
        assert reply.status == 200
        assert dict(reply.headers)[b"x-simulated"] == b"true"
        assert b"simulated" in data.replace(b'"}', b"")
        kind = b"text/event-stream" if stream else b"application/json"
        assert dict(reply.headers)[b"content-type"] == kind
        await reply.aclose()


async def test_other_requests():
    assert (await send(made(), "/v1/models", b"", "GET")).status == 200
    assert (await send(made(), "/v1/nothing", {})).status == 404
    broken = await send(made(), PATHS["messages"], b"{")
    assert broken.status == 400
    assert json.loads(await broken.read(1000))["type"] == "error"
    await made().aclose()


def test_calls_a_shell_once_and_then_ends():
    shell = Tool("bash", parameters=b"{}")
    first = answer(asked(tools=(shell,)), "t", 0)
    (call,) = [p for p in first.parts if isinstance(p, ToolCall)]
    assert json.loads(call.arguments)["command"].startswith("echo")
    assert first.finish.reason == "tool_calls"
    result = Message("tool", (ToolResult(call.id, (Text("hello"),)),))
    second = answer(asked(Message("user", (Text("x"),)), Message("assistant", (call,)), result, tools=(shell,)), "t", 0)
    assert not any(isinstance(p, ToolCall) for p in second.parts)
    assert second.finish.reason == "stop"


def test_no_call_where_none_may_be():
    for more in (
        {"tools": (Tool("bash"),), "tool_choice": ToolChoice("none")},
        {"tools": (Tool("unknown_tool"),)},
        {"tools": (Tool("bash", kind="custom"),)},
    ):
        assert answer(asked(**more), "t", 0).finish.reason == "stop"


def test_reasons_when_asked_or_at_the_frontier():
    def thinks(request):
        return any(isinstance(p, Reasoning) for p in answer(request, "t", 0).parts)

    assert thinks(asked(model="frontier"))
    assert thinks(asked(reasoning=ReasoningOptions(effort="high")))
    assert not thinks(asked(reasoning=ReasoningOptions(mode="disabled")))
    assert not thinks(asked())


def test_usage_is_never_nothing():
    reply = answer(asked(Message("user", ())), "t", 0)
    assert reply.usage.input_tokens >= 1
    assert reply.usage.output_tokens >= 1


def test_a_title_is_just_the_mark():
    assert answer(asked(max_output_tokens=20), "t", 0).parts == (Text(MARK),)


def test_small_pieces_fold_back_into_the_whole():
    reply = answer(asked(tools=(Tool("bash"),), model="frontier"), "t", 0)
    events = paced(reply)
    assert max(len(e.text) for e in events if isinstance(e, Delta)) <= 12
    assert fold(events) == reply


@pytest.mark.parametrize("lane", PACES)
async def test_each_lane_has_its_pace(lane):
    clock = ManualClock()
    upstream = made(clock, is_paced=True)

    async def whole():
        reply = await send(upstream, PATHS["chat"], body("chat", stream=True, model=lane))
        first, at = None, []
        async for _ in reply.chunks():
            first = first if first is not None else clock.monotonic()
            at.append(clock.monotonic())
        return first - 1000, at[-1] - at[0]

    first_s, rest_s = await clock.run(whole())
    assert first_s == pytest.approx(PACES[lane].first_token_s)
    assert rest_s > 0.1
