"""The sums of `stats` as Prometheus text. Apart from it because the library is needed by scrapes only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gateway.adapters.stats import Gauges, Histogram, Stats
from gateway.telemetry import METRICS

_BY_NAME = {m.name: m for m in METRICS}


def text(stats: Stats, gauges: Gauges, host: Any) -> str:
    """`/metrics`: everything of `telemetry.METRICS`, since the gateway started, over all workers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(stats, gauges, host))
    return generate_latest(registry).decode()


class _Collector:
    def __init__(self, stats: Stats, gauges: Gauges, host: Any) -> None:
        self._stats = stats
        self._gauges = gauges
        self._host = host

    def collect(self) -> Iterator[Metric]:
        s, gauges, host = self._stats, self._gauges, self._host
        yield _counter("interlock_requests_total", {key: float(n) for key, n in s.requests.items()})
        yield _counter("interlock_tokens_total", {key: float(n) for key, n in s.tokens.items()})
        yield _counter("interlock_cost_usd_total", {key: n / 1_000_000 for key, n in s.cost_usd_micros.items()})
        yield _counter("interlock_baseline_usd_total", {(): s.baseline_usd_micros / 1_000_000})
        yield _counter("interlock_upstream_attempts_total", {key: float(n) for key, n in s.attempts.items()})
        yield _counter("interlock_hook_runs_total", {key: float(n) for key, n in s.hook_runs.items()})
        yield _counter("interlock_hooks_dropped_total", {key: float(n) for key, n in s.hooks_dropped.items()})
        yield _counter("interlock_leaks_kept_total", {key: float(n) for key, n in s.leaks.items()})
        yield _histogram("gen_ai_server_request_duration_seconds", s.durations)
        yield _histogram("gen_ai_server_time_to_first_token_seconds", s.first_tokens)
        yield _gauge("interlock_in_flight", {(): float(gauges.in_flight)})
        up = {(name,): float(host.ports.health.status(name)[0]) for name in host.runtime.endpoints}
        yield _gauge("interlock_model_up", up)
        yield _gauge("interlock_config_generation", {(): float(gauges.generation)})
        yield _counter("interlock_config_reload_failures_total", {(): float(gauges.reload_failures)})
        yield _gauge("interlock_ledger_queue_rows", {(): float(gauges.queued_rows)})
        yield _counter("interlock_ledger_lost_rows_total", {(): float(gauges.lost_rows)})
        yield _gauge("interlock_workers", {(): float(gauges.workers)})
        yield _counter("interlock_worker_restarts_total", {(): float(gauges.restarts)})
        yield _gauge("interlock_build_info", {(host.version,): 1.0})


def _counter(name: str, values: dict[Any, float]) -> Metric:
    known = _BY_NAME[name]
    family = CounterMetricFamily(name.removesuffix("_total"), known.help, labels=known.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _gauge(name: str, values: dict[Any, float]) -> Metric:
    known = _BY_NAME[name]
    family = GaugeMetricFamily(name, known.help, labels=known.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram(name: str, values: dict[tuple[str, str], Histogram]) -> Metric:
    known = _BY_NAME[name]
    family = HistogramMetricFamily(name, known.help, labels=known.labels)
    for labels, histogram in values.items():
        running = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*histogram.buckets, float("inf")), histogram.counts, strict=True):
            running += count
            buckets.append((str(float(bound)) if bound != float("inf") else "+Inf", float(running)))
        family.add_metric(labels, buckets, histogram.total)
    return family
