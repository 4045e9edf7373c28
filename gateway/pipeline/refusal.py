"""What an upstream's failure becomes: an error that names the model and the setting, in words for the caller."""

from __future__ import annotations

from gateway.endpoints import Endpoint, Wire
from gateway.errors import GatewayError, UpstreamError, UpstreamRejected, UpstreamTimeout
from gateway.ports import UpstreamReply

ERROR_BODY_BYTES_MAX = 1 << 20

_LIMITS = {
    "connect": "no connection within {s:g} s (timeouts.connect_s)",
    "first_byte": "no answer within {s:g} s (timeouts.first_byte_s)",
    "first_token": "no content within {s:g} s (timeouts.first_token_s)",
    "idle": "silent for {s:g} s in the middle of its answer (timeouts.idle_s)",
    "total": "not done within {s:g} s (timeouts.total_s)",
}


def tell(error: GatewayError, endpoint: Endpoint, *, streamed: bool, stall_s: float = 0.0) -> None:
    """Adapters know neither the model nor the name of the setting; people who read the error need both. `stall_s` is the
    route's own limit of silence, 0 for none."""
    if isinstance(error, UpstreamTimeout):
        phase = error.phase
        if phase == "first_byte" and streamed and endpoint.first_token_s < endpoint.timeouts.first_byte_s:
            phase = "first_token"  # see prepare: the shorter limit held for the head
        t = endpoint.timeouts
        limits = {
            "connect": t.connect_s,
            "first_byte": t.first_byte_s,
            "first_token": endpoint.first_token_s,
            "idle": t.idle_s,
            "total": t.total_s,
        }
        error.phase = phase
        words = _LIMITS[phase].format(s=limits[phase])
        if phase == "idle" and 0 < stall_s < t.idle_s:
            words = f"silent for {stall_s:g} s in the middle of its answer (stall_s of the route)"
        error.message = f"{endpoint.name}: {words}"
    elif isinstance(error, UpstreamError) and not error.message.startswith(endpoint.name):
        error.message = f"{endpoint.name}: {error.message}"


async def read(reply: UpstreamReply, endpoint: Endpoint, wire: Wire) -> UpstreamError:
    """The error that a reply with a status from 400 on is."""
    body = await reply.read(ERROR_BODY_BYTES_MAX)
    error = endpoint.read_error(reply.status, reply.headers, body, endpoint.name)
    if reply.status in (401, 403) and isinstance(error, UpstreamRejected):
        # Not the caller's key: a bare 401 would send the harness looking for a fault in its own credentials.
        error = UpstreamRejected(
            f"{endpoint.provider} refused the gateway's credentials for {endpoint.name} ({reply.status}): {error.message}",
            status=403,
            upstream_code=error.upstream_code,
            try_next=True,
        )
    error.dialect = wire.dialect
    return error
