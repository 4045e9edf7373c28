"""What a harness is: a coding agent in front of the gateway. Facts about it as data and pure functions; no I/O.

User agents prove nothing (qwen-code on Messages calls itself claude-cli; Aider shows only its SDK), so recognition weighs
evidence: `PROVEN` is a text or header that only this client writes, `TOLD` a user agent, `LIKELY` a tool set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar, overload

from gateway.dialects.contract import View
from gateway.errors import ConfigError
from gateway.ir.exchange import Call
from gateway.ir.request import DialectName
from gateway.reading import Role, human_words, last_role, system_head, texts_of

NO, LIKELY, TOLD, PROVEN = 0, 1, 2, 3

_AGENT: Final = re.compile(r"([A-Za-z][\w.-]{0,39})/v?(\d[\w.+-]{0,31})")


T = TypeVar("T")


class lazy(Generic[T]):
    """functools.cached_property without its lock, which Python 3.11 takes at every first look: a new conversation asks for
    ten properties, and they were a twelfth of what it costs. A shape belongs to one thread."""

    def __init__(self, of: Callable[[Any], T]) -> None:
        self._of = of
        self._name = of.__name__
        self.__doc__ = of.__doc__

    @overload
    def __get__(self, shape: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, shape: object, owner: type) -> T: ...
    def __get__(self, shape: object | None, owner: type) -> T | lazy[T]:
        if shape is None:
            return self
        value = shape.__dict__[self._name] = self._of(shape)
        return value


class Shape:
    """One request as a harness file sees it. All properties are lazy and bounded; raw bytes are JSON-escaped text, so
    signatures are chosen without quotes, line breaks and non-ASCII letters."""

    def __init__(self, headers: Mapping[bytes, bytes], view: View, dialect: DialectName) -> None:
        self.headers = headers
        self.view = view
        self.dialect = dialect

    @lazy
    def user_agent(self) -> str:
        return self.headers.get(b"user-agent", b"")[:512].decode("latin-1")

    @lazy
    def product(self) -> tuple[str, str]:
        """(name in lower case, version) of the first product token of the user agent; empty strings if none."""
        found = _AGENT.match(self.user_agent)
        return (found[1].lower(), found[2]) if found else ("", "")

    def header(self, name: bytes) -> str:
        """Trimmed, at most 1024 characters, "" if absent."""
        return self.headers.get(name, b"")[:1024].decode("latin-1").strip()

    @lazy
    def tools(self) -> frozenset[str]:
        return frozenset(self.view.tool_names)

    @lazy
    def head(self) -> bytes:
        """Raw beginning of the system text."""
        return system_head(self.view)

    @lazy
    def first(self) -> bytes:
        """Raw beginning (4096 bytes) of the first message that is not the system's."""
        for raw in self.view.messages[:4]:
            start = bytes(memoryview(raw)[:4096])
            if b'"system"' not in start[:64] and b'"developer"' not in start[:96]:
                return start
        return b""

    @lazy
    def last(self) -> bytes:
        """Raw beginning (4096 bytes) of the last message."""
        return bytes(memoryview(self.view.messages[-1])[:4096]) if self.view.messages else b""

    @lazy
    def last_role(self) -> Role:
        return last_role(self.view)

    @lazy
    def last_text(self) -> str:
        """All text of the last message; decoded, so ask for it only when cheaper evidence points that way."""
        return "\n".join(texts_of(self.view.messages[-1])) if self.view.messages else ""

    @lazy
    def turns(self) -> int:
        """Messages that are not the system's, counted up to eight."""
        return sum(
            1
            for raw in self.view.messages[:8]
            if not re.search(rb'"(?:system|developer)"', bytes(memoryview(raw)[:96]))
        )


Found = tuple[Call, str]
"""A call and the evidence for it, in words."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A sub-call told by a text: `call` if any of `texts` stands in the given place. `tools`: None = either way, False =
    only in requests without tools (a human may well write such a sentence to an agent that has tools)."""

    call: Call
    where: Literal["head", "first", "last"]
    texts: tuple[bytes, ...]
    why: str
    tools: bool | None = False

    def found(self, shape: Shape) -> bool:
        if self.tools is not None and bool(shape.view.tool_names) is not self.tools:
            return False
        place: bytes = getattr(shape, self.where)
        return any(text in place for text in self.texts)


