"""Metrics and statistics, summed from the same rows that the ledger writes, so that they agree; over all workers, where
there are several (`crew`): the one that is asked adds what the others posted to its own.

Money is summed in integer micro-dollars and shown in dollars only at the end. Labels are bounded sets: configured models,
lanes, routes, calls, outcomes. A model that a client made up never becomes a label (litellm#12159).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.adapters.crew import Crew, HistogramCounts, Snapshot
from gateway.ir.exchange import LedgerRow
from gateway.telemetry import METRICS

_BY_NAME = {m.name: m for m in METRICS}


class _Leaks(msgspec.Struct):
    """What `gateway.pipeline.leaks.recorded` wrote."""

    new: dict[str, int]


_leaks = msgspec.json.Decoder(dict[str, _Leaks])

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

    def plus(self, counts: list[int], total: float) -> None:
        self.counts = [a + b for a, b in zip(self.counts, counts, strict=True)] if self.counts else list(counts)
        self.total += total


@dataclass(slots=True)
class Gauges:
    """What is true at this moment, of all workers that are alive; the two counters among them are of all that ever were."""

    in_flight: int = 0
    queued_rows: int = 0
    lost_rows: int = 0
    reload_failures: int = 0
    generation: int = 0
    workers: int = 1
    restarts: int = 0


class Stats:
    """`observe` is called on the event loop for each row; a few dict updates, no locks."""

    def __init__(self, crew: Crew | None = None) -> None:
        self._crew = crew
        self.requests: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._tokens: dict[str, list[int]] = {}
        self.cost_usd_micros: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.baseline_usd_micros = 0
        self.saved_usd_micros = 0
        self.attempts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.leaks: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.durations: dict[tuple[str, str], Histogram] = {}
        self.first_tokens: dict[tuple[str, str], Histogram] = {}
        self.unpriced_calls = 0
        self.lost_rows = 0
        self.reload_failures = 0
        self.hook_runs: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self.hooks_dropped: defaultdict[tuple[str, ...], int] = defaultdict(int)
        if crew is not None and (earlier := crew.earlier()) is not None:
            self._add(earlier)

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
        if "leaks" in row.extra:
            for model, kept in _leaks.decode(row.extra["leaks"]).items():
                for kind, count in kept.new.items():
                    self.leaks[model, kind] += count
        where = (row.model, row.lane)
        if row.outcome == "ok":
            _at(self.durations, where, "gen_ai_server_request_duration_seconds").add(row.total_ms / 1000)
        if row.ttft_ms is not None:
            _at(self.first_tokens, where, "gen_ai_server_time_to_first_token_seconds").add(row.ttft_ms / 1000)

    def hooked(self, hook: str, point: str, outcome: str) -> None:
        """One run of a hook came out so."""
        self.hook_runs[hook, point, outcome] += 1

    def hook_dropped(self, hook: str, point: str) -> None:
        """A hook that only watches was not run: the queue was full."""
        self.hooks_dropped[hook, point] += 1

    # --- over all workers -------------------------------------------------------------------------------------

    def post(self, host: Any) -> int:
        """Shows the other workers what this one counted; the number of requests that they are serving."""
        if self._crew is None:
            return 0
        self._crew.post(self._snapshot(host))
        return sum(other.in_flight for other, alive in self._crew.others() if alive)

    def together(self, host: Any) -> tuple[Stats, Gauges]:
        """The sums over all workers. What this one adds is posted first: no later answer of another may be lower."""
        total, gauges = Stats(), Gauges(generation=host.runtime.generation)
        own = self._snapshot(host)
        others: list[tuple[Snapshot, bool]] = []
        if self._crew is not None:
            self._crew.post(own)
            others = self._crew.others()
            gauges.workers, gauges.restarts = self._crew.alive, self._crew.restarts
        for snapshot, alive in ((own, True), *others):
            total._add(snapshot)
            if alive:
                gauges.in_flight += snapshot.in_flight
                gauges.queued_rows += snapshot.queued_rows
        gauges.lost_rows, gauges.reload_failures = total.lost_rows, total.reload_failures
        return total, gauges

    def _snapshot(self, host: Any) -> Snapshot:
        return Snapshot(
            requests=list(self.requests.items()),
            tokens=list(self.tokens.items()),
            cost_usd_micros=list(self.cost_usd_micros.items()),
            attempts=list(self.attempts.items()),
            hook_runs=list(self.hook_runs.items()),
            hooks_dropped=list(self.hooks_dropped.items()),
            leaks=list(self.leaks.items()),
            durations=[HistogramCounts(labels, h.counts, h.total) for labels, h in self.durations.items()],
            first_tokens=[HistogramCounts(labels, h.counts, h.total) for labels, h in self.first_tokens.items()],
            baseline_usd_micros=self.baseline_usd_micros,
            saved_usd_micros=self.saved_usd_micros,
            unpriced_calls=self.unpriced_calls,
            in_flight=host.front.in_flight,
            queued_rows=host.ports.ledger.queued,
            lost_rows=self.lost_rows + host.ports.ledger.lost_rows,
            reload_failures=self.reload_failures + host.reload_failures,
            generation=host.runtime.generation,
        )

    def _add(self, other: Snapshot) -> None:
        for mine, theirs in (
            (self.requests, other.requests),
            (self.cost_usd_micros, other.cost_usd_micros),
            (self.attempts, other.attempts),
            (self.hook_runs, other.hook_runs),
            (self.hooks_dropped, other.hooks_dropped),
            (self.leaks, other.leaks),
        ):
            for labels, count in theirs:
                mine[labels] += count  # type: ignore[index]
        for (model, kind), count in other.tokens:
            self._tokens.setdefault(model, [0] * len(TOKEN_KINDS))[TOKEN_KINDS.index(kind)] += count
        for kept, told, name in (
            (self.durations, other.durations, "gen_ai_server_request_duration_seconds"),
            (self.first_tokens, other.first_tokens, "gen_ai_server_time_to_first_token_seconds"),
        ):
            for histogram in told:
                _at(kept, (histogram.labels[0], histogram.labels[1]), name).plus(histogram.counts, histogram.total)
        self.baseline_usd_micros += other.baseline_usd_micros
        self.saved_usd_micros += other.saved_usd_micros
        self.unpriced_calls += other.unpriced_calls
        self.lost_rows += other.lost_rows
        self.reload_failures = max(self.reload_failures, other.reload_failures)  # all refuse the same file

    # --- as text ----------------------------------------------------------------------------------------------

    def summary(self, host: Any) -> dict[str, Any]:
        """`/v1/stats`: since the gateway started, over all workers."""
        return self.together(host)[0].sums()

    def sums(self) -> dict[str, Any]:
        """What was counted here."""
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


def _at(where: dict[tuple[str, str], Histogram], key: tuple[str, str], name: str) -> Histogram:
    if key not in where:
        where[key] = Histogram(_BY_NAME[name].buckets)
    return where[key]
