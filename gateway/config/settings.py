"""The whole configuration as one frozen value. Its defaults are a working gateway; every field says what it is, and the
reference page and the editor schema are generated from that.

What cannot be seen from one field (names in routes, unique ids, known providers) is checked in `gateway.config.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from gateway.config.base import HttpUrlWithPath, Names, SecretRef, Strict, UrlOrRef
from gateway.config.models import CostConfig, ModelConfig
from gateway.config.routes import LearnedConfig, RetryConfig, RouteConfig

MIB = 1024 * 1024

WORKERS_MAX = 256


class SessionConfig(Strict):
    sticky: bool = Field(default=True, description="A session stays on the model that first served it.")
    ttl_s: float = Field(
        default=3600.0, ge=60, le=2_592_000, description="Seconds without a request after which a session is forgotten."
    )
    switch_budget_pct: float = Field(
        default=15.0,
        ge=0,
        le=100,
        description="Most of what a session is expected to cost, in percent, that moves to another model may lose in cold "
        "caches. Not counted against it: moves that a route or an ill model forces, and those of `escalate`.",
    )
    escalate: Literal["always", "within_budget", "never"] = Field(
        default="always",
        description="Whether a session whose work fails (two failed checks in a row, the same call three times over, a "
        "complaint) moves one lane up, within its route's models. within_budget: only as `switch_budget_pct` allows.",
    )
    expected_turns: int = Field(
        default=22,
        ge=1,
        le=10_000,
        description="Requests of a typical session: over what is left of them a move must pay.",
    )
    prefill_wait_s_max: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="Longest time in seconds that a local model may need to read a session's history before a move to it, "
        "made to save money, is not worth the wait.",
    )
    private_tags: Names = Field(
        default=("private",),
        description="Tags that keep a session, from the first request that has one, on models with the same tag; where no "
        "model has it, on local providers.",
    )
    reasoning_ttl_s: float = Field(
        default=86_400.0,
        ge=60,
        le=2_592_000,
        description="Seconds for which reasoning blocks are kept to be restored when a client drops them.",
    )
    reasoning_bytes_max: int = Field(
        default=1 * MIB,
        ge=0,
        le=4 * MIB,
        description="Most bytes of reasoning kept for one turn; a larger one is not kept.",
    )


class ServerConfig(Strict):
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on. Anything but loopback needs keys."
    )
    port: int = Field(default=4242, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    max_body_bytes: int = Field(
        default=32 * MIB, ge=1024, le=1024 * MIB, description="Largest request body; 32 MiB is Anthropic's own limit."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds in which a request body must arrive."
    )
    keepalive_s: float = Field(
        default=10.0,
        gt=0,
        le=250,
        description="Seconds of silence after which a keep-alive is sent in a stream; Claude Code gives up after 300.",
    )
    idle_connection_s: float = Field(
        default=75.0, gt=0, le=3600, description="Seconds an idle client connection is kept open."
    )
    drain_s: float = Field(default=120.0, ge=0, le=3600, description="Seconds that running requests get at SIGTERM.")
    in_flight_max: int = Field(
        default=2000,
        ge=1,
        le=1_000_000,
        description="Most requests at a time, over all workers; one more is answered 429.",
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=WORKERS_MAX,
        description="Processes that serve, under one supervisor; about one per core. `--workers` overrides it.",
    )


class KeysConfig(Strict):
    required: Literal["auto", "always"] = Field(
        default="auto",
        description="auto: a key is needed when keys exist or the address is not loopback. always: ever.",
    )


class BreakerConfig(Strict):
    """Per model: after `failures` within `window_s` it is left alone for `open_s`, then probed."""

    failures: int = Field(default=5, ge=1, le=1000, description="Failures that open the breaker.")
    window_s: float = Field(default=30.0, gt=0, le=3600, description="Seconds in which they must happen.")
    open_s: float = Field(default=30.0, gt=0, le=3600, description="Seconds for which the model is not tried.")
    half_open_probes: int = Field(
        default=1, ge=1, le=100, description="Requests let through at a time to see whether it is back."
    )


class ResponsesStoreConfig(Strict):
    ttl_s: float = Field(
        default=86_400.0,
        ge=0,
        le=2_592_000,
        description="Seconds for which stored responses can be fetched and continued.",
    )
    max_bytes: int = Field(
        default=4 * MIB,
        ge=1024,
        le=4 * MIB,
        description="Largest response kept; a larger one is answered but not stored.",
    )


class LoopGuardConfig(Strict):
    repeats: int = Field(
        default=8, ge=2, le=10_000, description="The same turn sent this often in a row gets one clear stop text."
    )
    window_s: float = Field(default=600.0, gt=0, le=86_400, description="Seconds in which the repeats must happen.")


class LedgerConfig(Strict):
    path: str | None = Field(default=None, description="SQLite file. Default: ledger.sqlite in the state directory.")
    retention_days: int = Field(default=90, ge=1, le=3650, description="Days for which rows are kept.")
    keep_asks: bool = Field(
        default=False,
        description="Keeps what the human asked (4,000 characters at most) beside each decision, so that a classifier can "
        "be trained on your own outcomes. Otherwise no text of a request is kept.",
    )
    queue_rows_max: int = Field(default=10_000, ge=100, le=1_000_000, description="Rows that may wait to be written.")


class StateConfig(Strict):
    kind: Literal["auto", "memory", "sqlite", "redis"] = Field(
        default="auto",
        description="Where sessions, reasoning and stored responses live. memory: this process, until it ends. sqlite: a "
        "file, shared by processes. redis: a Redis, shared by machines. auto: with one worker memory that is written to the "
        "file within 0.1 s, so that a restart finds it; with several sqlite.",
    )
    url: UrlOrRef | None = Field(
        default=None,
        description="redis: the address, e.g. redis://host:6379/0, or env:NAME / file:/path when it holds a password.",
    )
    path: str | None = Field(
        default=None, description="auto, sqlite: the file. Default: state.sqlite in the state directory."
    )
    max_bytes: int = Field(
        default=256 * MIB, ge=MIB, le=1024 * 1024 * MIB, description="auto, memory: bytes kept before the oldest go."
    )


class WebhookConfig(Strict):
    """Told about every call that waits for an approval, and may answer. Bodies are signed in both directions."""

    url: HttpUrlWithPath = Field(description="Address that gets a JSON by POST for each new approval.")
    secret: SecretRef = Field(description="Key of the HMAC-SHA256 signatures, env:NAME or file:/path.")
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="Seconds for one delivery.")
    attempts: int = Field(default=4, ge=1, le=10, description="Deliveries tried, 1, 2, 4 … s apart.")


class ApprovalsConfig(Strict):
    """Approvals live in approvals.sqlite in the state directory."""

    open_s: float = Field(
        default=86_400.0, ge=60, le=2_592_000, description="Seconds in which a request for approval can be decided."
    )
    open_max: int = Field(
        default=50, ge=1, le=10_000, description="Most undecided requests of one session; one more is only refused."
    )
    webhook: WebhookConfig | None = Field(default=None, description="Another system that is told and may decide.")


class LogConfig(Strict):
    """Bodies, keys and secrets are never logged at any level."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe lines written."
    )
    format: Literal["text", "json"] = Field(default="text", description="text for people, json for collectors.")


