"""The path of one request, readable top to bottom."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.dialects.contract import ClientDialect, Dialect
from gateway.errors import (
    DownstreamError,
    Draining,
    GatewayError,
    Headers,
    ModelNotAllowed,
    PolicyError,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRateLimited,
)
from gateway.harnesses import registry as harnesses
from gateway.ir.events import Finished, Response, unfold
from gateway.ir.exchange import Exchange, Identity, Labels, Plan, Session
from gateway.ir.request import Text
from gateway.ir.usage import Usage
from gateway.pipeline import decisions, estimate, hops, lost, points, relay, settle, stored
from gateway.pipeline.flight import Flight, HeaderList
from gateway.pipeline.keeper import Keeper
from gateway.pipeline.prepare import recalled
from gateway.pipeline.readings import Reading, Readings
from gateway.pipeline.relay import header_text
from gateway.pipeline.runtime import Ports, Runtime
from gateway.pipeline.stripping import Stripping
from gateway.ports import Caller, Sink
from gateway.routing import calls
from gateway.routing import plan as planning
from gateway.routing.table import Route
from gateway.sessions import identity as session_identity
from gateway.sessions import loop
from gateway.sessions import state as session_state
from gateway.telemetry import H_CALL, H_COST, H_REQUEST_ID, H_ROUTE, H_SESSION, H_TASK, LOG

_log = logging.getLogger(LOG)


READINGS_BYTES_MAX = 64 << 20
"""Bodies of the latest turns kept: some 150 long coding sessions at work at a time, thousands of short ones."""


class RawRequest(msgspec.Struct, frozen=True):
    """One inference request as it came: header names lower-case, body whole, `caller` already authenticated."""

    request_id: str
    path: str
    query: str
    headers: Headers
    body: bytes
    caller: Caller


class Pipeline:
    """Shared by all requests. `runtime` is asked once per request, so a reload never changes one in flight."""

    def __init__(self, ports: Ports, runtime: Callable[[], Runtime], keeper: Keeper) -> None:
        self.ports = ports
        self.runtime = runtime
        self.keeper = keeper
        self.readings = Readings(READINGS_BYTES_MAX)
        self.stripping = Stripping()
        self.expired = False
        """The drain limit is reached: a cancelled request still tells its client so."""

    async def serve(self, raw: RawRequest, dialect: ClientDialect, sink: Sink) -> None:
        """Answers the request, whatever happens, and leaves exactly one ledger row if it was readable."""
        runtime = self.runtime()
        try:
            exchange = await self.read(raw, dialect, runtime)
        except GatewayError as error:
            await refuse(sink, dialect, error, raw.request_id)
            return
        flight = Flight(exchange, dialect, sink, self.ports.clock, self.ports.clock.monotonic())
        self.ports.ledger.opened(exchange.request_id, partial(lost.row, flight, self.ports, runtime))
        try:
            await self._answer(flight, runtime)
        except asyncio.CancelledError:
            if not self.expired:
                self._left(flight)
                raise
            # The front cancelled at the drain limit: the client is told in its own words before the process ends.
            await self._fail(flight, expired())
        except GatewayError as error:
            await self._fail(flight, error)
        except hops.DeliveredError as broken:
            await self._break(flight, broken)
        except Exception as error:
            flight.error = f"internal_error: {type(error).__name__}"
            raise
        finally:
            self.keeper.remove(flight)
            row = settle.row(flight, self.ports, runtime)
            self.ports.ledger.record(row)
            if runtime.hooks is not None:
                points.ended(flight, row, self.ports, runtime)
            await relay.release(flight)

    async def route(self, raw: RawRequest, dialect: Dialect) -> dict[str, Any]:
        """The dry run of DESIGN.md: the decision, nothing is called and nothing remembered."""
        runtime = self.runtime()
        exchange = await self.read(raw, dialect, runtime)
        exchange, state, _ = await self._placed(exchange, runtime, whole=True)
        means = decisions.means(exchange, state.standing, runtime, self.ports.prices)
        plan, route = planning.plan(exchange, runtime.table, self.ports.health.status, means)
        return explain(exchange, plan, runtime, route)

    # --- stages -----------------------------------------------------------------------------------------------

    async def read(self, raw: RawRequest, dialect: ClientDialect, runtime: Runtime) -> Exchange:
        """Decode and identify; resolve what the request refers to."""
        caller = raw.caller
        reading = self.readings.read(dialect, caller.key_id, raw.headers, raw.body)
        if reading.view.previous_response_id is not None:
            reading = Reading(*await stored.resolve(raw.body, reading.view, dialect, caller.key_id, self.ports.state))
        headers = dict(raw.headers)
        found = reading.found
        if found is None:
            found = reading.found = harnesses.detect(headers, reading.view, dialect.name)
        if reading.size is None or reading.sized_to < len(reading.view.messages):
            reading.size = estimate.of_messages(reading.view, reading.size, reading.sized_to)
            reading.sized_to = len(reading.view.messages)
        view = reading.view
        return Exchange(
            request_id=raw.request_id,
            received_s=self.ports.clock.now(),
            dialect=dialect.name,
            path=raw.path,
            query=raw.query,
            headers=raw.headers,
            body=reading.body,
            view=view,
            model_asked=view.model,
            stream=view.stream,
            identity=Identity(
                caller.key_id, caller.name, caller.tags, caller.models, caller.lanes, found.name, found.version
            ),
            tags=_tags(headers, caller, runtime),
            forced_model=_header(headers, b"x-interlock-model"),
            forced_lane=_header(headers, b"x-interlock-lane"),
            context_tokens=estimate.tokens(reading.body, reading.size),
            has_images=reading.size.images > 0,
            new_from=reading.new_from,
            labels_before=reading.labels,
            reading=reading,
        )

    async def _placed(
        self, exchange: Exchange, runtime: Runtime, *, whole: bool = False
    ) -> tuple[Exchange, session_state.SessionState, bytes | None]:
        """The exchange with session and labels, the session's state, and that as it was stored. `whole`: with task and
        scores, also where nothing hangs on them. Of a model asked for by name only the kind of call is told: reading and
        scoring the conversation costs ten times what the request does. Where the gateway has chosen in this session before,
        it looks on, because this turn may show how that choice came out."""
        reading: Reading = exchange.reading
        session = reading.session
        if session is None:
            session = reading.session = session_identity.identify(
                dict(exchange.headers),
                exchange.view,
                exchange.identity.key_id,
                exchange.dialect,
                exchange.identity.harness,
            )
        stored_state = await recalled(self.ports.state, settle.SESSION, session.id)
        state = session_state.load(stored_state)
        bound = state.bound_model if runtime.settings.session.sticky else None
        session = Session(
            session.id,
            session.source,
            session.agent,
            session.parent,
            session.prefix_digest,
            state.turns,
            bound,
            state.repeats,
            state.private,
        )
        policy = runtime.policy
        if policy is not None and policy.leaks.pins and self.ports.leaks is not None:
            pinned = await self.ports.leaks.pinned(exchange.placed(session), policy)
            session = replace(session, private=tuple(dict.fromkeys((*session.private, *pinned))))
        labels = reading.labels
        watched = (
            runtime.hooks is not None and runtime.hooks.compaction is not None
        )  # told from the conversation's signals
        fresh = whole or runtime.table.scores_always
        whole = whole or watched or state.decided is not None or not _named(exchange, runtime)
        short = labels is None or (whole and not labels.version) or (fresh and labels.aged)
        if labels is None or short or reading.new_from < len(exchange.view.messages):
            exchange = exchange.placed(session)
            if whole:
                labels = await self.ports.classifier.label(exchange, fresh=fresh)
            else:
                labels = _call_only(exchange)
            reading.labels = labels
            reading.new_from = len(exchange.view.messages)  # the same body again has nothing new
            return exchange.labelled(labels), state, stored_state
        return replace(exchange, session=session, labels=labels), state, stored_state

    async def _answer(self, flight: Flight, runtime: Runtime) -> None:
        exchange, flight.state, flight.stored_state = await self._placed(flight.exchange, runtime)
        flight.exchange = exchange
        flight.headers = common_headers(exchange)
        if runtime.strips:
            assert runtime.policy is not None
            flight.exchange = exchange = self.stripping.of(exchange, flight.dialect, runtime.policy)
        if runtime.hooks is not None:
            await points.arrived(flight, self.ports, runtime)
        digest = loop.turn_digest(exchange.view.messages, exchange.model_asked, exchange.reading.messages_bytes)
        if self._loops(flight, runtime, digest):
            await self._stop_loop(flight)
            return
        if runtime.hooks is not None:
            flight.exchange = exchange = await points.before_route(flight, self.ports, runtime)
        means = decisions.means(exchange, flight.state.standing, runtime, self.ports.prices)
        flight.plan, route = planning.plan(exchange, runtime.table, self.ports.health.status, means)
        flight.headers.append((H_ROUTE, flight.plan.route.encode()))
        if runtime.hooks is not None:
            await points.after_route(flight, self.ports, runtime)
        if exchange.stream:
            flight.keepalive = True
            self.keeper.add(flight)
        await hops.run(flight, route, self.ports, runtime)
        self.keeper.remove(flight)
        await self._remember(flight, runtime, digest)
        await self._close(flight)

    async def _remember(self, flight: Flight, runtime: Runtime, digest: str) -> None:
        """The client has its content by now: a state store that is away costs memory, never the reply."""
        try:
            await settle.remember(flight, self.ports, runtime, digest)
            await stored.keep(flight, self.ports.state, runtime.settings.responses_store)
        except GatewayError as error:
            _log.error("session %s not remembered: %s", flight.exchange.session.id, error.text())

    async def _close(self, flight: Flight) -> None:
        cost = sum(h.cost_usd_micros for h in flight.hops)
        if not flight.exchange.stream:
            flight.status = 200
            flight.reply_bytes = len(flight.whole)
            headers = [(b"content-type", b"application/json"), *flight.headers, (H_COST, usd(cost))]
            flight.outcome = "ok"
            await flight.sink.whole(200, headers, flight.whole)
        else:
            comment = closing_comment(flight, cost)
            await flight.finish(flight.ending(comment) if flight.ending else comment)
            flight.outcome = "ok"

    # --- when it goes wrong -----------------------------------------------------------------------------------

    @staticmethod
    def _left(flight: Flight) -> None:
        """The client has gone. 499 is nginx's word for it: no status was ever sent."""
        if flight.outcome == "ok":
            return
        flight.outcome, flight.error = "client_left", "the client closed the connection"
        if not flight.sink.started:
            flight.status = 499

    async def _fail(self, flight: Flight, error: GatewayError) -> None:
        """No content was delivered: a proper error answer, or an error event if the stream had to be opened."""
        flight.error = f"{error.code}: {error.text()}"[:500]
        refused = isinstance(error, DownstreamError | PolicyError | ModelNotAllowed)
        flight.outcome = "refused" if refused else "upstream_error" if isinstance(error, UpstreamError) else "error"
        if isinstance(error, Draining) and flight.begun:
            flight.outcome = "cut"
        if flight.sink.started:
            await flight.finish(flight.dialect.error_event(error, flight.exchange.request_id))
        else:
            flight.status = error.status
            await refuse(flight.sink, flight.dialect, error, flight.exchange.request_id, flight.headers)

    async def _break(self, flight: Flight, broken: hops.DeliveredError) -> None:
        """The reply broke after content. Some harnesses retry only after a cut connection (clients.md 4, point 6)."""
        flight.outcome = "cut"
        flight.error = f"{broken.error.code}: {broken.error.text()}"[:500]
        harness = harnesses.all_harnesses().get(flight.exchange.identity.harness)
        if harness is not None and harness.midstream == "cut" and not flight.called:
            flight.sink.abort()
            return
        await flight.finish(broken.raw or flight.dialect.error_event(broken.error, flight.exchange.request_id))

    def _loops(self, flight: Flight, runtime: Runtime, digest: str) -> bool:
        session, guard = flight.exchange.session, runtime.settings.loop_guard
        if session.source == "prefix" and flight.exchange.identity.harness == "unknown":
            return False
        return loop.looping(
            flight.state,
            digest,
            now_s=flight.exchange.received_s,
            repeats=guard.repeats,
            window_s=guard.window_s,
        )

    async def _stop_loop(self, flight: Flight) -> None:
        text = loop.stop_text(flight.state.repeats)
        _log.warning("loop guard: session %s, %d repeats", flight.exchange.session.id, flight.state.repeats)
        reply = Response(
            id=flight.exchange.request_id,
            model=flight.exchange.model_asked,
            parts=(Text(text),),
            finish=Finished("stop"),
            usage=Usage(source="none"),
        )
        flight.outcome, flight.status = "loop_guard", 200
        context = flight.context()
        if flight.exchange.stream:
            encoder = flight.dialect.stream_encoder(context)
            await flight.finish(b"".join([*map(encoder.feed, unfold(reply)), encoder.close()]))
        else:
            body = flight.dialect.encode_response(reply, context)
            await flight.sink.whole(200, [(b"content-type", b"application/json"), *flight.headers], body)


