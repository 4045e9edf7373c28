"""One request on its way: the frozen exchange, its labels, the plan of hops, and the ledger row it ends as.

Stages add to it by returning a new value (`identified`, `placed`, `labelled`), so every decision can be read off it
afterwards: tests assert it, `/v1/route` prints it, headers and the ledger carry it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from gateway.errors import Headers
from gateway.ir.request import DialectName
from gateway.ir.usage import Usage

Call = Literal["main", "tool_result", "title", "summary", "compaction", "commit_message", "probe", "safety", "subagent"]
Task = Literal[
    "boilerplate",
    "docstring",
    "test_scaffold",
    "single_file_edit",
    "multi_file_refactor",
    "novel_reasoning",
    "long_running",
    "question",
]
LaneName = Literal["local", "mid", "frontier", "daemon"]


class Identity(msgspec.Struct, frozen=True):
    """Who asks, as far as routing and accounting care. `harness` is a name of gateway.harnesses, "unknown" if none."""

    key_id: str = "anonymous"
    key_name: str = ""
    key_tags: tuple[str, ...] = ()
    allowed_models: tuple[str, ...] = ()
    allowed_lanes: tuple[str, ...] = ()
    harness: str = "unknown"
    harness_version: str = ""


class Session(msgspec.Struct, frozen=True):
    """`id` is scoped by key and safe to show. `source` says where it came from: a header's or field's name, or "prefix".
    `agent`/`parent` are set for sub-agents. `prefix_digest` covers system and tools with cache marks removed. `turns`
    counts requests seen before this one. `bound_model` is the sticky binding, if any; `repeats` how often this very
    conversation was sent in a row (loop guard)."""

    id: str
    source: str = "prefix"
    agent: str | None = None
    parent: str | None = None
    prefix_digest: str = ""
    turns: int = 0
    bound_model: str | None = None
    repeats: int = 0
    private: tuple[str, ...] = ()
    """Tags of earlier requests that keep the session from models without them (`session.private_tags`)."""


class Labels(msgspec.Struct, frozen=True):
    """`task` is None where a task makes no sense (titles, probes). `scores` as in DESIGN.md, None until learned; its
    `certified` is 1.0 where the local lane's risk was proven to be within bounds, and `risk` that bound. `signals` say how
    the session went so far (gateway.adapters.onnx_classifier.SIGNALS), None where nobody looked. `aged`: the scores are
    those of an earlier turn on the same ask, because nothing hangs on them in this one. `version` is "" where only the call
    was told (a model asked for by name)."""

    call: Call = "main"
    call_why: str = ""
    task: Task | None = None
    task_why: str = ""
    scores: dict[str, float] | None = None
    signals: dict[str, int] | None = None
    version: str = ""
    latency_us: int = 0
    aged: bool = False


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """`view` is the dialect's View (typed Any here because dialects stand above the IR; use the dialect's own type).
    `query` is the raw query string. `context_tokens` is an estimate of the request's tokens. `tags` join key tags and
    `x-interlock-tags`. `forced_model`/`forced_lane` come from `x-interlock-model`/`-lane`."""

    request_id: str
    received_s: float
    dialect: DialectName
    path: str
    query: str
    headers: Headers
    body: bytes
    view: Any
    model_asked: str
    stream: bool
    identity: Identity = Identity()
    session: Session = Session("")
    labels: Labels = Labels()
    tags: tuple[str, ...] = ()
    forced_model: str | None = None
    forced_lane: str | None = None
    context_tokens: int = 0
    has_images: bool = False
    new_from: int = 0
    """Index of the first message that an earlier request of this conversation did not have."""
    labels_before: Labels | None = None
    """Labels of the conversation up to `new_from`."""
    reading: Any = None
    """What was read of the request and of its earlier turns (gateway.pipeline.readings)."""

    def identified(self, identity: Identity, tags: tuple[str, ...]) -> Exchange:
        return replace(self, identity=identity, tags=tags)

    def placed(self, session: Session) -> Exchange:
        return replace(self, session=session)

    def labelled(self, labels: Labels) -> Exchange:
        return replace(self, labels=labels)


class Candidate(msgspec.Struct, frozen=True):
    """One model that was considered, and why it is or is not eligible."""

    model: str
    eligible: bool
    why: str


class Hop(msgspec.Struct, frozen=True):
    """One attempt of the plan, in order. `model` is the configured name."""

    model: str
    lane: LaneName
    reason: str


MoveKind = Literal["evidence", "free", "score", "saving", "forced"]


class Move(msgspec.Struct, frozen=True):
    """Leaving the session's model, made or only weighed. `cost_usd_micros` is what a cold cache costs at the target more
    than a warm one would, `saved_usd_micros` what the turns expected to follow cost less there (negative: more), `wait_s`
    what reading the history takes. `tokens` are those that the target reads cold: the whole history is handed over, but for
    reasoning that only its author may see again. None of money: a price is not known."""

    source: str
    target: str
    kind: MoveKind
    made: bool
    why: str
    cost_usd_micros: int | None = None
    saved_usd_micros: int | None = None
    wait_s: float = 0.0
    tokens: int = 0


class Shadow(msgspec.Struct, frozen=True):
    """What a route's `shadow` would have chosen."""

    model: str
    lane: LaneName
    why: str


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """How `auto` was decided. `strategy` is "" where the route's order stood. `cache` is the state of the prompt cache at
    the session's model: new (no model yet), warm or cold. `evidence` says what speaks for a stronger model. `chance` is the
    probability with which this lane was chosen: below 1 only for new sessions of a route that explores."""

    strategy: str = ""
    why: str = ""
    runner_up: str | None = None
    cache: Literal["new", "warm", "cold"] = "new"
    evidence: str = ""
    move: Move | None = None
    shadow: Shadow | None = None
    chance: float = 1.0


