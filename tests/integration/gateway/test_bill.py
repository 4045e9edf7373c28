"""The bill holds: 10,000 mixed calls, and four ways to add them up that agree to the micro-dollar."""

import asyncio
import json
import random
import time
from collections import Counter

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli import main
from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, Tokens, Turn
from gateway.testing.scripted.turns import Text
from tests.support.gateways import PATHS, eventually, model_at, staged

CALLS = 10_000
AT_A_TIME = 25
LIMIT_S = 60.0

RATES = {
    "input_usd_per_mtok": 3.0,
    "output_usd_per_mtok": 15.0,
    "cached_usd_per_mtok": 0.3,
    "cache_write_usd_per_mtok": 3.75,
    "cache_write_1h_usd_per_mtok": 6.0,
}


def vendor(name, dialect, lane, **more):
    return model_at(f"http://{name}.test", dialect, lane=lane, **more)


def priced_by_list(name, provider, model, lane):
    return {"provider": provider, "base_url": f"http://{name}.test", "model": model, "lane": lane}


MODELS = {
    "rates": vendor("rates", "messages", "frontier", cost=RATES),
    "odd": vendor("odd", "chat", "mid", cost={"input_usd_per_mtok": 0.0137, "output_usd_per_mtok": 0.0713}),
    "hour": vendor("hour", "chat", "local", cost={"usd_per_hour": 0.35}),
    "unpriced": vendor("unpriced", "responses", "mid", cost=None),
    "tiers": priced_by_list("tiers", "gemini", "gemini-2.5-pro", "mid"),
    "list": priced_by_list("list", "anthropic", "claude-opus-4-5", "frontier"),
    "down": vendor("down", "chat", "daemon"),
}
CONFIG = {
    "models": MODELS,
    "routes": [
        {"id": "falls", "when": {"tags": "falls"}, "to": ["odd", "rates", "hour"]},
        {"id": "dead", "when": {"tags": "dead"}, "to": ["down", "odd"]},
        {"id": "rest", "to": ["rates"]},
    ],
    "retry": {"max_attempts": 2, "backoff_base_s": 0.001, "backoff_max_s": 0.001},
    "breaker": {"failures": 1000},
    "session": {"sticky": False},
    "baseline_model": "rates",
    "ledger": {"queue_rows_max": 20_000},
}
FAULTS = (None,) * 14 + ("cut", "midstream_error", "cut_early", "503", "no_usage", "429quota")


class Mixed(ScriptedUpstream):
    """Each request is answered by chance, from one seed."""

    def __init__(self, seed):
        super().__init__(vendors={f"http://{name}.test": ScriptedModel() for name in MODELS}, down={"http://down.test"})
        self.chance = random.Random(seed)

    async def send(self, request):
        model = self.vendors.get(request.origin)
        if request.origin not in self.down:
            model._queue.clear()
            model.say_next(self.turn(request.origin))
            model.requests.clear()
        return await super().send(request)

    def turn(self, origin):
        c = self.chance
        cached, written = c.choice([(0, 0), (c.randrange(9000), 0), (c.randrange(9000), c.randrange(5000))])
        size = (
            c.choice([c.randrange(1, 3000), c.randrange(3000, 190_000), 250_000])
            if "tiers" in origin
            else c.randrange(1, 3000)
        )
        tokens = Tokens(input=size + cached + written, output=c.randrange(1, 900), cached=cached, written=written)
        return Turn(parts=(Text("word " * c.randrange(1, 12)),), tokens=tokens, fault=c.choice(FAULTS))


async def one(stage, number, chance):
    dialect = chance.choice(list(PATHS))
    model = chance.choice(["auto", "rates", "odd", "hour", "unpriced", "tiers", "list", "nobody", "auto:frontier"])
    headers = {
        "x-interlock-tags": chance.choice(["falls", "dead", "none"]),
        "x-interlock-session": f"session-{number % 40}",
    }
    if chance.random() < 0.5:
        headers["user-agent"] = chance.choice(["opencode/1.18.33", "codex_exec/0.160.0"])
    if chance.random() < 0.04:
        async with stage.open(dialect, headers=headers, model=model, buffer=1) as stream:
            await stream.read()
        return
    await stage.ask(dialect, f"turn {number}", headers=headers, model=model, stream=chance.random() < 0.5)


