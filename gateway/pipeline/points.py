"""The named points of a request at which hooks are asked or told (policies.points), as calls of the pipeline.

Nothing here runs unless the policy has a hook at some point of a request: the pipeline asks `runtime.hooks is not None`, and
each function asks for its own point. A hook can refuse the request, narrow its way, and add text behind the conversation
(`Flight.added`), which each hop puts at the end of what it sends; the client's own request, and all that is remembered of
it, stays as it came. Points that only watch are queued and never waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from gateway.endpoints import Endpoint
from gateway.errors import GatewayError, PolicyDenied
from gateway.ir import request as ir
from gateway.ir.exchange import Exchange, LedgerRow
from gateway.pipeline import decisions
from gateway.pipeline.flight import Flight
from gateway.pipeline.prepare import Prepared, recalled
from gateway.pipeline.runtime import Ports, Runtime
from gateway.promptcache import suffix
from gateway.reading import texts_of, walk_back
from gateway.routing.plan import CONVERSATION_CALLS
from gateway.sessions.whereabouts import whereabouts
from gateway.toolgate.caller import caller_of
from policies import hooks
from policies.hooks import HookAnswer
from policies.model import Hook, Point
from policies.verdict import Caller, ToolCall

SESSION: Final = "hook_session"
"""Namespace of the state store: what session_start hooks said of a session that was let through."""
PENDING: Final = "hook_context"
"""Namespace of the state store: text of pre_tool_use hooks about calls that were released, for the next request."""
PROMPT_CHARS_MAX: Final = 16_000
RESULT_CHARS_MAX: Final = 32_000
"""Of a tool's result, from its end: what went wrong stands last."""
RESULTS_MAX: Final = 64
"""Results of one request that hooks are asked about; more than that is refused, because they would pass unseen."""
TOOLS_MAX: Final = 512
ADDED_CHARS_MAX: Final = 40_000
"""Text of all hooks in one request."""

_texts: Final = msgspec.json.Decoder(list[str])


async def arrived(flight: Flight, ports: Ports, runtime: Runtime) -> None:
    """session_start, request, post_tool_use, compaction. PolicyDenied."""
    at = runtime.hooks
    assert at is not None
    desk = _Desk(flight, ports, runtime)
    if at.session_start is not None:
        await _session_started(desk, at.session_start)
    if at.request is not None:
        view = flight.exchange.view
        own = {"stream": flight.exchange.stream, "messages": len(view.messages), **_asked(flight)}
        await desk.ask("request", at.request, own)
    if at.post_tool_use is not None:
        await _results(desk, at.post_tool_use)
    if at.compaction is not None:
        _compacted(desk, at.compaction)
    if at.pre_tool_use is not None and flight.exchange.labels.call in CONVERSATION_CALLS:
        await _pending(desk)


async def before_route(flight: Flight, ports: Ports, runtime: Runtime) -> Exchange:
    """pre_route. The exchange, narrowed as hooks say. PolicyDenied."""
    exchange = flight.exchange
    assert runtime.hooks is not None
    if runtime.hooks.pre_route is None:
        return exchange
    labels = exchange.labels
    own = {
        "model": exchange.model_asked,
        "call": labels.call,
        "task": labels.task,
        "context_tokens": exchange.context_tokens,
    }
    desk = _Desk(flight, ports, runtime)
    for hook, answer in await desk.ask("pre_route", runtime.hooks.pre_route, {**own, **_prompt(flight)}):
        exchange = _narrowed(exchange, hook, answer)
    return exchange


async def after_route(flight: Flight, ports: Ports, runtime: Runtime) -> None:
    """post_route. PolicyDenied."""
    assert runtime.hooks is not None
    plan = flight.plan
    if runtime.hooks.post_route is None or plan is None:
        return
    first = plan.hops[0]
    own = {"model": first.model, "lane": first.lane, "route": plan.route, "reason": plan.reason}
    desk = _Desk(flight, ports, runtime)
    await desk.ask("post_route", runtime.hooks.post_route, {**own, "hops": [hop.model for hop in plan.hops]})


async def before_upstream(
    flight: Flight, endpoint: Endpoint, prepared: Prepared, ports: Ports, runtime: Runtime
) -> Prepared:
    """pre_upstream, and the text of all hooks put behind the conversation. PolicyDenied."""
    request = prepared.request
    assert runtime.hooks is not None and request is not None  # noqa: PT018
    added = flight.added
    if runtime.hooks.pre_upstream is not None:
        own = {
            "model": endpoint.name,
            "provider": endpoint.provider,
            "lane": endpoint.lane,
            "dialect": prepared.dialect.name,
            "request_bytes": len(request.body),
        }
        answers = await _Desk(flight, ports, runtime).run("pre_upstream", runtime.hooks.pre_upstream, own)
        added += tuple(_marked(hook, answer) for hook, answer in answers if answer.context)
    if not added:
        return prepared
    body = suffix.with_text(prepared.dialect.name, request.body, "\n\n".join(added))
    return replace(prepared, request=replace(request, body=body))


