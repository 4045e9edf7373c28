"""Metrics and statistics of this process, summed from the same rows that the ledger writes, so that they agree.

Money is summed in integer micro-dollars and shown in dollars only at the end. Labels are bounded sets: configured models,
lanes, routes, calls, outcomes. A model that a client made up never becomes a label (litellm#12159).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gateway.ir.exchange import LedgerRow
from gateway.telemetry import METRICS

_BY_NAME = {m.name: m for m in METRICS}

TOKEN_KINDS = ("input", "cached", "cache_written", "output", "reasoning")


@dataclass(slots=True)
class Histogram:
    buckets: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def add(self, value: float) -> None:
        if not self.counts:
            self.counts = [0] * (len(self.buckets) + 1)
        self.counts[bisect_left(self.buckets, value)] += 1
        self.total += value


class Stats:
    """`observe` is called on the event loop for each row; a few dict updates, no locks."""

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._tokens: dict[str, list[int]] = {}
        self.cost_usd_micros: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.baseline_usd_micros = 0
        self.saved_usd_micros = 0
        self.attempts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.durations: dict[tuple[str, str], Histogram] = {}
        self.first_tokens: dict[tuple[str, str], Histogram] = {}
        self.unpriced_calls = 0

    @property
    def tokens(self) -> dict[tuple[str, str], int]:
        """By model and kind; only what is not zero."""
        return {
            (model, kind): count
            for model, sums in self._tokens.items()
            for kind, count in zip(TOKEN_KINDS, sums, strict=True)
            if count
        }

    def observe(self, row: LedgerRow) -> None:
        self.requests[row.model, row.lane, row.route, row.call, row.outcome] += 1
        for hop in row.hops:
            self.attempts[hop.model, hop.provider, hop.outcome] += 1
            # To the model that was paid, which is not the one that served when an earlier hop broke.
            self.cost_usd_micros[hop.model, hop.lane] += hop.cost_usd_micros
            usage = hop.usage
            sums = self._tokens.get(hop.model)
            if sums is None:
                sums = self._tokens[hop.model] = [0] * len(TOKEN_KINDS)
            sums[0] += usage.input_tokens
            sums[1] += usage.cached_tokens
            sums[2] += usage.cache_written_tokens
            sums[3] += usage.output_tokens
            sums[4] += usage.reasoning_tokens
        self.baseline_usd_micros += row.baseline_usd_micros
        if row.price_version != "none" and "baseline" not in row.extra:
            self.saved_usd_micros += row.baseline_usd_micros - row.cost_usd_micros
        if row.price_version == "none" and row.usage.source != "none":
            self.unpriced_calls += 1
        where = (row.model, row.lane)
        if row.outcome == "ok":
            _at(self.durations, where, "gen_ai_server_request_duration_seconds").add(row.total_ms / 1000)
        if row.ttft_ms is not None:
            _at(self.first_tokens, where, "gen_ai_server_time_to_first_token_seconds").add(row.ttft_ms / 1000)

    def summary(self) -> dict[str, Any]:
        """`/v1/stats`: since this process started."""
        cost = sum(self.cost_usd_micros.values())
        micros: defaultdict[str, int] = defaultdict(int)
        lanes: dict[str, str] = {}
        for (model, lane), spent in self.cost_usd_micros.items():
            micros[model] += spent
            lanes[model] = lane  # the newest: a reload may have moved it
        calls: defaultdict[str, int] = defaultdict(int)
        outcomes: defaultdict[str, int] = defaultdict(int)
        for (model, lane, _, _, outcome), count in self.requests.items():
            calls[model] += count
            lanes.setdefault(model, lane)
            outcomes[outcome] += count
        tokens = self.tokens
        models: dict[str, dict[str, Any]] = {
            model or "none": {
                "lane": lane,
                "calls": calls.get(model, 0),
                "cost_usd": micros.get(model, 0) / 1_000_000,
                "tokens": {kind: tokens[model, kind] for kind in TOKEN_KINDS if (model, kind) in tokens},
            }
            for model, lane in lanes.items()
        }
        return {
            "calls": sum(self.requests.values()),
            "outcomes": dict(outcomes),
            "cost_usd": cost / 1_000_000,
            "baseline_usd": self.baseline_usd_micros / 1_000_000,
            "saved_usd": self.saved_usd_micros / 1_000_000,
            "unpriced_calls": self.unpriced_calls,
            "models": models,
        }

    def exposition(self, host: Any) -> str:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self, host))
        return generate_latest(registry).decode()


def _at(where: dict[tuple[str, str], Histogram], key: tuple[str, str], name: str) -> Histogram:
    if key not in where:
        where[key] = Histogram(_BY_NAME[name].buckets)
    return where[key]


class _Collector:
    def __init__(self, stats: Stats, host: Any) -> None:
        self._stats = stats
        self._host = host

    def collect(self) -> Iterator[Metric]:
        s, host = self._stats, self._host
        yield _counter("interlock_requests_total", {key: float(n) for key, n in s.requests.items()})
        yield _counter("interlock_tokens_total", {key: float(n) for key, n in s.tokens.items()})
        yield _counter("interlock_cost_usd_total", {key: n / 1_000_000 for key, n in s.cost_usd_micros.items()})
        yield _counter("interlock_baseline_usd_total", {(): s.baseline_usd_micros / 1_000_000})
        yield _counter("interlock_upstream_attempts_total", {key: float(n) for key, n in s.attempts.items()})
        yield _histogram("gen_ai_server_request_duration_seconds", s.durations)
        yield _histogram("gen_ai_server_time_to_first_token_seconds", s.first_tokens)
        yield _gauge("interlock_in_flight", {(): float(host.front.in_flight)})
        up = {(name,): float(host.ports.health.status(name)[0]) for name in host.runtime.endpoints}
        yield _gauge("interlock_model_up", up)
        yield _gauge("interlock_config_generation", {(): float(host.runtime.generation)})
        yield _counter("interlock_config_reload_failures_total", {(): float(host.reload_failures)})
        yield _gauge("interlock_ledger_queue_rows", {(): float(host.ports.ledger.queued)})
        yield _counter("interlock_ledger_lost_rows_total", {(): float(host.ports.ledger.lost_rows)})
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
