"""When a session leaves its model, and what that may cost."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ir.exchange import Exchange, Hop, Labels, Session
from gateway.routing import moves
from gateway.routing.costs import Tariff
from gateway.routing.moves import FRESH, Rules, Standing, Warm, Weighing, weigh
from tests.unit.gateway.routing.made import exchange

LOCAL, MID, OPUS = Hop("box", "local", ""), Hop("flash", "mid", ""), Hop("opus", "frontier", "")
TARIFFS = {
    "box": Tariff(usd_per_hour=0.36, prefill_tokens_s=1000),
    "flash": Tariff(0.25, 0.025, 0.25, 0.4),
    "opus": Tariff(5.0, 0.5, 6.25, 25.0),
}
NOW = 1000.0


def asked(call: str = "main", *, context: int = 32_000, turns: int = 4, home: str = "box", **signals: int) -> Exchange:
    labels = Labels(call=call, signals=signals)  # type: ignore[arg-type]
    session = Session("s", turns=turns, bound_model=home)
    made = exchange(call=labels.call, context_tokens=context, received_s=NOW)
    return made.placed(session).labelled(labels)


def weighing(made: Exchange, standing: Standing = FRESH, **rules: Any) -> Weighing:
    return Weighing(made, standing, Rules(**rules), TARIFFS.get, lambda _: 300.0)


def weighed(made: Exchange, home: Hop, hops: list[Hop], standing: Standing = FRESH, **rules: Any) -> Any:
    at = weighing(made, standing, **rules)
    trouble = moves.evidence(made.labels.signals, standing.marks)
    cache = moves.cache_state(standing, home.model, NOW, 300.0)
    return weigh(at, home, hops, trouble, cache, at_ask=made.labels.call == "main")


@pytest.mark.parametrize(
    ("signals", "said"),
    [
        ({"failed_cycles": 2}, "2 checks failed in a row"),
        ({"failed_cycles": 1}, ""),
        ({"repeat_streak": 3}, "the same call was made 3 times over"),
        ({"repeat_streak": 2}, ""),
        ({"corrections": 1}, "1 complaints about the result"),
        ({"steps": 80, "error_streak": 9}, ""),
    ],
)
def test_what_counts_as_evidence(signals: dict[str, int], said: str) -> None:
    assert moves.evidence(signals, ()) == said
    assert moves.evidence(None, ()) == ""


def test_evidence_that_was_answered_counts_only_when_it_grows() -> None:
    assert moves.evidence({"failed_cycles": 3}, (2, 0, 0)) == ""
    assert moves.evidence({"failed_cycles": 4}, (2, 0, 0)) == "4 checks failed in a row"


def test_failure_moves_one_lane_up_at_any_turn() -> None:
    move = weighed(asked("tool_result", failed_cycles=2), LOCAL, [LOCAL, OPUS, MID])
    assert (move.target, move.kind, move.made) == ("flash", "evidence", True)
    assert move.cost_usd_micros == round(32_000 * (0.25 - 0.025))
    assert move.tokens == 32_000


def test_failure_on_the_top_lane_or_without_a_stronger_one_stays() -> None:
    assert weighed(asked("tool_result", failed_cycles=9), OPUS, [OPUS, MID]) is None
    assert weighed(asked("tool_result", failed_cycles=9), LOCAL, [LOCAL]) is None


def test_the_operator_may_hold_escalation_to_the_budget_or_forbid_it() -> None:
    made = asked("tool_result", failed_cycles=2)
    never = weighed(made, LOCAL, [LOCAL, OPUS], escalate="never")
    assert (never.made, "session.escalate is never" in never.why) == (False, True)
    tight = weighed(made, LOCAL, [LOCAL, OPUS], escalate="within_budget", budget_pct=1)
    assert (tight.made, "session.switch_budget_pct" in tight.why) == (False, True)
    assert weighed(made, LOCAL, [LOCAL, OPUS], escalate="within_budget", budget_pct=100).made


def test_in_mid_task_nothing_but_evidence_moves() -> None:
    cold = Standing(warm=(Warm("opus", NOW - 4000, 10),))
    assert weighed(asked("tool_result", home="opus"), OPUS, [LOCAL, OPUS]) is None
    assert weighed(asked("tool_result", home="opus"), OPUS, [LOCAL, OPUS], cold) is None


def test_a_cold_cache_and_compaction_make_a_move_free() -> None:
    cold = Standing(warm=(Warm("opus", NOW - 301, 32_000),))
    move = weighed(asked(home="opus"), OPUS, [MID, OPUS], cold, budget_pct=0)
    assert (move.made, move.kind, move.cost_usd_micros) == (True, "free", 0)
    resumed = weighed(asked("tool_result", home="opus", resumed=1), OPUS, [MID, OPUS], budget_pct=0)
    assert (resumed.made, resumed.kind, resumed.why) == (True, "free", "compaction has just replaced the history")


def test_a_move_that_saves_must_save_more_than_it_costs() -> None:
    warm = Standing(warm=(Warm("opus", NOW - 10, 32_000),))
    move = weighed(asked(home="opus"), OPUS, [MID, OPUS], warm)
    assert (move.made, move.kind) == (True, "saving")
    assert move.saved_usd_micros > move.cost_usd_micros == round(32_000 * 0.225)
    dear = weighed(asked(home="flash"), MID, [Hop("flash2", "mid", ""), MID], warm)
    assert (dear.made, "price is not known" in dear.why) == (False, True)


def test_waiting_for_a_local_model_to_read_is_a_price_too() -> None:
    warm = Standing(warm=(Warm("opus", NOW - 10, 90_000),))
    move = weighed(asked(context=90_000, home="opus"), OPUS, [LOCAL, OPUS], warm)
    assert (move.made, move.wait_s) == (False, 90.0)
    assert "takes 90 s" in move.why
    assert weighed(asked(context=90_000, home="opus"), OPUS, [LOCAL, OPUS], warm, wait_s_max=120.0).made


def test_going_back_to_a_cache_that_is_still_warm_reads_only_what_is_new() -> None:
    standing = Standing(warm=(Warm("flash", NOW - 5, 32_000), Warm("opus", NOW - 60, 30_000)))
    assert moves.cold_tokens(standing, "opus", 32_000, NOW, 300.0) == 2_000
    assert moves.cold_tokens(standing, "opus", 32_000, NOW + 300, 300.0) == 32_000


def test_a_stronger_first_choice_is_taken_within_the_budget_only() -> None:
    made = asked(context=5_000)
    assert weighed(made, LOCAL, [OPUS, LOCAL]).made
    spent = Standing(spent_usd_micros=100, moved_usd_micros=10**7)
    move = weighed(made, LOCAL, [OPUS, LOCAL], spent)
    assert (move.made, move.kind) == (False, "score")


# --- what is remembered -----------------------------------------------------------------------------------------


def remembered(standing: Standing, made: Exchange, move: Any, served: str, lane: Any) -> Standing:
    return moves.after(standing, made, move, served=served, lane=lane, cost_usd_micros=500, belongs=True)


@pytest.mark.parametrize(
    "known", [(), ("box",), ("flash",), ("flash", "box"), ("a", "b", "c", "flash"), ("a", "b", "c", "d")]
)
@pytest.mark.parametrize("resumed", [0, 1])
def test_where_nothing_moved_only_money_and_caches_change(known: tuple[str, ...], resumed: int) -> None:
    """A move that was weighed and refused takes the long way, with the same result."""
    standing = Standing(100, 7, tuple(Warm(name, 1.0, 5) for name in known))
    made = asked("tool_result", failed_cycles=2, resumed=resumed)
    refused = moves.refused(weighed(made, LOCAL, [LOCAL, OPUS]), "no")
    found = remembered(standing, made, None, "box", "local")
    assert found == remembered(standing, made, refused, "box", "local")
    assert (found.spent_usd_micros > 100, found.moved_usd_micros, found.resumed) == (True, 7, resumed)
    others = [] if resumed else [name for name in known if name != "box"][: moves.WARM_MAX - 1]
    assert [w.model for w in found.warm] == ["box", *others]


def test_what_failed_is_not_gone_back_to_until_another_ask() -> None:
    failing = asked("tool_result", failed_cycles=2)
    move = weighed(failing, LOCAL, [LOCAL, MID])
    after = remembered(FRESH, failing, move, "flash", "mid")
    assert (after.floor, after.marks, after.moved_usd_micros) == ("mid", (2, 0, 0), move.cost_usd_micros)
    still = asked("main", home="flash", failed_cycles=2)
    assert weighed(still, MID, [LOCAL, MID], after) is None
    resumed = asked("main", home="flash", resumed=1)
    assert weighed(resumed, MID, [LOCAL, MID], after) is None, "compaction forgets the failures, the session does not"
    passed = remembered(after, asked("tool_result", home="flash"), None, "flash", "mid")
    assert (passed.floor, passed.marks) == ("mid", (0, 0, 0))
    another = asked("main", home="flash")
    assert weighed(another, MID, [LOCAL, MID], passed) is not None
    assert remembered(passed, another, None, "flash", "mid").floor is None


def test_a_title_costs_but_changes_nothing_else() -> None:
    before = Standing(spent_usd_micros=5, floor="mid", marks=(2, 0, 0), resumed=1)
    made = asked("title")
    after = moves.after(before, made, None, served="box", lane="local", cost_usd_micros=7, belongs=False)
    assert after == Standing(spent_usd_micros=12, floor="mid", marks=(2, 0, 0), resumed=1)


def test_a_move_that_another_model_served_in_the_end_is_not_booked() -> None:
    failing = asked("tool_result", failed_cycles=2)
    after = remembered(FRESH, failing, weighed(failing, LOCAL, [LOCAL, MID]), "box", "local")
    assert (after.moved_usd_micros, after.floor, after.marks) == (0, None, ())


def test_warm_caches_are_bounded_and_gone_after_compaction() -> None:
    standing = FRESH
    for name in "abcdef":
        standing = remembered(standing, asked(), None, name, "mid")
    assert [w.model for w in standing.warm] == ["f", "e", "d", "c"]
    assert [w.model for w in remembered(standing, asked(resumed=1), None, "c", "mid").warm] == ["c"]
