"""Labels by the model, by the rules where it is unsure or absent; new asks off the loop, tool results on it."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from classifiers.artefact import ASK, LANES, TASKS, ArtefactError, Thresholds
from gateway.adapters.classifier import VERSION as RULES
from gateway.adapters.onnx_classifier import AGED_STEPS_MAX, INLINE_BYTES, SIGNALS, LearnedClassifier
from gateway.adapters.trails import Trails
from gateway.ir.exchange import Exchange, Labels
from gateway.testing.clock import ManualClock
from tests.support.artefacts import lanes_graph, write
from tests.unit.gateway.harnesses import shapes as s


def loaded(folder: Path, **changes: Any) -> LearnedClassifier:
    made = LearnedClassifier(ManualClock(), (write(folder, **changes),))
    made.load()
    assert made.version == "test-1"
    return made


def exchange(
    *turns: Any, session: str = "s-0001", tools: tuple[str, ...] = ("bash", "read"), system: str = "sys"
) -> Exchange:
    return s.make("chat", s.PYTHON, s.body("chat", system, list(turns), tools), {"x-session-id": session})


async def test_a_learned_label(tmp_path: Path) -> None:
    found = await loaded(tmp_path).label(exchange("there is a deadlock somewhere"))
    assert (found.call, found.task, found.version) == ("main", "novel_reasoning", "test-1")
    assert found.task_why.startswith("learned, p = 0.7")
    assert found.scores == {"local": 0.6, "mid": 0.7, "frontier": 0.8, "gain": 0.2, "certified": 0.0}
    assert found.signals == dict.fromkeys(SIGNALS, 0)


async def test_what_was_proven_is_told(tmp_path: Path) -> None:
    found = await loaded(tmp_path).label(exchange("a docstring please"))
    assert found.scores is not None
    assert found.scores["certified"] == 1.0


async def test_an_unsure_model_asks_the_rules(tmp_path: Path) -> None:
    made = loaded(tmp_path, thresholds=Thresholds(task=dict.fromkeys(TASKS, 0.99)))
    found = await made.label(exchange("fix the parser"))
    assert found.task == "single_file_edit"
    assert found.task_why.startswith("unsure (single_file_edit, p = 0.7")
    assert found.scores is not None


async def test_without_a_model_the_rules_answer_and_the_session_is_read(tmp_path: Path) -> None:
    made = LearnedClassifier(ManualClock(), (tmp_path,))
    made.load()
    found = await made.label(exchange("add docstrings to a.py", ("call", "read"), ("result", "x")))
    assert (found.call, found.task, found.version, found.scores) == ("tool_result", "docstring", RULES, None)
    assert found.signals is not None
    assert found.signals["steps"] == 1
    assert made.problems == []


async def test_housekeeping_has_no_task_and_touches_no_trail(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    title = s.make("chat", s.OPENCODE_AGENT, s.body("chat", s.TITLE_HEAD, ["Name it:", '"fix it"']), s.OPENCODE_SESSION)
    found = await made.label(title)
    assert (found.call, found.task, found.scores, found.signals) == ("title", None, None, None)
    assert made._trails.take(title.session.id) is None


async def test_no_words_of_a_human_no_score(tmp_path: Path) -> None:
    found = await loaded(tmp_path).label(exchange("<environment_context>x</environment_context>"))
    assert (found.task, found.scores) == (None, None)


async def test_the_session_moves_the_scores(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    edit = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "e", "type": "function", "function": {"name": "edit", "arguments": '{"filePath": "a.py"}'}}]}  # fmt: skip
    test = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "t", "type": "function", "function": {"name": "bash", "arguments": '{"command": "pytest"}'}}]}  # fmt: skip
    round_ = [edit, {"role": "tool", "tool_call_id": "e", "content": "ok"},
              test, {"role": "tool", "tool_call_id": "t", "content": "1 failed in 0.1s"}]  # fmt: skip
    first = await made.label(exchange("fix it"))
    later = await made.label(exchange("fix it", *round_, *round_))
    assert first.scores is not None
    assert later.scores is not None
    assert later.scores["local"] == pytest.approx(first.scores["local"] - 0.2)
    assert later.scores["gain"] > first.scores["gain"]
    assert later.signals is not None
    assert (later.signals["failed_cycles"], later.signals["files_edited"]) == (2, 1)


class Spy:
    """Where the `ask` graph runs, and how often."""

    def __init__(self, made: LearnedClassifier) -> None:
        self.threads: list[str] = []
        scorer: Any = made._scorer
        original = scorer.ask

        def ask(reading: Any) -> Any:
            self.threads.append(threading.current_thread().name)
            return original(reading)

        scorer.ask = ask


async def test_an_ask_is_scored_once_and_off_the_loop(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    spy = Spy(made)
    turns: list[Any] = ["fix the parser"]
    for _ in range(5):
        assert (await made.label(exchange(*turns))).task == "single_file_edit"
        turns += [("call", "read"), ("result", "text")]
    assert spy.threads == ["classifier_0"]
    await made.label(exchange(*turns, "now migrate it"))
    assert spy.threads == ["classifier_0"] * 2
    assert made.version == "test-1"


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which sessions are read."""
    threads: list[str] = []
    original = Trails.extend

    def extend(*given: Any) -> Any:
        threads.append(threading.current_thread().name)
        return original(*given)

    monkeypatch.setattr(Trails, "extend", extend)
    return threads


