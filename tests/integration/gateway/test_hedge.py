"""Hedging: a second model is asked when the first content is late; one serves, the other is cancelled and billed."""

import asyncio
import json

import pytest

from gateway.testing.scripted import ScriptedModel, ScriptedUpstream, say
from tests.support.gateways import PATHS, ended_well, error_of, eventually, model_at, staged, text_in

DIALECTS = list(PATHS)
AFTER_S = 0.1


def config(first="chat", second="chat", *, more=(), **settings):
    models = {"first": model_at("http://first.test", first), "second": model_at("http://second.test", second)}
    models |= {name: model_at(f"http://{name}.test") for name in more}
    route = {"id": "r", "to": list(models), "hedge_after_s": AFTER_S}
    return {"models": models, "routes": [route], "retry": {"max_attempts": 1}, **settings}


def upstream(first=None, second=None, **others):
    made = {"first": first or {}, "second": second or {}, **others}
    vendors = {
        f"http://{name}.test": ScriptedModel(**{"turns": [say(f"said by {name}")], "fault_on": "any", **script})
        for name, script in made.items()
    }
    return ScriptedUpstream(vendors=vendors)


def asked(up, name):
    return up.vendors[f"http://{name}.test"].requests


@pytest.mark.parametrize("second", DIALECTS)
@pytest.mark.parametrize("first", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_the_second_serves_when_the_first_is_silent(tmp_path, client, first, second):
    up = upstream({"fault": "hang:30"})
    async with staged(tmp_path, config(first, second), upstream=up) as stage:
        reply = await stage.ask(client, stream=True)
        assert text_in(client, reply.body) == "said by second"
        assert ended_well(client, reply.body)
        assert reply.headers["x-interlock-model"] == "second"
        row = stage.row
        assert (row.outcome, row.model) == ("ok", "second")
        beaten, served = row.hops
        assert (beaten.model, beaten.outcome, served.model, served.outcome) == ("first", "beaten", "second", "ok")
        assert beaten.usage.input_tokens > 0, "its vendor has read the prompt"
        assert beaten.usage.source == "estimated"
        assert beaten.cost_usd_micros > 0
        assert row.cost_usd_micros == beaten.cost_usd_micros + served.cost_usd_micros
        (record,) = asked(up, "first")
        assert record.aborted, "cancelled, not left running"
        assert stage.gateway.ports.health.status("first") == (True, "")


async def test_the_first_serves_when_it_was_only_a_little_late(tmp_path):
    up = upstream({"fault": f"hang:{AFTER_S * 2}"}, {"fault": "hang:30"})
    async with staged(tmp_path, config(), upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == "said by first"
        beaten, served = stage.row.hops
        assert (beaten.model, beaten.outcome, served.model, served.outcome) == ("second", "beaten", "first", "ok")
        assert beaten.cost_usd_micros > 0
        (record,) = asked(up, "second")
        await eventually(lambda: record.aborted)
        told = next(line for line in reply.body.decode().splitlines() if line.startswith(": interlock "))
        assert [h["outcome"] for h in json.loads(told.removeprefix(": interlock "))["hops"]] == ["beaten", "ok"]


async def test_nobody_else_is_asked_when_the_first_is_in_time(tmp_path):
    up = upstream()
    async with staged(tmp_path, config(), upstream=up) as stage:
        await stage.ask("chat", stream=True)
        await asyncio.sleep(AFTER_S * 2)
        assert asked(up, "second") == []
        assert len(stage.row.hops) == 1


async def test_a_slow_stream_that_has_begun_is_not_late(tmp_path):
    up = upstream({"turns": [say("one two three four five six seven eight")], "pause_s": AFTER_S / 2})
    async with staged(tmp_path, config(), upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == "one two three four five six seven eight"
        assert asked(up, "second") == []


async def test_at_most_one(tmp_path):
    up = upstream({"fault": "hang:30"}, {"fault": f"hang:{AFTER_S * 4}"}, third={})
    async with staged(tmp_path, config(more=["third"]), upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == "said by second"
        assert asked(up, "third") == []


async def test_a_second_that_fails_leaves_the_first_alone(tmp_path):
    up = upstream({"fault": f"hang:{AFTER_S * 3}"}, {"fault": "500", "fault_times": -1})
    async with staged(tmp_path, config(), upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == "said by first"
        assert [(h.model, h.outcome) for h in stage.row.hops] == [("second", "upstream_overloaded"), ("first", "ok")]
        assert stage.row.hops[0].cost_usd_micros == 0


async def test_a_first_that_fails_leaves_the_turn_to_the_second_that_is_under_way(tmp_path):
    up = upstream({"fault": "hang:30"}, {"fault": f"hang:{AFTER_S * 3}"})
    made = config()
    made["models"]["first"]["timeouts"] = {"first_token_s": AFTER_S * 2}
    async with staged(tmp_path, made, upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == "said by second"
        assert [(h.model, h.outcome) for h in stage.row.hops] == [("first", "upstream_timeout"), ("second", "ok")]
        assert len(asked(up, "second")) == 1, "it is not asked again"


async def test_when_both_fail_the_third_has_its_turn(tmp_path):
    up = upstream({"fault": "hang:30"}, {"fault": "500", "fault_times": -1}, third={})
    made = config(more=["third"])
    made["models"]["first"]["timeouts"] = {"first_token_s": AFTER_S * 3}
    async with staged(tmp_path, made, upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == "said by third"
        assert [h.model for h in stage.row.hops] == ["second", "first", "third"]


async def test_when_all_fail_it_is_an_error(tmp_path):
    up = upstream({"fault": "hang:30"}, {"fault": "hang:30"})
    made = config()
    for name in ("first", "second"):
        made["models"][name]["timeouts"] = {"first_token_s": AFTER_S * 2}
    async with staged(tmp_path, made, upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert reply.status == 504
        assert error_of("chat", reply.body)["message"]
        assert stage.row.outcome == "upstream_error"
        assert [h.outcome for h in stage.row.hops] == ["upstream_timeout", "upstream_timeout"]


async def test_an_ill_second_is_not_asked(tmp_path):
    up = upstream({"fault": f"hang:{AFTER_S * 2}"}, third={"fault": "hang:30"})
    async with staged(tmp_path, config(more=["third"]), upstream=up) as stage:
        stage.gateway.ports.health.cooled("second", 60)
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == "said by first"
        assert asked(up, "second") == []
        assert len(asked(up, "third")) == 1


async def test_a_client_that_leaves_takes_both_along(tmp_path):
    up = upstream({"fault": "hang:30"}, {"fault": "hang:30"})
    async with staged(tmp_path, config(), upstream=up) as stage:
        async with stage.open("chat"):
            await eventually(lambda: asked(up, "second"))
        await eventually(lambda: stage.rows)
        assert stage.row.outcome == "client_left"
        assert sorted((h.model, h.outcome) for h in stage.row.hops) == [("first", "cancelled"), ("second", "beaten")]
        assert stage.gateway.front.in_flight == 0


async def test_whole_answers_are_not_hedged(tmp_path):
    up = upstream({"fault": f"hang:{AFTER_S * 2}"})
    async with staged(tmp_path, config(), upstream=up) as stage:
        assert (await stage.ask("chat")).status == 200
        assert asked(up, "second") == []


async def test_a_keepalive_in_between_is_no_second_writer(tmp_path):
    up = upstream({"fault": "hang:30"}, {"fault": "hang:1.5"})
    async with staged(tmp_path, config(server={"keepalive_s": 0.2}), upstream=up) as stage:
        reply = await stage.ask("messages", stream=True)
        assert text_in("messages", reply.body) == "said by second"
        assert reply.body.count(b"event: ping") >= 1
        assert ended_well("messages", reply.body)


async def test_a_race_won_may_break_and_be_gone_on_with(tmp_path):
    made = config(more=["third"])
    made["routes"][0]["continue_on"] = ["cut"]
    up = upstream(
        {"fault": "hang:30"},
        {"fault": "cut", "turns": [say("said by second and cut off there")]},
        third={"turns": [say("THE END")]},
    )
    async with staged(tmp_path, made, upstream=up) as stage:
        reply = await stage.ask("responses", stream=True)
        assert text_in("responses", reply.body).endswith("THE END")
        assert [h.model for h in stage.row.hops] == ["first", "second", "third"]
        assert stage.row.outcome == "ok"