# --- small pieces ------------------------------------------------------------------------------------------------


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return value.decode("latin-1").strip()[:256] or None if value else None


def _named(exchange: Exchange, runtime: Runtime) -> bool:
    table = runtime.table
    return table.resolve(exchange.forced_model or exchange.model_asked) in table.endpoints


def _call_only(exchange: Exchange) -> Labels:
    call, why = calls.detect(exchange)
    return Labels(call, why)


def _tags(headers: Mapping[bytes, bytes], caller: Caller, runtime: Runtime) -> tuple[str, ...]:
    """Configured, the key's, and `x-interlock-tags` (comma-separated; at most 16 of at most 64 characters)."""
    if b"x-interlock-tags" not in headers and not caller.tags:
        return runtime.tags
    sent = (_header(headers, b"x-interlock-tags") or "").split(",")
    asked = [t.strip()[:64] for t in sent if t.strip()][:16]
    return tuple(dict.fromkeys((*runtime.tags, *caller.tags, *asked)))


def common_headers(exchange: Exchange) -> HeaderList:
    labels = exchange.labels
    headers: HeaderList = [
        (H_REQUEST_ID, exchange.request_id.encode()),
        (H_CALL, labels.call.encode()),
        (H_SESSION, header_text(exchange.session.id)),
    ]
    if labels.task:
        headers.append((H_TASK, labels.task.encode()))
    return headers


