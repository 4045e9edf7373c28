"""Every harness is told from its requests, in every dialect it speaks, also when its user agent lies."""

from __future__ import annotations

import timeit
from typing import Any

import pytest

from gateway.harnesses import registry
from tests.unit.gateway.harnesses import shapes as s

CASES: list[tuple[str, str, str, str, dict[str, Any], dict[str, str]]] = [
    # expected name, version, dialect, user agent, body, headers
    *(
        (
            "opencode",
            "1.18.33",
            d,
            s.OPENCODE_AGENT,
            s.body(d, s.OPENCODE_HEAD, [s.ASK], s.OPENCODE_TOOLS),
            s.OPENCODE_SESSION,
        )
        for d in s.PATHS
    ),
    ("opencode", "1.18.33", "chat", s.OPENCODE_AGENT, s.body("chat", s.TITLE_HEAD, [s.ASK]), s.OPENCODE_SESSION),
    ("kilo", "7.7.2", "chat", s.KILO_AGENT, s.body("chat", s.TITLE_HEAD, [s.ASK]), {"x-title": "Kilo Code"}),
    (
        "codex",
        "0.169.0",
        "responses",
        s.CODEX_AGENT,
        s.body("responses", "Rules.", s.codex_turns(s.ASK)),
        s.codex_headers(),
    ),
    ("codex", "", "responses", "", s.body("responses", "Rules.", s.codex_turns(s.ASK)), {"originator": "codex_vscode"}),
    ("cline", "", "chat", s.CLINE_AGENT, s.body("chat", s.CLINE_HEAD, [s.ASK], s.CLINE_TOOLS), {}),
    (
        "cline",
        "",
        "chat",
        s.CLINE_AGENT,
        s.body("chat", "You are a helper of the lead.", [s.ASK], s.CLINE_TOOLS[:4]),
        {},
    ),
    ("cline", "3.9.0", "chat", "Cline/3.9.0", s.body("chat", "", [s.ASK]), {}),
    ("qwen-code", "0.24.4", "chat", s.QWEN_AGENT, s.body("chat", s.QWEN_HEAD, [s.ASK], s.QWEN_TOOLS), {}),
    ("qwen-code", "0.24.4", "responses", s.QWEN_AGENT, s.body("responses", s.QWEN_HEAD, [s.ASK], s.QWEN_TOOLS), {}),
    (
        "qwen-code",
        "0.24.4",
        "messages",
        s.QWEN_CLAUDE,
        s.body("messages", s.QWEN_HEAD, [s.ASK], s.QWEN_TOOLS),
        {"x-app": "cli"},
    ),
    # Its side queries have neither its name nor its tools.
    ("qwen-code", "0.24.4", "messages", s.QWEN_CLAUDE, s.body("messages", "Select one.", [s.ASK]), {"x-app": "cli"}),
    (
        "claude-code",
        "2.3.1",
        "messages",
        s.CLAUDE_AGENT,
        s.body("messages", s.CLAUDE_HEAD, [s.ASK], s.CLAUDE_TOOLS),
        {},
    ),
    ("claude-code", "2.3.1", "messages", s.CLAUDE_AGENT, s.body("messages", "", ["quota"], max_tokens=1), {}),
    ("continue", "", "chat", "ls/JS 5.23.2", s.body("chat", s.CONTINUE_HEAD, [s.ASK], s.CONTINUE_TOOLS), {}),
    ("continue", "", "messages", "node-fetch", s.body("messages", s.CONTINUE_HEAD, [s.ASK], s.CONTINUE_TOOLS), {}),
    ("continue", "", "chat", "ls/JS 5.23.2", s.body("chat", "Own rules.", [s.ASK], s.CONTINUE_TOOLS), {}),
    ("pi", "", "chat", "OpenAI/JS 6.26.0", s.body("chat", s.PI_HEAD, [s.ASK], s.PI_TOOLS), {}),
    ("pi", "", "messages", "Anthropic/JS 0.91.1", s.body("messages", s.PI_HEAD, [s.ASK], s.PI_TOOLS), {}),
    ("pi", "", "responses", "OpenAI/JS 6.26.0", s.body("responses", "Own rules.", [s.ASK], s.PI_TOOLS), {}),
    ("aider", "", "chat", s.PYTHON, s.body("chat", s.AIDER_HEAD, [*s.AIDER_EXAMPLES, s.ASK + s.AIDER_RULES]), {}),
    (
        "mini-swe-agent",
        "",
        "chat",
        s.PYTHON,
        s.body(
            "chat",
            "Help.",
            [f"Please solve this issue: {s.ASK}\n\nEnd: COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"],
            ("bash",),
        ),
        {},
    ),
    (
        "smolagents",
        "",
        "chat",
        s.PYTHON,
        s.body(
            "chat",
            "You are an expert assistant who can solve any task using tool calls. Go.",
            [f"New task:\n{s.ASK}"],
            ("final_answer",),
        ),
        {},
    ),
    (
        "unknown",
        "",
        "chat",
        "OpenAI/Python 3.52.0",
        s.body("chat", "You are a coding agent.", [s.ASK], ("write_file",)),
        {},
    ),
    ("unknown", "", "messages", "Anthropic/Python 2.11.0", s.body("messages", "", [s.ASK]), {}),
    ("unknown", "", "responses", "", s.body("responses", "", [s.ASK]), {}),
    # A human who writes about a harness is not one.
    ("unknown", "", "chat", "curl/8.5", s.body("chat", "", ["what does 'You are opencode, …' do in Qwen Code?"]), {}),
]


