"""Stored responses: what is kept, for whom, and what a follow-up becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.adapters.state.memory import MemoryState
from gateway.config.settings import ResponsesStoreConfig
from gateway.dialects import registry
from gateway.errors import NotFound
from gateway.ir.exchange import Identity
from gateway.pipeline import stored
from gateway.pipeline.flight import Flight
from gateway.testing.clock import ManualClock
from tests.unit.gateway.pipeline.made import flight

RESPONSES = registry.by_name("responses")
RULES = ResponsesStoreConfig()
OUTPUT = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}
REPLY = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [OUTPUT]}


def state() -> MemoryState:
    return MemoryState(ManualClock(), 1 << 24)


def answered(reply: dict[str, Any] | bytes = REPLY, **body: Any) -> Flight:
    made = flight(
        {"messages": None, "max_tokens": None, "input": "hi", **body},
        dialect="responses",
        identity=Identity(key_id="k1"),
    )
    made.whole = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    return made


async def test_kept_and_loaded_by_its_own_key_only() -> None:
    store = state()
    await stored.keep(answered(), store, RULES)
    found = await stored.load(store, "k1", "resp_1")
    assert json.loads(found.body) == REPLY
    assert [json.loads(item) for item in found.output] == [OUTPUT]
    assert len(found.input) == 1
    for key, name in (("k2", "resp_1"), ("k1", "resp_2")):
        with pytest.raises(NotFound) as caught:
            await stored.load(store, key, name)
        assert caught.value.where == "previous_response_id"


@pytest.mark.parametrize(
    ("made", "rules"),
    [
        (answered(store=False), RULES),
        (answered(), ResponsesStoreConfig(ttl_s=0)),
        (answered(b""), RULES),
        (answered(b"no json"), RULES),
        (flight(), RULES),  # another dialect stores nothing
    ],
)
async def test_not_kept(made: Flight, rules: ResponsesStoreConfig) -> None:
    store = state()
    await stored.keep(made, store, rules)
    assert await store.get(stored.STORED, stored.key_of("k1", "resp_1")) is None


async def test_too_large_is_answered_and_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    store = state()
    await stored.keep(answered({**REPLY, "x": "y" * 2000}), store, ResponsesStoreConfig(max_bytes=1024))
    assert await store.get(stored.STORED, stored.key_of("k1", "resp_1")) is None
    assert "answered, not stored" in caplog.text


async def test_a_stream_is_kept_from_its_last_event() -> None:
    made = answered(b"", stream=True)
    done = json.dumps({"type": "response.completed", "response": REPLY})
    made.terminal = f"event: response.completed\ndata: {done}\n\n".encode()
    store = state()
    await stored.keep(made, store, RULES)
    assert json.loads((await stored.load(store, "k1", "resp_1")).body) == REPLY


async def test_a_follow_up_gets_its_history_in_front() -> None:
    store = state()
    await stored.keep(answered(), store, RULES)
    body = json.dumps({"model": "auto", "input": "and now?", "previous_response_id": "resp_1"}).encode()
    whole, view = await stored.resolve(body, RESPONSES.read(body), RESPONSES, "k1", store)
    items = json.loads(whole)["input"]
    assert [item["role"] for item in items] == ["user", "assistant", "user"]
    assert view.previous_response_id is None


async def test_a_request_without_history_is_left_as_it_is() -> None:
    body = json.dumps({"model": "auto", "input": "x"}).encode()
    assert (await stored.resolve(body, RESPONSES.read(body), RESPONSES, "k1", state()))[0] is body
