"""Retries on the same model: what the upstream asks for is honoured, what cannot help is not tried."""

import pytest

from gateway.testing.clock import ManualClock
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, Turn, say
from tests.support.gateways import PATHS, error_of, model_at, one_model, staged

DIALECTS = list(PATHS)


class Timed(ScriptedUpstream):
    """Notes when each request came."""

    def __init__(self, clock, **script):
        super().__init__(ScriptedModel(**script), sleep=clock.sleep)
        self.clock, self.at = clock, []

    async def send(self, request):
        self.at.append(self.clock.monotonic())
        return await super().send(request)

    @property
    def gaps(self):
        return [round(b - a, 3) for a, b in zip(self.at, self.at[1:], strict=False)]


def refusal(status, *headers, code="x"):
    body = b'{"error": {"message": "no", "type": "t", "code": "%s"}}' % code.encode()
    return Turn(raw=(body,), status=status, headers=headers)


async def asked(tmp_path, *turns, dialect="chat", config=None, stream=False):
    clock = ManualClock()
    upstream = Timed(clock, turns=[*turns, say("fine")])
    async with staged(tmp_path, config or one_model(), upstream=upstream, clock=clock) as stage:
        reply = await clock.run(stage.ask(dialect, stream=stream))
        return reply, upstream, stage.row


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [((b"retry-after", b"3"), 3.0), ((b"retry-after-ms", b"1500"), 1.5), ((b"retry-after", b"0"), 0.0)],
)
@pytest.mark.parametrize("status", [429, 503, 529])
async def test_waits_as_long_as_the_upstream_asks(tmp_path, status, header, wait_s):
    reply, upstream, row = await asked(tmp_path, refusal(status, header))
    assert reply.status == 200
    assert upstream.gaps == [wait_s]
    assert [h.outcome for h in row.hops][-1] == "ok"
    assert len(row.hops) == 2


async def test_milliseconds_win_over_seconds(tmp_path):
    _, upstream, _ = await asked(tmp_path, refusal(429, (b"retry-after", b"9"), (b"retry-after-ms", b"250")))
    assert upstream.gaps == [0.25]


async def test_own_pause_without_a_wish(tmp_path):
    _, upstream, _ = await asked(tmp_path, refusal(500))
    assert 0.37 <= upstream.gaps[0] <= 0.5


async def test_a_longer_wait_than_allowed_is_the_clients_to_keep(tmp_path):
    reply, upstream, _ = await asked(tmp_path, refusal(429, (b"retry-after", b"3600")))
    assert reply.status == 429
    assert reply.headers["retry-after"] == "3600"
    assert len(upstream.at) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_x_should_retry_false(tmp_path, status):
    reply, upstream, _ = await asked(tmp_path, refusal(status, (b"x-should-retry", b"false")))
    assert len(upstream.at) == 1
    assert reply.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_spent_quota_is_never_retried(tmp_path, dialect):
    reply, upstream, _ = await asked(
        tmp_path, refusal(429, (b"retry-after", b"1"), code="insufficient_quota"), dialect=dialect
    )
    assert reply.status == 429
    assert len(upstream.at) == 1
    assert reply.headers["x-should-retry"] == "false"
    error_of(dialect, reply.body)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_a_refusal_of_the_request_is_not_repeated(tmp_path, status):
    reply, upstream, row = await asked(tmp_path, refusal(status))
    assert reply.status == status
    assert len(upstream.at) == 1
    assert row.outcome == "upstream_error"


async def test_as_often_as_configured(tmp_path):
    config = {**one_model(), "retry": {"max_attempts": 4, "jitter": 0}}
    reply, upstream, row = await asked(tmp_path, *[refusal(503)] * 6, config=config)
    assert reply.status == 503
    assert upstream.gaps == [0.5, 1.0, 2.0]
    assert len(row.hops) == 4


async def test_another_model_is_better_than_waiting(tmp_path):
    config = {"models": {"a": model_at("http://a.test"), "b": model_at("http://b.test")}}
    clock = ManualClock()
    upstream = Timed(clock)
    upstream.vendors["http://a.test"] = ScriptedModel(turns=[refusal(429, (b"retry-after", b"20"))])
    async with staged(tmp_path, config, upstream=upstream, clock=clock) as stage:
        reply = await clock.run(stage.ask("chat"))
        assert reply.headers["x-interlock-model"] == "b"
        assert upstream.gaps == [0.0]
        # The model that asked to be left alone is, for as long as it asked.
        await clock.run(stage.ask("chat", "again"))
        assert len(upstream.vendors["http://a.test"].requests) == 1
        await clock.advance(20)
        await clock.run(stage.ask("chat", "third"))
        assert len(upstream.vendors["http://a.test"].requests) == 2


async def test_the_wait_is_kept_alive_in_a_stream(tmp_path):
    reply, upstream, _ = await asked(tmp_path, refusal(429, (b"retry-after", b"25")), stream=True)
    assert upstream.gaps == [25.0]
    assert reply.body.count(b": keep-alive") >= 2