class Settings(Strict):
    """An `interlock.yaml`."""

    version: Literal[1] = Field(default=1, description="Version of this format.")
    models: Mapping[str, ModelConfig] = Field(
        default_factory=dict, description="Models by name. None: what is found in the environment and on this machine."
    )
    routes: tuple[RouteConfig, ...] = Field(
        default=(),
        description="Used for `auto`, first match wins. None: the built-in table; without a catch-all one is added.",
    )
    learned: LearnedConfig | Literal[False] | None = Field(
        default=None,
        description="Of every route that says nothing itself; false: of none. Default: only the last route of the built-in "
        "table lets scores choose.",
    )
    session: SessionConfig = Field(default_factory=SessionConfig, description="Sessions and stickiness.")
    policies: Names = Field(
        default=("safe-default",),
        description="Tool-call policies: names of bundled ones (read-only, safe-default, ci, strict) and files, relative to "
        "this one; later ones build on earlier. `[]` switches judging off.",
    )
    approvals: ApprovalsConfig = Field(
        default_factory=ApprovalsConfig, description="How people are asked about calls that need an approval."
    )
    server: ServerConfig = Field(default_factory=ServerConfig, description="Listening and its bounds.")
    keys: KeysConfig = Field(default_factory=KeysConfig, description="When callers must show a key.")
    retry: RetryConfig = Field(default_factory=RetryConfig, description="Attempts per hop.")
    breaker: BreakerConfig = Field(default_factory=BreakerConfig, description="When a failing model is left alone.")
    responses_store: ResponsesStoreConfig = Field(
        default_factory=ResponsesStoreConfig, description="Stored responses (`store`, `previous_response_id`)."
    )
    loop_guard: LoopGuardConfig = Field(
        default_factory=LoopGuardConfig, description="Stops harnesses that repeat themselves."
    )
    ledger: LedgerConfig = Field(default_factory=LedgerConfig, description="The bill.")
    state: StateConfig = Field(default_factory=StateConfig, description="Shared small state.")
    prices: Mapping[str, CostConfig] = Field(
        default_factory=dict, description="Prices by upstream model id or configured name, over the built-in table."
    )
    log: LogConfig = Field(default_factory=LogConfig, description="Log lines.")
    baseline_model: str | None = Field(
        default=None,
        description="Configured model that savings are measured against. Default: the first of the frontier lane.",
    )
    tags: Names = Field(default=(), description="Tags put on every request, e.g. the team or the site.")

    def lane(self, lane: str) -> tuple[str, ...]:
        """Names of the enabled models of `lane`, in the order of the configuration."""
        return tuple(name for name, model in self.models.items() if model.enabled and model.lane == lane)

    def resolve_name(self, name: str) -> str | None:
        """Configured name for a name or an alias; None when it is neither or is disabled."""
        if name in self.models:
            return name if self.models[name].enabled else None
        return next((key for key, m in self.models.items() if m.enabled and name in m.aliases), None)
