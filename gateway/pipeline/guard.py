"""The judge of one request's tool calls, and how its client is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from gateway.dialects._shared import short_name
from gateway.dialects.contract import StreamEncoder
from gateway.errors import GatewayError
from gateway.ir.events import Response, unfold
from gateway.ir.exchange import Exchange
from gateway.ir.request import DialectName, Message, Reasoning, Request, Tool
from gateway.ports import Judge
from gateway.telemetry import LOG
from gateway.toolgate import mend_chat, mend_messages, mend_neutral, mend_responses, refusal
from gateway.toolgate.calls import calls_of
from gateway.toolgate.gate import Gate
from gateway.toolgate.mend import Mender
from gateway.toolgate.values import DEFAULT_MANNER, Manner, Ruling, Rulings, TurnRefused, answered, denied
from policies.verdict import ToolCall, Verdict

_log = logging.getLogger(LOG)

_MENDERS: Mapping[DialectName, type[Mender]] = {
    "chat": mend_chat.ChatMender,
    "messages": mend_messages.MessagesMender,
    "responses": mend_responses.ResponsesMender,
}
_WHOLE = {"chat": mend_chat.whole, "messages": mend_messages.whole, "responses": mend_responses.whole}


class Guard(msgspec.Struct, eq=False):
    """One per request. `rulings` gathers what was decided, over all hops, for whoever records it."""

    judge: Judge
    exchange: Exchange
    manner: Manner = DEFAULT_MANNER
    rulings: list[Ruling] = []
    again: tuple[Message, ...] = ()
    """What the conversation goes on with where the model was asked again."""

    def ask_again(self, refused: Sequence[Ruling], thoughts: Sequence[Reasoning]) -> None:
        """The whole turn was refused: the next call of the model is told so."""
        self.rulings += refused
        self.again += answered(refused, thoughts)
        self.manner = replace(self.manner, retries=self.manner.retries - 1)

    def gate(self, dialect: DialectName, encoder: StreamEncoder | None, request: Request | None) -> Gate:
        """The gate of one stream: towards a client of `dialect`, with an encoder (and the neutral request) where the reply
        is translated."""
        mender = _MENDERS[dialect]() if encoder is None else mend_neutral.NeutralMender(encoder)
        begun = self.judge.foresee(self.exchange)
        return Gate(mender, self.rulings, manner=self.manner, names=self._names, known=offered(request), begun=begun)

    @property
    def _names(self) -> frozenset[str]:
        return frozenset(self.exchange.view.tool_names)

    async def verdicts(self, calls: Sequence[ToolCall]) -> Sequence[Verdict] | str:
        """One per call; or why there are none: a judge that fails or is late allows nothing."""
        try:
            async with asyncio.timeout(self.manner.judge_s):
                return await self.judge.judge(calls, self.exchange)
        except TimeoutError:
            return f"no verdict was reached within {self.manner.judge_s:g} s"
        except (GatewayError, OSError, ValueError, TypeError, LookupError, RuntimeError) as error:
            _log.exception("the judge of tool calls failed")
            return f"the policy could not be applied ({type(error).__name__})"

    async def rule(self, response: Response, request: Request | None, *, translated: bool) -> Rulings:
        """The calls of a whole reply, ruled on. PolicyDenied; TurnRefused where the model may be asked again."""
        known = offered(request) if translated else {}
        found = calls_of(unfold(response), self._names, known)
        if not found:
            return {}
        told = await self.verdicts([call.call for call in found.values()])
        if isinstance(told, str) or len(told) != len(found):
            why = told if isinstance(told, str) else "the judge did not answer for every call"
            made = {block: refusal.refused(call, why, self.manner) for block, call in found.items()}
        else:
            pairs = zip(found.items(), told, strict=True)
            made = {block: refusal.ruling(call, verdict, self.manner) for (block, call), verdict in pairs}
        if all(ruling.form == "retry" for ruling in made.values()):
            raise TurnRefused(list(made.values()))
        made = {block: refusal.unless_retried(ruling, self.manner) for block, ruling in made.items()}
        self.rulings += made.values()
        for ruling in made.values():
            if ruling.form == "error":
                raise denied(ruling)
        return made

    @staticmethod
    def mended(dialect: DialectName, body: bytes, rulings: Rulings) -> bytes:
        """A whole reply of the client's own dialect after the rulings."""
        return _WHOLE[dialect](body, rulings)


def offered(request: Request | None) -> dict[str, Tool]:
    """The tools by the name that an upstream of another dialect knows them by."""
    if request is None:
        return {}
    return {short_name(tool.name): tool for tool in request.tools if isinstance(tool, Tool)}
