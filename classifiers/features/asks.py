"""The human's words in a text that carries the human's role: everything that a machine or the clipboard put there is taken
out, and what kind of thing it was is kept as a mark. Pure.

Harnesses wrap the human in reminders, environment, open files, edit rules and quoted transcripts; a router that reads those
judges the harness (routing.md 4, points 1 and 4). What is known of all harnesses by shape is here; what a single client
appends is taken away by whoever knows the client, before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from classifiers.features.phrases import CORRECTION_CHARS, RESUMED, consents, corrects
from classifiers.features.turns import HUMAN_CHARS

_MACHINE: Final = (
    "system-reminder|system_reminder|system-notification|environment_context|environment_details|environment_info|"
    "workspace_info|user_instructions|instructions|permissions instructions|skills_instructions|available_skills|"
    "turn_aborted|subagent_notification|local-command-stdout|local-command-stderr|local-command-caveat|command-message|"
    "command-name|command-args|bash-input|bash-stdout|bash-stderr|ide_selection|ide_opened_file|ide_diagnostics|"
    "file_content|file_contents|file|attached_files|attachments|attachment|context|additional_context|additional_data|"
    "codex_internal_context|conversation|conversation_history|conversation_summary|transcript|tool_result|tool_response|"
    "function_results|output|stdout|stderr|editor_context|editorcontext|reminderinstructions|toolreferences|open_files|"
    "recently_viewed_files|rules|user_rules|project_layout|project_instructions|repo_map|memory|memories|git_status|todos|"
    "current_file|selection|documents|document|diagnostics|linter_errors|explicit_context|mode|slug|notice"
)
_TAG: Final = re.compile(rf"<({_MACHINE})\b[^<>]{{0,200}}>", re.IGNORECASE)
_ASKED: Final = re.compile(
    r"<(user_query|user_message|user_input|user_request|userrequest|task|feedback|query|request|pr_description|"
    r"issue|new_task)\b[^<>]{0,80}>(.*?)(?:</\1>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_HEADED: Final = re.compile(
    r"^#+ *(?:My request for \w+|User(?:'s)? (?:request|query|message)|Task|Request)\s*:?\s*$\n?", re.I | re.M
)
_CONTEXT_HEAD: Final = re.compile(
    r"\A#+ *(?:Context from my IDE setup|AGENTS\.md instructions|CLAUDE\.md|Files mentioned by the user|TODO LIST)",
    re.I,
)
_FENCED: Final = re.compile(
    r"^[ \t]*(```+|~~~+)[ \t]*([^\n`]*)\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_QUOTED: Final = re.compile(r"^[ \t]*>.*(?:\n|\Z)", re.MULTILINE)
_TRACE: Final = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t]+.*\n?)*(?:^[\w.]+(?:Error|Exception|Warning|Interrupt|Exit)\b.*$)?"
    r"|(?:^[ \t]+at \S.*\(?.*:\d+.*\n?)+|^(?:thread '.*' panicked at|panic: |goroutine \d+ ).*$(?:\n^[ \t\w].*:\d+.*$)*",
    re.MULTILINE,
)
_TRACE_SIGNS: Final = ("Traceback (", "\n\tat ", "  at ", "panicked at", "panic: ", "goroutine ")
_LOG: Final = re.compile(
    r"^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d\d:\d\d:\d\d[.,\s]|\[?(?:ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE|FATAL)\]?[ :]"
    r"|\$ \S|E {3}|FAILED |PASSED |npm ERR!|error\[E\d+\]|error TS\d+).*(?:\n|\Z)",
    re.MULTILINE,
)
_DIFF: Final = re.compile(
    r"^(?:diff --git |@@ -\d|--- a/|\+\+\+ b/|index [0-9a-f]{7}).*(?:\n(?:[ +\-@\\].*)?)*", re.MULTILINE
)
_TALK: Final = re.compile(
    r"^[ \t]*(?:\*\*|\[|#+ *)?(?:User|Human|Assistant|AI|ChatGPT|Claude|Copilot|Agent|Tool(?: result| call)?)(?:\*\*|\])?"
    r"[ \t]*:(?:\*\*)?[ \t]",
    re.MULTILINE,
)
_TALK_LINE: Final = re.compile(
    r"^[ \t]*(?:\*\*|\[|#+ *)?(?:User|Human|Assistant|AI|ChatGPT|Claude|Copilot|Agent|Tool(?: result| call)?)(?:\*\*|\])?"
    r"[ \t]*:(?:\*\*)?[ \t].*(?:\n(?![ \t]*\n).*)*",
    re.MULTILINE,
)
_LIST: Final = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,2}[.)]) +\S", re.MULTILINE)
_FILE_REF: Final = re.compile(r"^(?:@\S+|\[(?:file|image|Image|File)[^\]\n]{0,80}\])$", re.MULTILINE)
LIST_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Said:
    """`words` are the human's own, maybe none. `marks`: kinds of material that stood beside them. `consents`, `corrects`:
    see phrases. `resumed`: a harness wrote this in the human's name."""

    words: str = ""
    marks: frozenset[str] = frozenset()
    consents: bool = False
    corrects: bool = False
    resumed: bool = False

    @property
    def short(self) -> bool:
        return len(self.words) <= CORRECTION_CHARS


