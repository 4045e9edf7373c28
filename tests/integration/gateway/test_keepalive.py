"""Silent streams are kept alive in the client's dialect, before the first content and within it."""

import pytest

from gateway.testing.clock import ManualClock
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, say
from tests.support.gateways import PATHS, ended_well, error_of, failed_in, model_at, one_model, staged, text_in

DIALECTS = list(PATHS)
ALIVE = {
    "chat": b": keep-alive\n\n",
    "responses": b": keep-alive\n\n",
    "messages": b'event: ping\ndata: {"type": "ping"}\n\n',
}


async def streamed(tmp_path, dialect, config=None, **script):
    clock = ManualClock()
    async with staged(
        tmp_path, config or one_model(timeouts={"idle_s": 100, "first_token_s": 300}), clock=clock, **script
    ) as stage:
        reply = await clock.run(stage.ask(dialect, stream=True))
        return reply, stage.row


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["slow_headers:35", "hang:35"])
async def test_before_the_first_content(tmp_path, dialect, fault):
    reply, row = await streamed(tmp_path, dialect, fault=fault, fault_on="any", turns=[say("at last")])
    assert reply.status == 200
    assert reply.body.startswith(ALIVE[dialect])
    assert reply.body.count(ALIVE[dialect]) == 3
    assert text_in(dialect, reply.body) == "at last"
    assert ended_well(dialect, reply.body)
    assert row.outcome == "ok"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_within_the_content(tmp_path, dialect):
    reply, _ = await streamed(tmp_path, dialect, fault="stall:25", fault_on="any", turns=[say("one two three four")])
    assert ALIVE[dialect] in reply.body
    assert text_in(dialect, reply.body) == "one two three four"
    assert ended_well(dialect, reply.body)


async def test_not_in_a_lively_stream(tmp_path):
    reply, _ = await streamed(tmp_path, "chat", pause_s=4.0, turns=[say("word " * 5)])
    assert ALIVE["chat"] not in reply.body


async def test_never_in_a_whole_answer(tmp_path):
    clock = ManualClock()
    async with staged(tmp_path, one_model(), clock=clock, fault="slow_headers:35", fault_on="any") as stage:
        reply = await clock.run(stage.ask("chat"))
        assert reply.json()["choices"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_next_model_may_still_take_over(tmp_path, dialect):
    """Headers are out, content is not."""
    config = {
        "models": {"a": model_at("http://a.test", timeouts={"first_byte_s": 25}), "b": model_at("http://b.test")},
        "retry": {"max_attempts": 1},
    }
    clock = ManualClock()
    vendors = {"http://a.test": ScriptedModel(fault="slow_headers:60", fault_on="any")}
    upstream = ScriptedUpstream(vendors=vendors, turns=[say("from b")], sleep=clock.sleep)
    async with staged(tmp_path, config, upstream=upstream, clock=clock) as stage:
        reply = await clock.run(stage.ask(dialect, stream=True))
        assert reply.status == 200
        assert text_in(dialect, reply.body) == "from b"
        assert ended_well(dialect, reply.body)
        assert [h.model for h in stage.row.hops] == ["a", "b"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_late_failure_ends_the_stream_in_its_dialect(tmp_path, dialect):
    config = {**one_model(timeouts={"first_byte_s": 25}), "retry": {"max_attempts": 1}}
    reply, row = await streamed(tmp_path, dialect, config, fault="slow_headers:60", fault_on="any")
    assert reply.status == 200
    assert "first_byte_s" in failed_in(dialect, reply.body)
    assert not reply.cut
    assert row.outcome == "upstream_error"
    assert row.usage.source == "none"


async def test_without_silence_a_failure_keeps_its_status(tmp_path):
    config = {**one_model(timeouts={"first_byte_s": 5}), "retry": {"max_attempts": 1}}
    reply, _ = await streamed(tmp_path, "messages", config, fault="slow_headers:60", fault_on="any")
    assert reply.status == 504
    error_of("messages", reply.body)


async def test_a_client_that_does_not_read_holds_up_only_itself(tmp_path):
    clock = ManualClock()
    async with (
        staged(tmp_path, one_model(), clock=clock, fault="hang:60", fault_on="any", fault_times=-1) as stage,
        stage.open("chat", buffer=1),
        stage.open("messages") as other,
    ):
        await clock.advance(45)
        data = b"".join([other._pieces.get_nowait() for _ in range(other._pieces.qsize())])
        assert data.count(ALIVE["messages"]) == 4