def ended(flight: Flight, row: LedgerRow, ports: Ports, runtime: Runtime) -> None:
    """response and stop, or error. A client that left of its own accord is none of them."""
    at = runtime.hooks
    assert at is not None
    desk = _Desk(flight, ports, runtime)
    if row.outcome in ("upstream_error", "refused", "error", "cut"):
        if at.error is not None:
            told = {"outcome": row.outcome, "status": row.status, "message": row.error or "", "model": row.model}
            desk.tell("error", at.error, told)
        return
    if row.outcome not in ("ok", "loop_guard"):
        return
    calls = _calls(flight)
    stop = row.finish or "stop"
    if at.response is not None:
        own: dict[str, Any] = {
            "model": row.model, "lane": row.lane, "stop": stop, "tool_calls": calls, "input_tokens": row.usage.input_tokens,
            "output_tokens": row.usage.output_tokens, "cost_usd_micros": row.cost_usd_micros, "total_ms": row.total_ms,
        }  # fmt: skip
        desk.tell("response", at.response, own)
    if at.stop is not None and not calls:
        desk.tell("stop", at.stop, {"model": row.model, "stop": stop})


# --- asking ------------------------------------------------------------------------------------------------------


class _Desk:
    """The hooks of one request, asked in their order."""

    def __init__(self, flight: Flight, ports: Ports, runtime: Runtime) -> None:
        assert ports.hooks is not None
        assert runtime.policy is not None
        self.flight = flight
        self.ports = ports
        self.ttl_s = runtime.settings.session.ttl_s
        self._port = ports.hooks
        self._policy = runtime.policy
        self._caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            exchange = self.flight.exchange
            caller = caller_of(exchange, self.ports.clock.now())
            where = whereabouts(exchange.view)
            self._caller = Caller(
                caller.key_id, caller.harness, caller.session, caller.tags, caller.agent, caller.parent, cwd=where.cwd,
                home=where.home, now_s=caller.now_s, extra=caller.extra,
            )  # fmt: skip
        return self._caller

    async def run(self, point: Point, asked: tuple[Hook, ...], own: dict[str, Any]) -> list[tuple[Hook, HookAnswer]]:
        """Those that have something to say. PolicyDenied at the first that refuses."""
        payload = hooks.payload(point, self.caller, own)
        said = []
        for hook in asked:
            answer = await self._port.ask(self._policy, hook, payload, self.caller)
            decision, reason = hooks.said(hook, answer)
            if decision in ("deny", "ask"):  # nobody can be asked here, and an answer of `ask` is a failure already
                raise PolicyDenied(f"refused at {point} by {reason}")
            if not answer.failed:
                said.append((hook, answer))
        return said

    async def ask(self, point: Point, asked: tuple[Hook, ...], own: dict[str, Any]) -> list[tuple[Hook, HookAnswer]]:
        """As `run`; context goes into the request."""
        answers = await self.run(point, asked, own)
        self.add(*(_marked(hook, answer) for hook, answer in answers if answer.context))
        return answers

    def add(self, *texts: str) -> None:
        """Bounded: what is over the bound is a refusal, because half of it may say the opposite. PolicyDenied."""
        self.flight.added += texts
        if sum(map(len, self.flight.added)) > ADDED_CHARS_MAX:
            raise PolicyDenied(f"hooks added more than {ADDED_CHARS_MAX} characters to one request")

    def tell(self, point: Point, told: tuple[Hook, ...], own: dict[str, Any]) -> None:
        self._port.tell(self._policy, told, hooks.payload(point, self.caller, own), self.caller)


def _marked(hook: Hook, answer: HookAnswer) -> str:
    """Context as the model reads it: from whom it is, and no way to close the mark from inside."""
    return marked(hook.id, answer.context)


def marked(hook_id: str, text: str) -> str:
    return f'<hook-context hook="{hook_id}">\n{text.replace("</hook-context", "</ hook-context")}\n</hook-context>'


# --- the points of an arriving request ---------------------------------------------------------------------------


async def _session_started(desk: _Desk, asked: tuple[Hook, ...]) -> None:
    """Once per session, until it was let through; what was said then stands in every request of the session."""
    exchange = desk.flight.exchange
    held = await recalled(desk.ports.state, SESSION, exchange.session.id)
    if held is not None:
        desk.add(*_read(held))
        return
    answers = await desk.ask("session_start", asked, _asked(desk.flight))
    texts = [_marked(hook, answer) for hook, answer in answers if answer.context]
    await _keep(desk, SESSION, exchange.session.id, texts)


