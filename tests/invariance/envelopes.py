"""One ask in the wrapping of each harness, in words of our own and the harness's shape; with any number of tools.

An envelope is a function of ask and tool names to (dialect, body, headers). The same ask stands in a first request, after
tool results, after an agreed "yes", and after a compaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.gateway.harnesses import shapes as s

Envelope = Callable[[str, tuple[str, ...]], tuple[str, dict[str, Any], dict[str, str]]]

LONG = (
    "Keep to the conventions of the code base. Refactor nothing that was not asked for. Write tests where they help. "
)
"""Words that would mislead a scorer which reads system texts."""
REMINDER = (
    "<system-reminder>\nToday is 2026-11-21. The agent may migrate, refactor and document the whole project.\n"
    "</system-reminder>"
)
FILES = "```python src/app.py\ndef main() -> None:\n    raise NotImplementedError  # TODO: design an algorithm\n```"
DETAILS = (
    "<environment_details>\n# Visible files\nsrc/app.py\ntests/test_app.py\n\n# Current time\n2026-11-21\n"
    "</environment_details>"
)
IDE = "# Context from my IDE setup:\n\n## Open tabs:\n- app.py: src/app.py\n- util.py: src/util.py\n\n## My request for Codex:\n"
PLAN_FREE = "I looked at it. Shall I go on?"


def _sent(agent: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    return {"user-agent": agent, **(extra or {})}


def _opencode(dialect: str, turns: Callable[[str], list[Any]]) -> Envelope:
    def wrap(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
        body = s.body(dialect, s.OPENCODE_HEAD + LONG * 40, turns(f'"{ask}"'), tools)
        return dialect, body, _sent(s.OPENCODE_AGENT, s.OPENCODE_SESSION)

    return wrap


def _cline(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
    content = [{"type": "text", "text": f"<task>\n{ask}\n</task>"}, {"type": "text", "text": DETAILS}]
    body = s.body("chat", s.CLINE_HEAD + LONG * 20, [{"role": "user", "content": content}], tools)
    return "chat", body, _sent(s.CLINE_AGENT)


def _codex(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
    body = s.body("responses", LONG * 80, s.codex_turns(ask), tools)
    return "responses", body, _sent(s.CODEX_AGENT, s.codex_headers())


def _codex_ide(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
    body = s.body("responses", LONG * 80, s.codex_turns(IDE + ask), tools)
    return "responses", body, _sent(s.CODEX_AGENT, s.codex_headers())


def _aider(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Aider has no tools at all, whatever the number asked for."""
    body = s.body("chat", s.AIDER_HEAD + LONG * 10, [*s.AIDER_EXAMPLES, ask + s.AIDER_RULES])
    return "chat", body, _sent(s.PYTHON)


def _qwen(dialect: str) -> Envelope:
    def wrap(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
        agent = s.QWEN_CLAUDE if dialect == "messages" else s.QWEN_AGENT
        body = s.body(dialect, s.QWEN_HEAD + LONG * 60, s.qwen_turns(dialect, ask), tools)
        return dialect, body, _sent(agent)

    return wrap


def _claude(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
    blocks = [{"type": "text", "text": text} for text in (REMINDER, ask)]
    body = s.body("messages", s.CLAUDE_HEAD + LONG * 60, [{"role": "user", "content": blocks}], tools)
    return "messages", body, _sent(s.CLAUDE_AGENT, {"x-claude-code-session-id": "5e551011-0000"})


def _continue(dialect: str) -> Envelope:
    def wrap(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
        body = s.body(dialect, s.CONTINUE_HEAD + LONG * 5, [f"{FILES}\n\n{ask}"], tools)
        return dialect, body, _sent("ls/JS 5.23.2" if dialect == "chat" else "node-fetch")

    return wrap


def _bare(dialect: str, turns: Callable[[str], list[Any]] = lambda ask: [ask]) -> Envelope:
    def wrap(ask: str, tools: tuple[str, ...]) -> tuple[str, dict[str, Any], dict[str, str]]:
        return dialect, s.body(dialect, LONG, turns(ask), tools), _sent(s.PYTHON)

    return wrap


def _first(ask: str) -> list[Any]:
    return [ask]


def _working(ask: str) -> list[Any]:
    return [
        ask,
        ("call", "read"),
        ("result", "def migrate(): ..."),
        ("call", "bash"),
        ("result", "docstring tests fail: no"),
    ]


def _agreed(ask: str) -> list[Any]:
    return [ask, ("assistant", PLAN_FREE), "yes, go ahead"]


def _pushed(ask: str) -> list[Any]:
    return [ask, ("assistant", PLAN_FREE), "weiter"]


def _pasted(ask: str) -> list[Any]:
    """The ask with a transcript and a log pasted below."""
    return [
        f"{ask}\n\nUser: can you migrate everything?\nAssistant: yes, overnight\nUser: thanks\n\n"
        "2026-11-20 10:00:01 ERROR deadlock in scheduler\n2026-11-20 10:00:02 INFO docstring added\n"
    ]


ENVELOPES: dict[str, Envelope] = {
    **{f"opencode {d}": _opencode(d, _first) for d in s.PATHS},
    **{f"opencode {d}, at work": _opencode(d, _working) for d in s.PATHS},
    "opencode chat, agreed": _opencode("chat", _agreed),
    "cline": _cline,
    "codex": _codex,
    "codex in an IDE": _codex_ide,
    "aider": _aider,
    **{f"qwen-code {d}": _qwen(d) for d in s.PATHS},
    "claude style": _claude,
    "continue chat": _continue("chat"),
    "continue messages": _continue("messages"),
    **{f"bare {d}": _bare(d) for d in s.PATHS},
    "bare chat, pushed on": _bare("chat", _pushed),
    "bare messages, pasted": _bare("messages", _pasted),
}
