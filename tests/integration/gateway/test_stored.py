"""`store` and `previous_response_id`: kept by the gateway itself, for one key, for as long as configured."""

import pytest

from gateway.testing.clock import ManualClock
from gateway.testing.scripted import say
from tests.support.gateways import error_of, events_of, one_model, staged


@pytest.mark.parametrize("upstream", ["chat", "messages", "responses"])
@pytest.mark.parametrize("stream", [False, True])
async def test_continued(tmp_path, upstream, stream):
    async with staged(tmp_path, one_model(upstream), turns=[say("blue"), say("sky")]) as stage:
        first = await stage.ask("responses", "what colour?", stream=stream)
        told = events_of(first.body)[-1][1]["response"] if stream else first.json()
        second = await stage.ask("responses", "and where?", previous_response_id=told["id"])
        assert second.status == 200
        sent = stage.upstream.requests[-1].body.decode()
        assert sent.index("what colour?") < sent.index("blue") < sent.index("and where?")
        assert "previous_response_id" not in sent or '"previous_response_id": null' in sent
        # And once more, from the second.
        third = await stage.ask("responses", "why?", previous_response_id=second.json()["id"])
        assert third.status == 200
        assert stage.upstream.requests[-1].body.decode().count("what colour?") == 1


async def test_fetched_listed_and_deleted(tmp_path):
    async with staged(tmp_path) as stage:
        made = (await stage.ask("responses", "hello")).json()
        path = f"/v1/responses/{made['id']}"
        fetched = await stage.client.get(path)
        assert fetched.status == 200
        assert fetched.json()["id"] == made["id"]
        assert fetched.json()["output"] == made["output"]
        items = (await stage.client.get(path + "/input_items")).json()
        assert items["object"] == "list"
        assert "hello" in str(items["data"])
        assert items["first_id"] == items["data"][0]["id"]
        gone = await stage.client.request("DELETE", path)
        assert gone.json() == {"id": made["id"], "object": "response", "deleted": True}
        assert (await stage.client.get(path)).status == 404
        assert (await stage.client.request("DELETE", path)).status == 404
        again = await stage.ask("responses", previous_response_id=made["id"])
        assert again.status == 404
        assert "previous_response_id" in error_of("responses", again.body)["message"]


async def test_pages_of_input_items(tmp_path):
    turns = [{"role": "user", "content": f"number {n}"} for n in range(5)]
    async with staged(tmp_path) as stage:
        made = (await stage.client.post("/v1/responses", {"model": "auto", "input": turns})).json()
        path = f"/v1/responses/{made['id']}/input_items?order=asc&limit=2"
        page = (await stage.client.get(path)).json()
        seen = [i["content"] for i in page["data"]]
        assert page["has_more"] is True
        while page["has_more"]:
            page = (await stage.client.get(f"{path}&after={page['last_id']}")).json()
            seen += [i["content"] for i in page["data"]]
        assert [s if isinstance(s, str) else s[0]["text"] for s in seen] == [f"number {n}" for n in range(5)]
        assert (await stage.client.get(path.replace("limit=2", "limit=0"))).status == 400


async def test_not_kept_when_asked_not_to(tmp_path):
    async with staged(tmp_path) as stage:
        made = (await stage.ask("responses", store=False)).json()
        assert (await stage.client.get(f"/v1/responses/{made['id']}")).status == 404


async def test_forgotten_after_the_retention(tmp_path):
    clock = ManualClock()
    async with staged(tmp_path, {**one_model(), "responses_store": {"ttl_s": 60}}, clock=clock) as stage:
        made = (await clock.run(stage.ask("responses"))).json()
        path = f"/v1/responses/{made['id']}"
        await clock.advance(50)
        assert (await clock.run(stage.client.get(path))).status == 200
        await clock.advance(10)
        assert (await clock.run(stage.client.get(path))).status == 404


async def test_one_key_never_sees_anothers(tmp_path):
    async with staged(tmp_path) as stage:
        mine, _ = stage.gateway.ports.keys.create("mine")
        other, _ = stage.gateway.ports.keys.create("other")
        stage.gateway.ports.keys.refresh()
        made = (await stage.ask("responses", headers={"authorization": f"Bearer {mine}"})).json()
        path = f"/v1/responses/{made['id']}"
        assert (await stage.client.get(path, {"authorization": f"Bearer {mine}"})).status == 200
        assert (await stage.client.get(path, {"authorization": f"Bearer {other}"})).status == 404
        stolen = await stage.ask("responses", previous_response_id=made["id"], headers={"x-api-key": other})
        assert stolen.status == 404


async def test_too_large_to_keep(tmp_path):
    config = {**one_model(), "responses_store": {"max_bytes": 2000}}
    async with staged(tmp_path, config, turns=[say("x" * 5000)]) as stage:
        reply = await stage.ask("responses")
        assert reply.status == 200
        assert (await stage.client.get(f"/v1/responses/{reply.json()['id']}")).status == 404


async def test_a_broken_reply_is_not_kept(tmp_path):
    async with staged(tmp_path, fault="cut", fault_on="any", turns=[say("these words are out")]) as stage:
        reply = await stage.ask("responses", stream=True)
        told = events_of(reply.body)[0][1]["response"]
        assert (await stage.client.get(f"/v1/responses/{told['id']}")).status == 404


async def test_background_is_refused_clearly(tmp_path):
    async with staged(tmp_path) as stage:
        reply = await stage.ask("responses", background=True)
        assert reply.status == 501
        assert "background" in error_of("responses", reply.body)["message"]
        assert not stage.upstream.requests


async def test_cancel(tmp_path):
    async with staged(tmp_path) as stage:
        made = (await stage.ask("responses")).json()
        assert (await stage.client.post(f"/v1/responses/{made['id']}/cancel", b"")).status == 400
        assert (await stage.client.post("/v1/responses/resp_none/cancel", b"")).status == 404


async def test_a_store_that_is_away_costs_memory_not_answers(tmp_path):
    """Redis down: requests are served, without stickiness and without storing."""
    async with staged(tmp_path) as stage:

        class Away:
            def __getattr__(self, name):
                async def fail(*args, **more):
                    from gateway.errors import StateUnavailable

                    raise StateUnavailable("away")

                return fail

        object.__setattr__(stage.gateway.ports, "state", Away())
        for dialect in ("chat", "messages", "responses"):
            assert (await stage.ask(dialect)).status == 200
            assert (await stage.ask(dialect, stream=True)).status == 200
        assert {r.outcome for r in stage.rows} == {"ok"}
        follow = await stage.ask("responses", previous_response_id="resp_1")
        assert follow.status == 503
        object.__setattr__(stage.gateway.ports, "state", _Nothing())


class _Nothing:
    async def aclose(self): ...