NOTHING: Final = Said()


def said_of(text: str, images: int = 0) -> Said:
    """What the human says in one text. Linear in its length, which is bounded by HUMAN_CHARS."""
    text = text[:HUMAN_CHARS]
    if RESUMED.match(text.lstrip()) is not None:
        return Said(resumed=True)
    marks: set[str] = {"image"} if images else set()
    words = _cleaned(text, marks)
    if not words:
        return Said(marks=frozenset(marks)) if marks else NOTHING
    if len(_LIST.findall(words, 0, 4000)) >= LIST_MIN:
        marks.add("list")
    return Said(words, frozenset(marks), consents(words), corrects(words))


def _cleaned(text: str, marks: set[str]) -> str:
    if "<" in text:
        text = _untagged(text)
    if "#" in text:
        text = _headed(text)
    if "```" in text or "~~~" in text:
        text = _FENCED.sub(lambda found: _block(found, marks), text)
    if "\n" in text:
        text = _unpasted(text, marks)
    text = text.strip()
    if len(text) > 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _untagged(text: str) -> str:
    """Only what is marked as the request, if anything is; without tagged machine text (an unclosed tag takes the rest)."""
    parts: list[str] = []
    position = 0
    while (found := _TAG.search(text, position)) is not None:
        parts.append(text[position : found.start()])
        closing = f"</{found[1]}>"
        end = text.find(closing, found.end())
        position = len(text) if end < 0 else end + len(closing)
    text = "".join([*parts, text[position:]])
    asked = [found[2].strip() for found in _ASKED.finditer(text)]
    return "\n".join(filter(None, asked)) or text if asked else text


def _headed(text: str) -> str:
    """What follows a heading that announces the request; nothing of a text that begins as a harness's context."""
    heads = list(_HEADED.finditer(text))
    if heads and text[heads[-1].end() :].strip():
        return text[heads[-1].end() :]
    return "" if _CONTEXT_HEAD.match(text.lstrip()) is not None else text


def _block(found: re.Match[str], marks: set[str]) -> str:
    inside = found[3][:2000]
    if found[2].strip() == "diff" or _DIFF.search(inside) is not None:
        marks.add("diff")
    elif _TRACE.search(inside) is not None:
        marks.add("trace")
    elif _LOG.search(inside) is not None:
        marks.add("log")
    else:
        marks.add("code")
    return "\n"


def _unpasted(text: str, marks: set[str]) -> str:
    """Without stack traces, diffs, log lines, quotations and transcripts that were pasted without a fence."""
    for mark, pattern, sign in (("diff", _DIFF, "@@ -"), ("diff", _DIFF, "diff --git")):
        if sign in text:
            text = _marked(pattern, text, mark, marks)
    if any(sign in text for sign in _TRACE_SIGNS):
        text = _marked(_TRACE, text, "trace", marks)
    text = _marked(_LOG, text, "log", marks)
    if ">" in text:
        text = _marked(_QUOTED, text, "quote", marks)
    if ":" in text and len(_TALK.findall(text)) >= 2:
        text = _marked(_TALK_LINE, text, "transcript", marks)
    return _FILE_REF.sub("", text) if "@" in text or "[" in text else text


def _marked(pattern: re.Pattern[str], text: str, mark: str, marks: set[str]) -> str:
    text, count = pattern.subn("", text)
    if count:
        marks.add(mark)
    return text
