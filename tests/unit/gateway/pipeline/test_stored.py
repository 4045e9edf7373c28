import json
from types import SimpleNamespace

import pytest

from gateway.adapters.state.memory import MemoryState
from gateway.config.settings import ResponsesStoreConfig
from gateway.dialects import registry
from gateway.errors import NotFound
from gateway.pipeline import stored
from gateway.testing.clock import ManualClock

RESPONSES = registry.by_name("responses")
OBJECT = {"id": "resp_1", "object": "response", "output": [{"type": "message", "role": "assistant", "content": []}]}
RULES = ResponsesStoreConfig()


@pytest.fixture
def store():
    return MemoryState(ManualClock(), 1 << 20)


def flight(*, whole=None, terminal=b"", dialect="responses", key="k", **asked):
    body = json.dumps({"model": "m", "input": "hi", **asked}).encode()
    exchange = SimpleNamespace(
        view=RESPONSES.read(body), body=body, request_id="req_1", identity=SimpleNamespace(key_id=key)
    )
    whole = json.dumps(OBJECT).encode() if whole is None else whole
    return SimpleNamespace(exchange=exchange, dialect=SimpleNamespace(name=dialect), whole=whole, terminal=terminal)


async def test_kept_and_continued(store):
    await stored.keep(flight(), store, RULES)
    kept = await stored.load(store, "k", "resp_1")
    assert json.loads(kept.body) == OBJECT
    body = json.dumps({"model": "m", "input": "more", "previous_response_id": "resp_1"}).encode()
    body, view = await stored.resolve(body, RESPONSES.read(body), RESPONSES, "k", store)
    assert [json.loads(bytes(m)).get("role") for m in view.messages] == ["user", "assistant", "user"]
    assert view.previous_response_id is None or b'"previous_response_id":"resp_1"' not in body


async def test_from_the_last_event_of_a_stream(store):
    event = (
        b"event: response.completed\ndata: " + json.dumps({"type": "response.completed", "response": OBJECT}).encode()
    )
    await stored.keep(flight(whole=b"", terminal=event + b"\n\n"), store, RULES)
    assert json.loads((await stored.load(store, "k", "resp_1")).body) == OBJECT


@pytest.mark.parametrize(
    "given",
    [
        flight(store=False),
        flight(dialect="chat"),
        flight(whole=b"", terminal=b""),
        flight(whole=b"", terminal=b": only a comment\n\n"),
        flight(whole=b"{broken"),
        flight(key="another"),
    ],
)
async def test_what_is_not_kept(store, given):
    await stored.keep(given, store, RULES)
    with pytest.raises(NotFound) as caught:
        await stored.load(store, "k", "resp_1")
    assert caught.value.where == "previous_response_id"


async def test_bounds(store):
    await stored.keep(flight(), store, ResponsesStoreConfig(ttl_s=0))
    await stored.keep(flight(input="x" * 5000), store, ResponsesStoreConfig(max_bytes=1024))
    with pytest.raises(NotFound):
        await stored.load(store, "k", "resp_1")


async def test_a_hostile_id_is_shown_short(store):
    with pytest.raises(NotFound) as caught:
        await stored.load(store, "k", "x" * 100_000)
    assert len(caught.value.text()) < 400
