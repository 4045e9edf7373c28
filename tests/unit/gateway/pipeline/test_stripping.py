"""The exchange without stripped tools: its view is that of its body, turn after turn."""

import json

import msgspec
import pytest

from gateway.dialects import registry
from gateway.pipeline import stripping
from gateway.pipeline.stripping import Stripping
from tests.support.desk import policy
from tests.support.turns import exchange

DIALECTS = ("chat", "messages", "responses")
POLICY = policy("profiles: {default: {strip: bash}}\n")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_body_and_view_belong_together_in_every_turn(dialect):
    made, plugin, history = Stripping(), registry.by_name(dialect), []
    for _ in range(4):
        told = made.of(exchange(dialect, *history), plugin, POLICY)
        fresh = plugin.read(told.body)
        assert "bash" not in told.view.tool_names
        for name in ("tool_names", "span_model", "messages_end", "model"):
            assert getattr(told.view, name) == getattr(fresh, name)
        assert [bytes(m) for m in told.view.messages] == [bytes(m) for m in fresh.messages]
        history += [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    assert len(made._kept) == 1


def test_who_loses_nothing_keeps_the_very_exchange():
    asked = exchange()
    assert Stripping().of(asked, registry.by_name("chat"), policy("profiles: {default: {strip: nothing}}\n")) is asked
    narrow = policy("profiles: {default: {}, other: {match: {key: k9}, strip: bash}}\n")
    assert Stripping().of(asked, registry.by_name("chat"), narrow) is asked


def test_what_is_kept_is_bounded(monkeypatch):
    made, plugin = Stripping(), registry.by_name("chat")
    for number in range(stripping.KEPT_MAX + 5):
        made.of(exchange(session=f"ses_{number}"), plugin, POLICY)
    assert len(made._kept) == stripping.KEPT_MAX
    monkeypatch.setattr(stripping, "KEPT_BYTES_MAX", 10)
    made.of(exchange(session="ses_x"), plugin, POLICY)
    assert len(made._kept) == 1
    assert made._bytes == len(next(iter(made._kept.values()))[0])


def test_a_conversation_that_was_changed_is_read_anew():
    made, plugin = Stripping(), registry.by_name("chat")
    made.of(exchange(), plugin, POLICY)
    other = exchange()
    body = json.dumps({**json.loads(other.body), "messages": [{"role": "user", "content": "new"}]}).encode()
    other = msgspec.structs.replace(other, body=body, view=plugin.read(body))
    assert len(made.of(other, plugin, POLICY).view.messages) == 1
