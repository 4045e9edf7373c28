"""Codex tells everything in its turn metadata; hostile metadata tells nothing."""

from __future__ import annotations

import pytest

from gateway.harnesses import codex
from gateway.harnesses.contract import Hint, Shape
from tests.unit.gateway.harnesses import shapes as s


def shape(extra: dict[str, str], **more: object) -> Shape:
    return Shape(
        s.headers(s.CODEX_AGENT, extra), s.view("responses", s.body("responses", "", [s.ASK], **more)), "responses"
    )


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (None, {}),
        ("compaction", {"request_kind": "compaction"}),
        ("compaction", {"subagent_kind": "compact"}),
        ("safety", {"thread_source": "internal:guardian"}),
        ("summary", {"thread_source": "subagent:memory_consolidation"}),
        (None, {"thread_source": "subagent:review"}),
        (None, {"thread_source": "user"}),
    ],
)
def test_calls(call: str | None, fields: dict[str, str]) -> None:
    found = codex.call(shape(s.codex_headers(**fields)))
    assert (found[0] if found else None) == call


def test_the_sub_agent_header_counts_too() -> None:
    found = codex.call(shape({"x-openai-subagent": "compact"}))
    assert found is not None
    assert found[0] == "compaction"


def test_sessions() -> None:
    assert codex.session(shape(s.codex_headers())) == Hint("root-1111", "thread-id")
    spawned = codex.session(shape(s.codex_headers(thread_id="thread-2", thread_source="subagent:thread_spawn")))
    assert spawned == Hint("thread-2", "thread-id", agent="thread_spawn", parent="root-1111")
    assert codex.session(shape({})) is None


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        '{"request_kind": 5}',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        '{"x": ' + "[" * 16_000,  # deeper than the parser goes
    ],
)
def test_hostile_metadata(value: str) -> None:
    seen = Shape({b"x-codex-turn-metadata": value.encode("latin-1")}, shape({}).view, "responses")
    assert codex.call(seen) is None
    assert codex.session(seen) is None
