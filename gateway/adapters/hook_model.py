"""Asks a configured model for a hook's verdict: over the gateway's own endpoint and upstream client, on the gateway's own
bill. What it is told and how its answer is read is policies.modelhook's.

The call is no request of a client: no route, no hooks, no retry, no tools. It leaves one ledger row of its own, whatever
happens to it, because the vendor charges for what it read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, Protocol

import msgspec

from gateway.accounting.cost import Pricing, cost_of
from gateway.dialects import registry
from gateway.dialects.contract import Target
from gateway.endpoints import Endpoint
from gateway.errors import GatewayError
from gateway.ir import request as ir
from gateway.ir.events import Response
from gateway.ir.exchange import HopRow, LedgerRow, Outcome
from gateway.ir.usage import Usage
from gateway.ports import Clock, Health, Ledger, PriceBook, Random, Timeouts, Upstream, UpstreamRequest
from policies import hooks, modelhook
from policies.hooks import HookAnswer
from policies.model import Hook

REPLY_BYTES_MAX: Final = 1 << 20
"""Of a whole reply, thoughts included; `output_bytes` of the hook bounds the answer in it."""
CALL: Final = "safety"
BYTES_PER_TOKEN: Final = 4
"""Where nobody counted, as in gateway.accounting.tally."""


class Models(Protocol):
    """What a hook may need of the configuration in force; asked at each call, so a reload is followed. `private`: models
    that may see a session with a tag, by tag."""

    def endpoint(self, name: str) -> Endpoint | None: ...

    def pricing(self, name: str) -> Pricing: ...

    def private(self) -> Mapping[str, frozenset[str]]: ...


@dataclass(slots=True)
class _Asked:
    """One call under way."""

    hook: Hook
    told: dict[str, Any]
    request_id: str
    endpoint: Endpoint
    at_s: float
    began: float
    sent_bytes: int = 0
    status: int = 0
    outcome: str = "cancelled"
    error: str | None = None
    usage: Usage = field(default_factory=lambda: Usage(source="none"))
    finish: str | None = None
    reply_bytes: int = 0


def _as_it_is(payload: bytes, endpoint: Endpoint) -> bytes:
    return payload


class ModelHooks:
    """One per process. `clean` takes out of a payload what its model must not see."""

    def __init__(
        self,
        models: Models,
        upstream: Upstream,
        clock: Clock,
        random: Random,
        health: Health,
        ledger: Ledger,
        prices: PriceBook,
        window_s: Callable[[Hook], float] = hooks.timeout_s,
        clean: Callable[[bytes, Endpoint], bytes] = _as_it_is,
    ) -> None:
        self._models = models
        self._upstream = upstream
        self._clock = clock
        self._random = random
        self._health = health
        self._ledger = ledger
        self._prices = prices
        self._window_s = window_s
        self._clean = clean

    async def __call__(self, hook: Hook, payload: bytes) -> HookAnswer:
        """What the model says; `failed` when it could not be asked or its answer is unclear. The time is the caller's to
        bound: a cancelled call is billed and its connection closed."""
        assert hook.model is not None
        if len(payload) > modelhook.MATERIAL_BYTES_MAX:
            return HookAnswer(failed=f"there is more to judge than {modelhook.MATERIAL_BYTES_MAX} bytes")
        endpoint = self._models.endpoint(hook.model)
        if endpoint is None:
            return HookAnswer(failed=f"the model {hook.model} is not configured")
        told = msgspec.json.decode(payload, type=dict[str, Any])
        if tag := _kept_from(self._models.private(), told.get("tags", ()), endpoint.name):
            return HookAnswer(failed=f"the session is tagged {tag}, and {endpoint.name} may not see such")
        up, why = self._health.status(endpoint.name)
        if not up:
            return HookAnswer(failed=f"{endpoint.name} cannot be called: {why}")
        return await self._asked(hook, payload, told, endpoint)

    async def _asked(self, hook: Hook, payload: bytes, told: dict[str, Any], endpoint: Endpoint) -> HookAnswer:
        now, began = self._clock.now(), self._clock.monotonic()
        asked = _Asked(hook, told, f"hook_{int(now * 1000):012x}{self._random.token(6)}", endpoint, now, began)
        self._ledger.opened(asked.request_id, partial(self._row, asked, lost=True))
        probe = self._health.started(endpoint.name)
        trips = False
        try:
            response = await self._called(asked, payload)
        except GatewayError as error:
            asked.outcome, asked.error, trips = error.code, error.message[:500], error.trips_breaker
            return HookAnswer(failed=f"{endpoint.name} gave no answer: {error.message}"[:300])
        else:
            asked.outcome = "ok"
            return self._read(hook, response)
        finally:
            word: Literal["success", "failure", "neutral"]
            word = "success" if asked.outcome == "ok" else "failure" if trips else "neutral"
            self._health.ended(endpoint.name, word, probe=probe)
            self._ledger.record(self._row(asked))

    async def _called(self, asked: _Asked, payload: bytes) -> Response:
        endpoint = asked.endpoint
        wire = endpoint.wires[0]
        dialect = registry.by_name(wire.dialect)
        payload = self._clean(payload, endpoint)
        system, user = modelhook.prompt(asked.hook, payload, self._random.token(12))
        target = Target(model=endpoint.model, profile=wire.profile, max_output_tokens=endpoint.max_output_tokens)
        body = dialect.encode_request(_question(endpoint, system, user), target).body
        asked.sent_bytes = len(body)
        asked.usage = Usage(input_tokens=len(body) // BYTES_PER_TOKEN, source="estimated")
        limit_s = self._window_s(asked.hook)
        request = UpstreamRequest(
            "POST",
            endpoint.origin,
            wire.target,
            (
                (b"content-type", b"application/json"), (b"accept", b"application/json"), (b"accept-encoding", b"identity"),
                (b"x-request-id", asked.request_id.encode()), *endpoint.headers,
            ),
            body,
            Timeouts(connect_s=min(10.0, limit_s), first_byte_s=limit_s, idle_s=limit_s, total_s=limit_s),
            endpoint.proxy,
            endpoint.tls_ca,
        )  # fmt: skip
        reply = await self._upstream.send(request)
        try:
            asked.status = reply.status
            data = await reply.read(REPLY_BYTES_MAX)
            asked.reply_bytes = len(data)
            if reply.status >= 400:
                raise endpoint.read_error(reply.status, reply.headers, data, endpoint.name)
        finally:
            await reply.aclose()
        response = dialect.decode_response(data, wire.profile)
        asked.finish = response.finish.reason
        if response.usage is not None and response.usage.source != "none":
            asked.usage = response.usage
        return response

    @staticmethod
    def _read(hook: Hook, response: Response) -> HookAnswer:
        if any(isinstance(part, ir.ToolCall | ir.Opaque | ir.Refusal) for part in response.parts):
            return HookAnswer(failed="the model answered with something else than text")
        if response.finish.reason != "stop":
            return HookAnswer(failed=f"the model's answer ended with {response.finish.reason}")
        text = "".join(part.text for part in response.parts if isinstance(part, ir.Text))
        if len(text.encode("utf-8", "surrogatepass")) > hook.output_bytes:
            return HookAnswer(failed=f"its answer is larger than {hook.output_bytes} bytes")
        return modelhook.verdict(hook, text)

    def _row(self, asked: _Asked, *, lost: bool = False) -> LedgerRow:
        """`lost`: the process ends while the call is under way."""
        endpoint, told, usage = asked.endpoint, asked.told, asked.usage
        seconds = self._clock.monotonic() - asked.began
        cost = cost_of(usage, self._models.pricing(endpoint.name), self._prices, at_s=asked.at_s, busy_s=seconds)
        if asked.status >= 400 or asked.outcome == "upstream_connect":
            usage, cost = Usage(source="none"), cost_of(Usage(), Pricing(free=True), self._prices, at_s=0, busy_s=0)
        hop = HopRow(
            model=endpoint.name, provider=endpoint.provider, upstream_model=endpoint.model, outcome=asked.outcome,
            status=asked.status, error=asked.error, ttft_ms=None, total_ms=round(seconds * 1000, 3), usage=usage,
            cost_usd_micros=cost.total_usd_micros, cost_parts=cost.parts, price_version=cost.version, lane=endpoint.lane,
        )  # fmt: skip
        ok = asked.outcome == "ok"
        outcome: Outcome = "lost" if lost else "ok" if ok else "upstream_error" if asked.error is not None else "cut"
        return LedgerRow(
            request_id=asked.request_id,
            at_s=asked.at_s,
            key_id=str(told.get("key", "")),
            harness=str(told.get("harness", "")),
            session=str(told.get("session", "")),
            dialect=endpoint.wires[0].dialect,
            model_asked=endpoint.name,
            model=endpoint.name,
            provider=endpoint.provider,
            lane=endpoint.lane,
            route=f"hook/{asked.hook.id}",
            call=CALL,
            task=None,
            sticky=False,
            stream=False,
            outcome=outcome,
            status=asked.status,
            error=asked.error if asked.error is not None or ok else "the hook's time was over",
            finish=asked.finish,
            usage=usage,
            cost_usd_micros=cost.total_usd_micros,
            cost_parts=cost.parts,
            baseline_usd_micros=0,
            price_version=cost.version,
            ttft_ms=None,
            total_ms=hop.total_ms,
            gateway_ms=0.0,
            request_bytes=asked.sent_bytes,
            reply_bytes=asked.reply_bytes,
            hops=(hop,),
            tags=tuple(str(tag) for tag in told.get("tags", ())),
            extra={"hook": asked.hook.id, "for": str(told.get("request", "")), "baseline": "none"},
        )


def _kept_from(private: Mapping[str, frozenset[str]], tags: Any, name: str) -> str:
    """The tag that keeps the session from this model; "" if none does."""
    return next((tag for tag in tags if name not in private.get(tag, (name,))), "")


def _question(endpoint: Endpoint, system: str, user: str) -> ir.Request:
    return ir.Request(
        origin="chat",
        model=endpoint.model,
        messages=(ir.Message("system", (ir.Text(system),)), ir.Message("user", (ir.Text(user),))),
        max_output_tokens=modelhook.ANSWER_TOKENS_MAX,
    )