def by_signs(signs: Sequence[Sign]) -> Callable[[Shape], Found | None]:
    """A call detector made of signs; the first that fits decides."""

    def detect(shape: Shape) -> Found | None:
        for sign in signs:
            if sign.found(shape):
                return sign.call, sign.why
        return None

    return detect


def no_call(shape: Shape) -> Found | None:
    """The detector of a harness without sub-calls of its own."""
    return None


# --- pointing a harness at the gateway ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to write. `base_url` has no path and no slash at the end. `key` is the literal the harness shall send; the
    gateway needs none on loopback, yet every client insists on one. `context_tokens`/`output_tokens` are the limits told
    to harnesses that want to know."""

    base_url: str
    key: str
    model: str
    dialect: DialectName
    context_tokens: int = 128_000
    output_tokens: int = 8_192


def unreadable(path: str, kind: str, why: str) -> ConfigError:
    """A file of the user that is not what its harness reads; left as it is."""
    return ConfigError(f"~/{path} is not {kind}: {why}. Nothing was changed; correct the file first", where=path)


def by_hand(path: str, what: str) -> ConfigError:
    """A file that an edit of its text would not change as wanted; left as it is."""
    return ConfigError(f"~/{path} is written in a way that cannot be edited safely. Set by hand: {what}", where=path)


Edit = Callable[[Mapping[str, str | None], Wish], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """How a harness is configured. `files` are paths of the user's home (POSIX, relative) that are read, in order of
    `alternatives`: of the files named there only the first that exists (else the first named) is given to `edit`.

    `edit(files, wish)`: {path: text, None if it does not exist} to {path: new text}; pure, idempotent, keeps comments and
    order; ConfigError when a file cannot be understood. `notes` are told to the user afterwards: what no file can do."""

    files: tuple[str, ...]
    dialects: tuple[DialectName, ...]
    edit: Edit
    alternatives: tuple[tuple[str, ...], ...] = ()
    notes: Callable[[Wish], tuple[str, ...]] = lambda wish: ()
    points_at: Callable[[Mapping[str, str | None]], str | None] = lambda files: None
    """The base URL that the files name now; None if they name none. For `interlock doctor`."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A session as a harness itself tells it, raw and unscoped. `source` names the header or field. `agent` is set for a
    sub-agent, whose own conversation `id` names; `parent` names the conversation it works for."""

    id: str
    source: str
    agent: str | None = None
    parent: str | None = None


# --- the harness itself ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Harness:
    """`recognise` answers NO, LIKELY, TOLD or PROVEN. `call` knows this client's own sub-calls and answers None for the
    rest. `session` tells a session that the generic list of headers (gateway.sessions.identity) does not understand.
    `version` reads the client's version ("" if it does not tell). `human` reduces one text of a user message to the
    human's own words, "" if there are none. `cache_key_is_session`: `prompt_cache_key` names one conversation.
    `session_prefixes`: sub-calls of one session carry its id with such a prefix. `midstream`: what to do when a reply
    breaks after content, "cut" the connection or send an "error" event (clients.md section 4, point 6). `refusal`: how it is
    told that a tool call may not run (gateway.toolgate.values.Form), where the policy does not say. `keepalive`: by
    dialect, the event that a silent stream needs where the client does not count the dialect's own."""

    name: str
    title: str
    recognise: Callable[[Shape], int]
    call: Callable[[Shape], Found | None] = no_call
    session: Callable[[Shape], Hint | None] = lambda shape: None
    version: Callable[[Shape], str] = lambda shape: ""
    human: Callable[[str], str] = human_words
    cache_key_is_session: bool = False
    session_prefixes: tuple[str, ...] = ()
    midstream: Literal["error", "cut"] = "error"
    refusal: Literal["text", "shim", "retry", "error"] = "shim"
    keepalive: Mapping[DialectName, bytes] = field(default_factory=dict)
    connect: Connect | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Detected:
    """`name` is "unknown" if no harness was recognised, `version` "" if it is not told."""

    name: str = "unknown"
    version: str = ""
