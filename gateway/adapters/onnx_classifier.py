"""The classifier port answered by a trained model, with the rules for what a model must not decide and where it is unsure.

Call kinds are told by rules (gateway.routing.calls). For the human's turns and what follows from them the session is read
incrementally (gateway.adapters.trails); the ask is scored when it changes, the session's numbers with every turn. A turn
that brings a tool result costs some ten microseconds and is done on the event loop; reading a new ask or a long history is
done in one thread of its own, so that two requests never run the graphs at once.

Without a model (none shipped, a refused one, not loaded yet) labels come from the rules and scores are absent: a gateway
never waits for its classifier.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Final, cast

from classifiers.artefact import ArtefactError
from classifiers.features.text import read as read_text
from classifiers.features.trajectory import Trail
from classifiers.features.view import text_of
from classifiers.runtime import store
from classifiers.runtime.decide import Verdict, decide
from gateway.adapters.classifier import HOUSEKEEPING
from gateway.adapters.classifier import VERSION as RULES
from gateway.adapters.memory import give_back
from gateway.adapters.trails import Read, Trails
from gateway.adapters.turns import is_system
from gateway.ir.exchange import Exchange, Labels, Task
from gateway.ports import Clock
from gateway.routing import calls, tasks
from gateway.telemetry import LOG

if TYPE_CHECKING:
    from classifiers.runtime.onnx import AskScores, OnnxScorer

_log = logging.getLogger(LOG)

INLINE_MESSAGES: Final = 4
INLINE_BYTES: Final = 16_384
"""New messages up to this, system texts aside, are read on the event loop: about 30 µs. A thread would cost as much for
the hand-over alone."""

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

    async def label(self, exchange: Exchange) -> Labels:
        begun_s = self._clock.monotonic()
        call, call_why = calls.detect(exchange)
        if call in HOUSEKEEPING:
            return self._labels(begun_s, call=call, call_why=call_why)
        read = await self._read(exchange)
        try:
            scorer = self._scorer
            verdict = await self._scored(read, scorer) if scorer is not None else None
            task, task_why = self._task(read, verdict)
            return self._labels(
                begun_s,
                call=call,
                call_why=call_why,
                task=task,
                task_why=task_why,
                scores=_scores(verdict),
                signals=_signals(read.trail),
                version=scorer.version if scorer is not None and verdict is not None else RULES,
            )
        finally:
            self._trails.put(exchange.session.id, read)

    def _labels(self, begun_s: float, **said: object) -> Labels:
        spent_s = self._clock.monotonic() - begun_s
        fields: dict[str, object] = {"version": RULES, **said, "latency_us": round(spent_s * 1e6)}
        return Labels(**fields)  # type: ignore[arg-type]

    # --- reading ----------------------------------------------------------------------------------------------

    async def _read(self, exchange: Exchange) -> Read:
        """The session's trail up to this request. It belongs to the caller until put back."""
        read = self._trails.take(exchange.session.id)
        view, harness = exchange.view, exchange.identity.harness
        new = self._trails.new_messages(read, view.messages)
        fresh = view.messages[len(view.messages) - new :]
        if new <= INLINE_MESSAGES and sum(len(raw) for raw in fresh if not is_system(raw)) <= INLINE_BYTES:
            return self._trails.extend(read, view, exchange.dialect, harness, new)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._trails.extend, read, view, exchange.dialect, harness, new)

    # --- scoring ----------------------------------------------------------------------------------------------

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


def _score_ask(trail: Trail, text: str, scorer: OnnxScorer) -> AskScores:
    marks = trail.ask.marks if trail.ask is not None else frozenset[str]()
    return scorer.ask(read_text(text, marks))


def _scores(verdict: Verdict | None) -> dict[str, float] | None:
    if verdict is None:
        return None
    scores = {**verdict.scores, "gain": verdict.gain, "certified": 1.0 if verdict.certified else 0.0}
    return scores | {"risk": verdict.risk} if verdict.certified else scores


def _signals(trail: Trail) -> dict[str, int]:
    said = (
        trail.steps,
        trail.files_edited,
        trail.failed_cycles_in_a_row,
        trail.error_streak,
        trail.repeat_streak,
        trail.corrections,
        trail.resumed,
        trail.tests,
        trail.tests_failed,
    )
    return dict(zip(SIGNALS, said, strict=True))
