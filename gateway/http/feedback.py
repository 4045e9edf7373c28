"""`POST /v1/feedback`: a human's word on a decision, kept beside it in the ledger."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.errors import NotFound
from gateway.http.host import Host
from gateway.ir.exchange import Seen
from gateway.pipeline.prepare import recalled
from gateway.pipeline.settle import SESSION
from gateway.ports import Caller
from gateway.sessions import state as session_state

NOTE_CHARS = 500


class Feedback(BaseModel):
    """Of one answer by its `x-request-id`, or of a session's newest decision by its `x-interlock-session`."""

    model_config = ConfigDict(extra="forbid")

    request_id: Annotated[str, Field(pattern=r"^req_[0-9a-f]{12,64}$")] | None = None
    session: Annotated[str, Field(pattern=r"^ses_[0-9a-f]{8,64}$")] | None = None
    thumbs: Literal["up", "down"]
    note: Annotated[str, Field(max_length=NOTE_CHARS)] = ""

    @model_validator(mode="after")
    def _one(self) -> Feedback:
        if (self.request_id is None) == (self.session is None):
            raise ValueError("give either request_id (x-request-id) or session (x-interlock-session)")
        return self


def router(host: Host, caller: Any) -> APIRouter:
    made = APIRouter(tags=["operations"])

    @made.post("/v1/feedback", status_code=202)
    async def feedback(said: Feedback, who: Caller = caller) -> JSONResponse:
        """Thumbs up or down. The last word on a decision counts, and only from the key that made the call."""
        request_id = said.request_id or await _newest(host, said.session or "")
        value = 1.0 if said.thumbs == "up" else -1.0
        host.ports.ledger.saw(Seen(request_id, host.ports.clock.now(), who.key_id, "thumbs", value, note=said.note))
        return JSONResponse({"recorded": True, "request_id": request_id}, status_code=202)

    return made


async def _newest(host: Host, session: str) -> str:
    state = session_state.load(await recalled(host.ports.state, SESSION, session))
    if state.decided is None:
        raise NotFound(f"nothing was decided in session {session[:40]!r}, or it is forgotten by now")
    return state.decided.request_id
