"""A reply that breaks after content: an error event for those who retry on it, a cut connection for those who retry on that.

clients.md section 4, point 6: Cline and pi fail on an error event and retry a cut; the others retry both or know only the
first. After a tool call went out nobody is cut: the harness could run the call twice.
"""

import pytest

from gateway.testing.scripted import Call, Text, Turn, say
from tests.support.gateways import PATHS, ended_well, failed_in, one_model, staged, text_in

WORDS = say("these words are out already")
CLIENTS = {
    "opencode": ({"user-agent": "opencode/1.18.33"}, False),
    "codex": ({"user-agent": "codex_exec/0.160.0", "originator": "codex_exec"}, False),
    "cline": ({"user-agent": "cline/3.0.65"}, False),
    "pi": ({"user-agent": "pi/0.9"}, True),
    "an sdk": ({"user-agent": "OpenAI/Python 3.52"}, False),
}


@pytest.mark.parametrize("fault", ["cut", "midstream_error"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_each_gets_what_it_can_recover_from(tmp_path, client, fault):
    headers, cut = CLIENTS[client]
    async with staged(tmp_path, fault=fault, fault_on="any", turns=[WORDS]) as stage:
        async with stage.open("chat", headers=headers) as exchange:
            data = await exchange.rest()
            assert text_in("chat", data)
            assert exchange.cut is cut
            if not cut:
                assert failed_in("chat", data)
        assert stage.row.outcome == "cut"
        assert stage.row.status == 200
        assert stage.row.harness == (client if client != "an sdk" else "unknown")


@pytest.mark.parametrize("client", ["cline", "pi"])
async def test_nobody_is_cut_after_a_tool_call(tmp_path, client):
    turn = Turn(parts=(Text("I call."), Call("read_files", {"path": "a"})))
    async with staged(tmp_path, fault="cut_after_call", fault_on="any", turns=[turn]) as stage:
        tool = {"type": "function", "function": {"name": "read_files", "parameters": {"type": "object"}}}
        async with stage.open("chat", headers=CLIENTS[client][0], tools=[tool]) as exchange:
            data = await exchange.rest()
            if stage.row.outcome == "cut":
                assert not exchange.cut
                assert failed_in("chat", data)


@pytest.mark.parametrize("dialect", list(PATHS))
@pytest.mark.parametrize(
    "fault", ["no_done", "no_usage", "comments", "crlf", "no_space", "drip", "coalesced", "split_utf8"]
)
async def test_habits_of_upstreams_do_not_reach_the_client(tmp_path, dialect, fault):
    async with staged(tmp_path, one_model(dialect), fault=fault, fault_on="any", turns=[say("all of it")]) as stage:
        reply = await stage.ask(dialect, stream=True)
        assert text_in(dialect, reply.body).endswith("all of it")
        if (dialect, fault) == ("responses", "no_done"):
            # Nothing but `response.completed` tells that a Responses reply is whole: without it Codex must ask again.
            assert failed_in(dialect, reply.body)
            assert stage.row.outcome == "cut"
        else:
            assert ended_well(dialect, reply.body)
            assert stage.row.outcome == "ok"


@pytest.mark.parametrize("client", list(PATHS))
@pytest.mark.parametrize("upstream", list(PATHS))
@pytest.mark.parametrize("fault", ["garbage_event", "bad_utf8", "unknown_event"])
async def test_garbage_in_a_stream_is_never_our_own_error(tmp_path, client, upstream, fault):
    async with staged(tmp_path, one_model(upstream), fault=fault, fault_on="any", turns=[WORDS, WORDS]) as stage:
        reply = await stage.ask(client, stream=True)
        assert reply.status != 500
        assert stage.row.outcome in ("ok", "cut")
        if stage.row.outcome == "cut":
            assert failed_in(client, reply.body)
        else:
            assert ended_well(client, reply.body)


@pytest.mark.parametrize("client", list(PATHS))
@pytest.mark.parametrize("upstream", list(PATHS))
async def test_a_stream_asked_for_is_a_stream(tmp_path, client, upstream):
    """An upstream that ignores `stream: true` (clients.md: OpenCode asks 84 times when it gets JSON)."""
    async with staged(tmp_path, one_model(upstream), fault="ignore_stream", fault_on="any", turns=[WORDS]) as stage:
        reply = await stage.ask(client, stream=True)
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert text_in(client, reply.body) == "these words are out already"
        assert ended_well(client, reply.body)
        assert stage.row.outcome == "ok"
        assert stage.row.cost_usd_micros > 0
