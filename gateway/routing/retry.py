"""Whether, and after how long, a failed attempt is repeated on the same endpoint. Pure: randomness is an argument."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import (
    UpstreamConnect,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamTimeout,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """As `retry` in the settings; seconds."""

    max_attempts: int = 2
    backoff_base_s: float = 0.5
    backoff_max_s: float = 8.0
    jitter: float = 0.25
    max_wait_s: float = 30.0


def delay_s(error: UpstreamError, attempt: int, rules: Rules, *, uniform: float, last_hop: bool) -> float | None:
    """Seconds to wait before attempt number `attempt + 1` (attempts count from 1); None: do not repeat here.

    Never: a spent quota, a refusal of the request itself, `x-should-retry: false`, a timeout of the whole exchange or of
    the first token (the next attempt would only double the wait). A wait that the upstream asked for is honoured if it is
    within `max_wait_s`; while another hop is left, one of more than a second is better spent there.
    """
    if attempt >= rules.max_attempts:
        return None
    match error:
        case UpstreamRateLimited() | UpstreamOverloaded():
            if not error.may_retry:  # a spent quota among them
                return None
            asked = error.retry_after_s
        case UpstreamTimeout():
            if error.phase not in ("connect", "idle"):
                return None
            asked = None
        case UpstreamConnect() | UpstreamProtocol():
            asked = None
        case _:
            return None
    if asked is not None:
        if asked > rules.max_wait_s or (asked > 1.0 and not last_hop):
            return None
        return asked
    pause = min(rules.backoff_base_s * float(2 ** (attempt - 1)), rules.backoff_max_s)
    return pause * (1 - rules.jitter + rules.jitter * uniform)
