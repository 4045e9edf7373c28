"""The built-in simulated upstream: an `Upstream` without a network, so that everything can be tried with nothing at hand.

It speaks all three dialects through our own encoders. Every answer says that it is simulated. What it does:
- no tools offered: a short text (one line when a title is asked for);
- tools offered and the last message is the user's: a sentence, then one call of a shell tool that only prints a line; if no
  shell tool is offered, text;
- after a tool result: a closing text;
- reasoning first when the request asks for it or the model is `frontier`.
Streams are paced like a model of the lane: a pause before the first token, then so many tokens a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from gateway.dialects import registry
from gateway.dialects.contract import Dialect, ReplyContext
from gateway.errors import GatewayError, Headers, MalformedRequest
from gateway.ir.events import Delta, Event, Finished, ReplyPart, Response, unfold
from gateway.ir.request import Message, Reasoning, Request, Text, Tool, ToolCall, ToolResult
from gateway.ir.usage import Usage
from gateway.ports import Clock, Random, UpstreamReply, UpstreamRequest

MARK = "[simulated by Interlock]"

PIECE_CHARS = 12
"""Text of one delta, about three tokens: what fast cloud streams send."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first token, and tokens per second after it."""

    first_token_s: float
    tokens_per_s: float


PACES = {
    "local": Pace(0.15, 60.0),
    "mid": Pace(0.4, 90.0),
    "frontier": Pace(0.8, 70.0),
    "daemon": Pace(0.3, 40.0),
}
"""Typical figures of a GB10 box with a 30B model, of DeepSeek-class and of Opus-class APIs; only for trying things out."""

INSTANT = Pace(0.0, 0.0)

_SHELLS = {
    "bash": "command",
    "Bash": "command",
    "shell": "command",
    "exec_command": "cmd",
    "run_shell_command": "command",
    "execute_command": "command",
}
_COMMAND = "echo 'hello from the simulated model'"


class SimulatedUpstream:
    """`paced=False` sends at once (tests)."""

    def __init__(self, clock: Clock, random: Random, *, paced: bool = True) -> None:
        self._clock = clock
        self._random = random
        self._paced = paced

    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        dialect = registry.by_path().get(request.target.partition("?")[0])
        if request.method == "GET":
            return _Whole(200, msgspec.json.encode({"object": "list", "data": []}))
        if dialect is None:
            return _Whole(404, b'{"error":{"message":"the simulated upstream has no such path"}}')
        try:
            asked = dialect.decode_request(request.body)
        except GatewayError as error:
            return _Whole(error.status, dialect.error_body(error, "sim"))
        pace = PACES.get(asked.model, PACES["mid"]) if self._paced else INSTANT
        response = answer(asked, self._random.token(8), int(self._clock.now()))
        context = ReplyContext(
            reply_id="sim" + self._random.token(12),
            model=response.model,
            created_s=int(self._clock.now()),
            include_usage=asked.include_usage,
            input_tokens_estimate=response.usage.input_tokens if response.usage else 0,
            custom_tools=frozenset(t.name for t in asked.tools if isinstance(t, Tool) and t.kind == "custom"),
            namespaces={t.name: t.namespace for t in asked.tools if isinstance(t, Tool) and t.namespace},
            request=asked,
        )
        if asked.stream:
            return _Streamed(self._clock, dialect, context, response, pace)
        tokens = response.usage.output_tokens if response.usage else 0
        await self._clock.sleep(pace.first_token_s + (tokens / pace.tokens_per_s if pace.tokens_per_s else 0.0))
        return _Whole(200, dialect.encode_response(response, context))

    async def aclose(self) -> None: ...


