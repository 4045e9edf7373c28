"""A model asked by a hook: what is sent, what is billed, what is refused before anything is sent."""

import asyncio
import json

import pytest

from gateway.accounting.cost import Pricing
from gateway.adapters.hook_model import ModelHooks
from gateway.config.settings import Settings
from gateway.endpoints import build
from gateway.ports import Rates
from gateway.providers.registry import all_providers
from gateway.testing.chance import SeededRandom
from gateway.testing.clock import ManualClock
from gateway.testing.ledger import MemoryLedger
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, Text, Turn
from policies import hooks
from policies.model import Hook
from policies.verdict import Caller
from tests.support.gateways import model_at

HOOK = Hook.model_validate({"id": "wise", "on": "request", "model": "up/judge", "criteria": "c"})
PAYLOAD = hooks.payload("request", Caller("key_1", session="ses_1", tags=("t",), extra={"request": "req_1"}), {})
RATES = Pricing(rates=Rates(input=1.0, output=4.0))


class Health:
    def __init__(self, up=True):
        self.up, self.heard = up, []

    def status(self, model):
        return self.up, "" if self.up else "the breaker is open"

    def started(self, model):
        return 7

    def ended(self, model, outcome, *, probe):
        self.heard.append((model, outcome, probe))

    def cooled(self, model, retry_after_s): ...


class Bench:
    def __init__(self, dialect="chat", private=None, up=True, down=(), **script):
        self.endpoints = build(
            Settings.model_validate({"models": {"up/judge": model_at("http://j.test", dialect)}}),
            all_providers(),
            {},
            {},
        )
        self.private_tags = private or {}
        self.model = ScriptedModel(**script)
        self.health, self.ledger = Health(up), MemoryLedger()
        upstream = ScriptedUpstream(self.model, down=down)
        self.ask = ModelHooks(self, upstream, ManualClock(), SeededRandom(1), self.health, self.ledger, None)

    def endpoint(self, name):
        return self.endpoints.get(name)

    def pricing(self, name):
        return RATES

    def private(self):
        return self.private_tags


def says(text):
    return {"turns": [Turn(parts=(Text(text),))]}


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
async def test_one_call_one_row(dialect):
    bench = Bench(dialect, **says('{"decision":"allow"}'))
    assert (await bench.ask(HOOK, PAYLOAD)).decision == "allow"
    (sent,) = bench.model.work
    assert sent.dialect == dialect
    assert not sent.json.get("stream")
    assert "tools" not in sent.json
    (row,) = bench.ledger.rows
    assert (row.key_id, row.session, row.route, row.model, row.outcome, row.tags) == (
        "key_1", "ses_1", "hook/wise", "up/judge", "ok", ("t",),
    )  # fmt: skip
    assert row.cost_usd_micros == row.usage.input_tokens + 4 * row.usage.output_tokens > 0
    assert row.extra == {"hook": "wise", "for": "req_1", "baseline": "none"}
    assert bench.health.heard == [("up/judge", "success", 7)]


async def test_every_mark_is_another():
    bench = Bench(**{"turns": [Turn(parts=(Text("{}"),))] * 2})
    for _ in range(2):
        await bench.ask(HOOK, PAYLOAD)
    first, second = (json.loads(sent.body)["messages"][1]["content"].split("\n")[0] for sent in bench.model.work)
    assert first != second


@pytest.mark.parametrize(
    ("bench", "payload", "why"),
    [
        (Bench(), b'{"x":"%s"}' % (b"y" * 250_000), "more to judge"),
        (Bench(up=False), PAYLOAD, "breaker is open"),
        (Bench(private={"t": frozenset()}), PAYLOAD, "tagged t"),
    ],
)
async def test_what_is_not_sent_at_all(bench, payload, why):
    assert why in (await bench.ask(HOOK, payload)).failed
    assert bench.model.work == []
    assert bench.ledger.rows == []


async def test_a_name_that_a_reload_took_away():
    bench = Bench()
    bench.endpoints.clear()
    assert "not configured" in (await bench.ask(HOOK, PAYLOAD)).failed


@pytest.mark.parametrize(("fault", "word"), [("500", "failure"), ("401", "neutral"), ("429ra", "neutral")])
async def test_errors_of_the_vendor(fault, word):
    bench = Bench(fault=fault, fault_times=-1, fault_on="any")
    told = await bench.ask(HOOK, PAYLOAD)
    assert "gave no answer" in told.failed
    (row,) = bench.ledger.rows
    assert (row.outcome, row.cost_usd_micros, row.usage.source) == ("upstream_error", 0, "none")
    assert bench.health.heard == [("up/judge", word, 7)]


async def test_a_cancelled_call_is_billed_for_what_was_sent():
    bench = Bench(fault="slow_headers:20", fault_times=-1, fault_on="any")
    bench.ask._upstream._sleep = asyncio.sleep
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bench.ask(HOOK, PAYLOAD)
    (row,) = bench.ledger.rows
    assert (row.outcome, row.error) == ("cut", "the hook's time was over")
    assert row.usage.source == "estimated"
    assert row.cost_usd_micros > 0
    assert bench.health.heard == [("up/judge", "neutral", 7)]


async def test_a_long_answer_is_no_answer():
    hook = HOOK.model_copy(update={"output_bytes": 64})
    bench = Bench(**says('{"decision":"allow","reason":"%s"}' % ("x" * 100)))
    assert "larger than 64" in (await bench.ask(hook, PAYLOAD)).failed
