"""Who makes the calls of a reply, as far as the request tells. Pure."""

from __future__ import annotations

from gateway.ir.exchange import Exchange
from policies.verdict import Caller


def caller_of(exchange: Exchange, now_s: float) -> Caller:
    """`extra` holds the request's id and the tags by which earlier requests made the session private.

    A sub-call that names no agent is one all the same: what is unknown gets the narrower profile."""
    session, identity = exchange.session, exchange.identity
    agent = session.agent or ("subagent" if exchange.labels.call == "subagent" else None)
    extra = {"request": exchange.request_id}
    if session.private:
        extra["private"] = "\n".join(session.private)
    return Caller(
        identity.key_id,
        identity.harness,
        session.id,
        exchange.tags,
        agent,
        session.parent,
        now_s=now_s,
        extra=extra,
    )
