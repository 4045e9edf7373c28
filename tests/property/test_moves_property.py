"""Whatever a session goes through: only listed models are called, and moves never cost more than the switch budget allows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ir.exchange import Labels, Session
from gateway.routing import costs, moves
from gateway.routing.decide import Means
from gateway.routing.moves import FRESH, TURNS_MIN
from gateway.routing.plan import plan
from tests.unit.gateway.routing.made import TRIO, exchange, routes, up

NAMES = [e.name for e in TRIO]
RATE = st.floats(0, 50)
TARIFF = st.builds(costs.Tariff, input=RATE, cached=RATE, written=RATE, output=RATE) | st.builds(
    costs.Tariff, usd_per_hour=st.floats(0.01, 5), prefill_tokens_s=st.floats(100, 10_000)
)
TURN = st.fixed_dictionaries(
    {
        "call": st.sampled_from(["main", "main", "tool_result", "compaction", "subagent", "title"]),
        "idle_s": st.sampled_from([5.0, 5.0, 400.0, 5_000.0]),
        "grows": st.integers(0, 40_000),
        "signals": st.fixed_dictionaries(
            {n: st.integers(0, 5) for n in ("failed_cycles", "repeat_streak", "corrections", "resumed")}
        ),
        "scores": st.fixed_dictionaries(
            {
                **{lane: st.floats(0, 1) for lane in ("local", "mid", "frontier")},
                "certified": st.sampled_from([0.0, 1.0]),
                "risk": st.floats(0, 0.2),
            }
        ),
        "cost": st.integers(0, 300_000),
        "order": st.permutations(NAMES),
    }
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(TURN, min_size=1, max_size=12), st.tuples(TARIFF, TARIFF, TARIFF), st.sampled_from([0.0, 5.0, 15.0, 100.0])
)
def test_sessions(turns: list[dict[str, Any]], tariffs: tuple[costs.Tariff, ...], pct: float) -> None:
    prices = dict(zip(NAMES, tariffs, strict=True))
    standing, bound, context, at_s = FRESH, None, 1_000, 1e9
    for number, turn in enumerate(turns):
        listed = list(turn["order"])[: 1 + number % 3]
        configured = [{"id": "r", "to": listed, "learned": {"margin": 0.1, "risk": 0.1}}]
        table = routes(configured=configured, session={"switch_budget_pct": pct, "escalate": "within_budget"})
        at_s, context = at_s + turn["idle_s"], context + turn["grows"]
        made = exchange(received_s=at_s, context_tokens=context)
        made = made.placed(Session("s", turns=number, bound_model=bound))
        made = made.labelled(Labels(call=turn["call"], signals=turn["signals"], scores=turn["scores"]))
        decided, _ = plan(made, table, up, Means(standing, prices.get))
        served = decided.hops[0]
        allowed = {*listed, *([bound] if bound else [])}
        assert {h.model for h in decided.hops} <= allowed, "no candidate is invented"
        assert len({h.model for h in decided.hops}) == len(decided.hops)
        assert decided.decision is not None
        move = decided.decision.move
        if move is not None and move.made and move.kind != "forced":
            left = max(22 - number, TURNS_MIN)
            ahead = max(costs.rest(prices[name], context, left) for name in (move.source, move.target))
            lost = standing.moved_usd_micros + (move.cost_usd_micros or 0)
            if move.cost_usd_micros:
                assert lost <= (standing.spent_usd_micros + ahead) * pct / 100, "the switch budget holds"
            assert served.model == move.target
        belongs = turn["call"] != "title"
        standing = moves.after(
            standing, made, move, served=served.model, lane=served.lane, cost_usd_micros=turn["cost"], belongs=belongs
        )
        bound = served.model if belongs else bound


@pytest.mark.parametrize("call", ["title", "summary", "probe"])
def test_sub_calls_move_nothing(call: Any) -> None:
    made = exchange(bound=NAMES[0], call=call)
    made = made.labelled(Labels(call=call, signals={"failed_cycles": 9}))
    decided, _ = plan(made, routes(configured=[{"id": "r", "to": NAMES}]), up)
    assert decided.decision is not None
    assert (decided.hops[0].model, decided.decision.move) == (NAMES[0], None)
