"""A suite that finds nothing must be able to: each of these breaks the gateway on purpose, in one place, and asserts that
the schedules notice. What is broken lies behind stable names (ports, contracts), so that the mutations outlive rewrites."""

import asyncio
import dataclasses
import re

import pytest

from gateway.adapters.upstream.connection import LeanReply
from gateway.dialects import chat, messages, responses
from gateway.errors import UpstreamProtocol
from gateway.http.sink import AsgiSink
from gateway.ir.events import Finished
from gateway.ir.usage import Usage
from gateway.pipeline import relay
from gateway.pipeline.serve import Pipeline
from tests.faults import stage
from tests.faults.schedule import make

SEEDS = 150
"""Within so many seeds each of these faults must show."""


def found(wanted, spoil=None):
    """The number of seeds until a problem that matches `wanted`."""
    for seed in range(SEEDS):
        for problem in stage.run(make(seed), spoil).problems:
            if re.search(wanted, problem):
                return seed
    raise AssertionError(f"{SEEDS} seeds did not find {wanted!r}")


class Forgiving:
    """A decoder that takes whatever its upstream says for good."""

    def __init__(self, inner, *, cuts, garbage):
        self._inner, self._cuts, self._garbage = inner, cuts, garbage

    def feed(self, event):
        try:
            return self._inner.feed(event)
        except UpstreamProtocol:
            if self._garbage:
                return []
            raise

    def close(self):
        try:
            return self._inner.close()
        except UpstreamProtocol:
            if self._cuts:
                return [Finished("stop")]
            raise

    def __getattr__(self, name):
        return getattr(self._inner, name)


def forgive(monkeypatch, **what):
    for module in (chat, messages, responses):
        kind = type(module.DIALECT)
        original = kind.stream_decoder
        monkeypatch.setattr(kind, "stream_decoder", lambda s, p, o=original: Forgiving(o(s, p), **what))


def test_a_cut_that_is_swallowed(monkeypatch):
    forgive(monkeypatch, cuts=True, garbage=False)
    found("ended well|without a finish_reason|without an end")


def test_a_broken_event_that_is_released(monkeypatch):
    forgive(monkeypatch, cuts=False, garbage=True)
    found("stumbles: (JSONDecodeError|not UTF-8|KeyError|TypeError|RecursionError)")


@pytest.mark.parametrize("outcome", ["cut", "client_left", "upstream_error"])
def test_a_row_that_is_dropped(outcome):
    def spoil(gateway):
        record = gateway.ports.ledger.record
        gateway.ports.ledger.record = lambda row: None if row.outcome == outcome else record(row)

    found("0 rows in the ledger", spoil)


def test_a_row_that_is_written_twice():
    def spoil(gateway):
        record = gateway.ports.ledger.record
        gateway.ports.ledger.record = lambda row: (record(row), record(row))

    found("2 rows in the ledger", spoil)


def test_delivered_usage_that_is_not_booked(monkeypatch):
    monkeypatch.setattr("gateway.accounting.tally.Tally.billed", lambda *_, **__: Usage(source="none"))
    found("no usage is booked")


def test_a_terminal_event_that_is_sent_twice(monkeypatch):
    original = AsgiSink.write

    async def write(self, data):
        await original(self, data)
        if b"[DONE]" in data or b"message_stop" in data or b"response.completed" in data:
            await original(self, data)

    monkeypatch.setattr(AsgiSink, "write", write)
    found("stumbles: (after the end|.* before message_start|.* after message_delta)")


def test_bytes_that_are_lost(monkeypatch):
    original = AsgiSink.write

    async def write(self, data):
        if b"w3 " not in data:
            await original(self, data)

    monkeypatch.setattr(AsgiSink, "write", write)
    found("text is missing|not what was said|stumbles")


def test_a_second_answer_after_content(monkeypatch):
    original = relay.deliver

    async def deliver(flight, *rest):
        try:
            return await original(flight, *rest)
        except Exception:
            flight.begun = False
            raise

    monkeypatch.setattr(relay, "deliver", deliver)
    found("a second answer after content|after the end|stumbles")


def test_a_task_that_is_leaked(monkeypatch):
    original, held = Pipeline.serve, []

    async def serve(self, *arguments):
        held.append(asyncio.ensure_future(asyncio.sleep(100_000)))
        await original(self, *arguments)

    monkeypatch.setattr(Pipeline, "serve", serve)
    found("a task is left over")


def test_connections_that_are_never_closed(monkeypatch):
    async def aclose(self):
        pass

    monkeypatch.setattr(LeanReply, "aclose", aclose)
    found("upstream connections are open|went on after its client had left")


def test_a_departure_that_goes_unnoticed(monkeypatch):
    original = Pipeline.serve

    async def serve(self, *arguments):
        await asyncio.shield(asyncio.ensure_future(original(self, *arguments)))

    monkeypatch.setattr(Pipeline, "serve", serve)
    found("went on after its client had left")


def test_a_request_that_never_ends(monkeypatch):
    async def never(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(relay, "release", never)
    found("a request never ended|a client failed")


def test_calls_that_nobody_judges():
    def unguarded(gateway):
        gateway._runtime = dataclasses.replace(gateway._runtime, judged=False)

    found("released unjudged", unguarded)


def test_a_verdict_that_is_not_written_down():
    def forgetful(gateway):
        gateway.judging._judge._record = lambda record: None

    found("released unjudged", forgetful)


def test_a_chain_that_is_broken():
    def careless(gateway):
        log = gateway.judging._audit
        log._append = lambda data, write=log._append: write(data.replace(b'"decision":"allow"', b'"decision": "allow"'))

    found("audit line", careless)
