"""Which model a new session is given by lot, and with what probability its lane was chosen. Pure.

A router that never tries anything else cannot tell from its own ledger what another choice would have brought: off-policy
evaluation needs choices whose probability is known and never nil (routing.md 1, "logged bandit feedback"). A route may
therefore give a small share of its new sessions to any of its models, all alike. Only new sessions: in the middle of one it
would cost a warm cache. The lot is drawn from the request's id, so a replay of the ledger draws the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from gateway.ir.exchange import Hop

_WHOLE: Final = float(1 << 64)


def drawn(request_id: str, share: float, hops: Sequence[Hop]) -> tuple[int, float]:
    """The place of the hop to go first, and the probability with which its lane was chosen. `share` is in 0..1."""
    lot = int.from_bytes(blake2b(request_id.encode(), digest_size=8, person=b"explore").digest()) / _WHOLE
    place = min(int(lot / share * len(hops)), len(hops) - 1) if lot < share else 0
    lane = hops[place].lane
    alike = sum(hop.lane == lane for hop in hops) / len(hops)
    return place, share * alike + (1.0 - share if hops[0].lane == lane else 0.0)
