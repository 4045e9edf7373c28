"""Exchanges as the judge sees them, without a gateway around."""

from __future__ import annotations

import json
from typing import Any

from gateway.dialects import registry
from gateway.ir.exchange import Exchange, Identity, Labels, Session
from tests.support.toolcalls import asking


def exchange(
    dialect: str = "chat", *history: dict[str, Any], session: str = "ses_1", call: str = "main", **more: Any
) -> Exchange:
    """The request of tests.support.toolcalls.asking, read."""
    body = json.dumps(asking(dialect, "do it", *history)).encode()
    view = registry.all_dialects()[dialect].read(body)
    agent, parent = more.pop("agent", None), more.pop("parent", None)
    return Exchange(
        request_id="req_1", received_s=0.0, dialect=dialect, path="/", query="", headers=(), body=body, view=view,  # type: ignore[arg-type]
        model_asked="auto", stream=False, identity=Identity("key_1", harness="opencode"),
        session=Session(session, agent=agent, parent=parent, prefix_digest="p"), labels=Labels(call), **more,  # type: ignore[arg-type]
    )  # fmt: skip
