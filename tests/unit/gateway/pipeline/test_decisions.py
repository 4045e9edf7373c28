"""What is given to a decision, and what is kept of it."""

from __future__ import annotations

import json

import msgspec
import pytest

from gateway.accounting.cost import Pricing
from gateway.config.settings import Settings
from gateway.ir.exchange import Decision, Labels, Move, Shadow
from gateway.pipeline import decisions
from gateway.pipeline.runtime import Runtime
from gateway.routing import table
from gateway.routing.decide import NO_MEANS
from gateway.routing.moves import FRESH, Standing
from tests.unit.gateway.pipeline.made import exchange, flight
from tests.unit.gateway.pipeline.test_tariffs import Book
from tests.unit.gateway.routing.made import TRIO

NIL = msgspec.Raw(b"\xc0")
RUNTIME = Runtime(
    Settings(), table.build(Settings(), {e.name: e for e in TRIO}), {"box/coder": Pricing(free=True)}, None
)


@pytest.mark.parametrize("raw", [b"\xc0", b"\xc1", b"\xa3abc"])
def test_what_cannot_be_read_is_a_fresh_standing(raw: bytes) -> None:
    assert decisions.standing(msgspec.Raw(raw)) == FRESH


def test_a_model_asked_for_by_name_is_given_nothing() -> None:
    assert decisions.means(exchange({"model": "box/coder"}), NIL, RUNTIME, Book()) is NO_MEANS
    assert decisions.means(exchange(forced_model="box/coder"), NIL, RUNTIME, Book()) is NO_MEANS
    given = decisions.means(exchange(), NIL, RUNTIME, Book())
    assert (given.standing, given.prices("box/coder") is not None) == (FRESH, True)


def test_the_standing_goes_round() -> None:
    made = flight(labels=Labels(signals={"resumed": 1}))
    made.served = "box/coder"
    after = decisions.standing(decisions.standing_after(NIL, made, "local", belongs=True))
    assert (after.resumed, after.warm[0].model, after.warm[0].tokens) == (1, "box/coder", 7)
    title = decisions.standing_after(NIL, made, "local", belongs=False)
    assert decisions.standing(title) == Standing()


def test_the_record_has_what_a_replay_needs_and_words_only_when_asked() -> None:
    labels = Labels(scores={"local": 0.5}, signals={"steps": 3, "tests": 0}, version="v1")
    made = exchange({"messages": [{"role": "user", "content": "rename the flag"}]}, labels=labels, forced_lane="mid")
    kept = json.loads(decisions.recorded(made, Decision(cache="warm"))["decision"])
    assert (kept["scores"], kept["signals"], kept["classifier"]) == ({"local": 0.5}, {"steps": 3}, "v1")
    assert (kept["context_tokens"], kept["lane_asked"], kept["decision"]) == (7, "mid", {"cache": "warm"})
    assert "rename" not in json.dumps(kept)
    assert json.loads(decisions.recorded(made, Decision(), asks=True)["decision"])["ask"] == "rename the flag"
    turn = exchange(labels=Labels(call="tool_result"))
    assert "ask" not in json.loads(decisions.recorded(turn, Decision(), asks=True)["decision"])


def test_the_dry_run_tells_everything() -> None:
    move = Move("a", "b", "saving", False, "no", cost_usd_micros=1_500)
    told = decisions.explained(Decision("best", "x", "c", "cold", "", move, Shadow("d", "mid", "y")))
    assert (told["switch_cost_usd"], told["move"]["target"], told["shadow"]["model"]) == (0.0015, "b", "d")
    assert (told["evidence"], told["cache"], told["runner_up"]) == (None, "cold", "c")
    assert decisions.explained(Decision())["switch_cost_usd"] is None


def test_the_chance_is_kept_only_of_the_model_that_was_chosen() -> None:
    made, drawn = exchange(), Decision(chance=0.25)
    assert json.loads(decisions.recorded(made, drawn)["decision"])["chance"] == 0.25
    assert "chance" not in json.loads(decisions.recorded(made, drawn, as_chosen=False)["decision"])
    assert decisions.explained(drawn)["chance"] == 0.25


def test_scores_of_an_earlier_turn_are_marked() -> None:
    turn = exchange(labels=Labels(call="tool_result", scores={"local": 0.5}, aged=True))
    assert json.loads(decisions.recorded(turn, Decision())["decision"])["aged"] is True
