"""A tool call to be judged, who makes it, and the verdict: the values that cross the border of this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from policies.facts import Facts

Decision = Literal["allow", "ask", "deny"]
Mode = Literal["manual", "plan", "accept_edits", "auto", "dont_ask", "bypass"]
Checkpoint = Literal["input_validation", "mode", "rules", "hooks", "classifier", "approval"]
"""`classifier` and `approval` are the fifth: what is still at ask is approved by the one or put to a person."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the model made it. `arguments` are the raw JSON bytes (or, for a custom tool, its raw text). `known` are
    the names of the tools the request offered; None when that is not known, then the unknown-tool check is left out."""

    id: str
    name: str
    arguments: bytes
    namespace: str = ""
    custom: bool = False
    known: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes the call. `taint` are the sources whose text this session has read ("web", "mcp", "issue", "outside").
    `cwd` is what the client reports: a hint, never a widening. `now_s` Unix seconds."""

    key_id: str = "anonymous"
    harness: str = "unknown"
    session: str = ""
    tags: tuple[str, ...] = ()
    agent: str | None = None
    parent: str | None = None
    taint: frozenset[str] = frozenset()
    cwd: str | None = None
    home: str | None = None
    now_s: float = 0.0
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matched:
    """One rule that matched, strongest first in a verdict. `part` is the sub-command it matched, "" for the whole call."""

    rule: str
    decision: Decision
    part: str = ""
    message: str = ""
    floor: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """A classifier's answer: `value` is a probability, `least` what its own proof demands of a call like this (above 1:
    nothing suffices). `version` names the model. `why` says what speaks against it, "" for nothing."""

    value: float
    least: float
    version: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What one checkpoint said; `decision` is None when it had nothing to say."""

    checkpoint: Checkpoint
    decision: Decision | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checkpoint` is the one that decided. `reason` is one sentence for a human and for the model; `alternative` what would
    be allowed instead, if a rule says so. `arguments` is set when a rewrite replaced them (and was judged again)."""

    decision: Decision
    checkpoint: Checkpoint
    reason: str
    rules: tuple[Matched, ...] = ()
    facts: Facts | None = None
    alternative: str = ""
    profile: str = "default"
    mode: Mode = "manual"
    arguments: bytes | None = None
    policy: str = ""
    """Digest of the policy that judged."""
    trail: tuple[Step, ...] = ()
    """Every checkpoint that was passed, in order."""
    floor: bool = False
    """Only a human may lift this ask."""
    ask: Literal["ticket", "hold", "delegate"] = "ticket"
    ask_timeout_s: float = 120.0
    refusal: str | None = None
    """Form of the refusal when a rule or the policy names one; None leaves it to the table of harnesses."""
    granted_by: str = ""
    """Who or what let an ask pass: a ticket's id, a hook, the classifier, a mode."""
    ticket: str = ""
    """The request for approval that an ask waits for."""
    context: tuple[str, ...] = ()
    """Text that hooks want the model to be told."""
    score: Score | None = None
    """What the classifier said, whether it sufficed or not; None where it was not asked."""


@dataclass(frozen=True, slots=True)
class NeedParse:
    """The engine wants mvdan/sh's syntax tree of `text` (shfmt --to-json) before it can go on; answered with the JSON bytes,
    or None when it could not be parsed."""

    text: str


@dataclass(frozen=True, slots=True)
class NeedHook:
    """The engine wants the configured hook `hook` run at `point` with `payload` (JSON bytes)."""

    hook: str
    point: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class NeedScore:
    """The call is still "ask" and may be approved by the classifier; answered with a Score, or None when there is none."""

    call: ToolCall
    facts: Facts