class Plan(msgspec.Struct, frozen=True):
    """Where a request goes: hops in order (never empty when returned by routing.plan), the route that matched, whether
    the sticky binding decided, the reason in one sentence, all candidates, and how it was decided (None for a model asked
    for by name)."""

    hops: tuple[Hop, ...]
    route: str
    sticky: bool
    reason: str
    candidates: tuple[Candidate, ...] = ()
    decision: Decision | None = None


Outcome = Literal["ok", "client_left", "cut", "upstream_error", "refused", "error", "loop_guard", "lost"]


class HopRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as it was billed. Money in micro-dollars (integers). Times in milliseconds."""

    model: str
    provider: str
    upstream_model: str
    outcome: str
    status: int
    error: str | None
    ttft_ms: float | None
    total_ms: float
    usage: Usage
    cost_usd_micros: int
    cost_parts: dict[str, int] = {}
    price_version: str = "none"
    lane: str = ""


OutcomeKind = Literal["tests_pass", "tests_fail", "re_ask", "model_switch", "revert", "thumbs"]


class Seen(msgspec.Struct, frozen=True):
    """What was seen of a decision's outcome later. `request_id` names the decision, `by` the request that showed it ("" for
    feedback), `value` is from -1 (bad) to 1 (good)."""

    request_id: str
    at_s: float
    key_id: str
    kind: OutcomeKind
    value: float
    by: str = ""
    note: str = ""


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `cost_parts` are micro-dollars by kind: input, cached, cache_written, output (reasoning is inside output)
    and local (hours of an own box). `baseline_usd_micros` is what the same usage would have cost on the frontier lane's
    first model, priced without cache reads where none could have happened there. `price_version` names the price source."""

    request_id: str
    at_s: float
    key_id: str
    harness: str
    session: str
    dialect: str
    model_asked: str
    model: str
    provider: str
    lane: str
    route: str
    call: str
    task: str | None
    sticky: bool
    stream: bool
    outcome: Outcome
    status: int
    error: str | None
    finish: str | None
    usage: Usage
    cost_usd_micros: int
    cost_parts: dict[str, int]
    baseline_usd_micros: int
    price_version: str
    ttft_ms: float | None
    total_ms: float
    gateway_ms: float
    request_bytes: int
    reply_bytes: int
    hops: tuple[HopRow, ...] = ()
    tags: tuple[str, ...] = ()
    extra: dict[str, str] = {}