@pytest.mark.parametrize(("name", "version", "dialect", "agent", "body", "extra"), CASES)
def test_a_harness_is_told(
    name: str, version: str, dialect: str, agent: str, body: dict[str, Any], extra: dict[str, str]
) -> None:
    found = registry.detect(s.headers(agent, extra), s.view(dialect, body), s.seen_dialect(dialect))
    assert (found.name, found.version) == (name, version)


def test_all_harnesses_are_found_by_name() -> None:
    names = {
        "aider", "claude-code", "cline", "codex", "continue", "kilo", "mini-swe-agent",
        "opencode", "pi", "qwen-code", "smolagents",
    }  # fmt: skip
    found = registry.all_harnesses()
    assert set(found) == names
    assert all(harness.name == name for name, harness in found.items())


def test_a_broken_stream_is_cut_for_those_who_only_retry_after_a_cut() -> None:
    assert {n for n, h in registry.all_harnesses().items() if h.midstream == "cut"} == {"pi"}


@pytest.mark.parametrize("agent", ["", "/", "opencode", "a/" * 400, "claude-cli/" + "9" * 400, "\xff\xfe/1"])
def test_a_hostile_user_agent_does_no_harm(agent: str) -> None:
    sent = {b"user-agent": agent.encode("latin-1", "replace")}
    found = registry.detect(sent, s.view("messages", s.body("messages", "", [s.ASK])), "messages")
    assert len(found.version) <= 32


def test_a_large_body_costs_no_more_than_a_small_one() -> None:
    """Only beginnings are read: 2 MB of text must not be."""
    agent = s.headers("curl/8.5")
    small = s.view("chat", s.body("chat", "x " * 200, [s.ASK]))
    large = s.view("chat", s.body("chat", "x " * 1_000_000, [s.ASK]))

    def cost(view: Any) -> float:
        return min(timeit.repeat(lambda: registry.detect(agent, view, "chat"), number=20, repeat=7))

    assert cost(large) < 10 * cost(small) + 0.001


def test_only_codex_needs_a_keep_alive_of_its_own() -> None:
    assert registry.keepalive("codex", "responses").startswith(b"event: keepalive\n")
    assert registry.keepalive("codex", "responses").endswith(b"\n\n")
    others = [(name, dialect) for name in registry.all_harnesses() for dialect in s.PATHS if name != "codex"]
    assert {registry.keepalive(name, dialect) for name, dialect in others} == {b""}
    assert registry.keepalive("nobody", "responses") == b""
