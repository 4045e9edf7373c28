"""A session is read once: what was read is not read again, whatever moves at its edges; a changed history is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.adapters import trails as module
from gateway.adapters.trails import Read, Trails
from gateway.dialects.contract import View
from tests.unit.gateway.harnesses import shapes as s


@pytest.fixture
def read_items(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    seen: list[bytes] = []
    original = module.turns_of

    def spy(raw: Any, *rest: Any) -> Any:
        seen.append(bytes(raw))
        return original(raw, *rest)

    monkeypatch.setattr(module, "turns_of", spy)
    return seen


def steps(count: int, ask: str = "add a cache", text: str = "file text") -> list[Any]:
    return [ask, *(turn for n in range(count) for turn in (("call", "read"), ("result", f"{text} {n}")))]


def view(turns: list[Any], dialect: str = "chat") -> View:
    return s.view(dialect, s.body(dialect, "sys", turns, ("read",)))


def extend(trails: Trails, read: Read | None, seen: View, dialect: Any = "chat") -> Read:
    return trails.extend(read, seen, dialect, "unknown", trails.new_messages(read, seen.messages))


def test_only_new_messages_are_read(read_items: list[bytes]) -> None:
    trails = Trails()
    read = extend(trails, None, view(steps(40)))
    assert len(read_items) == 43  # equal messages once: system, ask, the call, 40 results
    read_items.clear()
    read = extend(trails, read, view(steps(41)))
    assert len(read_items) == 2
    assert read.trail.steps == 41
    read_items.clear()
    assert extend(trails, read, view(steps(41))) is read  # sent again
    assert read_items == []


def test_in_parts_and_at_once_give_the_same() -> None:
    trails, read = Trails(), None
    for count in range(12):
        read = extend(trails, read, view(steps(count)))
    assert read is not None
    whole = extend(Trails(), None, view(steps(11)))
    assert read.trail.vector() == whole.trail.vector()
    assert read.trail.ask == whole.trail.ask


def test_marks_that_move_do_not_count_as_a_change(read_items: list[bytes]) -> None:
    """On Messages OpenCode, pi and qwen-code move their cache marks to later messages (clients.md 3.4)."""

    def marked(count: int) -> View:
        body = s.body("messages", "sys", steps(count), ("read",))
        body["messages"][-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
        return s.view("messages", body)

    trails = Trails()
    read = extend(trails, None, marked(3), "messages")
    read_items.clear()
    extend(trails, read, marked(4), "messages")
    assert len(read_items) == 2


@pytest.mark.parametrize(
    "changed",
    [
        steps(2),  # rolled back
        steps(5, ask="rename foo"),  # another beginning
        ["What did we do so far?", ("assistant", "We added half a cache."), "Continue if you have next steps"],
    ],
)
def test_a_changed_history_is_read_anew(changed: list[Any]) -> None:
    trails = Trails()
    read = extend(trails, None, view(steps(4)))
    again = extend(trails, read, view(changed))
    whole = extend(Trails(), None, view(changed))
    assert again is not read
    assert again.trail.vector() == whole.trail.vector()


def test_a_regenerated_last_turn_is_read_anew() -> None:
    trails = Trails()
    read = extend(trails, None, view([*steps(2), "now write docs"]))
    again = extend(trails, read, view([*steps(2), "now write tests instead"]))
    assert again.trail.ask is not None
    assert again.trail.ask.words == "now write tests instead"


def test_facts_are_kept_by_content_where_much_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = 0
    original = module.facts_of

    def spy(turn: Any) -> Any:
        nonlocal counted
        counted += 1
        return original(turn)

    monkeypatch.setattr(module, "facts_of", spy)
    trails = Trails()
    extend(trails, None, view(steps(30)))
    first, counted = counted, 0
    extend(trails, None, view(steps(31)))
    assert first == 32
    assert counted <= 2


def test_trails_are_taken_out_and_bounded() -> None:
    trails = Trails(sessions_max=3)
    reads = {name: extend(trails, None, view(steps(1))) for name in "abcd"}
    for name, read in reads.items():
        trails.put(name, read)
    assert trails.take("a") is None
    assert trails.take("d") is reads["d"]
    assert trails.take("d") is None


def test_a_very_long_conversation_is_read_at_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGES_MAX", 50)
    read = extend(Trails(), None, view(steps(60)))
    assert read.trail.ask is not None
    assert read.trail.ask.words == "add a cache"
    assert read.count == 122
    assert 25 <= read.trail.steps <= 32


def test_large_messages_are_named_by_their_beginning() -> None:
    data = json.dumps({"role": "tool", "tool_call_id": "c1", "content": "x" * 1_000_000}).encode()
    other = json.dumps({"role": "tool", "tool_call_id": "c2", "content": "x" * 1_000_000}).encode()
    import msgspec

    assert module.name_of(msgspec.Raw(data)) == module.name_of(msgspec.Raw(data))
    assert module.name_of(msgspec.Raw(data)) != module.name_of(msgspec.Raw(other))


def test_what_was_compared_already_is_not_named_again(monkeypatch: pytest.MonkeyPatch, read_items: list[bytes]) -> None:
    trails = Trails()
    read = extend(trails, None, view(steps(3)))
    longer = view(steps(4)).messages
    monkeypatch.setattr(module, "name_of", lambda raw: pytest.fail("named"))
    assert trails.new_messages(read, longer, known=read.count) == 2
    with pytest.raises(pytest.fail.Exception):
        trails.new_messages(read, longer, known=read.count - 1)
