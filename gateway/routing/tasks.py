"""What the human asked for, by a small set of rules; the learned classifier replaces them behind the same port. Pure.

Only the human's own words count (gateways.md 3F, 75 to 79): not the system text, the number of tools or the length,
which say what the harness is and mislead every classifier that reads them; not what a machine put around the ask (reminders,
environment, quoted output, edit rules); and "yes" or "continue" stands for the ask it confirms.

Rules in order, first match wins; each is a task and words in English, with German, French, Spanish, Portuguese, Chinese,
Japanese and Russian where they are cheap:

| task | said by |
|---|---|
| long_running | overnight, in the background, keep going until, monitor, every hour |
| docstring | docstring, JSDoc, comments or type hints to be added |
| test_scaffold | tests to be written or generated (failing tests to be repaired are an edit) |
| multi_file_refactor | a change with a reach: across files, whole project, migration, or three paths or more |
| novel_reasoning | root cause, race, deadlock, leak, proof, architecture, trade-off, algorithm, vulnerability |
| boilerplate | something new of a known form: scaffold, config file, Dockerfile, CRUD, a file with given content |
| single_file_edit | any other change |
| question | a question, or something to be explained |

No rule, no task: the default route decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from gateway.dialects.contract import View
from gateway.harnesses.registry import all_harnesses
from gateway.ir.exchange import Exchange, Task
from gateway.reading import TEXT_CHARS_MAX, human_words, role_of, texts_of, walk_back
from gateway.routing import words

ASK_CHARS: Final = 2000
"""Of an ask, its beginning and end are judged, each half of this: what stands between is material."""
FIRST_MAX: Final = 12
MANY_PATHS: Final = 3

# --- finding the ask ---------------------------------------------------------------------------------------------

_RESUMED: Final = re.compile(
    r"(?:Continue if you have next steps, or stop and ask|What did we do so far\?"
    r"|Please continue the conversation from where|This session is being continued from a previous conversation"
    r"|\[Request interrupted by user)",
    re.IGNORECASE,
)


def ask_of(view: View, harness: str = "unknown") -> str:
    """The human's latest ask, at most TEXT_CHARS_MAX characters, "" if there is none.

    Looks back over tool results and the agent's own turns, over confirmations and over texts a harness writes in the
    human's name, at most WALK_MAX messages; then at the beginning of the conversation; and if compaction left nothing of the
    human, at the agent's summary."""
    known = all_harnesses().get(harness)
    human = known.human if known else human_words
    confirmed, summary = "", ""
    for role, raw in walk_back(view.messages):
        if role == "assistant" and not summary:
            summary = _joined(texts_of(raw))
        if role != "user":
            continue
        said = _words(raw, human)
        if said and _RESUMED.match(said) is None:
            if not _confirms(said):
                return said
            confirmed = confirmed or said
    for raw in view.messages[:FIRST_MAX]:
        if role_of(raw) == "user":
            said = _words(raw, human)
            if said and _RESUMED.match(said) is None and not _confirms(said):
                return said
    return summary or confirmed


def speaks(view: View, since: int, harness: str = "unknown") -> bool:
    """The human says something in the messages from `since` on."""
    known = all_harnesses().get(harness)
    human = known.human if known else human_words
    return any(role_of(raw) == "user" and _words(raw, human) for raw in view.messages[since:])


def _confirms(said: str) -> bool:
    return len(said) <= words.CONFIRM_CHARS and words.CONFIRMS.fullmatch(said.lower()) is not None


def _words(raw: msgspec.Raw, human: Callable[[str], str]) -> str:
    return _joined([human(text) for text in texts_of(raw)])


def _joined(texts: list[str]) -> str:
    return "\n".join(filter(None, texts))[:TEXT_CHARS_MAX].strip()


# --- labelling it ------------------------------------------------------------------------------------------------


def label_task(ask: str) -> tuple[Task | None, str]:
    """The task of an ask, and the words that say so; (None, why) when no rule speaks."""
    text = ask.strip().lower()
    if not text:
        return None, "no human words found"
    if len(text) > ASK_CHARS:
        text = f"{text[: ASK_CHARS // 2]}\n{text[-ASK_CHARS // 2 :]}"
    said = words.scan(text)
    asks = words.QUESTION.match(text) is not None or text.endswith(("?", "？"))
    question = asks and "asks_change" not in said
    for task, found in _checks(text, said, question):
        if found:
            return task, f"says {found!r}"
    if question:
        return "question", "asks a question"
    if "edit" in said:
        return "single_file_edit", f"asks for a change ({said['edit']!r})"
    return None, "no rule speaks"


def _checks(text: str, said: Mapping[str, str], question: bool) -> Iterator[tuple[Task, str]]:
    """The rules in order, each with the words that matched ("" if none). A question asks for no work but thinking."""
    if not question:
        yield "long_running", said.get("long", "")
        yield "docstring", said.get("doc", "")
        yield "test_scaffold", "" if "test_repair" in said else said.get("test", "")
    yield "multi_file_refactor", said.get("migrate", "")
    if "edit" in said and not question:
        yield "multi_file_refactor", said.get("reach") or _many_paths(text)
    yield "novel_reasoning", said.get("novel", "")
    if not question:
        yield "boilerplate", said.get("new_file") or said.get("boiler", "")


def _many_paths(text: str) -> str:
    if text.count(".") < MANY_PATHS:
        return ""
    paths = {found[0] for found in words.PATH.finditer(text)}
    return f"{len(paths)} paths" if len(paths) >= MANY_PATHS else ""


def of_exchange(exchange: Exchange) -> tuple[Task | None, str]:
    """The task of a request, whichever turn of the conversation it is."""
    return label_task(ask_of(exchange.view, exchange.identity.harness))
