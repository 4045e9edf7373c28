"""The classifier port answered by a trained model, with the rules for what a model must not decide and where it is unsure.

Call kinds are told by rules (gateway.routing.calls). For the human's turns and what follows from them the session is read
incrementally (gateway.adapters.trails); the ask is scored when it changes, the session's numbers when they may decide
something: where the human speaks, where no model is bound, where trouble comes or goes, and now and then. A turn that only
brings a tool result to a session with a model has the scores of an earlier one (`Labels.aged`): it stays there whatever
they are. That costs some fifty microseconds and is done on the event loop; reading a new ask or a long history is done in
one thread of its own, so that two requests never run the graphs at once.

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
from gateway.adapters.turns import is_system
from gateway.ir.exchange import Exchange, Labels, Task
from gateway.ports import Clock
from gateway.routing import calls, tasks
from gateway.routing.moves import EVIDENCE
from gateway.telemetry import LOG

if TYPE_CHECKING:
    from classifiers.runtime.onnx import AskScores, OnnxScorer

_log = logging.getLogger(LOG)

INLINE_MESSAGES: Final = 4
INLINE_BYTES: Final = 16_384
"""New messages up to this, system texts aside, are read on the event loop: about 30 µs. A thread would cost as much for
the hand-over alone."""

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
        read = await self._read(exchange)
        try:
            signals = _signals(read.trail)
            stood = _stands(read.trail, signals)
            goes_on = not fresh and call == "tool_result" and exchange.session.bound_model is not None
            earlier = self._earlier(read, stood) if goes_on else None
            if earlier is None:
                read.stood, read.steps = stood, read.trail.steps
                task, why, scores, version = await self._said(read)
            else:
                task, why, scores, version = earlier.task, earlier.task_why, earlier.scores, earlier.version
            aged = earlier is not None and scores is not None
            spent_us = self._since_us(begun_s)
            read.labels = Labels(call, call_why, task, why, scores, signals, version, spent_us, aged)
            return read.labels
        finally:
            self._trails.put(exchange.session.id, read)

    def _since_us(self, begun_s: float) -> int:
        return round((self._clock.monotonic() - begun_s) * 1e6)

    def _earlier(self, read: Read, stood: Stood) -> Labels | None:
        """What was said of an earlier turn, where this one has changed nothing: the same ask, and no other trouble."""
        before, trail = read.labels, read.trail
        version = RULES if self._scorer is None else self._scorer.version
        if before is None or before.version != version or read.stood != stood or trail.ask is None:
            return None
        return before if trail.steps - read.steps < AGED_STEPS_MAX else None

    # --- reading ----------------------------------------------------------------------------------------------

    async def _read(self, exchange: Exchange) -> Read:
        """The session's trail up to this request. It belongs to the caller until put back."""
        read = self._trails.take(exchange.session.id)
        view, harness = exchange.view, exchange.identity.harness
        known = exchange.new_from if read is not None and read.labels is exchange.labels_before is not None else 0
        new = self._trails.new_messages(read, view.messages, known)
        if new <= INLINE_MESSAGES and _few(view.messages[len(view.messages) - new :]):
            return self._trails.extend(read, view, exchange.dialect, harness, new)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._trails.extend, read, view, exchange.dialect, harness, new)

    # --- scoring ----------------------------------------------------------------------------------------------

    async def _said(self, read: Read) -> tuple[Task | None, str, dict[str, float] | None, str]:
        """Task, why, scores, and who says so."""
        scorer = self._scorer
        verdict = await self._scored(read, scorer) if scorer is not None else None
        task, why = self._task(read, verdict)
        return task, why, _scores(verdict), scorer.version if scorer is not None and verdict is not None else RULES

    async def _scored(self, read: Read, scorer: OnnxScorer) -> Verdict | None:
        """None where there is no ask, or the graphs failed (logged)."""
        text = text_of(read.trail)
        if not text:
            return None
        try:
            ask = self._known_ask(read, text, scorer)
            if ask is None:
                loop = asyncio.get_running_loop()
                ask = await loop.run_in_executor(self._thread, _score_ask, read.trail, text, scorer)
                read.notes[_TEXT], read.notes[_ASK] = (scorer.version, text), ask
            return decide(ask.task, scorer.lanes(ask, read.trail.vector()), scorer.thresholds)
        except ArtefactError as error:
            _log.error("classifier failed, the rules answer: %s", error)
            return None

    @staticmethod
    def _known_ask(read: Read, text: str, scorer: OnnxScorer) -> AskScores | None:
        known = read.notes.get(_TEXT)
        return cast("AskScores", read.notes[_ASK]) if known == (scorer.version, text) else None

    @staticmethod
    def _task(read: Read, verdict: Verdict | None) -> RuleLabel:
        """The learned label; the rules' where the model is unsure, because a wrong guess is dearer than no label."""
        if verdict is not None and verdict.task is not None:
            return cast("Task", verdict.task), f"learned, p = {verdict.p:.2f}"
        text = text_of(read.trail)
        known = read.notes.get(_RULE)
        if isinstance(known, tuple) and known[0] == text:
            task, why = cast("RuleLabel", known[1])
        else:
            task, why = tasks.label_task(text)
            read.notes[_RULE] = (text, (task, why))
        if verdict is None:
            return task, why
        return task, f"unsure ({verdict.likely}, p = {verdict.p:.2f}); by rule: {why}"


def _few(messages: Sequence[Raw]) -> bool:
    """Little enough to be read at once; a system text is long, and not read."""
    return (
        sum(map(len, messages)) <= INLINE_BYTES
        or sum(len(raw) for raw in messages if not is_system(raw)) <= INLINE_BYTES
    )


def _stands(trail: Trail, signals: Mapping[str, int]) -> Stood:
    trouble = [count if (count := signals[name]) >= enough else 0 for name, enough, _ in EVIDENCE]
    return (trail.said, trail.resumed, *trouble)


def _score_ask(trail: Trail, text: str, scorer: OnnxScorer) -> AskScores:
    marks = trail.ask.marks if trail.ask is not None else frozenset[str]()
    return scorer.ask(read_text(text, marks))


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
