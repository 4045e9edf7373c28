"""What of a request must not reach the model it goes to: found once per conversation item, masked per hop.

Found leaks stay with the reading of the request, so a turn that appends is looked at only where it is new; items that come
again in another reading (a harness that rewrites its history) are known by their digest. Nothing is done for a model on an
own server, unless the policy says so. What people allow to go out holds for the session.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

import msgspec
from msgspec.structs import replace as restruct

from gateway.config.names import LANES
from gateway.dialects.contract import View
from gateway.endpoints import Endpoint
from gateway.errors import ApprovalRequired, GatewayError, PolicyDenied
from gateway.ir.exchange import Exchange
from gateway.pipeline import masking
from gateway.pipeline.flight import Change, Flight, Withheld
from gateway.pipeline.readings import Reading
from gateway.ports import LeakDesk, StateStore
from gateway.routing.table import LEAK_TAG
from gateway.telemetry import LOG
from gateway.wire import splice
from gateway.wire.digest import feed
from policies import leaks as detecting
from policies.compiled import Policy
from policies.leaks import Detectors, Leak, Target
from policies.model import LeakAction

ANSWERS: Final = "leaks"
"""Namespace of the state store: what people said about masks, by session."""
ANSWERS_MAX: Final = 2000
MEMO_MAX: Final = 50_000
"""Items whose leaks are remembered, 16 bytes each and a few hundred for one with leaks."""
NOTED_MAX: Final = 20_000
"""Masks of sessions that the audit log has heard of."""
FEW: Final = 8
"""Items that a turn adds at most: together they are looked at once, which costs no more than their digests. A history that
was rewritten has many, and of most of them it is known what they hold."""
THREAD_BYTES: Final = 256 << 10
"""New text beyond this is looked at off the event loop: it takes milliseconds."""

_log = logging.getLogger(LOG)


class Answers(msgspec.Struct, frozen=True, omit_defaults=True):
    """Masks of a session whose values may go out, and those that people decided to keep."""

    sent: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


_answers: Final = msgspec.msgpack.Decoder(Answers)
_pack: Final = msgspec.msgpack.Encoder().encode
NO_ANSWERS: Final = Answers()


@dataclass(frozen=True, slots=True)
class Scanned:
    """Leaks of the first `upto` items, by index."""

    detectors: Detectors
    upto: int = 0
    found: tuple[tuple[int, tuple[Leak, ...]], ...] = ()
    shown: dict[Target, tuple[bytes, View]] = field(default_factory=dict)
    """Of an earlier turn, as a model was sent it: the next one repeats it and is read as its continuation."""


class Leaks:
    """One per process. `desk` is asked for when there is something to do, `ttl_s` for how long answers are kept."""

    def __init__(self, desk: Callable[[], LeakDesk], state: StateStore, ttl_s: Callable[[], float]) -> None:
        self._desk = desk
        self._state = state
        self._ttl_s = ttl_s
        self._memo: OrderedDict[bytes, tuple[Leak, ...]] = OrderedDict()
        self._memo_of: Detectors | None = None
        self._noted: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def pinned(self, exchange: Exchange, policy: Policy) -> tuple[str, ...]:
        """Tags that keep this session from models, for what its text holds (`local`)."""
        detectors = policy.leaks
        if not detectors.pins:
            return ()
        scanned = await self._scanned(exchange, detectors)
        kinds = dict.fromkeys(leak.kind for _, leaks in scanned.found for leak in leaks)
        lanes = [
            lane for lane in LANES if any(detectors.action(kind, Target(False, lane)) == "local" for kind in kinds)
        ]
        if lanes:
            self._note("local", exchange, "", _flat(scanned, lambda leak: _local(detectors, leak)))
        return tuple(LEAK_TAG + lane for lane in lanes)

    async def sent(
        self, flight: Flight, endpoint: Endpoint, policy: Policy, change: Change | None
    ) -> tuple[Flight, Change | None]:
        """The flight and its change as this model may see them. PolicyDenied, ApprovalRequired."""
        detectors, target = policy.leaks, Target(endpoint.own, endpoint.lane)
        if not detectors.watches(target):
            return flight, change
        exchange = flight.exchange
        scanned = await self._scanned(exchange, detectors)
        edits = await self._edits(flight, scanned, target, endpoint.name, policy) if scanned.found else []
        self._tell(flight, endpoint.name, [leak for _, leaks in edits for leak in leaks])
        if edits:
            key = self._desk().mask_key
            body = masking.masked(exchange.body, exchange.view, edits, lambda raw: detectors.scan(raw, key, every=True))
            flight = _showing(flight, body, scanned.shown, target)
        if flight.asked_again or change is not None:
            flight, change = self._said_since(flight, change, detectors, target)
        return flight, change

    async def clean(self, view: View, endpoint: Endpoint, policy: Policy) -> bool:
        """Whether a request may be shown to a model as it is (its counter of tokens, say)."""
        detectors, target = policy.leaks, Target(endpoint.own, endpoint.lane)
        if not detectors.watches(target):
            return True
        found = await self._look(view.messages, detectors, not view.tools)
        return all(detectors.action(leak.kind, target) == "off" for _, leaks in found for leak in leaks)

    async def input(self, flight: Flight, body: bytes, endpoint: Endpoint, policy: Policy) -> bytes:
        """A body that has only an `input` (embeddings), which is somebody's files: masked or refused. PolicyDenied."""
        detectors, target = policy.leaks, Target(endpoint.own, endpoint.lane)
        if not detectors.watches(target):
            return body
        start, end = splice.spans(body)["input"]
        found = detectors.scan(body[start:end], self._desk().mask_key, every=True)
        leaks = [leak for leak in found if detectors.action(leak.kind, target) != "off"]
        if any(detectors.action(leak.kind, target) != "mask" for leak in leaks):
            self._deny(flight.exchange, endpoint.name, leaks)
        self._tell(flight, endpoint.name, leaks)
        return splice.replace_spans(body, [((start + leak.start, start + leak.end), leak.mask) for leak in leaks])

    # --- finding ----------------------------------------------------------------------------------------------

    async def _scanned(self, exchange: Exchange, detectors: Detectors) -> Scanned:
        reading, messages = exchange.reading, exchange.view.messages
        held: Scanned | None = reading.leaks
        if held is None or held.detectors is not detectors or held.upto > len(messages):
            held = Scanned(detectors)
        if held.upto < len(messages):
            new = await self._look(messages[held.upto :], detectors, not exchange.view.tools)
            found = (*held.found, *((held.upto + index, leaks) for index, leaks in new))
            held = Scanned(detectors, len(messages), found, held.shown)
        reading.leaks = held
        return held

    async def _look(
        self, items: Sequence[msgspec.Raw], detectors: Detectors, bare: bool
    ) -> list[tuple[int, tuple[Leak, ...]]]:
        if sum(map(len, items)) > THREAD_BYTES:
            return await asyncio.to_thread(self._search, items, detectors, bare)
        return self._search(items, detectors, bare)

    def _search(
        self, items: Sequence[msgspec.Raw], detectors: Detectors, bare: bool
    ) -> list[tuple[int, tuple[Leak, ...]]]:
        raws = [bytes(item) for item in items]
        if len(raws) <= FEW and not detectors.maybe(raws[0] if len(raws) == 1 else b"\n".join(raws)):
            return []
        key, memo = self._desk().mask_key, self._memory(detectors)
        found = []
        for index, raw in enumerate(raws):
            name = hashlib.sha256(b"b" if bare else b"")
            feed(name, raw)
            digest = name.digest()[:16]
            leaks = memo.get(digest)
            if leaks is None:
                leaks = detectors.scan(raw, key, bare=bare)
                memo[digest] = leaks
                if len(memo) > MEMO_MAX:
                    memo.popitem(last=False)
            if leaks:
                found.append((index, leaks))
        return found

    def _memory(self, detectors: Detectors) -> OrderedDict[bytes, tuple[Leak, ...]]:
        """Emptied by a change of the policy."""
        if self._memo_of is not detectors:
            self._memo, self._memo_of = OrderedDict(), detectors
        return self._memo

    # --- deciding ---------------------------------------------------------------------------------------------

    async def _edits(
        self, flight: Flight, scanned: Scanned, target: Target, model: str, policy: Policy
    ) -> list[tuple[int, list[Leak]]]:
        """What is to be masked, by item."""
        detectors, exchange = scanned.detectors, flight.exchange
        actions: dict[str, LeakAction] = {}
        for _, leaks in scanned.found:
            for leak in leaks:
                actions[leak.kind] = detectors.action(leak.kind, target)
        strictest = detecting.strictest(actions.values())
        if strictest == "off":
            return []
        if strictest in ("deny", "local"):
            self._deny(exchange, model, _flat(scanned, lambda leak: actions[leak.kind] in ("deny", "local")))
        answers = NO_ANSWERS
        if strictest == "ask":
            asked = _flat(scanned, lambda leak: actions[leak.kind] == "ask")
            answers = await self._answered(exchange, model, asked, policy)
        sent = frozenset(answers.sent)
        edits = []
        for index, leaks in scanned.found:
            here = [leak for leak in leaks if actions[leak.kind] != "off" and leak.mask.decode() not in sent]
            if here:
                edits.append((index, here))
        return edits

    def _deny(self, exchange: Exchange, model: str, refused: list[Leak]) -> NoReturn:
        self._note("deny", exchange, model, refused)
        raise PolicyDenied(
            f"the request holds {_named(refused)}, which the policy keeps from {model} (redact). Begin a new session "
            f"without it, or choose a model on an own server"
        )

    async def _answered(self, exchange: Exchange, model: str, asked: list[Leak], policy: Policy) -> Answers:
        session = exchange.session.id
        answers = await self._recall(session)
        known = {*answers.sent, *answers.kept}
        new = [leak for leak in asked if leak.mask.decode() not in known]
        if not new:
            return answers
        masks = _masks(new)
        release = await self._desk().released(exchange, policy, model, masks, detecting.counted(new))
        if release.state == "open":
            self._note("ask", exchange, model, new)
            raise ApprovalRequired(
                f"the conversation holds {_named(new)}, and {model} is not an own server. {release.why}"
            )
        if release.state == "granted":
            answers = Answers((*answers.sent, *masks)[-ANSWERS_MAX:], answers.kept)
        else:
            answers = Answers(answers.sent, (*answers.kept, *masks)[-ANSWERS_MAX:])
        try:
            await self._state.put(ANSWERS, session, _pack(answers), self._ttl_s())
        except GatewayError as error:
            _log.error("what was said about a leak is not remembered: %s", error.message)
        return answers

    async def _recall(self, session: str) -> Answers:
        """None while the store is away: then it is asked again."""
        try:
            raw = await self._state.get(ANSWERS, session)
            return NO_ANSWERS if raw is None else _answers.decode(raw)
        except (GatewayError, msgspec.MsgspecError) as error:
            _log.error("what was said about a leak is not recalled: %s", error)
            return NO_ANSWERS

    # --- telling ----------------------------------------------------------------------------------------------

    def _tell(self, flight: Flight, model: str, masked: Sequence[Leak]) -> None:
        """On the flight, for its row. A model that is tried again is told of once."""
        if not masked:
            return
        new = detecting.counted(self._note("mask", flight.exchange, model, masked))
        before = flight.leaks.get(model)
        flight.leaks = {
            **flight.leaks,
            model: Withheld(detecting.counted(masked), new or (before.new if before else {})),
        }

    def _note(self, action: str, exchange: Exchange, model: str, leaks: Sequence[Leak]) -> list[Leak]:
        """Into the audit log, once for each mask of a session and what was done; the ones that were new."""
        new: dict[str, Leak] = {}
        for leak in leaks:
            mask = leak.mask.decode()
            key = (exchange.session.id, f"{action} {mask}")
            if key not in self._noted:
                new[mask] = leak
            self._noted[key] = None
            self._noted.move_to_end(key)
        while len(self._noted) > NOTED_MAX:
            self._noted.popitem(last=False)
        if new:
            self._desk().told(action, exchange, model, list(new), detecting.counted(new.values()))
        return list(new.values())

    # --- what was said since ----------------------------------------------------------------------------------

    def _said_since(
        self, flight: Flight, change: Change | None, detectors: Detectors, target: Target
    ) -> tuple[Flight, Change | None]:
        """Turns of another model of this very request: one on an own server may have repeated what it was shown."""
        key = self._desk().mask_key

        def clean(text: str) -> str:
            return detectors.masked(text, target, key)

        if flight.guard is not None and flight.guard.again:
            guard = restruct(
                flight.guard, again=tuple(masking.message(message, clean) for message in flight.guard.again)
            )
            flight = restruct(flight, guard=guard)
        return flight, masking.CleanChange(change, clean) if change is not None else None