def answer(asked: Request, token: str, now_s: int) -> Response:
    """The whole simulated reply. MalformedRequest for an empty conversation."""
    if not asked.messages:
        raise MalformedRequest("no messages", where="$.messages")
    parts: list[ReplyPart] = []
    wanted = asked.reasoning is not None and asked.reasoning.mode != "disabled"
    if wanted or asked.model == "frontier":
        parts.append(
            Reasoning(text="This is simulated reasoning: no model is configured, so nothing was really thought.")
        )
    call = _call(asked, token)
    text = _text(asked, called=call is not None)
    parts.append(Text(text))
    if call is not None:
        parts.append(call)
    size = sum(_length(m) for m in asked.messages)
    out = sum(len(p.text) for p in parts if isinstance(p, Text | Reasoning)) + (len(call.arguments) if call else 0)
    usage = Usage(input_tokens=max(1, size // 4), output_tokens=max(1, out // 4))
    finish = Finished("tool_calls" if call else "stop")
    return Response("", f"sim/{asked.model}", tuple(parts), finish, usage, now_s)


def _length(message: Message) -> int:
    total = 0
    for part in message.parts:
        match part:
            case Text(text) | Reasoning(text):
                total += len(text)
            case ToolCall():
                total += len(part.arguments)
            case ToolResult():
                total += sum(len(p.text) for p in part.parts if isinstance(p, Text))
            case _:
                total += 1000
    return total


def _last_text(messages: Sequence[Message]) -> str:
    for message in reversed(messages):
        if message.role == "user":
            return " ".join(p.text for p in message.parts if isinstance(p, Text)).strip()
    return ""


def _call(asked: Request, token: str) -> ToolCall | None:
    if asked.messages[-1].role == "tool" or (asked.tool_choice is not None and asked.tool_choice.mode == "none"):
        return None
    for tool in asked.tools:
        if isinstance(tool, Tool) and tool.kind == "function" and tool.name in _SHELLS:
            arguments = msgspec.json.encode({_SHELLS[tool.name]: _COMMAND}).decode()
            return ToolCall(id=f"call_{token}", name=tool.name, arguments=arguments, namespace=tool.namespace)
    return None


def _text(asked: Request, *, called: bool) -> str:
    said = _last_text(asked.messages)[:80]
    if asked.messages[-1].role == "tool":
        return f"{MARK} The tool answered; a real model would go on from here."
    if called:
        return f"{MARK} I will run one harmless command."
    if not asked.tools and asked.max_output_tokens is not None and asked.max_output_tokens <= 64:
        return MARK
    return f"{MARK} No model is configured, so this is a canned answer to: {said!r}. Run `interlock init` to configure one."


class _Whole:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: Headers = ((b"content-type", b"application/json"), (b"x-simulated", b"true"))
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self, limit_bytes: int) -> bytes:
        return self._body

    async def aclose(self) -> None: ...


class _Streamed:
    status = 200
    headers: Headers = ((b"content-type", b"text/event-stream"), (b"x-simulated", b"true"))

    def __init__(self, clock: Clock, dialect: Dialect, context: ReplyContext, response: Response, pace: Pace) -> None:
        self._clock = clock
        self._dialect = dialect
        self._context = context
        self._response = response
        self._pace = pace

    async def chunks(self) -> AsyncIterator[bytes]:
        encoder = self._dialect.stream_encoder(self._context)
        await self._clock.sleep(self._pace.first_token_s)
        for event in paced(self._response):
            data = encoder.feed(event)
            if data:
                yield data
            if self._pace.tokens_per_s:
                await self._clock.sleep(PIECE_CHARS / 4 / self._pace.tokens_per_s)
            else:
                await asyncio.sleep(0)
        yield encoder.close()

    async def read(self, limit_bytes: int) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def aclose(self) -> None: ...


def paced(response: Response) -> list[Event]:
    """The reply's events with text cut into pieces of a few tokens."""
    events: list[Event] = []
    for event in unfold(response):
        if isinstance(event, Delta):
            pieces = [event.text[i : i + PIECE_CHARS] for i in range(0, len(event.text), PIECE_CHARS)] or [""]
            events += [Delta(event.index, piece, event.summary, event.part) for piece in pieces]
        else:
            events.append(event)
    return events