LOOP = threading.main_thread().name
RESULTS: list[Any] = [("call", "read"), ("result", "line of text\n" * 4000)]
"""52 KB, of which the ends are read."""
OWN: list[Any] = [("call", "read"), ("result", "x" * INLINE_BYTES * 10)]


async def test_what_the_human_says_is_read_and_scored_off_the_loop_what_tools_say_on_it(
    tmp_path: Path, reading: list[str]
) -> None:
    made = loaded(tmp_path)
    turns: list[Any] = ["fix it"]
    for more in (["fix it"], RESULTS, ["now migrate it"], RESULTS, RESULTS * 4):
        turns += more if more != ["fix it"] else []
        await made.label(exchange(*turns))
    assert reading == ["classifier_0", LOOP, "classifier_0", LOOP, "classifier_0"]


async def test_what_takes_long_to_read_is_read_off_the_loop(tmp_path: Path, reading: list[str]) -> None:
    """A session that nobody knows, one whose ask another classifier has scored, and too much at once."""
    made = loaded(tmp_path)
    await made.label(exchange("fix it", *RESULTS))
    made._scorer.version = "test-2"  # type: ignore[union-attr]
    await made.label(exchange("fix it", *RESULTS, *RESULTS))
    await made.label(exchange("fix it", *RESULTS, *RESULTS, *OWN))
    assert reading == ["classifier_0"] * 3


async def test_without_a_model_there_is_nothing_to_score(tmp_path: Path, reading: list[str]) -> None:
    made = LearnedClassifier(ManualClock(), (tmp_path,))
    await made.label(exchange("fix it"))
    await made.label(exchange("fix it", *RESULTS, session="s-0002"))
    assert reading == [LOOP, LOOP]


async def test_two_requests_of_a_session_at_once(tmp_path: Path) -> None:
    """Neither sees the other's half-read trail."""
    made = loaded(tmp_path)
    short, long = exchange("fix it"), exchange("fix it", *[("call", "read"), ("result", "x")] * 30)
    found = await asyncio.gather(*(made.label(e) for e in (short, long, short, long)))
    signals = [f.signals for f in found]
    assert [sig["steps"] for sig in signals if sig] == [0, 30, 0, 30]


async def test_a_refused_artefact_is_said_and_the_next_one_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own, shipped = write(tmp_path / "own", schema="0" * 64), write(tmp_path / "shipped")
    made = LearnedClassifier(ManualClock(), (own, shipped))
    with caplog.at_level(logging.ERROR):
        made.load()
    assert made.version == "test-1"
    assert "trained on features 000000000000" in made.problems[0]
    assert "interlock classifier train" in caplog.text


async def test_none_usable_leaves_the_rules(tmp_path: Path) -> None:
    made = LearnedClassifier(ManualClock(), (write(tmp_path, {ASK: b"x", LANES: lanes_graph()}),))
    made.load()
    assert made.version == RULES
    assert len(made.problems) == 1
    assert (await made.label(exchange("fix the parser"))).version == RULES


async def test_a_graph_that_fails_later_leaves_the_rules(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = loaded(tmp_path)
    scorer: Any = made._scorer

    def broken(*_: Any) -> Any:
        raise ArtefactError("graph 'lanes' does not run", "train it again")

    scorer.lanes = broken
    found = await made.label(exchange("fix the parser", ("call", "read"), ("result", "x")))
    assert (found.task, found.scores, found.version) == ("single_file_edit", None, RULES)
    assert "the rules answer" in caplog.text


async def test_an_untouched_session_has_the_scores_of_its_ask(tmp_path: Path) -> None:
    """As its graph would say: see tests/unit/classifiers/training/test_graph.py."""
    made = loaded(tmp_path)
    scorer: Any = made._scorer
    runs: list[Any] = []
    original = scorer.lanes
    scorer.lanes = lambda *given: runs.append(given) or original(*given)
    first = await made.label(exchange("fix it"))
    assert runs == []
    later = await made.label(exchange("fix it", ("call", "read"), ("result", "x")))
    assert len(runs) == 1
    assert first.scores == later.scores, "reading a file says nothing"


async def test_system_text_tools_and_length_change_nothing(tmp_path: Path) -> None:
    def bare(found: Labels) -> Any:
        return found.task, found.scores, found.signals

    made = loaded(tmp_path)
    plain = bare(await made.label(exchange("fix the parser", session="plain-1")))
    loud = exchange("fix the parser", session="loud-01", system="migrate deadlock overnight why " * 2000)
    many = exchange("fix the parser", session="many-01", tools=tuple(f"migrate_{n}" for n in range(100)))
    assert bare(await made.label(loud)) == plain
    assert bare(await made.label(many)) == plain


# --- turns that go on with the work ------------------------------------------------------------------------------

EDIT = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "e", "type": "function", "function": {"name": "edit", "arguments": '{"filePath": "a.py"}'}}]}  # fmt: skip
TEST = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "t", "type": "function", "function": {"name": "bash", "arguments": '{"command": "pytest"}'}}]}  # fmt: skip
FAILED = [EDIT, {"role": "tool", "tool_call_id": "e", "content": "ok"},
          TEST, {"role": "tool", "tool_call_id": "t", "content": "1 failed in 0.1s"}]  # fmt: skip


