"""A request in the upstream's own dialect, when no rule fires, reaches it byte for byte but for the model's name; and the
reply comes back the same way. Over the whole gateway, from its ASGI app to the `Upstream` port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.testing.scripted import ScriptedModel, ScriptedUpstream
from tests.support.gateways import PATHS, UP, Stage, model_at, staged

DIALECTS = ("chat", "responses", "messages")


class Loop:
    """A gateway with one model for each dialect, and the event loop in which it lives."""

    def __init__(self, folder: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.vendor = ScriptedModel()
        models = {f"up/{d}": model_at(UP, d) for d in DIALECTS}
        config = {"models": models, "loop_guard": {"repeats": 10_000}}
        self.stack = AsyncExitStack()
        self.stage: Stage = self.run(
            self.stack.enter_async_context(staged(folder, config, upstream=ScriptedUpstream(self.vendor)))
        )

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    made = Loop(tmp_path_factory.mktemp("state"))
    yield made
    made.close()


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 53), 1 << 53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
UNKNOWN = st.dictionaries(st.from_regex(r"\Ax_[a-z]{1,8}\Z"), VALUE, max_size=4)
SPACE = st.sampled_from(["", " ", "\n", "\t ", "\r\n  "])


@st.composite
def bodies(draw: Any, dialect: str) -> bytes:
    """A request with fields in any order, any white space, escapes or none, and fields nobody knows."""
    turns = draw(st.lists(TEXT.filter(str.strip), min_size=1, max_size=4))
    roles = ["user", "assistant"]
    said = [{"role": roles[i % 2], "content": t} | draw(UNKNOWN) for i, t in enumerate(turns)]
    if len(said) % 2 == 0:
        said.pop()
    stream = draw(st.booleans())
    fields: dict[str, Any] = {"model": f"up/{dialect}", "stream": stream, **draw(UNKNOWN)}
    fields["input" if dialect == "responses" else "messages"] = said
    if dialect == "messages":
        fields["max_tokens"] = draw(st.integers(1, 64_000))
    if dialect == "chat" and stream:
        fields["stream_options"] = {"include_usage": True}
    if draw(st.booleans()):
        fields["temperature"] = draw(st.floats(0, 1))
    names = draw(st.permutations(list(fields)))
    gap, ascii_only = draw(SPACE), draw(st.booleans())
    parts = [f"{json.dumps(name)}{gap}:{gap}{json.dumps(fields[name], ensure_ascii=ascii_only)}" for name in names]
    return (gap + "{" + gap + f"{gap},{gap}".join(parts) + gap + "}" + gap).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_only_the_models_name_changes(gateway: Loop, dialect: str, data: Any) -> None:
    body = data.draw(bodies(dialect))
    reply = gateway.run(gateway.stage.client.post(PATHS[dialect], body, {"content-type": "application/json"}))
    assert reply.status == 200, reply.body
    record = gateway.vendor.requests[-1]
    assert record.body == body.replace(json.dumps(f"up/{dialect}").encode(), b'"scripted-large"', 1)
    assert "x-interlock-dropped" not in reply.headers
    gateway.vendor.requests.clear()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [True, False])
def test_the_reply_is_the_upstreams_own(gateway: Loop, dialect: str, stream: bool) -> None:
    """But for the closing comment of a stream, which stands where readers still look."""
    asked: dict[str, Any] = {"model": f"up/{dialect}", "stream": stream, "x_unknown": 1.50}
    asked |= {"input": "hi"} if dialect == "responses" else {"messages": [{"role": "user", "content": "hi"}]}
    asked |= {"max_tokens": 9} if dialect == "messages" else {}
    asked |= {"stream_options": {"include_usage": True}} if dialect == "chat" and stream else {}
    twin = ScriptedModel(memory=type(gateway.vendor.memory)(seed="twin"))
    gateway.vendor.memory = type(gateway.vendor.memory)(seed="twin")
    reply = gateway.run(gateway.stage.client.post(PATHS[dialect], json.dumps(asked).encode()))
    planned, _ = twin.answer("POST", PATHS[dialect], (), gateway.vendor.requests[-1].body)
    got = reply.body
    if stream:
        start = got.index(b": interlock ")
        got = got[:start] + got[got.index(b"\n\n", start) + 2 :]
    assert got == planned.body
