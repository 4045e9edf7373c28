"""The rules of going on, one by one. That the client sees one stream is tests/integration/gateway/test_continuation.py."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.config.routes import RouteConfig
from gateway.dialects._completions import COMPLETIONS
from gateway.endpoints import Wire
from gateway.errors import GatewayError, UpstreamConnect, UpstreamProtocol, UpstreamRejected, UpstreamTimeout
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning, Text
from gateway.pipeline import continuation
from gateway.pipeline.flight import Kept
from tests.unit.gateway.pipeline.made import ROLE, delta, flight

CUT = UpstreamProtocol("cut")
CHAT, VLLM = Wire("chat", "/c", Profile()), Wire("chat", "/c", Profile(continue_fields=b'{"go_on":true}'))
MESSAGES, NEWER = Wire("messages", "/m", Profile()), Wire("messages", "/m", Profile(prefill=False))


def route(*words: str) -> Any:
    return SimpleNamespace(source=RouteConfig.model_validate({"id": "r", "to": ["a", "b"], "continue_on": list(words)}))


def endpoint(mint: str = "m", *wires: Wire) -> Any:
    return SimpleNamespace(name="up", mint=mint, wires=wires or (CHAT,))


def sent(*events: bytes, **body: Any) -> Any:
    made = flight({"stream": True, **body})
    made.kept, made.ttft_s = Kept(), 0.5
    for event in events:
        made.kept.add(event)
    return made


def begun(made: Any, error: GatewayError = CUT, *words: str, told: bool = False) -> Any:
    return continuation.begin(made, route(*(words or ("cut",))), error, endpoint(), told=told)


TEXT = (ROLE, delta(content="One two "))


@pytest.mark.parametrize(
    ("error", "told", "word"),
    [
        (CUT, False, "cut"),
        (UpstreamConnect("gone"), False, "cut"),
        (UpstreamTimeout("t", phase="idle"), False, "stall"),
        (UpstreamTimeout("t", phase="total"), False, ""),
        (UpstreamRejected("r", status=400), True, "error"),
        (UpstreamRejected("r", status=400), False, ""),
    ],
)
def test_how_it_broke(error: GatewayError, told: bool, word: str) -> None:
    assert continuation.word_of(error, told=told) == word


def test_after_text() -> None:
    found = begun(sent(*TEXT))
    assert found is not None
    assert (found.ttft_s, found.joined) == (0.5, False)
    assert begun(sent(*TEXT), CUT, "stall") is None, "the route does not name it"


@pytest.mark.parametrize(
    "made",
    [
        sent(ROLE),
        sent(ROLE, delta(reasoning_content="hm")),
        sent(*TEXT, delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "run", "arguments": ""}}])),
        sent(ROLE, delta(content="no"), delta(refusal="never")),
        sent(*TEXT, response_format={"type": "json_object"}),
        sent(*TEXT, n=2),
        sent(ROLE, b"data: {broken\n\n"),
        sent(),
    ],
    ids=["nothing", "thinking", "a call", "a refusal", "json", "two choices", "broken", "not even a head"],
)
def test_where_nobody_may_go_on(made: Any) -> None:
    assert begun(made) is None


def test_what_was_too_long_to_be_kept() -> None:
    made = sent(*TEXT)
    made.kept._bytes = 1 << 30
    assert made.kept.spoiled
    assert begun(made) is None


def test_who_continues_a_prefix_gets_one() -> None:
    request = sent(*TEXT).request()
    found = begun(sent(*TEXT))
    for wire, prefix in ((CHAT, False), (VLLM, True), (MESSAGES, True), (NEWER, False)):
        change = found.change(wire)
        *_, last = change.request(request).messages
        assert last.role == ("assistant" if prefix else "user")
        assert last.parts == (Text("One two" if prefix else continuation.INSTRUCTION),)
    assert json.loads(found.change(VLLM).body(b'{"a":1}')) == {"a": 1, "go_on": True}
    assert found.change(MESSAGES).body(b'{"a":1}') == b'{"a":1}'
    assert found.wire(endpoint("m", NEWER, VLLM), NEWER) is VLLM
    assert found.wire(endpoint("m", NEWER), NEWER) is NEWER


def test_what_is_left_of_the_bound_on_the_output() -> None:
    made = sent(
        *TEXT, max_tokens=100, tools=[{"type": "function", "function": {"name": "run"}}], tool_choice="required"
    )
    changed = begun(made).change(CHAT).request(made.request())
    assert changed.max_output_tokens == 98
    assert changed.tool_choice is None


def test_sealed_reasoning_goes_only_to_who_sealed_it() -> None:
    made = sent(*TEXT)
    sealed = continuation.Continuation(made, (Reasoning("hm", signature="s"),), "One", "m")
    assert sealed.fits(endpoint("m"))
    assert not sealed.fits(endpoint("other"))
    assert sealed.wire(endpoint("m", NEWER, VLLM), NEWER) is NEWER
    *_, turn, last = sealed.change(MESSAGES).request(made.request()).messages
    assert (turn.role, last.role) == ("assistant", "user")
    assert turn.parts == (Reasoning("hm", signature="s"), Text("One"))
    plain = continuation.Continuation(made, (Reasoning("hm"),), "One", "m")
    assert plain.fits(endpoint("other"))


def test_a_client_without_the_half_that_resumes() -> None:
    made = sent(*TEXT)
    made.request()
    made.dialect = COMPLETIONS
    assert COMPLETIONS.resumed(made.context(), made.kept.data()) is None
    assert begun(made) is None


def test_what_is_kept_is_packed() -> None:
    kept = Kept()
    pieces = [delta(content=f"word {n}") for n in range(3000)]
    for piece in pieces:
        kept.add(piece)
    assert kept.data() == b"".join(pieces)
    held = sum(map(len, kept._packed)) + kept._recent_bytes
    assert held < len(b"".join(pieces)) / 3
