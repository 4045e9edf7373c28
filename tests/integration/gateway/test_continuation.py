"""Failover after the first byte: a stream that breaks after text is gone on with by the next model, and the client sees one."""

import json
from dataclasses import replace

import pytest

from gateway.errors import UpstreamProtocol
from gateway.testing.scripted import Call, ScriptedModel, ScriptedUpstream, Text, Thinking, Turn, say
from gateway.wire import sse
from policies.verdict import Verdict
from tests.support.gateways import PATHS, ended_well, events_of, failed_in, model_at, staged, text_in

DIALECTS = list(PATHS)
FIRST = "Railways are set by levers that "
REST = "lock one another."
FAULTS = {"cut": "cut", "midstream_error": "error", "stall:30": "stall"}


def config(first="chat", second="chat", *, continue_on=("cut", "stall", "error"), stall_s=0.15, **more):
    route = {"id": "r", "to": ["first", "second"], "continue_on": list(continue_on)}
    if "stall" in continue_on and stall_s:
        route["stall_s"] = stall_s
    return {
        "models": {
            "first": model_at("http://first.test", first, cost={"input_usd_per_mtok": 1, "output_usd_per_mtok": 1}),
            "second": model_at("http://second.test", second, **more.pop("second_model", {})),
        },
        "routes": [route],
        "retry": {"max_attempts": 1},
        **more,
    }


def upstream(fault="cut", first=None, second=None, **script):
    vendors = {
        "http://first.test": ScriptedModel(
            fault=fault, fault_on="any", turns=[first or say(FIRST + "never said")], **script
        ),
        "http://second.test": ScriptedModel(turns=[second or say(REST)]),
    }
    return ScriptedUpstream(vendors=vendors)


class CutReply:
    """Ends with a cut after the `times`-th chunk that holds `marker`."""

    def __init__(self, reply, marker, times):
        self.reply, self.marker, self.times = reply, marker, times
        self.status, self.headers, self.read, self.aclose = reply.status, reply.headers, reply.read, reply.aclose

    async def chunks(self):
        async for chunk in self.reply.chunks():
            yield chunk
            self.times -= self.marker in chunk
            if self.times == 0:
                raise UpstreamProtocol("the connection was lost")


class Cutting(ScriptedUpstream):
    """The first reply is cut in its text, wherever that begins."""

    marker, times, cuts = b"text_delta", 3, 1

    async def send(self, request):
        reply = await super().send(request)
        if self.cuts == 0:
            return reply
        self.cuts -= 1
        return CutReply(reply, self.marker, self.times)


def cutting(first, second):
    one, two = ScriptedModel(turns=[first]), ScriptedModel(turns=[second])
    return Cutting(vendors={"http://first.test": one, "http://second.test": two})


def statement_in(data):
    (comment,) = (line for line in data.decode().splitlines() if line.startswith(": interlock "))
    return json.loads(comment.removeprefix(": interlock "))


def one_stream(dialect, data):
    """The grammar of one reply: one beginning, one end, ids that never change, counters that rise."""
    events = [event for _, event in events_of(data) if event != "[DONE]"]
    match dialect:
        case "chat":
            assert len({(e["id"], e["created"], e["model"]) for e in events}) == 1
            roles = [e for e in events if e["choices"] and e["choices"][0]["delta"].get("role")]
            assert len(roles) == 1
            assert [c["finish_reason"] for e in events for c in e["choices"] if c["finish_reason"]] == ["stop"]
            assert data.rstrip().endswith(b"data: [DONE]")
        case "messages":
            kinds = [e["type"] for e in events]
            assert kinds[0] == "message_start"
            assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
            starts = [e["index"] for e in events if e["type"] == "content_block_start"]
            assert starts == list(range(len(starts)))
            assert [e["index"] for e in events if e["type"] == "content_block_stop"] == starts
            assert len(starts) == 1, "one text, in one block"
        case "responses":
            numbers = [e["sequence_number"] for e in events]
            assert numbers == sorted(set(numbers))
            kinds = [e["type"] for e in events]
            assert kinds.count("response.created") == kinds.count("response.completed") == 1
            assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 1
            assert len({e["item_id"] for e in events if "item_id" in e}) == 1
            whole = events[-1]["response"]
            assert whole["id"] == events[0]["response"]["id"]
            assert whole["model"] == events[0]["response"]["model"]
            (item,) = whole["output"]
            assert item["content"][0]["text"] == text_in("responses", data)


