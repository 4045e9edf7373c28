"""A harness that sends the same turn again and again gets one clear stop text (clients.md: 48 repeats in 45 s)."""

import pytest

from gateway.testing.clock import ManualClock
from tests.support.gateways import PATHS, ended_well, one_model, staged, text_in

AGENT = {"user-agent": "opencode/1.18.33", "x-session-affinity": "ses_0123456789"}
CONFIG = {**one_model(), "loop_guard": {"repeats": 3, "window_s": 60}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", list(PATHS))
async def test_stops_in_every_dialect(tmp_path, dialect, stream):
    async with staged(tmp_path, CONFIG) as stage:
        for _ in range(3):
            assert (await stage.ask(dialect, headers=AGENT, stream=stream)).status == 200
        asked = len(stage.upstream.requests)
        reply = await stage.ask(dialect, headers=AGENT, stream=stream)
        assert reply.status == 200
        text = text_in(dialect, reply.body) if stream else reply.text
        assert "Interlock stopped a loop" in text
        if stream:
            assert ended_well(dialect, reply.body)
        assert len(stage.upstream.requests) == asked, "the upstream is left alone"
        assert [r.outcome for r in stage.rows] == ["ok", "ok", "ok", "loop_guard"]
        assert stage.rows[-1].cost_usd_micros == 0


async def test_any_change_ends_the_loop(tmp_path):
    async with staged(tmp_path, CONFIG) as stage:
        for _ in range(4):
            await stage.ask("chat", headers=AGENT)
        assert (await stage.ask("chat", "something else", headers=AGENT)).status == 200
        assert stage.rows[-1].outcome == "ok"


async def test_the_window_ends_it_too(tmp_path):
    clock = ManualClock()
    async with staged(tmp_path, CONFIG, clock=clock) as stage:
        for _ in range(4):
            await clock.run(stage.ask("chat", headers=AGENT))
        assert stage.rows[-1].outcome == "loop_guard"
        await clock.advance(61)
        await clock.run(stage.ask("chat", headers=AGENT))
        assert stage.rows[-1].outcome == "ok"


async def test_scripts_may_repeat_themselves(tmp_path):
    """No known harness and no session of its own: an evaluation asks one question a hundred times."""
    async with staged(tmp_path, CONFIG) as stage:
        for _ in range(8):
            await stage.ask("chat")
        assert {r.outcome for r in stage.rows} == {"ok"}


async def test_errors_are_no_loop(tmp_path):
    config = {**CONFIG, "retry": {"max_attempts": 1}, "breaker": {"failures": 1000}}
    async with staged(tmp_path, config, fault="503", fault_on="any", fault_times=10) as stage:
        for _ in range(10):
            assert (await stage.ask("chat", headers=AGENT)).status == 503
        assert (await stage.ask("chat", headers=AGENT)).status == 200


async def test_sessions_are_apart(tmp_path):
    async with staged(tmp_path, CONFIG) as stage:
        for number in range(9):
            await stage.ask("chat", headers={**AGENT, "x-session-affinity": f"ses_000000{number}"})
        assert {r.outcome for r in stage.rows} == {"ok"}
