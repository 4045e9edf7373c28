"""What the judge knows of a conversation beside the pending call: where the agent works, and which text came from outside.

Harnesses send their whole history with every turn, so of each session only the messages that are new are read (a result of
a tool only where its text will be needed); what was learned is kept for the sessions most lately judged. A conversation that
was shortened or changed is read again from its beginning. The labels of a session stay when its history shrinks (compaction
forgets the text, not that it was read); they are written to the state store, so other workers and a restarted gateway know
them too.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

import msgspec

from gateway.adapters.plain_turns import Turns, plain_turns, text_of
from gateway.dialects import registry
from gateway.errors import GatewayError
from gateway.ir import request as ir
from gateway.ir.exchange import Exchange
from gateway.ports import StateStore
from gateway.sessions.whereabouts import Whereabouts, whereabouts
from gateway.wire.digest import feed
from policies import commands, taint, tools, validate
from policies.compiled import Policy
from policies.engine import place
from policies.taint import Tainted
from policies.verdict import Caller, NeedParse, ToolCall

TAINT: Final = "taint"
"""Namespace of the state store: labels by session."""
SESSIONS_MAX: Final = 1000
TEXTS_BYTES_MAX: Final = 64 << 20
"""Tainted and own text kept over all sessions; the least lately judged session goes first."""
OWN_CHARS_MAX: Final = 400_000
CALLS_MAX: Final = 2000
"""Calls of one session whose results may still come."""
WHOLE_BYTES: Final = 16 << 10
"""The last message that was read is kept as it is up to this size, beyond it as its digest."""

Parse = Callable[[NeedParse], Awaitable[bytes | None]]
"""mvdan/sh's syntax tree of a command as JSON, None when it cannot be parsed."""

_FIELD: Final[dict[ir.DialectName, bytes]] = {"chat": b"messages", "messages": b"messages", "responses": b"input"}
_labels = msgspec.json.Decoder(list[str])


@dataclass(slots=True)
class Known:
    """One session. `seen` messages were read, the last of them is `last` (or has this digest). `calls`: the labels that the
    result of a call will bring, by its id. `token` stands for it where it must not be kept alive."""

    where: Whereabouts
    prefix: str
    seen: int = 0
    last: bytes = b""
    labels: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()
    texts: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    calls: OrderedDict[str, frozenset[str]] = field(default_factory=OrderedDict)
    index: tuple[int, Tainted] | None = None
    size: int = 0
    token: object = field(default_factory=object)