async def _pending(desk: _Desk) -> None:
    """What hooks said of calls that were released, told once."""
    key = desk.flight.exchange.session.id
    held = await recalled(desk.ports.state, PENDING, key)
    if held is not None:
        desk.add(*(marked("pre_tool_use", text) for text in _read(held)))
        try:
            await desk.ports.state.delete(PENDING, key)
        except GatewayError:
            return  # told once more at worst


async def _keep(desk: _Desk, namespace: str, key: str, texts: list[str]) -> None:
    try:
        await desk.ports.state.put(namespace, key, msgspec.json.encode(texts), desk.ttl_s)
    except GatewayError:
        return  # asked once more at worst


def _read(held: bytes) -> list[str]:
    try:
        return _texts.decode(held)
    except msgspec.MsgspecError:
        return []


async def _results(desk: _Desk, asked: tuple[Hook, ...]) -> None:
    """The results that came with this request, one after the other."""
    for number, (call, result) in enumerate(_new_results(desk.flight.request().messages)):
        facts = hooks.named(call.name)
        wanted = tuple(hook for hook in asked if hooks.wanted(hook, "post_tool_use", facts, call.name))
        if not wanted:
            continue
        if number >= RESULTS_MAX:
            raise PolicyDenied(f"more than {RESULTS_MAX} tool results in one request: hooks cannot look at all of them")
        text = "\n".join(part.text for part in result.parts if isinstance(part, ir.Text))
        tail = text[-RESULT_CHARS_MAX:]
        own = {"tool": hooks.tool_fields(call), "result": tail, "is_error": result.is_error, "cut": tail != text}
        await desk.ask("post_tool_use", wanted, own)


def _new_results(messages: tuple[ir.Message, ...]) -> Iterator[tuple[ToolCall, ir.ToolResult]]:
    """Results behind the last turn of the model, each with its call."""
    last = max((n for n, message in enumerate(messages) if message.role == "assistant"), default=-1)
    calls = {part.id: part for part in messages[last].parts if isinstance(part, ir.ToolCall)} if last >= 0 else {}
    for message in messages[last + 1 :]:
        for part in message.parts:
            if isinstance(part, ir.ToolResult):
                yield _call_of(part, calls.get(part.call_id)), part


def _call_of(result: ir.ToolResult, call: ir.ToolCall | None) -> ToolCall:
    """A result whose call is not in the conversation any more has at most a name."""
    if call is None:
        return ToolCall(result.call_id, result.name or "", b"{}")
    arguments = call.arguments.encode("utf-8", "surrogatepass")
    return ToolCall(call.id, call.name, arguments, call.namespace or "", call.kind == "custom")


def _compacted(desk: _Desk, told: tuple[Hook, ...]) -> None:
    """The harness replaced the history: seen once, by what routing remembers of the session."""
    exchange = desk.flight.exchange
    standing = decisions.standing(desk.flight.state.standing)
    if (exchange.labels.signals or {}).get("resumed", 0) <= standing.resumed:
        return
    before = max((warm.tokens for warm in standing.warm), default=0)
    own = {"model": exchange.model_asked, "before_tokens": before, "after_tokens": exchange.context_tokens}
    desk.tell("compaction", told, own)


def _narrowed(exchange: Exchange, hook: Hook, answer: HookAnswer) -> Exchange:
    if answer.tags:
        exchange = replace(exchange, tags=tuple(dict.fromkeys((*exchange.tags, *answer.tags))))
    if not answer.lane:
        return exchange
    identity = exchange.identity
    if identity.allowed_lanes and answer.lane not in identity.allowed_lanes:
        raise PolicyDenied(
            f"hook {hook.id} keeps this request to the lane {answer.lane}, which is not open to it",
            accepted=", ".join(identity.allowed_lanes),
        )
    return replace(exchange, identity=replace(identity, allowed_lanes=(answer.lane,)))


# --- what is told ------------------------------------------------------------------------------------------------


def _asked(flight: Flight) -> dict[str, Any]:
    exchange = flight.exchange
    return {
        "model": exchange.model_asked,
        "dialect": exchange.dialect,
        "call": exchange.labels.call,
        "tools": list(exchange.view.tool_names[:TOOLS_MAX]),
        **_prompt(flight),
    }


def _prompt(flight: Flight) -> dict[str, Any]:
    """The newest text from the user's side, from its end."""
    for role, raw in walk_back(flight.exchange.view.messages):
        if role in ("user", "tool") and (texts := texts_of(raw)):
            return {"prompt": "\n".join(texts)[-PROMPT_CHARS_MAX:]}
    return {"prompt": ""}


def _calls(flight: Flight) -> int:
    """Tool calls that the client got."""
    if flight.guard is not None and flight.guard.rulings:
        return sum(not ruling.gone for ruling in flight.guard.rulings)
    return len(flight.tally.tool_calls)
