"""Endpoints, exchanges and routing tables for tests, with only what a test cares about said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.config.settings import Settings
from gateway.dialects.chat import DIALECT as CHAT
from gateway.endpoints import Endpoint, Wire
from gateway.errors import UpstreamProtocol
from gateway.ir.exchange import Call, Exchange, Identity, Labels, LaneName, Session, Task
from gateway.ir.profile import DEFAULT
from gateway.ports import Timeouts
from gateway.routing import table
from gateway.routing.table import RouteTable


def endpoint(name: str, lane: LaneName = "mid", **more: Any) -> Endpoint:
    return Endpoint(
        name=name,
        lane=lane,
        **{
            "provider": "vllm",
            "model": "m",
            "origin": "http://127.0.0.1:8000",
            "wires": (Wire("chat", "/v1/chat/completions", DEFAULT),),
            "headers": (),
            "timeouts": Timeouts(),
            "first_token_s": 60.0,
            "read_error": lambda status, headers, body, model: UpstreamProtocol(f"{status} from {model}"),
            "mint": "",
            **more,
        },
    )


TRIO = (endpoint("box/coder", "local"), endpoint("api/flash", "mid"), endpoint("api/opus", "frontier"))


def routes(
    endpoints: Sequence[Endpoint] = TRIO, configured: Sequence[Mapping[str, Any]] = (), **settings: Any
) -> RouteTable:
    """The table over `endpoints`; the built-in routes when none are `configured`."""
    chosen = Settings.model_validate({"routes": list(configured), **settings})
    return table.build(chosen, {e.name: e for e in endpoints})


def exchange(
    model: str = "auto",
    *,
    call: Call = "main",
    task: Task | None = None,
    bound: str | None = None,
    tools: Sequence[str] = (),
    max_output_tokens: int | None = None,
    **more: Any,
) -> Exchange:
    offered = "".join(
        f',{{"type":"function","function":{{"name":"{t}","parameters":{{"type":"object"}}}}}}' for t in tools
    )
    limit = "" if max_output_tokens is None else f',"max_tokens":{max_output_tokens}'
    body = f'{{"model":"{model}","messages":[{{"role":"user","content":"x"}}],"tools":[{offered[1:]}]{limit}}}'.encode()
    return Exchange(
        request_id="req_1",
        dialect="chat",
        path="/v1/chat/completions",
        query="",
        headers=(),
        body=body,
        view=CHAT.read(body),
        model_asked=model,
        stream=False,
        labels=Labels(call=call, task=task, call_why="a sign"),
        session=Session("s", bound_model=bound),
        **{"received_s": 0.0, "identity": Identity(), **more},
    )


def up(_: str) -> tuple[bool, str]:
    return True, ""


def down(*names: str) -> Any:
    return lambda name: (False, "breaker open") if name in names else (True, "")