class Later:
    """An index of tainted text that is made when somebody looks: most calls carry nothing outward, and an index of a long
    session costs 50 ms."""

    def __init__(self, known: Known, repeat_chars: int) -> None:
        self._known = known
        self._repeat_chars = repeat_chars

    @cached_property
    def _made(self) -> Tainted:
        known = self._known
        if known.index is None or known.index[0] != len(known.texts):
            found = taint.index(known.texts, known.own, self._repeat_chars)
            known.index = len(known.texts), found or Tainted(max(6, self._repeat_chars // 2), "", {})
        return known.index[1]

    @property
    def step(self) -> int:
        return self._made.step

    @property
    def text(self) -> str:
        return self._made.text

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        return self._made.blocks


class History:
    """`parse` answers what the shell's second parser is needed for; None: such calls count as unread."""

    def __init__(self, state: StateStore, parse: Parse | None = None) -> None:
        self._state = state
        self._parse = parse
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._bytes = 0

    async def of(
        self, exchange: Exchange, policy: Policy, caller: Caller, ttl_s: float
    ) -> tuple[Caller, Tainted | None]:
        """The caller with directory and labels, and what may be repeated (None: nothing came from outside)."""
        session, reading = exchange.session.id, exchange.reading
        known = self._known.get(session)
        view = exchange.view
        if known is None or not (_repeats(known, reading) or _continues(known, exchange)):
            known = await self._fresh(known, exchange)
        if policy.file.taint.enabled and known.seen < len(view.messages):
            await self._read(known, exchange, policy, caller)
            if reading is not None:
                reading.judged = known.token, known.seen
            if not known.labels <= known.stored:
                known.stored = known.labels
                value = msgspec.json.encode(sorted(known.labels))
                await self._state.put(TAINT, session, value, ttl_s)
        caller = informed(caller, known.where, known.labels)
        self._keep(session, known)
        texts = cast(Tainted, Later(known, policy.file.taint.repeat_chars)) if known.texts else None
        return caller, texts

    def judged(self, session: str, call: str, labels: frozenset[str]) -> None:
        """A call was judged here: what its result will bring need not be found out again."""
        known = self._known.get(session)
        if known is not None and call:
            _note(known, call, labels)

    # --- inside -----------------------------------------------------------------------------------------------

    async def _fresh(self, before: Known | None, exchange: Exchange) -> Known:
        """A session that is not known, or whose history was rewritten; its labels stay."""
        known = Known(whereabouts(exchange.view), exchange.session.prefix_digest)
        if before is not None:
            known.labels, known.stored, known.calls = before.labels, before.stored, before.calls
            return known
        held = await self._state.get(TAINT, exchange.session.id)
        if held is not None:
            try:
                known.labels = known.stored = frozenset(_labels.decode(held))
            except msgspec.MsgspecError:
                known.labels = frozenset()
        return known

    async def _read(self, known: Known, exchange: Exchange, policy: Policy, caller: Caller) -> None:
        messages = exchange.view.messages
        fresh = messages[known.seen :]
        caller = informed(caller, known.where, known.labels)
        turns = plain_turns(fresh) if exchange.dialect == "chat" else None
        if turns is not None:
            await self._learn(known, turns, policy, caller)
        else:
            await self._decode(known, exchange.dialect, fresh, policy, caller)
        # Last, because a parse is awaited above: another request of this session must not take the labels for complete.
        known.seen, known.last = len(messages), _name(messages[-1])

    async def _learn(self, known: Known, turns: Turns, policy: Policy, caller: Caller) -> None:
        """Calls before results: wherever a client puts a result, it belongs to its call."""
        if turns.own:
            _own(known, turns.own)
        for call in turns.calls:
            if call.id not in known.calls:
                _note(known, call.id, await self._sources(call, policy, caller))
        for id_, content in turns.results:
            if labels := known.calls.get(id_):
                _brought(known, labels, [text_of(content)])

    async def _decode(
        self, known: Known, dialect: ir.DialectName, fresh: Sequence[msgspec.Raw], policy: Policy, caller: Caller
    ) -> None:
        for message in decoded(dialect, fresh):
            if message.role == "user":
                _own(known, [part.text for part in message.parts if isinstance(part, ir.Text)])
                continue
            for part in message.parts:
                if isinstance(part, ir.ToolCall) and part.id not in known.calls:
                    _note(known, part.id, await self._sources(part, policy, caller))
                elif isinstance(part, ir.ToolResult):
                    if labels := known.calls.get(part.call_id):
                        _brought(known, labels, [text.text for text in part.parts if isinstance(text, ir.Text)])
                elif isinstance(part, ir.Opaque) and "search" in part.kind:
                    known.labels |= {"web"}  # a vendor's own search: its results are in the conversation unseen

    async def _sources(self, part: ir.ToolCall, policy: Policy, caller: Caller) -> frozenset[str]:
        call = ToolCall(
            part.id,
            part.name,
            part.arguments.encode("utf-8", "surrogatepass"),
            part.namespace or "",
            part.kind == "custom",
        )
        read = validate.read(call)
        if read.problem:
            return frozenset()
        where = place(policy, caller)
        asking = tools.facts(call, read.value, tools.Reader(where, commands.understand, policy.tools))
        given: bytes | None = None
        while True:
            try:
                need = asking.send(given)
            except StopIteration as stop:
                return taint.sources(stop.value, where)
            given = await self._parse(need) if self._parse is not None else None

    def _keep(self, session: str, known: Known) -> None:
        before = self._known.pop(session, None)
        self._bytes -= before.size if before is not None else 0
        known.size = sum(map(len, known.texts)) + sum(map(len, known.own))
        self._known[session] = known
        self._bytes += known.size
        while len(self._known) > SESSIONS_MAX or (self._bytes > TEXTS_BYTES_MAX and len(self._known) > 1):
            _, gone = self._known.popitem(last=False)
            self._bytes -= gone.size


def informed(caller: Caller, where: Whereabouts, labels: frozenset[str]) -> Caller:
    """The caller with what the conversation says of it."""
    return Caller(
        caller.key_id, caller.harness, caller.session, caller.tags, caller.agent, caller.parent, labels, where.cwd,
        where.home, caller.now_s, caller.extra,
    )  # fmt: skip


def decoded(dialect: ir.DialectName, messages: Sequence[msgspec.Raw]) -> tuple[ir.Message, ...]:
    """Conversation items in neutral form; () for what the dialect's own reader refuses (the request failed then too)."""
    body = b'{"model":"x","max_tokens":1,"%s":[%s]}' % (_FIELD[dialect], b",".join(bytes(raw) for raw in messages))
    try:
        return registry.all_dialects()[dialect].decode_request(body).messages
    except GatewayError:
        return ()


def _repeats(known: Known, reading: Any) -> bool:
    """The request was read as a continuation of the one that was judged last: nothing is left to compare."""
    return reading is not None and reading.judged == (known.token, known.seen)


def _continues(known: Known, exchange: Exchange) -> bool:
    """The conversation is the one that was read, with something appended or not."""
    messages = exchange.view.messages
    if known.seen > len(messages) or known.prefix != exchange.session.prefix_digest:
        return False
    return known.seen == 0 or known.last == _name(messages[known.seen - 1])


def _name(raw: msgspec.Raw) -> bytes:
    """No message is as short as a digest and one at once: a message begins with a brace, and this digest does not."""
    if len(raw) <= WHOLE_BYTES:
        return bytes(raw)
    digest = hashlib.sha256()
    feed(digest, memoryview(raw))
    return b"sha256:" + digest.digest()


def _note(known: Known, call: str, labels: frozenset[str]) -> None:
    known.calls[call] = labels
    while len(known.calls) > CALLS_MAX:
        known.calls.popitem(last=False)


def _own(known: Known, texts: list[str]) -> None:
    known.own += texts
    while sum(map(len, known.own)) > OWN_CHARS_MAX and len(known.own) > 1:
        known.own.pop(0)


def _brought(known: Known, labels: frozenset[str], texts: list[str]) -> None:
    """What a result brought whose call has labels."""
    known.labels |= labels
    known.texts += [text[-taint.TEXT_CHARS_MAX :] for text in texts]
    while sum(map(len, known.texts)) > taint.TEXT_CHARS_MAX and len(known.texts) > 1:
        known.texts.pop(0)
        known.index = None
