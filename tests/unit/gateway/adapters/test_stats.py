from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters import exposition
from gateway.adapters.board import Board
from gateway.adapters.crew import Crew
from gateway.adapters.stats import Stats
from gateway.ir.usage import Usage
from gateway.telemetry import METRICS
from tests.support.rows import hop, row

HOST = SimpleNamespace(
    front=SimpleNamespace(in_flight=2),
    ports=SimpleNamespace(
        health=SimpleNamespace(status=lambda name: (name != "ill", "")), ledger=SimpleNamespace(queued=3, lost_rows=4)
    ),
    runtime=SimpleNamespace(endpoints={"m": None, "ill": None}, generation=5),
    reload_failures=6,
    version="1.2.3",
)


KEPT = {"leaks": '{"m":{"masked":{"card":3},"new":{"card":1}}}'}


def observed(*rows):
    stats = Stats()
    for one in rows:
        stats.observe(one)
    stats.hooked("guard", "request", "deny")
    stats.hook_dropped("watch", "response")
    return stats


def samples(stats):
    text = exposition.text(*stats.together(HOST), HOST)
    return {
        (s.name, *sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_every_metric_of_the_list_is_there():
    names = {key[0] for key in samples(observed(row("1", cost=5, extra=KEPT)))}
    for metric in METRICS:
        shown = {"counter": metric.name, "gauge": metric.name, "histogram": metric.name + "_bucket"}[metric.kind]
        assert shown in names, metric.name


def test_what_was_kept_back_is_counted_once(tmp_path):
    again = {"leaks": '{"m":{"masked":{"card":3},"new":{}}}'}
    stats = observed(row("1", extra=KEPT), row("2", extra=again), row("3", extra=KEPT))
    assert samples(stats)["interlock_leaks_kept_total", ("kind", "card"), ("model", "m")] == 2
    assert stats.together(HOST)[0].leaks == {("m", "card"): 2}


def test_labels_are_those_of_the_list():
    known = {m.name: set(m.labels) for m in METRICS}
    for key in samples(observed(row("1", cost=5, extra=KEPT))):
        name = key[0].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        if name in known:
            assert {label for label, _ in key[1:]} - {"le"} == known[name], key


def test_money_goes_to_the_model_that_was_paid():
    stats = observed(row("1", model="b", hops=(hop(model="a", lane="local", cost=30), hop(model="b", cost=12))))
    found = samples(stats)
    assert found["interlock_cost_usd_total", ("lane", "local"), ("model", "a")] == 30e-6
    assert found["interlock_cost_usd_total", ("lane", "mid"), ("model", "b")] == 12e-6
    summary = stats.summary(HOST)
    assert summary["cost_usd"] == 42e-6
    assert summary["models"]["a"] == {
        "lane": "local",
        "calls": 0,
        "cost_usd": 30e-6,
        "tokens": summary["models"]["a"]["tokens"],
    }
    assert summary["models"]["b"]["calls"] == 1


def test_a_model_that_changed_its_lane_keeps_its_money():
    stats = observed(row("1", lane="mid", cost=5), row("2", lane="local", cost=7))
    assert stats.summary(HOST)["models"]["m"]["cost_usd"] == 12e-6
    assert stats.summary(HOST)["models"]["m"]["calls"] == 2


def test_savings_compare_only_what_can_be_compared():
    stats = observed(
        row("1", cost=10, baseline=50),
        row("2", cost=0, baseline=70, price_version="none"),
        row("3", cost=5, extra={"baseline": "unpriced"}),
    )
    summary = stats.summary(HOST)
    assert summary["saved_usd"] == 40e-6
    assert summary["baseline_usd"] == 120e-6
    assert summary["unpriced_calls"] == 1


def test_calls_that_reached_nobody():
    stats = observed(row("1", model="", lane="", hops=(), outcome="refused", ttft_ms=None))
    assert stats.summary(HOST)["models"] == {"none": {"lane": "", "calls": 1, "cost_usd": 0.0, "tokens": {}}}
    assert stats.summary(HOST)["outcomes"] == {"refused": 1}


def test_tokens_by_kind():
    stats = observed(row("1", usage=Usage(100, 10, 5, 2, 50, 7)))
    assert stats.summary(HOST)["models"]["m"]["tokens"] == {
        "input": 100, "cached": 10, "cache_written": 5, "output": 50, "reasoning": 7,
    }  # fmt: skip


def test_histograms_are_cumulative():
    stats = observed(*(row(str(ms), total_ms=float(ms)) for ms in (10, 50, 51, 700_000)))
    found = samples(stats)

    def below(le):
        return found["gen_ai_server_request_duration_seconds_bucket", ("lane", "mid"), ("le", le), ("model", "m")]

    assert [below(le) for le in ("0.05", "0.1", "640.0", "+Inf")] == [2, 3, 3, 4]
    assert found["gen_ai_server_request_duration_seconds_count", ("lane", "mid"), ("model", "m")] == 4


def test_gauges_show_the_host():
    found = samples(Stats())
    assert found[("interlock_in_flight",)] == 2
    assert found["interlock_model_up", ("model", "ill")] == 0
    assert found["interlock_model_up", ("model", "m")] == 1
    assert found[("interlock_ledger_queue_rows",)] == 3
    assert found[("interlock_ledger_lost_rows_total",)] == 4
    assert found[("interlock_config_generation",)] == 5
    assert found[("interlock_config_reload_failures_total",)] == 6
    assert found[("interlock_workers",)] == 1
    assert found[("interlock_worker_restarts_total",)] == 0


def crewed():
    board = Board(2)
    board.began(0)
    board.began(1)
    return board, [Stats(Crew(board, slot)) for slot in range(2)]


def test_whoever_is_asked_answers_for_all():
    board, (first, second) = crewed()
    first.observe(row("1", cost=10, baseline=15, total_ms=60.0))
    second.observe(row("2", cost=5, total_ms=700.0, price_version="none"))
    second.observe(row("3", model="other", outcome="cut"))
    assert second.post(HOST) == 0
    assert first.post(HOST) == 2, "what the other is serving"
    for asked in (first, second):
        told = asked.summary(HOST)
        assert told["calls"] == 3
        assert told["outcomes"] == {"ok": 2, "cut": 1}
        assert told["cost_usd"] == 15e-6
        assert told["baseline_usd"] == 15e-6
        assert told["unpriced_calls"] == 1
        found = samples(asked)
        assert found["gen_ai_server_request_duration_seconds_count", ("lane", "mid"), ("model", "m")] == 2
        assert found[("interlock_in_flight",)] == 4
        assert found[("interlock_ledger_lost_rows_total",)] == 8
        assert found[("interlock_config_reload_failures_total",)] == 6, "all refuse the same file: it counts once"
        assert found[("interlock_workers",)] == 2
    board.ended(1)
    found = samples(first)
    assert found[("interlock_in_flight",)] == 2, "who is dead serves nobody"
    assert first.summary(HOST)["calls"] == 3, "but what it counted stays"


def test_a_worker_started_again_counts_on():
    board, (first, second) = crewed()
    second.observe(row("1", cost=10))
    second.post(HOST)
    again = Stats(Crew(board, 1))
    again.observe(row("2", cost=1))
    assert again.sums()["calls"] == 2
    assert again.summary(HOST)["cost_usd"] == 11e-6
    assert first.summary(HOST)["calls"] == 2


def test_what_was_told_once_is_never_taken_back():
    """A scrape posts first, so that no later scrape of another worker is lower."""
    _, (first, second) = crewed()
    first.observe(row("1"))
    assert first.summary(HOST)["calls"] == 1
    assert second.summary(HOST)["calls"] == 1
