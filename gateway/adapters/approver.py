"""The auto-approval model behind the judge: loaded when a policy first asks, prepared while a call still streams.

What the human asked for is the dear part of a score (some milliseconds for a long session, more where the model must be
loaded) and known before the call is: it is read in a thread of its own as soon as a call begins. When the call is complete
only its own numbers are missing: 0.1 ms, on the event loop.

What a session was allowed before is remembered here as calls are judged, never read from the conversation: a model's tries
are in there too. It is a cache: another worker, or a restarted gateway, approves less, never more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Final

from classifiers.approval import MANIFEST
from classifiers.artefact import ArtefactError
from classifiers.features.approve.asked import NOBODY, Asked, asked_of
from classifiers.features.approve.calls import Past, classes_of
from classifiers.features.approve.vector import barred, crosses, vector
from classifiers.features.asks import Said, said_of
from gateway.adapters.memory import give_back
from gateway.adapters.pending import call_of, readable
from gateway.adapters.trails import name_of
from gateway.adapters.turns import human_of, turns_of
from gateway.ir.exchange import Exchange
from gateway.telemetry import LOG
from policies.compiled import Policy, subagent
from policies.engine import DELEGATED, place
from policies.facts import Facts
from policies.verdict import Caller, Score, Verdict
from policies.view import Place

if TYPE_CHECKING:
    from classifiers.runtime.approve import ApprovalScorer

_log = logging.getLogger(LOG)

SCORE_S: Final = 2.0
"""A score that takes longer is none: the call stays at ask. Only the first ones of a process come near it: they may wait for
the model to load (0.2 s, 0.6 s on a busy machine)."""
SESSIONS_MAX: Final = 1000
PREPARED_MAX: Final = 256
"""Requests whose asks are prepared and not forgotten yet: some KB each, shared within a session."""
SAID_MAX: Final = 24
"""Of a session's asks the first and so many of the last are kept."""
NEVER: Final = 2.0
"""A threshold that no probability reaches."""


@dataclass(slots=True)
class _Heard:
    """What the human of one session said: `count` messages were read, the last has the name `last`."""

    count: int = 0
    last: bytes = b""
    said: list[Said] = field(default_factory=list)
    asked: Asked = NOBODY


