"""The classifier port answered by a trained model, with the rules for what a model must not decide and where it is unsure.

Call kinds are told by rules (gateway.routing.calls). For the human's turns and what follows from them the session is read
incrementally (gateway.adapters.trails); the ask is scored when it changes, the session's numbers when they may decide
something: where the human speaks, where no model is bound, where trouble comes or goes, and now and then. A turn that only
brings a tool result to a session with a model has the scores of an earlier one (`Labels.aged`): it stays there whatever
they are. That costs some fifty microseconds and is done on the event loop; reading and scoring a new ask, or reading a
long history, is one job for one thread of its own.

Without a model (none shipped, a refused one, not loaded yet) labels come from the rules and scores are absent: a gateway
never waits for its classifier.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Final, cast

from msgspec import Raw

from classifiers.artefact import ArtefactError
from classifiers.features.text import read as read_text
from classifiers.features.trajectory import Trail
from classifiers.features.view import text_of
from classifiers.runtime import store
from classifiers.runtime.decide import Verdict, decide
from gateway.adapters.classifier import HOUSEKEEPING
from gateway.adapters.classifier import VERSION as RULES
from gateway.adapters.memory import give_back
from gateway.adapters.trails import Read, Stood, Trails
from gateway.adapters.turns import decoded_bytes
from gateway.ir.exchange import Call, Exchange, Labels, Task
from gateway.ports import Clock
from gateway.reading import role_of
from gateway.routing import calls, tasks
from gateway.routing.moves import EVIDENCE
from gateway.telemetry import LOG

if TYPE_CHECKING:
    from classifiers.runtime.onnx import AskScores, OnnxScorer

_log = logging.getLogger(LOG)

INLINE_MESSAGES: Final = 4
INLINE_BYTES: Final = 16_384
"""New messages are read on the event loop up to this (of long results the ends count, system texts do not): about 60 µs. A
thread would cost as much for the hand-over alone."""

AGED_STEPS_MAX: Final = 16
"""Steps after which scores are made anew all the same: in mid-task they are asked for only if the session's model may not
serve any more."""

SIGNALS: Final = (
    "steps",
    "files_edited",
    "failed_cycles",
    "error_streak",
    "repeat_streak",
    "corrections",
    "resumed",
    "tests",
    "tests_failed",
)
"""What `Labels.signals` tells, all counts: agent steps; files edited; failed checks after edits in a row; failed results in
a row; identical calls in a row; complaints on the present ask; compactions seen in the history; checks, and those that
failed."""

_TEXT, _ASK, _RULE = "text", "ask", "rule"
RuleLabel = tuple[Task | None, str]
_Said = tuple[Task | None, str, dict[str, float] | None, dict[str, int], str, bool]
"""Task, why, scores, signals, who says so, and whether the scores are of an earlier turn."""


class LearnedClassifier:
    """Implements `ports.Classifier`. `folders` are looked through in order at `load`; the first usable artefact is taken."""

    def __init__(self, clock: Clock, folders: Sequence[Traversable] = ()) -> None:
        self.version = RULES
        self.problems: list[str] = []
        """Why an artefact was refused, with the cure: for the log and `/health`."""
        self._clock = clock
        self._folders = tuple(folders) or (store.shipped(),)
        self._scorer: OnnxScorer | None = None
        self._trails = Trails()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="classifier")

    def load(self) -> None:
        """Blocking (0.4 s): call it in a thread, after the port is open. A refused artefact is logged, never raised."""
        self.problems = []
        for folder in self._folders:
            if not store.exists(folder):
                continue
            try:
                self._use(folder)
                give_back()
                return
            except ArtefactError as error:
                self.problems.append(str(error))
                _log.error("classifier refused: %s", error)

    def _use(self, folder: Traversable) -> None:
        artefact = store.load(folder)
        try:
            from classifiers.runtime.onnx import OnnxScorer
        except ImportError as error:
            raise ArtefactError(f"onnxruntime cannot be imported ({error})", "install the package again") from error
        self._scorer = OnnxScorer(artefact)
        self.version = self._scorer.version
        _log.info("classifier %s loaded from %s", self.version, artefact.where)

    async def label(self, exchange: Exchange, *, fresh: bool = True) -> Labels:
        """With `fresh` the scores are of this turn, whatever hangs on them."""
        begun_s = self._clock.monotonic()
        call, call_why = calls.detect(exchange)
        if call in HOUSEKEEPING:
            return Labels(call, call_why, version=RULES, latency_us=self._since_us(begun_s))
        session, messages = exchange.session, exchange.view.messages
        goes_on = call == "tool_result" and not fresh and session.bound_model is not None
        known = self._trails.take(session.id)  # ours until it is put back
        new = self._unread(known, exchange)
        if self._at_once(known, messages, new, call):
            read, said = self._judged(known, exchange, new, goes_on)
        else:
            loop = asyncio.get_running_loop()
            read, said = await loop.run_in_executor(self._thread, self._judged, known, exchange, new, goes_on)
        task, why, scores, signals, version, aged = said
        read.labels = Labels(call, call_why, task, why, scores, signals, version, self._since_us(begun_s), aged)
        self._trails.put(session.id, read)
        return read.labels

    def _since_us(self, begun_s: float) -> int:
        return round((self._clock.monotonic() - begun_s) * 1e6)

    # --- on the loop or in the thread -------------------------------------------------------------------------

    def _unread(self, read: Read | None, exchange: Exchange) -> int:
        known = exchange.new_from if read is not None and read.labels is exchange.labels_before is not None else 0
        return self._trails.new_messages(read, exchange.view.messages, known)

    def _at_once(self, read: Read | None, messages: Sequence[Raw], new: int, call: Call) -> bool:
        """Nothing is to be scored but, maybe, the session's numbers, and what is new is little: a thread's hand-over would
        cost more. A new ask always goes to the thread, however short: that takes as much CPU as doing it here (half of the
        work lets go of the interpreter's lock), and here it would hold up all other requests."""
        if new > INLINE_MESSAGES:
            return False
        fresh = messages[len(messages) - new :]
        if (scorer := self._scorer) is not None:
            known = read.notes.get(_TEXT) if read is not None else None
            if new == len(messages) or not isinstance(known, tuple) or known[0] != scorer.version:
                return False
            if call != "tool_result" and "user" in map(role_of, fresh):
                return False
        return sum(map(len, fresh)) <= INLINE_BYTES or sum(map(decoded_bytes, fresh)) <= INLINE_BYTES

    def _judged(self, read: Read | None, exchange: Exchange, new: int, goes_on: bool) -> tuple[Read, _Said]:
        """The session read up to this request, and what is said of it: as of an earlier turn where this one has changed
        nothing (the same ask, and no other trouble)."""
        read = self._trails.extend(read, exchange.view, exchange.dialect, exchange.identity.harness, new)
        trail, before = read.trail, read.labels
        signals = _signals(trail)
        stood = _stands(trail, signals)
        version = RULES if self._scorer is None else self._scorer.version
        if (
            goes_on
            and before is not None
            and before.version == version
            and read.stood == stood
            and trail.ask is not None
            and trail.steps - read.steps < AGED_STEPS_MAX
        ):
            return read, (before.task, before.task_why, before.scores, signals, version, before.scores is not None)
        read.stood, read.steps = stood, trail.steps
        return read, self._said(read, signals)

    def _said(self, read: Read, signals: dict[str, int]) -> _Said:
        scorer, text = self._scorer, text_of(read.trail)
        verdict = self._scored(read, text, scorer) if scorer is not None and text else None
        task, why = self._task(read, text, verdict)
        version = scorer.version if scorer is not None and verdict is not None else RULES
        return task, why, _scores(verdict), signals, version, False

    @staticmethod
    def _scored(read: Read, text: str, scorer: OnnxScorer) -> Verdict | None:
        """None where the graphs failed (logged)."""
        trail, known = read.trail, read.notes.get(_TEXT)
        try:
            if known == (scorer.version, text):
                ask = cast("AskScores", read.notes[_ASK])
            else:
                marks = trail.ask.marks if trail.ask is not None else frozenset[str]()
                ask = scorer.ask(read_text(text, marks))
                read.notes[_TEXT], read.notes[_ASK] = (scorer.version, text), ask
            session = trail.vector()
            # An untouched session is scored as its ask: the graph is made so (classifiers.training.graph), and takes 30 µs.
            lanes = scorer.lanes(ask, session) if any(session) else ask.lanes
            return decide(ask.task, lanes, scorer.thresholds)
        except ArtefactError as error:
            _log.error("classifier failed, the rules answer: %s", error)
            return None

    @staticmethod
    def _task(read: Read, text: str, verdict: Verdict | None) -> RuleLabel:
        """The learned label; the rules' where the model is unsure, because a wrong guess is dearer than no label."""
        if verdict is not None and verdict.task is not None:
            return cast("Task", verdict.task), f"learned, p = {verdict.p:.2f}"
        known = read.notes.get(_RULE)
        if isinstance(known, tuple) and known[0] == text:
            task, why = cast("RuleLabel", known[1])
        else:
            task, why = tasks.label_task(text)
            read.notes[_RULE] = (text, (task, why))
        if verdict is None:
            return task, why
        return task, f"unsure ({verdict.likely}, p = {verdict.p:.2f}); by rule: {why}"


def _stands(trail: Trail, signals: Mapping[str, int]) -> Stood:
    stood = [trail.said, trail.resumed]
    for name, enough, _ in EVIDENCE:
        count = signals[name]
        stood.append(count if count >= enough else 0)
    return tuple(stood)


def _scores(verdict: Verdict | None) -> dict[str, float] | None:
    if verdict is None:
        return None
    scores = {**verdict.scores, "gain": verdict.gain, "certified": 1.0 if verdict.certified else 0.0}
    return scores | {"risk": verdict.risk} if verdict.certified else scores


def _signals(trail: Trail) -> dict[str, int]:
    return {
        "steps": trail.steps,
        "files_edited": trail.files_edited,
        "failed_cycles": trail.failed_cycles_in_a_row,
        "error_streak": trail.error_streak,
        "repeat_streak": trail.repeat_streak,
        "corrections": trail.corrections,
        "resumed": trail.resumed,
        "tests": trail.tests,
        "tests_failed": trail.tests_failed,
    }
