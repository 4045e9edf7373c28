"""Hooks for the pipeline: asked, queued within bounds, noted, and run by the runner of their policy."""

import asyncio

from gateway.adapters import hook_desk
from gateway.adapters.hook_desk import HookDesk
from policies.hooks import HookAnswer
from policies.verdict import Caller
from tests.support.desk import policy

TEXT = "hooks: [{id: ask, on: request, command: [x]}, {id: see, on: response, command: [x]}, {id: p, on: pre_tool_use, command: [x]}]\n"


class Runner:
    def __init__(self, answer=None, gate=None):
        self.answer, self.gate = answer or HookAnswer(), gate
        self.ran, self.closed, self.most, self.now = [], 0, 0, 0

    async def run(self, id_, payload):
        self.now += 1
        self.most = max(self.most, self.now)
        if self.gate is not None:
            await self.gate.wait()
        self.now -= 1
        self.ran.append((id_, payload))
        return self.answer

    async def aclose(self):
        self.closed += 1


def desk(*runners):
    made, notes, dropped = list(runners), [], []
    held = HookDesk(lambda hooks: made.pop(0), lambda kind, **fields: notes.append((kind, fields)), dropped.append)
    return held, notes, dropped


async def test_what_a_hook_says_is_noted():
    held, notes, _ = desk(Runner(HookAnswer("deny", "no")))
    policies = policy(TEXT)
    caller = Caller("key_1", session="ses_1", extra={"request": "req_1"})
    assert (await held.ask(policies, policies.hooks[0], b"{}", caller)).decision == "deny"
    ((kind, fields),) = notes
    assert (kind, fields["hook"], fields["point"], fields["decision"], fields["request"]) == (
        "hook", "ask", "request", "deny", "req_1",
    )  # fmt: skip
    await held.ask(policies, policies.hooks[2], b"{}", caller)
    assert len(notes) == 1  # a call has a record of its own


async def test_nothing_said_is_nothing_noted():
    held, notes, _ = desk(Runner())
    policies = policy(TEXT)
    await held.ask(policies, policies.hooks[0], b"{}", Caller())
    assert notes == []


async def test_watching_hooks_are_queued_within_bounds(monkeypatch):
    monkeypatch.setattr(hook_desk, "QUEUE_MAX", 12)
    gate = asyncio.Event()
    runner = Runner(gate=gate)
    held, _, dropped = desk(runner)
    policies = policy(TEXT)
    for number in range(20):
        held.tell(policies, policies.hooks[1:2], b"%d" % number, Caller())
    assert len(dropped) == 8
    await asyncio.sleep(0.01)
    assert runner.most == hook_desk.AT_A_TIME
    gate.set()
    await held.aclose()
    assert len(runner.ran) == 12
    assert runner.closed == 1
    held.tell(policies, policies.hooks[1:2], b"late", Caller())
    assert len(dropped) == 9


async def test_a_runner_lives_as_long_as_its_policy_or_what_runs_in_it():
    gate = asyncio.Event()
    old, new = Runner(gate=gate), Runner()
    held, _, _ = desk(old, new)
    first, second = policy(TEXT), policy(TEXT)
    waiting = asyncio.ensure_future(held.ask(first, first.hooks[0], b"1", Caller()))
    await asyncio.sleep(0)
    await held.ask(second, second.hooks[0], b"2", Caller())
    assert old.closed == 0
    gate.set()
    await waiting
    assert (old.closed, new.closed) == (1, 0)
    await held.ask(second, second.hooks[0], b"3", Caller())
    await held.aclose()
    assert (old.closed, new.closed, len(new.ran)) == (1, 1, 2)