@pytest.mark.timeout(180)
async def test_four_sums_agree(tmp_path):
    """Ledger, /metrics, /v1/stats and the report, over three dialects, streams and whole answers, cut streams, failures,
    retries, fallbacks, departures, and prices by token, by cache, by tier, by list, by the hour and none at all."""
    seed = 20_260_202
    chance = random.Random(seed)
    async with staged(tmp_path, CONFIG, upstream=Mixed(seed)) as stage:
        await eventually(lambda: stage.gateway.ports.prices.version != "none", 30)
        began = time.process_time()  # of a machine that may be doing other things as well
        for start in range(0, CALLS, AT_A_TIME):
            await asyncio.gather(*(one(stage, start + i, chance) for i in range(AT_A_TIME)))
        took = time.process_time() - began
        assert took < LIMIT_S, f"{took:.0f} s"
        rows = stage.rows
        assert len(rows) == CALLS, "one row for every call, whatever became of it"
        outcomes = Counter(r.outcome for r in rows)
        assert {"ok", "cut", "upstream_error", "refused", "client_left"} <= outcomes.keys(), outcomes
        assert len({r.price_version for r in rows}) >= 3

        cost = sum(r.cost_usd_micros for r in rows)
        baseline = sum(r.baseline_usd_micros for r in rows)
        assert cost > 0

        # Every row is the sum of its hops and of its parts.
        for r in rows:
            assert r.cost_usd_micros == sum(h.cost_usd_micros for h in r.hops) == sum(r.cost_parts.values())

        # 1. The file.
        assert await stage.sql("SELECT count(*), sum(cost_usd_micros), sum(baseline_usd_micros) FROM calls") == [
            (CALLS, cost, baseline)
        ]
        assert await stage.sql("SELECT sum(cost_usd_micros) FROM hops") == [(cost,)]
        tokens = (await stage.sql("SELECT sum(input_tokens), sum(cached_tokens), sum(output_tokens) FROM calls"))[0]
        assert stage.gateway.ports.ledger.lost_rows == 0

        # 2. /metrics.
        text = (await stage.client.get("/metrics")).text
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]

        def total(name, **labels):
            return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

        assert total("interlock_requests_total") == CALLS
        assert micros(total("interlock_cost_usd_total")) == cost
        assert micros(total("interlock_baseline_usd_total")) == baseline
        kinds = ("input", "cached", "output")
        assert tuple(total("interlock_tokens_total", kind=kind) for kind in kinds) == tokens

        # 3. /v1/stats.
        stats = (await stage.client.get("/v1/stats")).json()
        assert stats["calls"] == CALLS
        assert stats["outcomes"] == outcomes
        assert micros(stats["cost_usd"]) == cost
        assert micros(stats["baseline_usd"]) == baseline
        assert micros(sum(m["cost_usd"] for m in stats["models"].values())) == cost
        assert sum(m["calls"] for m in stats["models"].values()) == CALLS

        # 4. The report, whichever way it is cut.
        for by in ("model", "lane", "key", "harness", "session", "day", "route", "call", "task"):
            report = await asyncio.to_thread(reported, tmp_path, by)
            lines, whole = report["lines"], report["total"]
            assert whole["calls"] == CALLS == sum(line["calls"] for line in lines)
            assert micros(whole["cost_usd"]) == cost == sum(micros(line["cost_usd"]) for line in lines)
            assert micros(whole["baseline_usd"]) == baseline
            assert micros(whole["saved_usd"]) == micros(stats["saved_usd"])
            assert (whole["tokens"]["input"], whole["tokens"]["cached"], whole["tokens"]["output"]) == tokens
            assert whole["unpriced_calls"] == stats["unpriced_calls"] > 0
            assert whole["attempts"] == total("interlock_upstream_attempts_total") == sum(len(r.hops) for r in rows)
            if by == "model":
                for line in lines:
                    model = "none" if not line["name"] else line["name"]
                    assert micros(line["cost_usd"]) == micros(stats["models"][model]["cost_usd"])
                    assert line["calls"] == stats["models"][model]["calls"]
                    if line["name"]:
                        assert micros(total("interlock_cost_usd_total", model=line["name"])) == micros(line["cost_usd"])


def micros(usd):
    return round(float(usd) * 1_000_000)


def reported(folder, by):
    done = CliRunner().invoke(main, ["report", "--by", by, "--json", "--state-dir", str(folder)])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)
