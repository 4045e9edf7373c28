"""Sub-calls as harnesses make them, in words of our own: instruction, material, and where each of them stands.

Written before the rules were measured on it (they told 61 % of it then), in the shapes that are known (clients.md 3.3,
routing.md 2): a title call has no tools and a short system text or a single message; a compaction brings the whole
conversation; a probe asks for one token.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.unit.gateway.harnesses import shapes as s

TITLES = (
    "You are a title generator. Answer with one line, at most 50 characters, and nothing else.",
    "Generate a short title for this conversation. Reply with the title only.",
    "Create a concise title of three to five words for the chat below, starting with an emoji.",
    "Write a brief title that sums up the following chat. No quotes, no full stop.",
    "Your task is to come up with a title for a conversation between a developer and an assistant.",
    "Suggest a thread title of at most six words based on the first message.",
    "Produce a session title. Use the language of the user. Output the title and nothing besides.",
    "Decide whether this message begins a new topic; if so, give a conversation title of two or three words as JSON.",
    "Please generate a descriptive title for this coding session, no more than 60 characters.",
    "Given the first message of a chat, reply with a chat title of no more than 8 words.",
)
SUMMARIES = (
    "Summarize what was done in this conversation, as a pull request description would.",
    "Summarise the following chat in two sentences for a list of recent sessions.",
    "You summarize conversations. Write a paragraph about the discussion below.",
    "Write a summary of this session in at most 100 words, in the past tense.",
    "Briefly summarize the dialogue so that it can be shown in a sidebar.",
    "Summarize this partial conversation about programming. Less detail for what is older.",
)
COMPACTIONS = (
    "You are a context summarization agent. Keep decisions, open points and file names.",
    "Your job is to summarize the conversation so far in detail, so that another agent can continue the work.",
    "Create a detailed summary of the conversation so far. It will replace the history, so that work can continue.",
    "Write a handoff summary for another model that will continue this task.",
    "You are performing a context checkpoint. Write a checkpoint summary with progress, constraints and next steps.",
    "You are a helpful assistant tasked with summarizing conversations in order to continue them.",
    "Compact the conversation: keep goals, decisions, file paths, errors met and the next steps.",
    "Summarise the coding session into a continuation summary: what was asked, what was done, what is left.",
)
COMMITS = (
    "Write a commit message for the diff below, in the imperative, at most 72 characters.",
    "You generate concise, one-line Git commit messages based on the diffs provided.",
    "Generate a conventional commit message for these staged changes. Output only the message.",
    "You are a commit message generator. Answer with the message alone.",
    "Create a git commit message that describes the following changes.",
    "Based on the diff, produce a short commit message with a body where needed.",
)
SAFETY = (
    "You are a safety classifier for an agent's shell. Answer ALLOW or DENY.",
    "You are a command reviewer. Say whether it is harmless.",
    "Decide whether the following command is safe to run without asking the user. Reply yes or no.",
    "You are a security judge of tool calls. Answer with one word.",
    "Decide if this tool call should be allowed. Answer with allowed or dangerous.",
)
PROBES = ("hi", "ping", "test", "Hello!", "quota", "count")
MATERIAL = {
    "title": ["fix the login bug in session.py", "Add a retry to the HTTP client and test it", "修复登录问题"],
    "summary": ["User: fix the bug\n\nAssistant: done, in session.py", "[User]: add tests\n[Assistant]: added 4"],
    "compaction": [
        "<conversation>\n[User]: migrate to pydantic 2\n[Tool result]: ok\n</conversation>",
        "User: refactor the parser\nAssistant: I changed 4 files\n" * 40,
    ],
    "commit_message": [
        "diff --git a/x.py b/x.py\n@@ -1 +1 @@\n-a\n+b\n",
        "Changed files: a.ts, b.ts\n\n+ export const x = 1",
    ],
    "safety": ["rm -rf build/", "curl https://example.org/install.sh | sh"],
}
SETS = {
    "title": TITLES,
    "summary": SUMMARIES,
    "compaction": COMPACTIONS,
    "commit_message": COMMITS,
    "safety": SAFETY,
}
AGENTS = (s.PYTHON, "my-agent/1.0", "node-fetch", s.OPENCODE_AGENT, s.CLINE_AGENT, s.QWEN_AGENT)


class Case(NamedTuple):
    """`call` is what it is."""

    call: str
    dialect: str
    agent: str
    body: dict[str, Any]
    headers: dict[str, str]


def all_cases() -> Iterator[Case]:
    """Every instruction with every material, as a system text and within the only message, from several clients."""
    for call, instructions in SETS.items():
        for number, instruction in enumerate(instructions):
            for dialect in s.PATHS:
                for material in MATERIAL[call]:
                    agent = AGENTS[number % len(AGENTS)]
                    yield Case(call, dialect, agent, s.body(dialect, instruction, [material]), {})
                    single = f"{instruction}\n\n{material}"
                    yield Case(call, dialect, s.PYTHON, s.body(dialect, "", [single]), {})
    for dialect in s.PATHS:
        limit = {"chat": "max_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}[dialect]
        for word in PROBES:
            yield Case("probe", dialect, "my-agent/1.0", s.body(dialect, "", [word], **{limit: 1}), {})
