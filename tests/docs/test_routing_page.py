"""The figures of docs/explanation/routing.md are what the code and the shipped classifier say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.adapters.onnx_classifier import LearnedClassifier
from gateway.ir.exchange import Labels, Move, Session
from gateway.routing import costs
from gateway.routing.costs import NEW_TOKENS, OUTPUT_TOKENS, Tariff
from gateway.routing.decide import Means
from gateway.routing.moves import Standing
from gateway.routing.plan import plan
from gateway.testing.clock import ManualClock
from tests.unit.gateway.harnesses import shapes
from tests.unit.gateway.routing.made import TRIO, exchange, routes, up

PAGE = " ".join((Path(__file__).parents[2] / "docs/explanation/routing.md").read_text("utf-8").split())
MONEY = PAGE.partition("**An example in money.**")[2].partition("**Before it goes live.**")[0]
SESSION = PAGE.partition("### What a session does to them")[2]
_, FLASH, OPUS = (e.name for e in TRIO)
TARIFFS = {OPUS: Tariff(5.0, 0.5, 6.25, 25.0), FLASH: Tariff(0.252, 0.0252, 0.252, 0.378)}
CONTEXT, TURNS = 32_000, 4


def usd(micros: float) -> str:
    return f"${micros / 1_000_000:.4f}"


def move_of(home: str, *to: str, spent: int = 0, **signals: int) -> Move:
    """What is decided for a session of four requests at `home`, where the route prefers the first of `to`."""
    table = routes(configured=[{"id": "r", "to": list(to)}])
    asked = exchange(received_s=1000.0, context_tokens=CONTEXT).placed(Session("s", turns=TURNS, bound_model=home))
    made, _ = plan(
        structs.replace(asked, labels=Labels(signals=signals)), table, up, Means(Standing(spent), TARIFFS.get)
    )
    assert made.decision is not None
    assert made.decision.move is not None
    return made.decision.move


def test_the_premises_are_those_of_the_code() -> None:
    left = routes().moves.turns - TURNS
    assert f"{left} requests are expected to follow, each with {NEW_TOKENS:,} new tokens and {OUTPUT_TOKENS}" in MONEY
    assert "A session of four requests" in MONEY
    assert f"{CONTEXT:,} tokens of history" in MONEY
    assert routes().moves.budget_pct == 15


def test_the_turns_cost_what_the_table_says() -> None:
    for model in (OPUS, FLASH):
        one, all_ = TARIFFS[model].turn(CONTEXT), costs.rest(TARIFFS[model], CONTEXT, 18)
        assert f"= {usd(one)} |" in MONEY
        assert f"| {usd(all_)} |" in MONEY


def test_the_move_down_is_made_at_that_price() -> None:
    move = move_of(OPUS, FLASH, OPUS)
    assert (move.kind, move.made) == ("saving", True)
    assert move.cost_usd_micros is not None
    assert move.saved_usd_micros is not None
    assert f"It saves {usd(move.saved_usd_micros)} for {usd(move.cost_usd_micros)}" in MONEY
    staying = costs.rest(TARIFFS[OPUS], CONTEXT, 18)
    assert f"15 % of the {usd(staying)} that staying would cost are {usd(staying * 0.15)}" in MONEY


def test_the_move_up_is_refused_in_these_words_and_made_on_evidence() -> None:
    move = move_of(FLASH, OPUS, FLASH, spent=5_000)
    assert (move.kind, move.made) == ("score", False)
    assert f'"{move.why.partition(", but ")[2]}"' in MONEY
    assert move_of(FLASH, OPUS, FLASH, spent=5_000, failed_cycles=2).made


def said(number: int, name: str, answer: str, **arguments: Any) -> list[dict[str, Any]]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": f"c{number}", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{number}", "content": answer},
    ]


def troubled() -> list[Any]:
    """Three edits in three files, each followed by a failed test run; sixteen steps."""
    turns: list[Any] = []
    for number, file in enumerate(("config.go", "parse.go", "main.go")):
        turns += said(4 * number, "read", "package x", filePath=file)
        turns += said(4 * number + 1, "grep", "a.go:1: x", pattern="Parse")
        turns += said(4 * number + 2, "edit", "ok", filePath=file, oldString="a", newString="b")
        turns += said(4 * number + 3, "bash", "--- FAIL: TestParseConfig (0.00s)\nFAIL", command="go test ./...")
    for number, file in enumerate(("a.go", "b.go", "c.go", "d.go")):
        turns += said(12 + number, "read", "package x", filePath=file)
    return turns


async def scored(*turns: Any) -> Labels:
    classifier = LearnedClassifier(ManualClock())
    classifier.load()
    found = re.match(r'\s*"([^"]+)"', SESSION)
    assert found is not None
    return await classifier.label(
        shapes.make("chat", shapes.PYTHON, shapes.body("chat", "", [found[1], *turns], ("x",)))
    )


@pytest.mark.parametrize("where", ["first", "later"])
async def test_the_scores_are_those_of_the_shipped_classifier(where: str) -> None:
    labels = await scored(*(troubled() if where == "later" else ()))
    scores = labels.scores
    assert scores is not None
    told = f"local {scores['local']:.2f}, mid {scores['mid']:.2f}, frontier {scores['frontier']:.2f}"
    assert told in SESSION
    if where == "first":
        assert f"says {labels.task} with {labels.task_why.rpartition(' ')[2]}" in SESSION
        assert f"gain {scores['gain']:.2f}." in SESSION
    else:
        assert labels.signals is not None
        assert (labels.signals["steps"], labels.signals["files_edited"], labels.signals["failed_cycles"]) == (16, 3, 3)
        assert f"from 0.13 to {scores['gain']:.2f}" in SESSION
