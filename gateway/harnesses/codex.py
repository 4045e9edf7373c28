"""Codex CLI: Responses only, and the most talkative about itself: every request carries `x-codex-turn-metadata` (JSON).

Seen: 0.169.0 (clients.md 1-3); names of the metadata's fields read from the open-source binary's own words. `thread_id`
names one conversation, `session_id` the user's session; sub-agents (review, spawned threads, memory writers, the approval
reviewer called guardian) have threads of their own and name their parent.
"""

from __future__ import annotations

import msgspec

from gateway.harnesses._codex_config import CONNECT
from gateway.harnesses.contract import NO, PROVEN, TOLD, Found, Harness, Hint, Shape, Sign, by_signs

KEEPALIVE = b'event: keepalive\ndata: {"type":"keepalive","sequence_number":0}\n\n'
"""OpenAI's own sign of life. Codex counts events alone: comments do not hold off its `stream_idle_timeout_ms` (300 s by
default) while a long call is held back (openai/codex issue 31539; seen with 0.169.0)."""
METADATA_BYTES_MAX = 16 * 1024

SIGNS = (
    Sign("compaction", "last", (b"CONTEXT CHECKPOINT COMPACTION",), "asks for its checkpoint summary", tools=None),
    Sign("compaction", "last", (b'"compaction_trigger"',), "ends in a compaction trigger", tools=None),
    Sign("safety", "head", (b"You are judging one planned coding-agent action",), "its approval reviewer", tools=None),
    Sign("summary", "head", (b"You are a Memory Writing Agent",), "its memory writer", tools=None),
)
_signs = by_signs(SIGNS)

_KINDS: dict[str, Found] = {
    "compaction": ("compaction", "its turn metadata says compaction"),
    "compact": ("compaction", "its turn metadata says compaction"),
    "guardian": ("safety", "its approval reviewer"),
    "guardian_review": ("safety", "its approval reviewer"),
    "auto_review": ("safety", "its approval reviewer"),
    "memory_consolidation": ("summary", "its memory writer"),
    "memories": ("summary", "its memory writer"),
    "memory": ("summary", "its memory writer"),
    "commit_message": ("commit_message", "its turn metadata says commit message"),
    "title": ("title", "its turn metadata says title"),
    "thread_title": ("title", "its turn metadata says title"),
}


class _Metadata(msgspec.Struct):
    session_id: str | None = None
    thread_id: str | None = None
    parent_thread_id: str | None = None
    request_kind: str | None = None
    thread_source: str | None = None
    subagent_kind: str | None = None
    agent_name: str | None = None


_metadata = msgspec.json.Decoder(_Metadata)
_NOTHING = _Metadata()


def metadata(shape: Shape) -> _Metadata:
    """The turn metadata from the header, else from `client_metadata`; empty if absent, too long or not understood."""
    raw: bytes = shape.headers.get(b"x-codex-turn-metadata", b"")
    if not raw and shape.view.metadata:
        raw = shape.view.metadata.get("x-codex-turn-metadata", "").encode()
    if not raw or len(raw) > METADATA_BYTES_MAX:
        return _NOTHING
    try:
        return _metadata.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # 16 KB hold 16,000 brackets
        return _NOTHING


def _subagent(shape: Shape, told: _Metadata) -> str:
    """What kind of sub-agent this is; "" for the user's own thread."""
    kind = shape.header(b"x-openai-subagent") or told.subagent_kind or ""
    source = told.thread_source or ""
    if not kind and source.startswith(("subagent", "internal")):
        kind = source.partition(":")[2] or "subagent"
    return kind[:64]


def recognise(shape: Shape) -> int:
    name = shape.product[0]
    if name.startswith("codex") or shape.header(b"originator").startswith("codex"):
        return PROVEN
    return TOLD if b"x-codex-turn-metadata" in shape.headers else NO


def call(shape: Shape) -> Found | None:
    told = metadata(shape)
    for word in (told.request_kind or "", _subagent(shape, told).rpartition(":")[2]):
        if word in _KINDS:
            return _KINDS[word]
    return _signs(shape)


def session(shape: Shape) -> Hint | None:
    told = metadata(shape)
    thread = shape.header(b"thread-id") or told.thread_id or ""
    if not thread:
        return None
    source = "thread-id" if shape.header(b"thread-id") else "x-codex-turn-metadata"
    parent = shape.header(b"x-codex-parent-thread-id") or told.parent_thread_id or ""
    kind = _subagent(shape, told)
    root = shape.header(b"session-id") or told.session_id or ""
    if kind or parent:
        return Hint(thread, source, agent=kind or thread, parent=parent or (root if root != thread else None) or None)
    return Hint(thread, source)


def _version(shape: Shape) -> str:
    return shape.product[1] if shape.product[0].startswith("codex") else ""


HARNESS = Harness(
    name="codex",
    title="Codex CLI",
    recognise=recognise,
    call=call,
    session=session,
    version=_version,
    cache_key_is_session=True,
    keepalive={"responses": KEEPALIVE},
    connect=CONNECT,
)
_: Harness = HARNESS