def usd(micros: int) -> bytes:
    """Micro-dollars as exact decimal USD."""
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}".encode()


def closing_comment(flight: Flight, cost_micros: int) -> bytes:
    """The SSE comment that ends a stream: both official SDKs and all harnesses tried ignore comments (protocols.md 0)."""
    served = flight.hops[-1] if flight.hops else None
    usage = served.usage if served else Usage(source="none")
    statement: dict[str, Any] = {
        "request_id": flight.exchange.request_id,
        "model": flight.served,
        "route": flight.plan.route if flight.plan else None,
        "cost_usd": usd(cost_micros).decode(),
        "usage": usage,
    }
    if len(flight.hops) > 1:  # what was paid for, in order: a broken stream and who went on with it, who lost a race
        statement["hops"] = [
            {"model": h.model, "outcome": h.outcome, "cost_usd": usd(h.cost_usd_micros).decode(), "usage": h.usage}
            for h in flight.hops
        ]
    return b": interlock " + msgspec.json.encode(statement) + b"\n\n"


async def refuse(
    sink: Sink, dialect: ClientDialect, error: GatewayError, request_id: str, headers: HeaderList | None = None
) -> None:
    """A whole error answer. An upstream's own error body in the client's dialect is passed on word for word, because
    harnesses recover by its wording (protocols.md 1.6)."""
    body, extra = dialect.error_body(error, request_id), []
    if isinstance(error, UpstreamError) and error.dialect == dialect.name:
        said: bytes = getattr(error, "body", b"")
        # A proxy on the way may have answered in HTML: that is no answer in anybody's dialect.
        body = said if said.lstrip()[:1] == b"{" else body
    if isinstance(error, UpstreamRateLimited | UpstreamOverloaded):
        if not error.may_retry:
            extra.append((b"x-should-retry", b"false"))
        if error.retry_after_s is not None:
            extra.append((b"retry-after", str(max(1, math.ceil(error.retry_after_s))).encode()))
    if isinstance(error, PolicyError | DownstreamError):
        extra.append((b"x-should-retry", b"false"))
    common = headers or [(H_REQUEST_ID, request_id.encode())]
    await sink.whole(error.status, [(b"content-type", b"application/json"), *common, *extra], body)


