"""Tools that a policy takes out of requests, through the whole gateway."""

import itertools

import pytest

from gateway.testing.scripted import Text, Turn
from tests.support.gateways import PATHS, error_of
from tests.support.hooking import bash, every_dialect, gateway, records, said
from tests.support.toolcalls import answered, asking

STRIPPED = "version: 1\nrules: {base: [{id: all, allow: {tool: [read, shell]}}, {id: net, deny: {tool: fetch}}]}\n"


STRIPPING = {"profiles": {"default": {"strip": ["bash"], "strip_denied": True}}}


def names_in(body):
    return [tool.get("name") or tool["function"]["name"] for tool in body.get("tools", ())]


@every_dialect
async def test_denied_tools_are_taken_out_and_the_prefix_stays(tmp_path, dialect):
    upstream = said(*[Turn(parts=(Text("done"),))] * 3)
    async with gateway(tmp_path, rules=STRIPPED, upstream=upstream, dialect=dialect, **STRIPPING) as stage:
        history = []
        for _ in range(3):
            reply = await stage.client.post(PATHS[dialect], asking(dialect, "do it", *history))
            assert reply.status == 200, reply.body
            history += [{"role": "assistant", "content": "done"}, {"role": "user", "content": "more"}]
        bodies = [record.body for record in stage.upstream.model.work]
        assert [names_in(record.json) for record in stage.upstream.model.work] == [["read"]] * 3
        for before, after in itertools.pairwise(bodies):
            cut = before.index(b'"tools"')
            assert after[cut : cut + before[cut:].index(b"]")] == before[cut : cut + before[cut:].index(b"]")]


async def test_a_model_that_calls_a_stripped_tool_is_refused(tmp_path):
    async with gateway(tmp_path, rules=STRIPPED, upstream=said(bash()), **STRIPPING) as stage:
        reply = await stage.client.post(PATHS["chat"], asking("chat"))
        assert "ls /repo'" not in str(answered("chat", reply.body, stream=False).calls)
        (record,) = await records(stage, "decision")
        assert record["decision"] == "deny"


@pytest.mark.parametrize(
    ("dialect", "choice"),
    [
        ("chat", {"type": "function", "function": {"name": "bash"}}),
        ("messages", {"type": "tool", "name": "bash"}),
        ("responses", {"type": "function", "name": "webfetch"}),
    ],
)
async def test_a_tool_choice_that_names_a_stripped_tool_is_refused(tmp_path, dialect, choice):
    async with gateway(tmp_path, rules=STRIPPED, dialect=dialect, **STRIPPING) as stage:
        reply = await stage.client.post(PATHS[dialect], asking(dialect, tool_choice=choice))
        assert reply.status == 403
        assert "tool_choice" in error_of(dialect, reply.body)["message"]
        assert stage.upstream.model.work == []
