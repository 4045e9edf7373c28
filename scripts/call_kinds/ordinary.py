"""Requests of humans that must not be taken for sub-calls: asks in every envelope, and asks that speak of titles, summaries
and commit messages themselves."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.call_kinds.subcalls import Case
from tests.invariance.asks import ASKS
from tests.invariance.envelopes import ENVELOPES
from tests.unit.gateway.harnesses import shapes as s

LOOKALIKES = (
    "add a title component to the conversation page",
    "write a test for the title generator in src/titles.ts",
    "the chat title is cut off in the sidebar, fix it",
    "implement summarize() in conversation.py so that it returns the last three messages",
    "summarise what the module scheduler.py does",
    "what does the commit message hook check?",
    "change the commit message template to conventional commits",
    "fix the compaction of the log segments in store.rs",
    "add a handoff between the two agents in crew.py",
    "make the safety classifier in policy/judge.py stricter",
    "create a summary table of all endpoints in README.md",
    "the session title should be saved in the database",
    "write a CLI that generates titles from file names",
    "implement a compact view of the conversation list",
    "list the open points of the last release",
    "does the probe in deploy/health.yaml time out too early?",
    "add a command reviewer role to the permissions table",
    "erkläre mir, wie die Zusammenfassung der Sitzung gespeichert wird",
    "écris un test pour le générateur de titres",
    "为会话标题组件添加单元测试",
)
SYSTEM = "You are a coding assistant. Help with the user's code base."
TOOL_COUNTS = (0, 10)


def all_cases() -> Iterator[Case]:
    """The right answer for all is main or tool_result."""
    names = tuple(f"tool_{n}" for n in range(10))
    for name, envelope in ENVELOPES.items():
        for ask in (*ASKS, *LOOKALIKES):
            for count in TOOL_COUNTS:
                dialect, body, headers = envelope(ask, names[:count])
                call = "tool_result" if name.endswith("at work") else "main"
                yield Case(call, dialect, headers["user-agent"], body, headers)
    for ask in LOOKALIKES:
        for dialect in s.PATHS:
            for system in ("", SYSTEM):
                yield Case("main", dialect, "my-agent/1.0", s.body(dialect, system, [ask]), {})
