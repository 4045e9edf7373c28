"""From exchange and hop to the exact upstream request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters.state.memory import MemoryState
from gateway.endpoints import Endpoint, Wire
from gateway.errors import GatewayError
from gateway.ir.profile import DEFAULT, Profile
from gateway.ir.request import DialectName, Reasoning
from gateway.pipeline.flight import Flight
from gateway.pipeline.prepare import REASONING, Prepared, forwarded_headers, prepare, recalled
from gateway.ports import StateStore, Timeouts
from gateway.sessions import reasoning
from gateway.testing.clock import ManualClock
from tests.unit.gateway.pipeline.made import flight
from tests.unit.gateway.routing.made import endpoint

CLIENT = ((b"user-agent", b"agent/1"), (b"anthropic-beta", b"b"), (b"authorization", b"Bearer ours"), (b"cookie", b"c"))


def target(dialect: DialectName = "chat", profile: Profile = DEFAULT, **more: Any) -> Endpoint:
    return endpoint("up/model", wires=(Wire(dialect, f"/v1/{dialect}", profile),), mint="us", **more)


async def prepared(made: Flight, at: Endpoint, state: StateStore | None = None, *, repair: bool = False) -> Prepared:
    return await prepare(made, at, at.wires[0], state or MemoryState(ManualClock(), 1 << 20), repair=repair)


def sent(done: Prepared) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(done.request.body)
    return body


async def test_only_the_name_of_the_model_changes_on_the_way_through() -> None:
    made = flight({"unknown": [1.0], "stream": False})
    done = await prepared(made, target())
    assert done.request.body == made.exchange.body.replace(b'"auto"', b'"m"')
    assert (done.same, done.losses) == (True, ())


async def test_credentials_are_ours_and_the_dialects_headers_the_clients() -> None:
    made = flight(headers=CLIENT, query="beta=true")
    at = target(
        headers=((b"authorization", b"Bearer theirs"), (b"anthropic-beta", b"ours")), proxy="http://p", tls_ca="/ca"
    )
    request = (await prepared(made, at)).request
    headers = dict(request.headers)
    assert headers[b"authorization"] == b"Bearer theirs"
    assert headers[b"anthropic-beta"] == b"b"
    assert headers[b"x-request-id"] == b"req_abc"
    assert b"cookie" not in headers
    assert len(headers) == len(request.headers), "no name twice"
    assert (request.target, request.proxy, request.tls_ca) == ("/v1/chat?beta=true", "http://p", "/ca")


async def test_another_dialect_gets_none_of_them() -> None:
    done = await prepared(flight(headers=CLIENT, query="beta=true"), target("messages"))
    assert not done.same
    assert done.request.target == "/v1/messages"
    assert not {b"user-agent", b"anthropic-beta"} & dict(done.request.headers).keys()
    assert sent(done)["messages"] == [{"role": "user", "content": "hi"}]


def test_which_headers_go_on() -> None:
    assert [name for name, _ in forwarded_headers(CLIENT)] == [b"user-agent", b"anthropic-beta"]


@pytest.mark.parametrize(
    ("body", "hidden"),
    [({"stream": True}, True), ({"stream": True, "stream_options": {"include_usage": True}}, False), ({}, False)],
)
async def test_usage_is_asked_for_on_our_own_account(body: dict[str, Any], hidden: bool) -> None:
    done = await prepared(flight(body), target())
    assert done.hide_usage is hidden
    assert ("stream_options" in sent(done)) is bool(body)


async def test_what_the_profile_has_no_word_for_is_left_out_and_told() -> None:
    done = await prepared(flight({"seed": 3}), target(profile=replace(DEFAULT, seed=False)))
    assert "seed" not in sent(done)
    assert done.losses == ("seed",)


async def test_another_name_of_a_bound_is_no_loss() -> None:
    done = await prepared(flight({}), target(profile=replace(DEFAULT, max_tokens_field="max_completion_tokens")))
    assert (sent(done)["max_completion_tokens"], done.losses) == (99, ())


async def test_a_stream_waits_for_its_head_no_longer_than_for_its_content() -> None:
    at = target(first_token_s=5.0, timeouts=Timeouts(first_byte_s=60.0))
    assert (await prepared(flight({"stream": True}), at)).request.timeouts.first_byte_s == 5.0
    assert (await prepared(flight(), at)).request.timeouts.first_byte_s == 60.0


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ECHOING = replace(DEFAULT, echo_reasoning="tool_turns", reasoning_field="reasoning_content")


def tool_turn(**more: Any) -> Flight:
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], **more},
        {"role": "tool", "tool_call_id": "c1", "content": "ok"},
    ]
    return flight({"messages": messages})


async def remembered(mint: str) -> MemoryState:
    state = MemoryState(ManualClock(), 1 << 20)
    entries = reasoning.entries(mint, (Reasoning("my thought"),), ["c1"], bytes_max=1000)
    await state.put_many(REASONING, {f"ses_1|{k}": reasoning.dump(e) for k, e in entries.items()}, 60.0)
    return state


@pytest.mark.parametrize(("mint", "thought"), [("us", "my thought"), ("them", "")])
async def test_a_dropped_thought_comes_back_only_to_who_thought_it(mint: str, thought: str) -> None:
    done = await prepared(tool_turn(), target(profile=ECHOING), await remembered(mint))
    assert sent(done)["messages"][1]["reasoning_content"] == thought


async def test_repair_sends_no_thought_at_all() -> None:
    made = tool_turn(reasoning_content="a foreign thought")
    done = await prepared(made, target(profile=ECHOING), await remembered("us"), repair=True)
    assert b"a foreign thought" not in done.request.body
    assert b"my thought" not in done.request.body


class Away(MemoryState):
    async def get_many(self, ns: str, keys: Sequence[str]) -> list[bytes | None]:
        raise GatewayError("the store is away")

    async def put_many(self, ns: str, items: Mapping[str, bytes], ttl_s: float) -> None:
        raise GatewayError("the store is away")


async def test_a_store_that_is_away_prevents_nothing() -> None:
    away = Away(ManualClock(), 1 << 20)
    assert await recalled(away, "ns", "key") is None
    assert sent(await prepared(tool_turn(), target(profile=ECHOING), away))["messages"][1]["reasoning_content"] == ""


async def test_each_hop_starts_from_the_same_exchange() -> None:
    made = tool_turn(reasoning_content="t")
    before = made.exchange.body
    first = await prepared(made, target("messages"))
    await prepared(made, target(profile=replace(DEFAULT, seed=False)))
    again = await prepared(made, target("messages"))
    assert (made.exchange.body, first.request) == (before, again.request)
