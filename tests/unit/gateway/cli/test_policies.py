"""Finding and asking policies from the command line."""

from gateway.cli import _policies
from policies.hooks import HookAnswer
from policies.verdict import Caller, NeedHook, NeedParse, NeedScore, ToolCall
from tests.support.desk import policy


def test_parses_with_shfmt():
    assert b'"Type":"File"' in _policies.parse("ls $(id)").replace(b'"Type": "File"', b'"Type":"File"')
    assert _policies.parse("if") is None


def test_without_shfmt_nothing_is_parsed(monkeypatch):
    monkeypatch.setattr(_policies, "_parser", lambda: None)
    assert _policies.parse("ls") is None


def test_answers_change_nothing():
    assert _policies.answer(NeedHook("h", "pre_tool_use", b"")) == HookAnswer()
    assert _policies.answer(NeedScore(ToolCall("1", "x", b""), None)) is None
    assert _policies.answer(NeedParse("ls")) is not None


def test_decide_says_how_long_it_took():
    verdict, latency_us = _policies.decide(policy("name: x"), ToolCall("1", "Read", b'{"file_path":"a"}'), Caller())
    assert verdict.decision == "ask"
    assert latency_us > 0


def test_sources(tmp_path):
    assert [name for name, _ in _policies.sources(["ci", "strict"])] == ["ci", "strict"]
