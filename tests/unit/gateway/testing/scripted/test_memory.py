"""The vendor's memory: a prompt read once is cached up to where the next one differs, marks or not."""

from __future__ import annotations

from typing import Any

from gateway.testing.scripted.asked import read
from gateway.testing.scripted.memory import Memory

LONG = {"role": "user", "content": "word " * 400}
MARK = {"type": "ephemeral"}


def messages(*history: Any, marked: int = -1) -> Any:
    blocks = [{"role": m["role"], "content": [{"type": "text", "text": m["content"]}]} for m in history]
    if marked >= 0:
        blocks[marked]["content"][0]["cache_control"] = MARK
    return read("messages", {"model": "m", "messages": blocks})


def test_automatic_caching_follows_the_longest_known_prefix() -> None:
    memory = Memory()
    first = read("chat", {"model": "m", "messages": [LONG]})
    longer = read("chat", {"model": "m", "messages": [LONG, {"role": "assistant", "content": "x"}, LONG]})
    other = read("chat", {"model": "m", "messages": [{"role": "user", "content": "no"}, LONG]})
    total, cached, _ = memory.read(first, marks_needed=False)
    assert cached == 0
    assert memory.read(longer, marks_needed=False)[1] == total
    assert memory.read(other, marks_needed=False)[1] < total // 10


def test_marked_caching_reads_and_writes_up_to_the_mark_and_ignores_where_it_moved() -> None:
    memory = Memory()
    assert memory.read(messages(LONG), marks_needed=True)[1:] == (0, 0)
    total, cached, written = memory.read(messages(LONG, marked=0), marks_needed=True)
    assert (cached, written) == (0, total)
    answer = {"role": "assistant", "content": "x"}
    moved = messages(LONG, answer, LONG, marked=2)
    longer, cached, written = memory.read(moved, marks_needed=True)
    assert cached == total
    assert cached + written == longer


def test_another_model_has_another_cache() -> None:
    memory = Memory()
    memory.read(read("chat", {"model": "a", "messages": [LONG]}), marks_needed=False)
    assert memory.read(read("chat", {"model": "b", "messages": [LONG]}), marks_needed=False)[1] == 0


def test_ids_are_repeatable() -> None:
    assert Memory().mint("call_") == Memory().mint("call_")
    memory = Memory()
    assert memory.mint("x") != memory.mint("x")