def explain(exchange: Exchange, plan: Plan, runtime: Runtime, route: Route | None = None) -> dict[str, Any]:
    """Stable keys of the dry run (DESIGN.md); more may be added."""
    labels = exchange.labels
    return {
        "model": plan.hops[0].model,
        "lane": plan.hops[0].lane,
        "route": plan.route,
        "call": labels.call,
        "task": labels.task,
        "scores": labels.scores,
        "signals": labels.signals,
        "sticky": plan.sticky,
        "reason": plan.reason,
        "candidates": [{"model": c.model, "eligible": c.eligible, "why": c.why} for c in plan.candidates],
        "classifier": {"version": labels.version, "latency_us": labels.latency_us},
        "decision": None if plan.decision is None else decisions.explained(plan.decision),
        "hops": [h.model for h in plan.hops],
        "continue_on": list(route.source.continue_on) if route is not None else [],
        "stall_s": route.source.stall_s if route is not None else None,
        "hedge_after_s": route.source.hedge_after_s if route is not None else None,
        "harness": exchange.identity.harness,
        "session": {
            "id": exchange.session.id,
            "source": exchange.session.source,
            "agent": exchange.session.agent,
            "parent": exchange.session.parent,
            "turns": exchange.session.turns,
        },
        "context_tokens": exchange.context_tokens,
        "config_generation": runtime.generation,
    }


def expired() -> Draining:
    return Draining("the gateway is shutting down and could not wait for the end of this answer; ask again in a moment")
