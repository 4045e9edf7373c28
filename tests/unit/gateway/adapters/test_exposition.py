"""Prometheus text of given sums."""

from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.exposition import text
from gateway.adapters.stats import Gauges, Stats
from tests.support.rows import row

HOST = SimpleNamespace(
    ports=SimpleNamespace(health=SimpleNamespace(status=lambda name: (name != "ill", ""))),
    runtime=SimpleNamespace(endpoints={"m": None, "ill": None}),
    version="1.2.3",
)


def test_gauges_are_as_given():
    gauges = Gauges(in_flight=7, queued_rows=6, lost_rows=5, reload_failures=4, generation=3, workers=2, restarts=1)
    found = {s.name: s.value for f in text_string_to_metric_families(text(Stats(), gauges, HOST)) for s in f.samples}
    assert found["interlock_in_flight"] == 7
    assert found["interlock_ledger_queue_rows"] == 6
    assert found["interlock_ledger_lost_rows_total"] == 5
    assert found["interlock_config_reload_failures_total"] == 4
    assert found["interlock_config_generation"] == 3
    assert found["interlock_workers"] == 2
    assert found["interlock_worker_restarts_total"] == 1


def test_a_label_with_odd_characters_is_quoted():
    stats = Stats()
    stats.observe(row("1", route='a"b\\c\n'))
    families = {f.name: f for f in text_string_to_metric_families(text(stats, Gauges(), HOST))}
    (sample,) = (s for s in families["interlock_requests"].samples if s.name == "interlock_requests_total")
    assert sample.labels["route"] == 'a"b\\c\n'