class Approver:
    """One per process. `trained`: a folder that goes before the model that ships, where it holds one."""

    def __init__(self, trained: Traversable | None = None) -> None:
        self._trained = trained
        self._thread: ThreadPoolExecutor | None = None
        self._prepared: OrderedDict[str, Future[Asked]] = OrderedDict()
        self._heard: OrderedDict[str, _Heard] = OrderedDict()
        self._past: OrderedDict[str, Past] = OrderedDict()
        self._scorer: ApprovalScorer | None = None
        self.problem = ""
        """Why no model is used, "" while none was wanted or one is there."""

    # --- on the event loop ------------------------------------------------------------------------------------

    def warm(self) -> None:
        """Loads the model in the thread, so that the first call need not wait for it."""
        self._worker().submit(self._load)

    def foresee(self, exchange: Exchange) -> Callable[[], None]:
        """To be called when a call begins in the reply to this request; costs a hand-over to the thread."""

        def begun() -> None:
            try:
                self._preparation(exchange)
            except RuntimeError:  # the gateway is closing: no thread is there any more
                _log.debug("no auto-approval is prepared: the gateway is closing")

        return begun

    async def score(self, exchange: Exchange, policy: Policy, caller: Caller, facts: Facts) -> Score | None:
        """None where there is no model, or it failed or is late: the call stays at ask."""
        if subagent(caller):
            return Score(0.0, NEVER, "approve", "a sub-agent's task was written by another model, not by the user")
        try:
            prepared = self._preparation(exchange)
            async with asyncio.timeout(SCORE_S):
                asked = prepared.result() if prepared.done() else await asyncio.wrap_future(prepared)
            past = self._past.get(_key(caller)) or Past()
            return self._scored(asked, past, facts, place(policy, caller), bool(caller.taint))
        except TimeoutError:
            _log.warning("auto-approval did not answer within %s s", SCORE_S)
        except Exception as error:  # noqa: BLE001 - whatever fails here must not refuse a call that a person may allow
            _log.error("auto-approval failed, the call stays at ask: %s", error)
        return None

    def judged(self, policy: Policy, caller: Caller, verdict: Verdict) -> None:
        """Remembers what the session was allowed, by rules or by a person; what the classifier let pass is not evidence."""
        facts = verdict.facts
        if facts is None or verdict.checkpoint == "classifier" or verdict.granted_by == DELEGATED:
            return
        past = self._past.pop(_key(caller), None) or Past()
        if verdict.decision == "deny":
            past.refused += 1
        elif verdict.decision == "allow":
            call = call_of(facts, place(policy, caller), tainted=False)
            past.allowed(call, by_person=verdict.checkpoint == "approval")
        self._past[_key(caller)] = past
        if len(self._past) > SESSIONS_MAX:
            self._past.popitem(last=False)

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _preparation(self, exchange: Exchange) -> Future[Asked]:
        held = self._prepared.get(exchange.request_id)
        if held is None:
            held = self._worker().submit(self._prepare, exchange)
            self._prepared[exchange.request_id] = held
            if len(self._prepared) > PREPARED_MAX:
                self._prepared.popitem(last=False)
        return held

    def _worker(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="approver")
        return self._thread

    # --- in the thread ----------------------------------------------------------------------------------------

    def _prepare(self, exchange: Exchange) -> Asked:
        self._load()
        session, messages = f"{exchange.identity.key_id}/{exchange.session.id}", exchange.view.messages
        heard = self._heard.pop(session, None)
        if heard is None or heard.count > len(messages) or name_of(messages[heard.count - 1]) != heard.last:
            heard = _Heard()
        human, before = human_of(exchange.identity.harness), len(heard.said)
        for raw in messages[heard.count :]:
            turns = turns_of(raw, exchange.dialect, human)
            # Text beside a tool's answer may be the answer's: only messages of the human alone are theirs.
            if not any(turn.kind == "result" for turn in turns):
                heard.said += [said for turn in turns if turn.kind == "human" and (said := said_of(turn.text)).words]
        if len(heard.said) != before:
            heard.said = [*heard.said[:1], *heard.said[1:][-SAID_MAX:]]
            heard.asked = asked_of(heard.said)
        heard.count, heard.last = len(messages), name_of(messages[-1]) if messages else b""
        if messages:
            self._heard[session] = heard
        if len(self._heard) > SESSIONS_MAX:
            self._heard.popitem(last=False)
        return heard.asked

    def _scored(self, asked: Asked, past: Past, facts: Facts, where: Place, tainted: bool) -> Score | None:
        """On the event loop: 0.1 ms, and a hand-over to the thread would cost more."""
        scorer = self._scorer
        if scorer is None:
            return None
        call = call_of(facts, where, tainted=tainted)
        least, name = scorer.manifest.least(classes_of(call))
        if not readable(facts):
            return Score(0.0, NEVER, scorer.version, "a part of the call is not read by the model")
        if least > 1:
            return Score(
                0.0, NEVER, scorer.version, f"no bound was shown for calls of class {name}, so none is approved"
            )
        if not asked.asks:
            return Score(0.0, least, scorer.version, "no words of the user are known")
        if what := barred(asked, call):
            return Score(0.0, least, scorer.version, f"the user ruled it out ({what})")
        value = scorer.score(vector(asked, past, call), crosses(asked, call))
        return Score(value, least, scorer.version)

    def _load(self) -> None:
        """Once, in the thread. A model that is refused is logged, never raised: calls stay at ask."""
        if self._scorer is not None or self.problem:
            return
        try:
            from classifiers.runtime.approve import ApprovalScorer, load, shipped

            own = self._trained is not None and self._trained.joinpath(MANIFEST).is_file()
            folder = self._trained if own and self._trained is not None else shipped()
            self._scorer = ApprovalScorer(load(folder))
            _log.info("auto-approval %s loaded from %s", self._scorer.version, folder)
            give_back()
        except (ArtefactError, ImportError) as error:
            self.problem = str(error)
            _log.error("no auto-approval, calls stay at ask: %s", self.problem)


def _key(caller: Caller) -> str:
    return f"{caller.key_id}/{caller.session}"
