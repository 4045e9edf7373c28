"""`/admin/v1/approvals`: deciding on tool calls that wait for a person.

Needs a key of the role `approver` (`interlock key create NAME --role approver`), on loopback too: an agent runs on the same
machine, and its own key must not be able to grant what it asked for. The webhook's answers are proven by their signature.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import MalformedRequest, NotFound, Unauthenticated
from gateway.http.host import Host
from gateway.ports import Caller

WEBHOOK_BYTES_MAX = 16 * 1024
LISTED_MAX = 1000


class Granted(BaseModel):
    """How far a grant goes; what is left out is as the policy says."""

    model_config = ConfigDict(extra="forbid")

    uses: int | None = Field(default=None, ge=1, le=1000, description="Calls it covers.")
    ttl_s: float | None = Field(default=None, gt=0, le=604_800, description="Seconds it holds.")
    note: str = Field(default="", max_length=500, description="Kept with the decision.")


class Denied(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=500, description="Why; the model is told.")


class Answer(BaseModel):
    """What the webhook's other side sends back."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=64)
    decision: Literal["grant", "deny"]
    by: str = Field(default="", max_length=100, description="Who decided.")
    note: str = Field(default="", max_length=500)
    uses: int | None = Field(default=None, ge=1, le=1000)
    ttl_s: float | None = Field(default=None, gt=0, le=604_800)


def router(host: Host) -> APIRouter:
    made = APIRouter(prefix="/admin/v1/approvals", tags=["approvals"])
    _webhook(host, made)
    _decisions(host, made)
    return made


def _approver(host: Host) -> Any:
    def find(request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        caller = host.ports.keys.approver(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise Unauthenticated(
                "approvals need a key of the role approver", where="authorization",
                accepted="Bearer ila_…, made by: interlock key create NAME --role approver",
            )  # fmt: skip
        return caller

    return Depends(find)


def _decisions(host: Host, made: APIRouter) -> None:
    approver = _approver(host)

    @made.get("")
    async def list_approvals(
        who: Caller = approver,
        state: Literal["pending", "granted", "denied", "used", "expired", "all"] = "pending",
        limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 100,
    ) -> Response:
        """What waits for a decision, the newest first."""
        return _json({"data": await host.judging.listed(None if state == "all" else state, limit)})

    @made.get("/{approval_id}")
    async def show_approval(approval_id: str, who: Caller = approver) -> Response:
        """Exactly what a grant would cover, and why it is asked about."""
        found = await host.judging.find(approval_id)
        if found is None:
            raise NotFound(f"no approval has the id {approval_id[:40]!r}")
        return _json(found)

    @made.post("/{approval_id}/grant")
    async def grant_approval(approval_id: str, how: Granted | None = None, who: Caller = approver) -> Response:
        """Lets exactly this call run, in its session and by its key."""
        how = how or Granted()
        by = f"{who.name} ({who.key_id})"
        return _json(await host.judging.decide(approval_id, "grant", by, note=how.note, ttl_s=how.ttl_s, uses=how.uses))

    @made.post("/{approval_id}/deny")
    async def deny_approval(approval_id: str, how: Denied | None = None, who: Caller = approver) -> Response:
        """Refuses the call."""
        by = f"{who.name} ({who.key_id})"
        return _json(await host.judging.decide(approval_id, "deny", by, note=how.note if how else ""))


def _webhook(host: Host, made: APIRouter) -> None:
    @made.post("/webhook")
    async def webhook_answer(request: Request) -> Response:
        """A decision by the system that `approvals.webhook` tells: signed as its own messages are."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > WEBHOOK_BYTES_MAX:
                raise MalformedRequest(f"the answer is larger than {WEBHOOK_BYTES_MAX} bytes")
        timestamp, signature = (request.headers.get(f"x-interlock-{name}", "") for name in ("timestamp", "signature"))
        if not host.judging.signed(body, timestamp, signature):
            raise Unauthenticated(
                "the signature does not prove this answer", where="x-interlock-signature",
                accepted="v1= and the hex HMAC-SHA256 of timestamp, a dot and the body, at most 300 s old",
            )  # fmt: skip
        try:
            told = Answer.model_validate_json(body)
        except ValueError as error:
            raise MalformedRequest(f"not an answer: {str(error)[:300]}") from None
        by = f"webhook: {told.by or 'unnamed'}"
        return _json(
            await host.judging.decide(told.id, told.decision, by, note=told.note, ttl_s=told.ttl_s, uses=told.uses)
        )


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
