"""Every sub-call of every harness is told from its shape, and nothing else is taken for one."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ir.exchange import Exchange
from gateway.routing import calls
from scripts.call_kinds import unseen
from tests.unit.gateway.harnesses import shapes as s

COMPACT = "You are a context summarization agent. Write down what happened."
OPENCODE_SUB = {**s.OPENCODE_SESSION, "x-session-id": "ses_child0001", "x-session-affinity": "ses_child0001"}
OPENCODE_SUB["x-parent-session-id"] = "ses_e06500000ffe"
LOOP = [s.ASK, ("call", "bash"), ("result", "done")]


def opencode(dialect: str, system: str, turns: list[Any], names: tuple[str, ...] = (), **extra: str) -> Exchange:
    return s.make(dialect, s.OPENCODE_AGENT, s.body(dialect, system, turns, names), extra or s.OPENCODE_SESSION)


def codex(turns: list[Any], system: str = "Rules.", names: tuple[str, ...] = s.CODEX_TOOLS, **fields: str) -> Exchange:
    return s.make("responses", s.CODEX_AGENT, s.body("responses", system, turns, names), s.codex_headers(**fields))


def qwen(dialect: str, system: str, turns: list[Any], names: tuple[str, ...] = ()) -> Exchange:
    agent = s.QWEN_CLAUDE if dialect == "messages" else s.QWEN_AGENT
    return s.make(dialect, agent, s.body(dialect, system, turns, names))


def claude(
    system: str, turns: list[Any], names: tuple[str, ...] = (), extra: dict[str, str] | None = None, **more: Any
) -> Exchange:
    sent = {"x-claude-code-session-id": "5e551011-0000", **(extra or {})}
    return s.make("messages", s.CLAUDE_AGENT, s.body("messages", system, turns, names, **more), sent)


def chat(agent: str, system: str, turns: list[Any], names: tuple[str, ...] = (), **more: Any) -> Exchange:
    return s.make("chat", agent, s.body("chat", system, turns, names, **more))


CASES: list[tuple[str, str, Exchange]] = [
    # --- OpenCode, three dialects
    *(("title", f"opencode {d}", opencode(d, s.TITLE_HEAD, ["Name it:\n", f'"{s.ASK}"'])) for d in s.PATHS),
    *(
        ("compaction", f"opencode {d}", opencode(d, COMPACT, ["<conversation>\n[User]: x\n</conversation>\n\nSum up."]))
        for d in s.PATHS
    ),
    *(("main", f"opencode {d}", opencode(d, s.OPENCODE_HEAD, [f'"{s.ASK}"'], s.OPENCODE_TOOLS)) for d in s.PATHS),
    *(("tool_result", f"opencode {d}", opencode(d, s.OPENCODE_HEAD, LOOP, s.OPENCODE_TOOLS)) for d in s.PATHS),
    *(
        ("subagent", f"opencode {d}", opencode(d, s.OPENCODE_HEAD, [s.ASK], s.OPENCODE_TOOLS, **OPENCODE_SUB))
        for d in s.PATHS
    ),
    (
        "subagent",
        "opencode sub-agent's result",
        opencode("chat", s.OPENCODE_HEAD, LOOP, s.OPENCODE_TOOLS, **OPENCODE_SUB),
    ),
    (
        "main",
        "opencode after compaction",
        opencode("chat", s.OPENCODE_HEAD, ["What did we do so far?", ("assistant", "A."), "Go on."], s.OPENCODE_TOOLS),
    ),
    # --- Kilo
    (
        "title",
        "kilo",
        s.make("chat", s.KILO_AGENT, s.body("chat", s.TITLE_HEAD, [s.ASK]), {"x-session-id": "title-ses_1"}),
    ),
    (
        "compaction",
        "kilo",
        s.make(
            "chat",
            s.KILO_AGENT,
            s.body("chat", "You are an anchored context summarization assistant for coding sessions.", ["x"]),
        ),
    ),
    (
        "commit_message",
        "kilo",
        s.make("chat", s.KILO_AGENT, s.body("chat", "You are a commit message generator.", ["diff"])),
    ),
    ("main", "kilo", s.make("chat", s.KILO_AGENT, s.body("chat", "You are Kilo.", [s.ASK], s.OPENCODE_TOOLS))),
    # --- Codex
    ("main", "codex", codex(s.codex_turns(s.ASK))),
    ("tool_result", "codex", codex(s.codex_turns(*LOOP))),
    ("compaction", "codex remote", codex(s.codex_turns(s.ASK), request_kind="compaction")),
    ("compaction", "codex trigger", codex(s.codex_turns(s.ASK, ("assistant", "x"), {"type": "compaction_trigger"}))),
    (
        "compaction",
        "codex local",
        codex(s.codex_turns(s.ASK, "You are performing a CONTEXT CHECKPOINT COMPACTION. Write it.")),
    ),
    ("safety", "codex guardian", codex(["Judge: rm -rf build"], subagent_kind="guardian", thread_id="thread-2")),
    ("safety", "codex guardian by text", codex(["x"], "You are judging one planned coding-agent action.\nSay.")),
    ("summary", "codex memory", codex(["x"], thread_source="internal:memory_consolidation", thread_id="thread-3")),
    (
        "subagent",
        "codex spawned",
        codex(
            s.codex_turns(s.ASK),
            thread_source="subagent:thread_spawn",
            thread_id="thread-4",
            parent_thread_id="root-1111",
        ),
    ),
    ("subagent", "codex spawned, result", codex(s.codex_turns(*LOOP), subagent_kind="review", thread_id="thread-5")),
    # --- Cline
    (
        "compaction",
        "cline",
        chat(
            s.CLINE_AGENT, "Summarize the provided coding session into a concise continuation note with steps.", ["x"]
        ),
    ),
    ("main", "cline", chat(s.CLINE_AGENT, s.CLINE_HEAD, [s.ASK], s.CLINE_TOOLS)),
    ("tool_result", "cline", chat(s.CLINE_AGENT, s.CLINE_HEAD, LOOP, s.CLINE_TOOLS)),
    # --- qwen-code, three dialects
    *(
        (
            "title",
            f"qwen {d}",
            qwen(d, "Pick a title (3-7 words) that captures what this programming-assistant session is about.", ["x"]),
        )
        for d in s.PATHS
    ),
    *(
        (
            "compaction",
            f"qwen {d}",
            qwen(
                d,
                "You are the component that summarizes a conversation when its context window is about to overflow.",
                ["x", ("assistant", "y"), "Now."],
            ),
        )
        for d in s.PATHS
    ),
    *(
        (
            "summary",
            f"qwen memory {d}",
            qwen(
                d,
                "You are now acting as the managed memory extraction subagent for x.",
                ["x"],
                ("read_file", "grep_search", "glob", "write_file"),
            ),
        )
        for d in s.PATHS
    ),
    *(
        (
            "summary",
            f"qwen memory turn 2 {d}",
            qwen(
                d,
                "You are now acting as the managed memory extraction subagent for x.",
                LOOP,
                ("read_file", "write_file"),
            ),
        )
        for d in s.PATHS
    ),
    *(
        (
            "safety",
            f"qwen {d}",
            qwen(d, "You are a security classifier for an AI coding agent operating in auto mode.", ["x"]),
        )
        for d in s.PATHS
    ),
    *(
        (
            "subagent",
            f"qwen {d}",
            qwen(d, "You are a general-purpose subagent working for a parent agent. Work.", [s.ASK], ("read_file",)),
        )
        for d in s.PATHS
    ),
    *(("main", f"qwen {d}", qwen(d, s.QWEN_HEAD, s.qwen_turns(d, s.ASK), s.QWEN_TOOLS)) for d in s.PATHS),
    *(("tool_result", f"qwen {d}", qwen(d, s.QWEN_HEAD, s.qwen_turns(d, *LOOP), s.QWEN_TOOLS)) for d in s.PATHS),
    # --- Continue
    (
        "title",
        "continue",
        chat(
            "ls/JS 5.23.2",
            "",
            ["Given the following... please reply with a title for the chat that is 3-4 words in length.\n\nx"],
            max_tokens=16,
        ),
    ),
    (
        "compaction",
        "continue",
        chat(
            "ls/JS 5.23.2",
            s.CONTINUE_HEAD,
            [
                s.ASK,
                ("assistant", "x"),
                "Please provide a concise summary of our conversation so far, capturing the key context and all.",
            ],
            s.CONTINUE_TOOLS,
        ),
    ),
    ("main", "continue", chat("ls/JS 5.23.2", s.CONTINUE_HEAD, [s.ASK], s.CONTINUE_TOOLS)),
    ("tool_result", "continue", chat("ls/JS 5.23.2", s.CONTINUE_HEAD, LOOP, s.CONTINUE_TOOLS)),
    # --- pi
    (
        "compaction",
        "pi",
        chat(
            "OpenAI/JS 6.26.0",
            "You are a context summarization assistant. Your task is to read a conversation between a user and an AI.",
            ["x"],
        ),
    ),
    ("main", "pi", chat("OpenAI/JS 6.26.0", s.PI_HEAD, [s.ASK], s.PI_TOOLS)),
    ("tool_result", "pi", chat("OpenAI/JS 6.26.0", s.PI_HEAD, LOOP, s.PI_TOOLS)),
    # --- Aider
    ("main", "aider", chat(s.PYTHON, s.AIDER_HEAD, [*s.AIDER_EXAMPLES, s.ASK + s.AIDER_RULES])),
    (
        "commit_message",
        "aider",
        chat(
            s.PYTHON, "You write concise, one-line Git commit messages based on the provided diffs.", ["diff --git a b"]
        ),
    ),
    (
        "summary",
        "aider",
        chat(s.PYTHON, "*Briefly* summarize this partial conversation about programming.\nBe short.", ["# USER\nx"]),
    ),
    # --- Claude Code
    ("probe", "claude quota", claude("", ["quota"], max_tokens=1)),
    (
        "title",
        "claude topic",
        claude(
            s.CLAUDE_HEAD + "\nAnalyze if this message indicates a new conversation topic. Answer in JSON.",
            [s.ASK, ("assistant", "{")],
        ),
    ),
    ("title", "claude title", claude("Generate a concise, sentence-case title (3-7 words).", [s.ASK])),
    ("title", "claude old title", claude("", ["Please write a 5-10 word title for this:\nx"])),
    (
        "safety",
        "claude bash",
        claude(
            "Your task is to process Bash commands that an agent wants to run.",
            ["<policy_spec>\nx\n</policy_spec>\nCommand: ls"],
        ),
    ),
    (
        "compaction",
        "claude",
        claude(
            "You are a helpful AI assistant tasked with summarizing conversations.",
            ["x", ("assistant", "y"), "Sum up."],
            s.CLAUDE_TOOLS,
        ),
    ),
    (
        "compaction",
        "claude in place",
        claude(
            s.CLAUDE_HEAD,
            [s.ASK, ("assistant", "x"), "Your task is to create a detailed summary of the conversation so far. Do."],
            s.CLAUDE_TOOLS,
        ),
    ),
    ("subagent", "claude", claude(s.CLAUDE_HEAD, [s.ASK], s.CLAUDE_TOOLS, {"x-claude-code-agent-id": "agent-77"})),
    ("subagent", "claude result", claude(s.CLAUDE_HEAD, LOOP, s.CLAUDE_TOOLS, {"x-claude-code-agent-id": "agent-77"})),
    ("main", "claude", claude(s.CLAUDE_HEAD, [s.ASK], s.CLAUDE_TOOLS)),
    ("tool_result", "claude", claude(s.CLAUDE_HEAD, LOOP, s.CLAUDE_TOOLS)),
    (
        "tool_result",
        "claude with a reminder",
        claude(
            s.CLAUDE_HEAD,
            [
                s.ASK,
                ("call", "Bash"),
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "c1", "content": "ok"},
                        {"type": "text", "text": "<system-reminder>x</system-reminder>"},
                    ],
                },
            ],
            s.CLAUDE_TOOLS,
        ),
    ),
    # --- mini-swe-agent, smolagents: no sub-calls
    (
        "main",
        "smolagents plan",
        chat(
            s.PYTHON,
            "You are an expert assistant who can solve any task using tool calls.",
            ["Summarize the conversation and plan."],
        ),
    ),
    # --- nobody in particular: conservative
    (
        "title",
        "unknown",
        chat("curl/8", "Generate a short title for the conversation. Reply with the title only.", ["x"]),
    ),
    (
        "title",
        "unknown, one message",
        chat("curl/8", "", ["Write a title for this conversation in five words:\n\nuser: x"]),
    ),
    ("commit_message", "unknown", chat("curl/8", "Write a commit message for the diff.", ["diff --git"])),
    ("compaction", "unknown", chat("curl/8", "You are a context compaction assistant.", ["x"])),
    ("summary", "unknown", chat("curl/8", "Summarize the following chat in two sentences.", ["x"])),
    (
        "safety",
        "unknown",
        chat("curl/8", "You are a command classifier. Answer safe or unsafe.", ["rm -rf /nonexistent-canary"]),
    ),
    ("probe", "unknown", chat("curl/8", "", ["Hi"], max_tokens=1)),
    ("probe", "unknown messages", s.make("messages", "curl/8", s.body("messages", "", ["test"], max_tokens=1))),
    ("main", "unknown prewarm", s.make("messages", "curl/8", s.body("messages", "Long.", ["test"], max_tokens=0))),
    ("tool_result", "unknown", chat("curl/8", "You are a coding agent.", LOOP, ("bash",))),
    ("main", "unknown", chat("curl/8", "You are a coding agent.", [s.ASK], ("bash",))),
    (
        "main",
        "title work with tools",
        chat("curl/8", "You are a coding agent.", ["Generate a title for the conversation view"], ("bash",)),
    ),
    ("main", "a title component", chat("curl/8", "", ["Create a title component for the chat page in React"])),
    ("main", "a session name", chat("curl/8", "", ["Suggest a title bar layout for the chat window"])),
    (
        "main",
        "long agent prompt",
        chat("curl/8", "You are an agent. " * 500 + "Generate a title for the conversation.", [s.ASK]),
    ),
    (
        "main",
        "commit in a long chat",
        chat("curl/8", "", [s.ASK, ("assistant", "x"), "y", ("assistant", "z"), "write a commit message"]),
    ),
]


@pytest.mark.parametrize(("call", "exchange"), [pytest.param(c, e, id=f"{c}: {n}") for c, n, e in CASES])
def test_the_call_is_told(call: str, exchange: Exchange) -> None:
    found, why = calls.detect(exchange)
    assert found == call, (exchange.identity.harness, why)
    assert why


def test_a_humans_words_to_an_agent_with_tools_are_never_housekeeping() -> None:
    """Text in the human's turn that looks like a sub-call must not move the work to the title model."""
    for words in ("Generate a title for this conversation:", "quota", "summarize the conversation so we can continue"):
        for agent, head, names in (
            (s.OPENCODE_AGENT, s.OPENCODE_HEAD, s.OPENCODE_TOOLS),
            (s.CLAUDE_AGENT, s.CLAUDE_HEAD, s.CLAUDE_TOOLS),
            (s.QWEN_CLAUDE, s.QWEN_HEAD, s.QWEN_TOOLS),
        ):
            exchange = s.make("messages", agent, s.body("messages", head, [words], names))
            assert calls.detect(exchange)[0] == "main"


@pytest.mark.parametrize(
    ("name", "least"), [("tuned", 0.95), ("first", 0.95), ("second", 0.95), ("third", 0.95), ("held", 0.8)]
)
def test_clients_that_nobody_described_are_told_as_often_as_documented(name: str, least: float) -> None:
    """docs/reference/classifier.md names these figures; none of the look-alikes may be taken for a sub-call."""
    told = [(case.call, calls.detect(s.make(case.dialect, case.agent, case.body))[0]) for case in unseen.cases(name)]
    assert [found for call, found in told if call == "main" and found != "main"] == []
    ours = [found != "main" for call, found in told if call != "main"]
    assert sum(ours) / len(ours) >= least
