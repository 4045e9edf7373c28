"""The error tree. Every failure that the gateway can name is one leaf here.

    GatewayError
      DownstreamError     the caller's fault; another hop cannot help
        MalformedRequest 400    Unauthenticated 401      AttestationFailed 403   ModelNotAllowed 403
        ForeignPage 403         Conflict 409
        UnknownModel 404        NotFound 404             MethodNotAllowed 405    BodyTooLarge 413
        UnsupportedFeature 422  UpgradeRequired 426      BudgetExceeded 429      TooManyRequests 429
        NotAvailable 501
      PolicyError         a policy's word
        PolicyDenied 403        ApprovalRequired 403     VerdictTimeout 403
      RoutingError        nothing left to send it to
        NoRoute 503             NoHealthyEndpoint 503    ContextWindowExceeded 400   Draining 503
      UpstreamError       theirs; each says whether another hop may be tried and whether it counts against the breaker
        UpstreamConnect 502     UpstreamTimeout 504      UpstreamRateLimited 429     UpstreamOverloaded 503
        UpstreamRejected (as upstream)                   UpstreamProtocol 502
      StateUnavailable 503  the store of sessions and stored responses is away
      ConfigError         a configuration file: file, path inside it, value, what would be accepted
      InternalError 500   our own fault, last resort of the HTTP edge

Each leaf answers five questions: HTTP status (`status`), the body per dialect (`kind` and `code` are the words that
dialects map), may another hop be tried (`try_next`), does it count against the breaker (`trips_breaker`), and what may
the client see (`message`, always written for the client; secrets never enter it).
"""

from __future__ import annotations

from typing import ClassVar, Literal

Phase = Literal["connect", "first_byte", "first_token", "idle", "total"]
Headers = tuple[tuple[bytes, bytes], ...]


