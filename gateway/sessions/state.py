"""What the gateway remembers of one session between requests, as one value in the state store.

Bounded: the reasoning entries live under keys of their own; here are counters, the sticky binding, and the loop guard's
memory. The value is msgpack, versioned by its field set (unknown fields are ignored, missing ones take defaults).
"""

from __future__ import annotations

import msgspec

_NONE = msgspec.Raw(b"\xc0")


class Decided(msgspec.Struct, omit_defaults=True, frozen=True):
    """A decision that `auto` made on the human's ask, and what was known then. `asks` counts the human's requests since."""

    request_id: str
    model: str
    asks: int = 0
    tests: int = 0
    tests_failed: int = 0
    corrections: int = 0


class SessionState(msgspec.Struct, omit_defaults=True, frozen=True):
    """`bound_model` is written only after a success. `mints` lists who has sealed reasoning in this session, newest last
    (at most 8). `turn_digest` names the last answered conversation, `repeats` how often it was answered in a row and
    `repeat_since_s` when the row began."""

    turns: int = 0
    bound_model: str | None = None
    bound_at_s: float = 0.0
    mints: tuple[str, ...] = ()
    turn_digest: str = ""
    repeats: int = 0
    repeat_since_s: float = 0.0
    standing: msgspec.Raw = _NONE
    """What routing remembers of the session (`gateway.routing.moves.Standing`), which only routing reads."""
    private: tuple[str, ...] = ()
    """Tags that keep the session from models without them."""
    decided: Decided | None = None
    """The newest decision whose outcome can still be seen."""


_decode = msgspec.msgpack.Decoder(SessionState)
_encode = msgspec.msgpack.Encoder()

NEW = SessionState()


def load(raw: bytes | None) -> SessionState:
    """A missing or unreadable value is a new session: state is a cache of the past, never the truth about money."""
    if raw is None:
        return NEW
    try:
        return _decode.decode(raw)
    except msgspec.DecodeError:
        return NEW


def dump(state: SessionState) -> bytes:
    return _encode.encode(state)


def answered(
    state: SessionState,
    *,
    model: str,
    mint: str,
    digest: str,
    now_s: float,
    bind: bool,
    window_s: float,
    standing: msgspec.Raw | None = None,
    private: tuple[str, ...] = (),
    decided: Decided | None = None,
) -> SessionState:
    """The state after a call was answered to its end by `model`. `bind` is False for sub-calls (titles, summaries), which
    must not leak their cheap model into the conversation (workweave turn types, gateways.md case 80)."""
    same = digest == state.turn_digest and now_s - state.repeat_since_s <= window_s
    mints = (*(m for m in state.mints if m != mint), mint) if bind else state.mints
    return SessionState(
        turns=state.turns + 1,
        bound_model=model if bind else state.bound_model,
        bound_at_s=now_s if bind else state.bound_at_s,
        mints=mints[-8:],
        turn_digest=digest,
        repeats=state.repeats + 1 if same else 1,
        repeat_since_s=state.repeat_since_s if same else now_s,
        standing=state.standing if standing is None else standing,
        private=state.private if not private else tuple(dict.fromkeys((*state.private, *private))),
        decided=decided or state.decided,
    )