def usage_in(dialect, data):
    events = [event for _, event in events_of(data) if event != "[DONE]"]
    match dialect:
        case "chat":
            (found,) = (e["usage"] for e in events if e.get("usage"))
            return found["prompt_tokens"], found["completion_tokens"]
        case "messages":
            found = next(e["usage"] for e in events if e["type"] == "message_delta")
            return None, found["output_tokens"]
    found = events[-1]["response"]["usage"]
    return found["input_tokens"], found["output_tokens"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("second", DIALECTS)
@pytest.mark.parametrize("first", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_every_pair_is_one_stream(tmp_path, client, first, second, fault):
    up = upstream(fault)
    async with staged(tmp_path, config(first, second), upstream=up) as stage:
        options = {"stream_options": {"include_usage": True}} if client == "chat" else {}
        reply = await stage.ask(client, "why?", stream=True, **options)
        text = text_in(client, reply.body)
        said = text.removesuffix(REST)
        assert text.endswith(REST)
        assert said
        assert (FIRST + "never said").startswith(said)
        assert ended_well(client, reply.body)
        one_stream(client, reply.body)
        row = stage.row
        assert (row.outcome, row.status, row.model) == ("ok", 200, "second")
        broken, served = row.hops
        assert (broken.model, served.model, served.outcome) == ("first", "second", "ok")
        assert broken.outcome == {"cut": "upstream_protocol", "stall:30": "upstream_timeout"}.get(fault, broken.outcome)
        assert broken.usage.source == "estimated"
        assert broken.usage.output_tokens > 0
        assert row.usage.output_tokens == broken.usage.output_tokens + served.usage.output_tokens
        input_tokens, output_tokens = usage_in(client, reply.body)
        assert output_tokens == row.usage.output_tokens
        assert input_tokens in (None, row.usage.input_tokens)
        told = statement_in(reply.body)
        assert [hop["model"] for hop in told["hops"]] == ["first", "second"]
        (asked,) = up.vendors["http://second.test"].requests
        assert said.strip() in asked.body.decode()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_goes_on_after_a_tool_call(tmp_path, dialect):
    turn = Turn(parts=(Text("I call."), Call("read_files", {"path": "a"}), Text("and more and more")))
    tools = {
        "chat": [{"type": "function", "function": {"name": "read_files", "parameters": {"type": "object"}}}],
        "messages": [{"name": "read_files", "input_schema": {"type": "object"}}],
        "responses": [{"type": "function", "name": "read_files", "parameters": {"type": "object"}}],
    }[dialect]
    up = upstream("cut_after_call", first=turn)
    async with staged(tmp_path, config(dialect, "chat"), upstream=up) as stage:
        reply = await stage.ask(dialect, stream=True, tools=tools)
        assert up.vendors["http://second.test"].requests == []
        if stage.row.outcome != "ok":
            assert failed_in(dialect, reply.body)


@pytest.mark.parametrize(("fault", "word"), FAULTS.items())
async def test_only_what_the_route_names(tmp_path, fault, word):
    others = [w for w in FAULTS.values() if w != word]
    timeouts = {"timeouts": {"idle_s": 0.15}}
    made = config(continue_on=others, stall_s=None)
    made["models"]["first"] |= timeouts
    up = upstream(fault)
    async with staged(tmp_path, made, upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert failed_in("chat", reply.body)
        assert up.vendors["http://second.test"].requests == []
        assert stage.row.outcome == "cut"


async def test_the_models_own_limit_is_a_stall_too(tmp_path):
    made = config(stall_s=None)
    made["models"]["first"]["timeouts"] = {"idle_s": 0.15}
    async with staged(tmp_path, made, upstream=upstream("stall:30")) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body).endswith(REST)


async def test_who_cannot_go_on_either_leaves_the_first_error(tmp_path):
    up = upstream("midstream_error")
    up.down.add("http://second.test")
    async with staged(tmp_path, config(), upstream=up) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body)
        assert failed_in("chat", reply.body)
        assert stage.row.outcome == "cut"
        assert [hop.model for hop in stage.row.hops] == ["first", "second"]


async def test_a_third_goes_on_when_the_second_breaks_too(tmp_path):
    made = config()
    made["models"]["third"] = model_at("http://third.test")
    made["routes"][0]["to"].append("third")
    up = upstream("cut", second=say("lock one another, or so it is "))
    up.vendors["http://second.test"] = ScriptedModel(
        fault="cut", fault_on="any", turns=[say("lock one another, or so it is said by some")]
    )
    up.vendors["http://third.test"] = ScriptedModel(turns=[say("THE END")])
    async with staged(tmp_path, made, upstream=up) as stage:
        reply = await stage.ask("messages", stream=True)
        one_stream("messages", reply.body)
        text = text_in("messages", reply.body)
        assert text.endswith("THE END")
        assert "lock" in text
        assert [hop.model for hop in stage.row.hops] == ["first", "second", "third"]
        (asked,) = up.vendors["http://third.test"].requests
        assert text.removesuffix("THE END").strip() in json.dumps(json.loads(asked.body), ensure_ascii=False)


async def test_a_model_that_begins_again_is_not_heard_twice(tmp_path):
    """The whole answer anew: what the client has is taken out."""
    whole = FIRST + "lock one another."
    async with staged(tmp_path, config(), upstream=upstream("cut", first=say(whole), second=say(whole))) as stage:
        reply = await stage.ask("chat", stream=True)
        assert text_in("chat", reply.body) == whole


async def test_a_tool_call_may_follow(tmp_path):
    second = Turn(parts=(Text(REST), Call("read_files", {"path": "a"})), finish="tool")
    tools = [{"name": "read_files", "input_schema": {"type": "object"}}]
    async with staged(tmp_path, config("messages", "chat"), upstream=upstream("cut", second=second)) as stage:
        reply = await stage.ask("messages", stream=True, tools=tools)
        events = [e for _, e in events_of(reply.body)]
        assert [e["content_block"]["type"] for e in events if e["type"] == "content_block_start"] == [
            "text",
            "tool_use",
        ]
        assert [e["index"] for e in events if e["type"] == "content_block_start"] == [0, 1]
        assert next(e for e in events if e["type"] == "message_delta")["delta"]["stop_reason"] == "tool_use"
        assert text_in("messages", reply.body).endswith(REST)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_tool_call_at_once(tmp_path, dialect):
    second = Turn(parts=(Call("read_files", {"path": "a"}),), finish="tool")
    tools = {
        "chat": [{"type": "function", "function": {"name": "read_files", "parameters": {"type": "object"}}}],
        "messages": [{"name": "read_files", "input_schema": {"type": "object"}}],
        "responses": [{"type": "function", "name": "read_files", "parameters": {"type": "object"}}],
    }[dialect]
    async with staged(tmp_path, config(dialect, "chat"), upstream=upstream("cut", second=second)) as stage:
        reply = await stage.ask(dialect, stream=True, tools=tools)
        assert ended_well(dialect, reply.body)
        assert b"read_files" in reply.body
        assert stage.row.outcome == "ok"


async def test_sealed_reasoning_stays_with_who_sealed_it(tmp_path):
    first = Turn(parts=(Thinking("hm", signature="sealed-by-first"), Text(FIRST * 4)))
    made = config("messages", "messages")
    up = cutting(first, say(REST))
    async with staged(tmp_path, made, upstream=up) as stage:
        reply = await stage.ask("messages", stream=True)
        assert text_in("messages", reply.body), "it broke after text"
        assert failed_in("messages", reply.body)
        assert up.vendors["http://second.test"].requests == []


async def test_open_reasoning_is_not_replayed_and_new_reasoning_not_shown(tmp_path):
    first = Turn(parts=(Thinking("a secret thought", signature=""), Text(FIRST * 4)))
    second = Turn(parts=(Thinking("another one", signature=""), Text(REST)))
    up = cutting(first, second)
    async with staged(tmp_path, config("messages", "messages"), upstream=up) as stage:
        reply = await stage.ask("messages", stream=True)
        assert text_in("messages", reply.body).endswith(REST)
        assert b"another one" not in reply.body
        (asked,) = up.vendors["http://second.test"].requests
        assert b"secret thought" not in asked.body
        kinds = [e["content_block"]["type"] for _, e in events_of(reply.body) if e["type"] == "content_block_start"]
        assert kinds == ["thinking", "text"]


async def test_an_answer_that_must_be_json_is_not_put_together(tmp_path):
    up = upstream("cut")
    async with staged(tmp_path, config(), upstream=up) as stage:
        reply = await stage.ask("chat", stream=True, response_format={"type": "json_object"})
        assert failed_in("chat", reply.body)
        assert up.vendors["http://second.test"].requests == []


async def test_vllm_is_made_to_continue_its_prefix(tmp_path):
    made = config("chat", "chat", second_model={"provider": "vllm"})
    up = upstream("cut")
    async with staged(tmp_path, made, upstream=up) as stage:
        await stage.ask("chat", stream=True, max_tokens=500)
        asked = json.loads(up.vendors["http://second.test"].requests[0].body)
        assert asked["continue_final_message"] is True
        assert asked["add_generation_prompt"] is False
        assert asked["messages"][-1]["role"] == "assistant"
        assert asked["max_tokens"] < 500


async def test_a_stored_response_is_the_whole(tmp_path):
    async with staged(tmp_path, config("responses", "chat"), upstream=upstream("cut")) as stage:
        reply = await stage.ask("responses", stream=True, store=True)
        whole = [e for _, e in events_of(reply.body)][-1]["response"]
        found = await stage.client.get(f"/v1/responses/{whole['id']}")
        assert found.status == 200
        assert found.json()["output"] == whole["output"]


async def test_the_dry_run_says_so(tmp_path):
    async with staged(tmp_path, config(), upstream=upstream()) as stage:
        told = (
            await stage.client.post(
                "/v1/route?dialect=chat", {"model": "auto", "messages": [{"role": "user", "content": "x"}]}
            )
        ).json()
        assert told["continue_on"] == ["cut", "stall", "error"]
        assert told["stall_s"] == 0.15
        assert told["hedge_after_s"] is None


async def test_a_whole_answer_knows_none_of_it(tmp_path):
    async with staged(tmp_path, config(), upstream=upstream("cut")) as stage:
        reply = await stage.ask("chat")
        assert reply.status == 200
        assert stage.row.hops[-1].model == "second"
        assert sse.data_of(b"data: x\n\n") == b"x"


async def test_who_sealed_it_may_go_on(tmp_path):
    """The same vendor at the same address: its seal is replayed with its text, as a turn of its own."""
    first = Turn(parts=(Thinking("hm", signature="sealed"), Text(FIRST * 4)))
    made = config("messages", "messages")
    for name in ("first", "second"):
        made["models"][name] |= {"provider": "anthropic", "base_url": "http://one.test", "profile": {}}
        made["models"][name].pop("dialect")
    made["models"]["second"]["model"] = "claude-other"
    vendor = ScriptedModel(turns=[first, say(REST)])
    async with staged(tmp_path, made, upstream=Cutting(vendors={"http://one.test": vendor})) as stage:
        reply = await stage.ask("messages", stream=True)
        assert text_in("messages", reply.body).endswith(REST)
        asked = json.loads(vendor.requests[-1].body)
        assert asked["messages"][-2]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "sealed"}
        assert asked["messages"][-1]["role"] == "user"