def _showing(flight: Flight, body: bytes, shown: dict[Target, tuple[bytes, View]], target: Target) -> Flight:
    """A flight of the same request with another body; it shares everything that outlives a hop."""
    earlier = shown.get(target)
    view = flight.dialect.continued(body, *earlier) if earlier is not None else None
    if view is None:
        view = flight.dialect.read(body)
    shown[target] = body, view
    exchange = restruct(flight.exchange, body=body, view=view, reading=Reading(body, view))
    return restruct(flight, exchange=exchange, _request=None)


# --- small pieces ------------------------------------------------------------------------------------------------


def _flat(scanned: Scanned, wanted: Callable[[Leak], bool]) -> list[Leak]:
    return [leak for _, leaks in scanned.found for leak in leaks if wanted(leak)]


def _local(detectors: Detectors, leak: Leak) -> bool:
    return any(detectors.action(leak.kind, Target(False, lane)) == "local" for lane in LANES)


def _masks(leaks: Iterable[Leak]) -> list[str]:
    return list(dict.fromkeys(leak.mask.decode() for leak in leaks))


def _named(leaks: Sequence[Leak]) -> str:
    """For people and models: kinds and masks, never values."""
    masks = _masks(leaks)
    rest = f" and {len(masks) - 3} more" if len(masks) > 3 else ""
    return ", ".join(masks[:3]) + rest


def recorded(flight: Flight) -> dict[str, str]:
    """For `LedgerRow.extra`: what was kept from each model that was called."""
    called = {hop.model for hop in flight.hops}
    held = {model: {"masked": kept.kinds, "new": kept.new} for model, kept in flight.leaks.items() if model in called}
    return {"leaks": msgspec.json.encode(held).decode()} if held else {}
