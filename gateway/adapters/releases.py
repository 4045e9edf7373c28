"""People's word on what may go out, and the audit log's lines about what was kept back: the port `LeakDesk`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.adapters.approvals import Approval, Approvals, Wanted
from gateway.adapters.judge import HELD_MARGIN_S, Record, Told
from gateway.config.settings import Settings
from gateway.errors import StateUnavailable
from gateway.ir.exchange import Exchange
from gateway.ports import Clock, LeakDesk, Release
from gateway.telemetry import LOG
from policies import audit
from policies.compiled import Policy

TOOL: Final = "send-to-model"
"""What stands in an approval where others name a tool."""
MASKS_MAX: Final = 50
"""In one record."""

_log = logging.getLogger(LOG)


class Releases:
    """One per process. `hold_s`: the longest a request may be held for an answer."""

    def __init__(
        self,
        approvals: Approvals,
        record: Record,
        told: Told,
        clock: Clock,
        settings: Callable[[], Settings],
        *,
        mask_key: bytes,
        hold_s: Callable[[], float],
    ) -> None:
        self._approvals = approvals
        self._record = record
        self._tell = told
        self._clock = clock
        self._settings = settings
        self._mask_key = mask_key
        self._hold_s = hold_s

    @property
    def mask_key(self) -> bytes:
        return self._mask_key

    async def released(
        self, exchange: Exchange, policy: Policy, model: str, masks: Sequence[str], kinds: Mapping[str, int]
    ) -> Release:
        settings, defaults = self._settings().approvals, policy.file.defaults
        wanted = _wanted(exchange, policy, model, masks, kinds)
        try:
            approval, new = await self._approvals.request(wanted, open_s=settings.open_s, open_max=settings.open_max)
        except StateUnavailable as error:
            _log.error("nobody can be asked what may go out: %s", error.message)
            return Release("open", why="Nobody can be asked at the moment")
        if approval is None:
            return Release("open", why=f"{settings.open_max} calls of this session wait for an approval already")
        if new:
            self._tell(approval)
        if approval.state == "pending" and defaults.ask == "hold":
            within_s = max(0.0, min(defaults.ask_timeout_s, self._hold_s() - HELD_MARGIN_S))
            approval = await self._approvals.decided(approval.id, within_s) or approval
        return await self._settled(approval)

    async def _settled(self, approval: Approval) -> Release:
        if approval.state == "denied":
            return Release("denied", approval.id)
        if approval.state == "granted" and await self._approvals.spend(approval.id):
            return Release("granted", approval.id)
        return Release(
            "open",
            approval.id,
            f"A person is asked whether it may go out: approval {approval.id} (`interlock approvals grant {approval.id}`, "
            f"or the administrator's inbox). Once that is decided, send the request again: granted, it goes out as it is; "
            f"refused, with masks in it",
        )

    def told(self, action: str, exchange: Exchange, model: str, masks: Sequence[str], kinds: Mapping[str, int]) -> None:
        at_s, identity, session = self._clock.now(), exchange.identity, exchange.session
        self._record(
            audit.event(
                "leak", at_s, action=action, request=exchange.request_id, key=identity.key_id, harness=identity.harness,
                session=session.id, model=model, kinds=dict(kinds), masks=list(masks[:MASKS_MAX]),
            )
        )  # fmt: skip


def _wanted(exchange: Exchange, policy: Policy, model: str, masks: Sequence[str], kinds: Mapping[str, int]) -> Wanted:
    """The approval covers these values, for this session; they are shown as their masks."""
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    text = "\n".join([exchange.session.id, model, *sorted(masks)])
    return Wanted(
        digest="leak:" + hashlib.sha256(text.encode()).hexdigest(),
        key_id=exchange.identity.key_id,
        session=exchange.session.id,
        harness=exchange.identity.harness,
        agent=exchange.session.agent or "",
        tool=TOOL,
        shown=f"send to {model}, not masked: {listed}\n" + "\n".join(masks[:MASKS_MAX]),
        reason=f"the conversation holds {listed}; the policy asks before it reaches {model}",
        rules=("redact",),
        cwd="",
        policy=policy.digest,
        ttl_s=policy.file.defaults.ticket_ttl_s,
        uses=1,
    )


_: type[LeakDesk] = Releases
