"""The circuit breaker as a caller sees it: opens, is left alone, is probed by one request, closes or opens again."""

import asyncio

import pytest

from gateway.testing.clock import ManualClock
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream
from tests.support.gateways import model_at, staged

A, B = "http://a.test", "http://b.test"
CONFIG = {
    "models": {"a": model_at(A), "b": model_at(B)},
    "retry": {"max_attempts": 1},
    "breaker": {"failures": 3, "window_s": 30, "open_s": 20},
    "session": {"sticky": False},
}


class Stage2:
    def __init__(self, tmp_path, clock):
        self.clock = clock
        self.up = ScriptedUpstream(vendors={A: ScriptedModel(), B: ScriptedModel()}, sleep=clock.sleep)
        self.context = staged(tmp_path, CONFIG, upstream=self.up, clock=clock)

    async def __aenter__(self):
        self.stage = await self.context.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.context.__aexit__(*error)

    async def served(self):
        reply = await self.clock.run(self.stage.ask("chat"))
        return reply.headers.get("x-interlock-model")

    async def health(self):
        told = (await self.clock.run(self.stage.client.get("/health"))).json()
        return told["models"]["a"]["up"], told["models"]["a"]["detail"]

    @property
    def tries(self):
        return sum(h.model == "a" for row in self.stage.rows for h in row.hops)


@pytest.fixture
async def two(tmp_path):
    async with Stage2(tmp_path, ManualClock()) as stage:
        yield stage


async def opened(two):
    two.up.down.add(A)
    for _ in range(3):
        assert await two.served() == "b"


async def test_opens_after_the_failures_of_the_setting(two):
    await opened(two)
    assert two.tries == 3
    up, why = await two.health()
    assert not up
    assert "breaker open" in why
    for _ in range(5):
        assert await two.served() == "b"
    assert two.tries == 3, "an open breaker costs no attempt"


async def test_failures_far_apart_do_not_open_it(two):
    two.up.down.add(A)
    for _ in range(6):
        await two.served()
        await two.clock.advance(16)
    assert two.tries == 6
    assert (await two.health())[0]


async def test_one_probe_then_closed(two):
    await opened(two)
    two.up.down.clear()
    await two.clock.advance(20.1)
    assert await two.served() == "a"
    assert two.tries == 4
    assert await two.health() == (True, "ok")
    assert await two.served() == "a"


async def test_a_failed_probe_opens_it_again(two):
    await opened(two)
    await two.clock.advance(20.1)
    assert await two.served() == "b"
    assert two.tries == 4
    assert await two.served() == "b"
    assert two.tries == 4
    assert not (await two.health())[0]


async def test_only_one_of_many_probes(two):
    await opened(two)
    two.up.down.clear()
    two.up.vendors[A] = ScriptedModel(fault="slow_headers:5", fault_on="any", fault_times=-1)
    await two.clock.advance(20.1)
    first = asyncio.ensure_future(two.stage.ask("chat"))
    await two.clock.advance(0.1)
    others = [await two.served() for _ in range(4)]
    assert others == ["b"] * 4
    reply = await two.clock.run(_done(first))
    assert reply.headers["x-interlock-model"] == "a"
    assert await two.served() == "a"


async def _done(task):
    return await task


async def test_a_client_that_leaves_says_nothing_about_the_model(two):
    await opened(two)
    two.up.down.clear()
    two.up.vendors[A] = ScriptedModel(fault="slow_headers:50", fault_on="any")
    await two.clock.advance(20.1)
    async with two.stage.open("chat"):
        await two.clock.advance(1)
        assert two.tries == 3
    # The probe was given up, so the next request may probe.
    two.up.vendors[A] = ScriptedModel()
    assert await two.served() == "a"


async def test_refusals_of_a_request_do_not_count(two):
    two.up.vendors[A] = ScriptedModel(fault="400ctx", fault_on="any", fault_times=-1)
    for _ in range(6):
        await two.served()
    assert (await two.health())[0]


async def test_when_all_are_ill_one_is_tried_all_the_same(two):
    """A model whose only fault is an open breaker is better than an error."""
    await opened(two)
    two.up.down.add(B)
    for _ in range(3):
        await two.clock.run(two.stage.ask("chat"))
    two.up.down.clear()
    reply = await two.clock.run(two.stage.ask("chat"))
    assert reply.status == 200


async def test_the_metric_says_so(two):
    await opened(two)
    text = (await two.clock.run(two.stage.client.get("/metrics"))).text
    assert 'interlock_model_up{model="a"} 0.0' in text
    assert 'interlock_model_up{model="b"} 1.0' in text
    assert (
        'interlock_upstream_attempts_total{model="a",outcome="upstream_connect",provider="openai_compatible"} 3.0'
        in text
    )