async def test_text_that_was_in_mid_thought_is_not_gone_on_with(tmp_path):
    first = Turn(parts=(Thinking("a thought that takes its time and is cut in the middle " * 4), Text("x")))
    up = upstream("cut", first=first)
    async with staged(tmp_path, config("messages", "messages"), upstream=up) as stage:
        reply = await stage.ask("messages", stream=True)
        assert failed_in("messages", reply.body)
        assert up.vendors["http://second.test"].requests == []


class Denying:
    """Implements `ports.Judge`: no call passes."""

    async def judge(self, calls, exchange):
        return [Verdict("deny", "rules", "not here") for _ in calls]

    def foresee(self, exchange):
        return None


@pytest.mark.parametrize("second", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_calls_of_who_goes_on_are_judged(tmp_path, client, second):
    turn = Turn(parts=(Text(REST), Call("read_files", {"path": "a"})), finish="tool")
    tools = {
        "chat": [{"type": "function", "function": {"name": "read_files", "parameters": {"type": "object"}}}],
        "messages": [{"name": "read_files", "input_schema": {"type": "object"}}],
        "responses": [{"type": "function", "name": "read_files", "parameters": {"type": "object"}}],
    }[client]
    async with staged(tmp_path, config(client, second), upstream=upstream("cut", second=turn)) as stage:
        pipeline = stage.gateway.front.pipeline
        pipeline.ports = replace(pipeline.ports, judge=Denying())
        stage.gateway._runtime = replace(stage.gateway.runtime, judged=True)
        reply = await stage.ask(client, stream=True, tools=tools)
        assert REST in text_in(client, reply.body)
        assert ended_well(client, reply.body)
        assert b'"path"' not in reply.body.partition(b'"tools"')[0], "nothing of the call's arguments"
        assert b"not here" in reply.body
        assert [h.model for h in stage.row.hops] == ["first", "second"]