class Session:
    """A session that goes on, its model bound; counts how often it is scored."""

    def __init__(self, made: LearnedClassifier) -> None:
        self.made = made
        self.turns: list[Any] = ["fix it"]
        self.runs = 0
        self.before: Labels | None = None
        self.read_to = 0
        original, spied = made._scored, cast("Any", made)

        def scored(*given: Any) -> Any:
            self.runs += 1
            return original(*given)

        spied._scored = scored

    async def label(self, *turns: Any, fresh: bool = False, bound: str | None = "local/coder") -> Labels:
        self.turns += turns
        asked = exchange(*self.turns)
        asked = structs.replace(
            asked,
            session=structs.replace(asked.session, bound_model=bound),
            labels_before=self.before,
            new_from=self.read_to,
        )
        self.before, self.read_to = await self.made.label(asked, fresh=fresh), len(asked.view.messages)
        return self.before


async def test_work_that_goes_on_is_not_scored_again(tmp_path: Path) -> None:
    session = Session(loaded(tmp_path))
    first = await session.label()
    for number in range(5):
        later = await session.label(("call", f"read_{number}"), ("result", "text"))
        assert (later.scores, later.task, later.version) == (first.scores, first.task, first.version)
        assert later.aged
        assert later.signals is not None
        assert later.signals["steps"] == number + 1
    assert (session.runs, first.aged) == (1, False)


async def test_trouble_is_scored_when_it_comes_and_when_it_goes(tmp_path: Path) -> None:
    session = Session(loaded(tmp_path))
    first = await session.label()
    assert (await session.label(*FAILED)).aged  # once may happen
    worse = await session.label(*FAILED)
    assert first.scores is not None
    assert worse.scores is not None
    assert (worse.aged, worse.scores["local"]) == (False, pytest.approx(first.scores["local"] - 0.2))
    passed = [*FAILED[:3], {"role": "tool", "tool_call_id": "t", "content": "3 passed in 0.1s"}]
    better = await session.label(*passed)
    assert better.signals is not None
    assert (better.aged, better.signals["failed_cycles"]) == (False, 0)
    assert session.runs == 3


@pytest.mark.parametrize("how", [{"fresh": True}, {"bound": None}])
async def test_scores_that_may_decide_are_of_this_turn(tmp_path: Path, how: dict[str, Any]) -> None:
    session = Session(loaded(tmp_path))
    await session.label()
    assert not (await session.label(("call", "read"), ("result", "text"), **how)).aged
    assert session.runs == 2


async def test_the_human_is_always_scored(tmp_path: Path) -> None:
    session = Session(loaded(tmp_path))
    await session.label(("call", "read"), ("result", "text"))
    said = await session.label("now migrate it")
    assert (said.aged, said.task) == (False, "multi_file_refactor")
    after = await session.label(("call", "read_2"), ("result", "text"))
    assert (after.aged, after.task, after.scores) == (True, said.task, said.scores)


async def test_scores_do_not_grow_old(tmp_path: Path) -> None:
    session = Session(loaded(tmp_path))
    await session.label()
    aged = [
        (await session.label(("call", f"read_{number}"), ("result", "text"))).aged
        for number in range(2 * AGED_STEPS_MAX)
    ]
    assert [number for number, was in enumerate(aged, 1) if not was] == [AGED_STEPS_MAX, 2 * AGED_STEPS_MAX]


async def test_another_model_scores_at_once(tmp_path: Path) -> None:
    made = loaded(tmp_path)
    session = Session(made)
    await session.label()
    made._scorer = None
    ruled = await session.label(("call", "read"), ("result", "text"))
    assert (ruled.aged, ruled.scores, ruled.version) == (False, None, RULES)
