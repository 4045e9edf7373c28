"""Which conversation a request belongs to, from what harnesses send; scoped by the caller's key. Pure.

Precedence, first usable value wins (clients.md 1, protocols.md 1.6):

 1. `x-interlock-session`
 2. what the recognised harness itself tells (gateway.harnesses: Codex's thread in its turn metadata)
 3. `x-claude-code-session-id`; with `x-claude-code-agent-id` a sub-agent under that session
 4. `x-session-id`, `x-session-affinity`; with `x-parent-session-id` a sub-agent
 5. `thread-id`, `session-id`, `session_id`, `conversation_id` (Codex new and old, pi)
 6. any `x-<vendor>-session-id`, `x-<vendor>-session`
 7. `metadata.user_id`: the suffix `_session_<id>`, or a JSON object with `session_id`
 8. `session_id`, `thread_id`, `conversation_id` in `metadata` / `client_metadata`
 9. `prompt_cache_key`, for harnesses that use it as a session (others share one key among conversations)
10. W3C `baggage`: `session.id`
11. none: a digest of the stable prefix, which is system text, tools and the human's first words, without cache marks
    (OpenCode, pi and qwen-code move them), without Claude Code's billing block (it changes with every request)

Never a bearer token, never an id that changes per request. Header values are hostile input: an unusable one is skipped.
Two keys never share a session: the id shown is a digest of key and value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from gateway.dialects.contract import View
from gateway.harnesses.contract import Harness, Hint, Shape
from gateway.harnesses.registry import all_harnesses
from gateway.ir.exchange import Session
from gateway.ir.request import DialectName
from gateway.reading import human_words, role_of, texts_of

VALUE_MAX: Final = 256
"""Longest session id accepted, in characters; the longest seen is 74 (pi on Responses)."""
FIRST_MAX: Final = 12
"""Messages looked at for the human's first words; Aider's examples take nine."""

_USABLE: Final = re.compile(r"[\x21-\x7e]{4,256}")
_VENDOR: Final = re.compile(rb"x-[a-z0-9]{2,32}(?:-[a-z0-9]{1,32}){0,2}-session(?:-id)?")
_USER_SESSION: Final = re.compile(r"_session_([A-Za-z0-9_-]{4,128})\Z")
_BAGGAGE: Final = re.compile(r"(?:\A|,)\s*session\.id\s*=\s*([^,;\s]{1,256})")
_HEADERS: Final = (b"thread-id", b"session-id", b"session_id", b"conversation_id")
_NAMED: Final = frozenset(
    (b"x-interlock-session", b"x-claude-code-session-id", b"x-session-id", b"x-session-affinity", *_HEADERS)
)
"""All headers that name a session by themselves: most requests have none of them."""
_FIELDS: Final = ("session_id", "sessionId", "thread_id", "conversation_id")

_MARK: Final = re.compile(rb'"(?:cache_control|prompt_cache_breakpoint)"\s*:\s*(?:\{[^{}]*\}|null)')
_BEFORE: Final = re.compile(rb",\s*\Z")
_AFTER: Final = re.compile(rb"\s*,\s*")
_BILLING: Final = re.compile(rb'\{[^{}]*"x-anthropic-billing-header[^"\\]*"[^{}]*\}\s*,?\s*')


class _UserId(msgspec.Struct):
    session_id: str | None = None


_user_id = msgspec.json.Decoder(_UserId)


def identify(headers: Mapping[bytes, bytes], view: View, key_id: str, dialect: DialectName, harness: str) -> Session:
    """The session of a request. Work is bounded by the size of system text and tools (two digests of them)."""
    known = all_harnesses().get(harness)
    digest = prefix_digest(view)
    hint = next(_hints(Shape(headers, view, dialect), known), None)
    if hint is None:
        return Session(_scoped(key_id, digest + first_words(view, known)), "prefix", prefix_digest=digest)
    prefixes = known.session_prefixes if known else ()
    own = _without(hint.id, prefixes)
    return Session(
        _scoped(key_id, own),
        hint.source,
        agent=hint.agent[:VALUE_MAX] if hint.agent else None,
        parent=_scoped(key_id, _without(hint.parent, prefixes)) if hint.parent else None,
        prefix_digest=digest,
    )


def _scoped(key_id: str, value: str) -> str:
    """Short, printable, and different for every key."""
    whole = f"{len(key_id)}:{key_id}{value}".encode("utf-8", "surrogateescape")
    return "ses_" + hashlib.blake2b(whole, digest_size=12).hexdigest()


def _without(value: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        value = value.removeprefix(prefix)
    return value


# --- what is told ------------------------------------------------------------------------------------------------


def _hints(shape: Shape, harness: Harness | None) -> Iterator[Hint]:
    """Usable sessions in the order of precedence; lazily, most requests need only the first."""
    named = not _NAMED.isdisjoint(shape.headers)
    if named:
        yield from _simple(shape, "x-interlock-session")
    told = harness.session(shape) if harness else None
    if told is not None and _usable(told.id):
        yield Hint(told.id, told.source, told.agent, told.parent if told.parent and _usable(told.parent) else None)
    if named:
        yield from _headers(shape)
    yield from _vendors(shape)
    yield from _fields(shape.view, harness)
    yield from _baggage(shape)


def _headers(shape: Shape) -> Iterator[Hint]:
    yield from _claude_code(shape)
    parent = _header(shape, b"x-parent-session-id")
    for name in ("x-session-id", "x-session-affinity"):
        for hint in _simple(shape, name):
            yield Hint(hint.id, name, agent=hint.id if parent else None, parent=parent)
    for raw in _HEADERS:
        yield from _simple(shape, raw.decode())


def _usable(value: str) -> bool:
    return _USABLE.fullmatch(value) is not None


def _header(shape: Shape, name: bytes) -> str | None:
    raw = shape.headers.get(name)
    if raw is None or len(raw) > VALUE_MAX + 64:
        return None
    value = raw.decode("latin-1").strip()
    return value if _usable(value) else None


def _simple(shape: Shape, name: str) -> Iterator[Hint]:
    value = _header(shape, name.encode())
    if value is not None:
        yield Hint(value, name)


def _claude_code(shape: Shape) -> Iterator[Hint]:
    session = _header(shape, b"x-claude-code-session-id")
    if session is None:
        return
    agent = _header(shape, b"x-claude-code-agent-id")
    if agent is None:
        yield Hint(session, "x-claude-code-session-id")
        return
    above = _header(shape, b"x-claude-code-parent-agent-id")
    parent = f"{session}/{above}" if above else session
    yield Hint(f"{session}/{agent}", "x-claude-code-agent-id", agent=agent, parent=parent)


def _vendors(shape: Shape) -> Iterator[Hint]:
    for name in shape.headers:
        if name.startswith(b"x-") and b"-session" in name and _VENDOR.fullmatch(name):
            value = _header(shape, name)
            if value is not None and not name.startswith((b"x-parent-", b"x-interlock-", b"x-claude-code-")):
                yield Hint(value, name.decode("latin-1"))


def _fields(view: View, harness: Harness | None) -> Iterator[Hint]:
    session = _of_user_id(view.user_id)
    if session is not None:
        yield Hint(session, "metadata.user_id")
    for name in _FIELDS if view.metadata else ():
        value = (view.metadata or {}).get(name, "").strip()
        if value and _usable(value):
            yield Hint(value, f"metadata.{name}")
    if harness is not None and harness.cache_key_is_session and view.cache_key and _usable(view.cache_key):
        yield Hint(view.cache_key, "prompt_cache_key")


def _of_user_id(user_id: str | None) -> str | None:
    if not user_id or len(user_id) > 2048:
        return None
    found = _USER_SESSION.search(user_id)
    if found is not None:
        return found[1]
    if user_id.startswith("{"):
        try:
            session = _user_id.decode(user_id).session_id
        except msgspec.MsgspecError:
            return None
        return session if session and _usable(session) else None
    return None


def _baggage(shape: Shape) -> Iterator[Hint]:
    raw = shape.headers.get(b"baggage")
    if raw is None:
        return
    found = _BAGGAGE.search(raw[:8192].decode("latin-1"))  # the W3C limit of the header
    if found is not None and _usable(found[1]):
        yield Hint(found[1], "baggage")


# --- what is not told: the stable prefix -------------------------------------------------------------------------


def without_marks(raw: bytes) -> bytes:
    """JSON bytes without cache marks and one comma beside each. A mark's key inside a string is escaped there, so the
    pattern cannot meet it."""
    if b'"cache_control"' not in raw and b'"prompt_cache_breakpoint"' not in raw:
        return raw
    parts: list[bytes] = []
    position = 0
    for found in _MARK.finditer(raw):
        kept = raw[position : found.start()]
        comma = _BEFORE.search(kept[-16:])
        if comma is not None:
            parts.append(kept[: len(kept) - len(comma[0])])
            position = found.end()
        else:
            parts.append(kept)
            after = _AFTER.match(raw, found.end())
            position = after.end() if after is not None else found.end()
    return b"".join([*parts, raw[position:]])


def prefix_digest(view: View) -> str:
    """Names system text and tools: equal for all turns of a conversation, wherever its cache marks stand."""
    digest = hashlib.blake2b(digest_size=16)
    if view.system is not None:
        system = bytes(view.system)
        if b'"x-anthropic-billing-header' in system[:1024]:
            system = _BILLING.sub(b"", system, count=1)
        digest.update(without_marks(system))
    for raw in view.messages[:3]:
        if role_of(raw) != "system":
            break
        digest.update(without_marks(bytes(raw)))
    digest.update(b"|")
    for tool in view.tools:
        digest.update(without_marks(bytes(tool)))
    return digest.hexdigest()


def first_words(view: View, harness: Harness | None) -> str:
    """The human's first words, which tell conversations with one system text apart; "" if there are none early on."""
    human = harness.human if harness else human_words
    for raw in view.messages[:FIRST_MAX]:
        if role_of(raw) == "user":
            words = "\n".join(filter(None, map(human, texts_of(raw))))
            if words:
                return words
    return ""
