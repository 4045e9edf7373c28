"""Reads the calls of training rows with the engine's own reader, as the gateway does."""

from __future__ import annotations

from classifiers.features.approve.calls import Call
from classifiers.training.approve.generate import CWD, HOME, RawCall
from gateway.adapters.pending import call_of, readable
from gateway.cli import _policies
from policies import commands, tools, validate
from policies.facts import Facts
from policies.toolmap import TOOLS
from policies.verdict import ToolCall
from policies.view import Place

_PLACE = Place((CWD,), HOME, CWD)


def read(raw: RawCall, tainted: bool) -> Call | None:
    """None where a part of the call cannot be read."""
    facts = _facts(raw)
    if facts is None or not readable(facts):
        return None
    return call_of(facts, _PLACE, tainted=tainted)


def _facts(raw: RawCall) -> Facts | None:
    call = ToolCall("training", raw.tool, raw.arguments.encode("utf-8", "surrogatepass"))
    found = validate.read(call)
    if found.problem:
        return None
    asking = tools.facts(call, found.value, tools.Reader(_PLACE, commands.understand, TOOLS))
    given: bytes | None = None
    while True:
        try:
            need = asking.send(given)
        except StopIteration as stop:
            facts: Facts = stop.value
            return facts
        given = _policies.parse(need.text)