class GatewayError(Exception):
    """Root. `where` names the place (a JSON path, a header, a file); `accepted` says what would be accepted."""

    status: int = 500
    kind: str = "api_error"
    code: ClassVar[str] = "internal_error"
    try_next: bool = False
    trips_breaker: ClassVar[bool] = False

    def __init__(self, message: str, *, where: str | None = None, accepted: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.accepted = accepted

    def text(self) -> str:
        """The message with place and cure, one line, for bodies and logs."""
        parts = [self.message]
        if self.where and self.where not in self.message:
            parts.append(f"at {self.where}")
        line = " ".join(parts)
        return f"{line}. Accepted: {self.accepted}" if self.accepted else line


class InternalError(GatewayError):
    """Our own fault. Raised by the HTTP edge only, for an exception nobody named."""


# --- the caller's fault ------------------------------------------------------------------------------------------


class DownstreamError(GatewayError):
    status = 400
    kind = "invalid_request_error"
    code = "invalid_request"


class MalformedRequest(DownstreamError):
    """Wrong JSON, wrong types, missing fields, bad encoding."""

    code = "malformed_request"


class Unauthenticated(DownstreamError):
    status = 401
    kind = "authentication_error"
    code = "invalid_api_key"


class ForeignPage(DownstreamError):
    """A web page tries to use the keyless loopback gateway through the visitor's browser."""

    status = 403
    kind = "permission_error"
    code = "foreign_origin"


class AttestationFailed(DownstreamError):
    status = 403
    kind = "permission_error"
    code = "attestation_failed"


class ModelNotAllowed(DownstreamError):
    """The key may not use this model or lane."""

    status = 403
    kind = "permission_error"
    code = "model_not_allowed"


class UnknownModel(DownstreamError):
    status = 404
    kind = "not_found_error"
    code = "model_not_found"


class NotFound(DownstreamError):
    status = 404
    kind = "not_found_error"
    code = "not_found"


class Conflict(DownstreamError):
    """What was asked for is over or was done already."""

    status = 409
    kind = "invalid_request_error"
    code = "conflict"


class MethodNotAllowed(DownstreamError):
    status = 405
    code = "method_not_allowed"


class BodyTooLarge(DownstreamError):
    status = 413
    kind = "request_too_large"
    code = "request_too_large"


class UnsupportedFeature(DownstreamError):
    """Content that the chosen upstream cannot carry: an error, never a quiet omission."""

    status = 422
    code = "unsupported_feature"


class UpgradeRequired(DownstreamError):
    """Answer to a WebSocket attempt: 426 makes Codex fall back to HTTP at once (experientiallabs/experiential#706)."""

    status = 426
    code = "upgrade_required"


class BudgetExceeded(DownstreamError):
    status = 429
    kind = "rate_limit_error"
    code = "insufficient_quota"


class TooManyRequests(DownstreamError):
    status = 429
    kind = "rate_limit_error"
    code = "rate_limit_exceeded"


class NotAvailable(DownstreamError):
    """A documented feature that this build does not offer."""

    status = 501
    code = "not_available"


# --- policy ------------------------------------------------------------------------------------------------------


class PolicyError(GatewayError):
    status = 403
    kind = "permission_error"
    code = "policy"


class PolicyDenied(PolicyError):
    code = "policy_denied"


class ApprovalRequired(PolicyError):
    code = "approval_required"


class VerdictTimeout(PolicyError):
    code = "verdict_timeout"


# --- routing -----------------------------------------------------------------------------------------------------


class RoutingError(GatewayError):
    status = 503
    kind = "overloaded_error"
    code = "no_route"


class NoRoute(RoutingError):
    """No route matched, or every candidate was ineligible; the message lists each with its reason."""


class NoHealthyEndpoint(RoutingError):
    code = "no_healthy_endpoint"


class Draining(RoutingError):
    """The gateway is shutting down and takes no new work."""

    code = "draining"


class ContextWindowExceeded(RoutingError):
    """The wording contains "maximum context length" because harnesses compact on that phrase (clients.md section 4)."""

    status = 400
    kind = "invalid_request_error"
    code = "context_length_exceeded"


# --- upstream ----------------------------------------------------------------------------------------------------


class UpstreamError(GatewayError):
    status = 502
    kind = "api_error"
    code = "upstream_error"
    try_next = True
    trips_breaker = True

    def __init__(
        self, message: str, *, where: str | None = None, accepted: str | None = None, model: str | None = None
    ) -> None:
        super().__init__(message, where=where, accepted=accepted)
        self.model = model
        self.dialect: str | None = None


class UpstreamConnect(UpstreamError):
    """Refused, unreachable, TLS failed: no byte of the request was processed."""

    code = "upstream_connect"

    def __init__(self, message: str, *, origin: str = "") -> None:
        super().__init__(message)
        self.origin = origin


class UpstreamTimeout(UpstreamError):
    """`phase` says which limit ran out: connect, first_byte (headers), first_token, idle (between bytes), total."""

    status = 504
    code = "upstream_timeout"

    def __init__(self, message: str, *, phase: Phase) -> None:
        super().__init__(message)
        self.phase = phase


class UpstreamRateLimited(UpstreamError):
    """429. `retry_after_s` is what the upstream asked for. A spent quota (429, or 402 where the vendor says so) is
    `quota=True` and is never retried there."""

    status = 429
    kind = "rate_limit_error"
    code = "upstream_rate_limited"
    trips_breaker = False

    def __init__(
        self,
        message: str,
        *,
        status: int = 429,
        retry_after_s: float | None = None,
        quota: bool = False,
        may_retry: bool = True,
        body: bytes = b"",
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.quota = quota
        self.may_retry = may_retry and not quota
        self.body = body
        self.headers = headers


class UpstreamOverloaded(UpstreamError):
    """500, 502, 503, 529 and overload events inside a stream."""

    status = 503
    kind = "overloaded_error"
    code = "upstream_overloaded"

    def __init__(
        self,
        message: str,
        *,
        status: int = 503,
        retry_after_s: float | None = None,
        may_retry: bool = True,
        body: bytes = b"",
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.may_retry = may_retry
        self.body = body
        self.headers = headers


_REJECTIONS = {
    401: "authentication_error",
    403: "permission_error",  # litellm raises BadRequestError on "invalid_request_error", and Aider gives up on that
    404: "not_found_error",
    413: "request_too_large",
}


class UpstreamRejected(UpstreamError):
    """A 4xx about this request. The body is kept as it came: Claude Code recovers by its wording (protocols.md 1.6)."""

    kind = "invalid_request_error"
    code = "upstream_rejected"
    trips_breaker = False

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: bytes = b"",
        headers: Headers = (),
        upstream_code: str | None = None,
        try_next: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = _REJECTIONS.get(status, self.kind)
        self.body = body
        self.headers = headers
        self.upstream_code = upstream_code
        self.try_next = try_next


class UpstreamProtocol(UpstreamError):
    """Bytes that are not what was promised: bad framing, a cut stream, not JSON, an unknown terminal state."""

    code = "upstream_protocol"


# --- state -------------------------------------------------------------------------------------------------------


class StateUnavailable(GatewayError):
    """The state store (a Redis, a locked or full file) did not do what was asked. Memory makes answers better; only what
    cannot be answered without it (a stored response) fails with this."""

    status = 503
    kind = "overloaded_error"
    code = "state_unavailable"


# --- configuration -----------------------------------------------------------------------------------------------


class ConfigError(GatewayError):
    """One or more problems of one configuration; `problems` are complete sentences, one for each, file:line first."""

    code = "config"

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), where: str | None = None) -> None:
        super().__init__(message, where=where)
        self.problems = problems
