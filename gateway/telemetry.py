"""Names of metrics, the logger and response headers, in one place. OpenTelemetry GenAI words: semantic-conventions-genai
as of 2026-08 (all still "Development", so the strings stand here and no constants are imported)."""

from __future__ import annotations

from dataclasses import dataclass

LOG = "interlock"
"""Name of the logger that says everything worth a line."""

H_REQUEST_ID = b"x-request-id"
"""Of every answer, also of errors; the ledger's key. Sent upstream as well."""
H_MODEL = b"x-interlock-model"
"""Configured name of the model that answered."""
H_LANE = b"x-interlock-lane"
"""Its lane."""
H_ROUTE = b"x-interlock-route"
"""Route that gave the candidates; `named` for a model asked for by name, `lane:<lane>` for a lane."""
H_CALL = b"x-interlock-call"
"""What kind of call it was taken for."""
H_TASK = b"x-interlock-task"
"""What kind of work it was taken for, where that makes sense; not told where a model was asked for by name."""
H_REASON = b"x-interlock-reason"
"""Why this model, in one sentence of at most 300 characters."""
H_SESSION = b"x-interlock-session"
"""Session it was counted to."""
H_COST = b"x-interlock-cost-usd"
"""Cost of a whole reply, exact decimal USD. A stream says it in its closing comment."""
H_LOSSES = b"x-interlock-dropped"
"""Request fields that the model's dialect has no word for and that were left out."""
H_SIMULATED = b"x-interlock-simulated"
"""`true` when no real model answered."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`labels` are bounded sets: configured models, routes, providers, harness names; never keys or sessions."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
"""OpenTelemetry's end at 81.92 s, too low for coding agents (protocols.md 4.1)."""

FIRST_TOKEN_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300)

METRICS: tuple[Metric, ...] = (
    Metric(
        "interlock_requests_total",
        "counter",
        "Calls ended, by outcome; one ledger row each.",
        ("model", "lane", "route", "call", "outcome"),
    ),
    Metric("interlock_tokens_total", "counter", "Tokens by kind, as billed.", ("model", "kind")),
    Metric("interlock_cost_usd_total", "counter", "Cost in USD, as in the ledger.", ("model", "lane")),
    Metric("interlock_baseline_usd_total", "counter", "What the same work would have cost on the baseline model.", ()),
    Metric(
        "interlock_upstream_attempts_total",
        "counter",
        "Attempts at upstreams, by outcome.",
        ("model", "provider", "outcome"),
    ),
    Metric(
        "gen_ai_server_request_duration_seconds",
        "histogram",
        "Whole calls as the client saw them.",
        ("model", "lane"),
        DURATION_BUCKETS_S,
    ),
    Metric(
        "gen_ai_server_time_to_first_token_seconds",
        "histogram",
        "From the arrival of the request to the first content.",
        ("model", "lane"),
        FIRST_TOKEN_BUCKETS_S,
    ),
    Metric(
        "interlock_hook_runs_total",
        "counter",
        "Runs of hooks, by how they came out: pass, allow, ask, deny, failed.",
        ("hook", "point", "outcome"),
    ),
    Metric(
        "interlock_hooks_dropped_total",
        "counter",
        "Runs of hooks that only watch which were left out because too many waited.",
        ("hook", "point"),
    ),
    Metric(
        "interlock_leaks_kept_total",
        "counter",
        "Secrets and words of the team that were masked on the way to a model, once per session and value.",
        ("model", "kind"),
    ),
    Metric("interlock_in_flight", "gauge", "Requests being served."),
    Metric("interlock_model_up", "gauge", "1 if the model may be called now (breaker, cool-down).", ("model",)),
    Metric("interlock_config_generation", "gauge", "Rises by one with each successful reload."),
    Metric(
        "interlock_config_reload_failures_total", "counter", "Reloads that were refused; the old configuration runs on."
    ),
    Metric("interlock_ledger_queue_rows", "gauge", "Rows waiting to be written."),
    Metric("interlock_ledger_lost_rows_total", "counter", "Rows that could not be queued. Anything but 0 is an alarm."),
    Metric("interlock_workers", "gauge", "Worker processes that are alive."),
    Metric("interlock_worker_restarts_total", "counter", "Workers that died and were started again."),
    Metric("interlock_build_info", "gauge", "Always 1; the version is a label.", ("version",)),
)
