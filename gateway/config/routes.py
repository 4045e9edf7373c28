"""Routes: what a request must be (`when`), and the models to try for it in order (`to`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.config.base import Names, OneOrMany, Strict
from gateway.config.expr import VARIABLES
from gateway.config.hours import HOUR_FORM, hour_window
from gateway.ir.exchange import Call, LaneName, Task

Broken = Literal["cut", "stall", "error"]
"""How a stream can break; see `RouteConfig.continue_on`."""


def _hour(value: str) -> str:
    hour_window(value)
    return value


class TokenRange(Strict):
    """Both ends inclusive; an end left out is open."""

    min: int | None = Field(default=None, ge=0, description="At least this many tokens.")
    max: int | None = Field(default=None, ge=0, description="At most this many tokens.")

    @model_validator(mode="after")
    def _ordered(self) -> TokenRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}: nothing can match")
        return self


class WhenConfig(Strict):
    """All matchers given must hold; within one matcher any of its values may. Nothing given: always."""

    call: Annotated[tuple[Call, ...], OneOrMany] = Field(
        default=(), description="Kind of call, as `POST /v1/route` names it."
    )
    task: Annotated[tuple[Task, ...], OneOrMany] = Field(
        default=(), description="Kind of work, as `POST /v1/route` names it."
    )
    lane: Annotated[tuple[LaneName, ...], OneOrMany] = Field(
        default=(), description="Lane asked for (auto:<lane>, x-interlock-lane)."
    )
    model: Names = Field(default=(), description="Model name asked for; * and ? are wildcards.")
    harness: Names = Field(
        default=(), description="Harness recognised, see `interlock list harnesses`; * and ? are wildcards."
    )
    key: Names = Field(default=(), description="Name or id of the caller's key; * and ? are wildcards.")
    tags: Names = Field(default=(), description="Any of these tags on the request or its key.")
    context_tokens: TokenRange | None = Field(default=None, description="Estimated tokens of the request.")
    tools: Names = Field(default=(), description="Any of these tools is offered; * and ? are wildcards.")
    images: bool | None = Field(default=None, description="Whether the request holds images.")
    hour: Annotated[str, AfterValidator(_hour)] | None = Field(default=None, description=f"Daily window: {HOUR_FORM}.")
    expr: str | None = Field(
        default=None,
        max_length=4096,
        description="A CEL expression that must be true. It may use "
        + "; ".join(f"`{name}` ({meaning})" for name, (meaning, _) in VARIABLES.items()),
    )

    @property
    def always(self) -> bool:
        """Nothing is asked, so the route matches every request."""
        return self == _ALWAYS


_ALWAYS = WhenConfig()


class RetryConfig(Strict):
    """How often and how patiently one hop is tried before the next one is."""

    max_attempts: int = Field(default=2, ge=1, le=10, description="Attempts per hop, the first included.")
    backoff_base_s: float = Field(
        default=0.5, gt=0, le=60, description="Seconds before the second attempt; doubled for each further one."
    )
    backoff_max_s: float = Field(default=8.0, gt=0, le=300, description="Longest own pause in seconds.")
    jitter: float = Field(default=0.25, ge=0, le=1, description="Share of a pause that is random.")
    max_wait_s: float = Field(
        default=30.0,
        ge=0,
        le=600,
        description="Longest retry-after in seconds that is waited for; a longer one moves to the next hop at once.",
    )


class LearnedConfig(Strict):
    """How a route uses the classifier's scores: only among the models it lists, and only where something was proven."""

    strategy: str = Field(
        default="cheapest",
        pattern=r"^[a-z_]+$",
        description="How the listed models are ranked: a name shown by `interlock list strategies`.",
    )
    margin: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="How far below the best lane's probability of success a cheaper lane may lie.",
    )
    risk: float = Field(
        default=0.10,
        gt=0,
        le=1,
        description="Largest proven share of requests that the local lane may fail where the frontier would not. Where the "
        "classifier proves less than that, the order of `to` is used.",
    )


class ShadowConfig(Strict):
    """What is scored and written to the ledger beside the decision, without acting on it."""

    to: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="Models in order, as in the route's `to`. Default: the route's own."
    )
    learned: LearnedConfig | Literal[False] | None = Field(
        default=None, description="Instead of the route's `learned`; false: the order of `to`."
    )


class RouteConfig(Strict):
    """First match wins."""

    id: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Name, unique; shown in headers and reports.",
    )
    when: WhenConfig = Field(default_factory=WhenConfig, description="Matchers; none means always.")
    to: Annotated[tuple[str, ...], OneOrMany] = Field(
        min_length=1, description="Models to try in order: configured names, or lane:<lane> for all models of a lane."
    )
    retry: RetryConfig | None = Field(default=None, description="Instead of the general `retry`.")
    sticky: bool | None = Field(default=None, description="Instead of `session.sticky` for what this route decides.")
    learned: LearnedConfig | Literal[False] | None = Field(
        default=None,
        description="Lets the classifier's scores choose among the models of `to`; false forbids it. Default: the general "
        "`learned`, and without one the order of `to`.",
    )
    shadow: ShadowConfig | None = Field(
        default=None, description="Another choice to be recorded beside the one made, see `interlock route replay`."
    )
    explore: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of new sessions that are given any of the eligible models of `to`, by lot, so that the ledger "
        "can tell what another choice would have brought (`interlock classifier retrain` promotes nothing without it). 0.05 "
        "is one session in twenty.",
    )
    continue_on: Annotated[tuple[Broken, ...], OneOrMany] = Field(
        default=(),
        description="When a stream breaks after text and before any tool call, the next model goes on with it from there. "
        "cut: the connection or the stream ended too early; stall: it was silent for `stall_s`; error: the upstream said so "
        "in the stream.",
    )
    stall_s: float | None = Field(
        default=None,
        gt=0,
        le=3600,
        description="Seconds of silence in the middle of a stream that count as a stall, for `continue_on`. Default: the "
        "model's `timeouts.idle_s`.",
    )
    hedge_after_s: float | None = Field(
        default=None,
        gt=0,
        le=3600,
        description="Seconds without content after which the next model is asked the same beside the first one; who has "
        "content first serves, the other is cancelled and billed. Streams only, once per request. Default: never.",
    )

    @model_validator(mode="after")
    def _stalls(self) -> RouteConfig:
        if self.stall_s is not None and "stall" not in self.continue_on:
            raise ValueError("stall_s has no effect without `continue_on: [stall]`: add it, or leave stall_s out")
        return self
