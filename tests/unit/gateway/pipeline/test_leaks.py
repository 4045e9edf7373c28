"""Leaks of a request: found once, decided per model, edited as bytes."""

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from msgspec.structs import replace as restruct

from gateway.adapters.state.memory import MemoryState
from gateway.dialects import registry
from gateway.errors import ApprovalRequired, PolicyDenied, StateUnavailable
from gateway.ir import request as ir
from gateway.ir.exchange import Session
from gateway.pipeline import leaks as leaking
from gateway.pipeline import masking
from gateway.pipeline.guard import Guard
from gateway.pipeline.leaks import Leaks
from gateway.pipeline.readings import Readings
from gateway.ports import Release
from gateway.testing.clock import ManualClock
from gateway.testing.judge import ScriptedJudge
from policies.leaks import Detectors
from policies.load import load
from tests.unit.gateway.pipeline.made import flight

TOKEN = "ghp_" + "a1B2c3D4e" * 4
CLOUD = SimpleNamespace(name="cloud/big", own=False, lane="mid")
OWN = SimpleNamespace(name="own/small", own=True, lane="local")


OPEN = Release("open", "apr_1", "A person is asked: apr_1")


@dataclass
class Desk:
    mask_key: bytes = b"k" * 32
    answer: Release = OPEN
    heard: list = field(default_factory=list)
    asked: list = field(default_factory=list)

    async def released(self, exchange, policy, model, masks, kinds):
        self.asked.append((model, tuple(masks), dict(kinds)))
        return self.answer

    def told(self, action, exchange, model, masks, kinds):
        self.heard.append((action, model, len(masks), dict(kinds)))


def made(desk=None, state=None):
    desk = desk or Desk()
    return Leaks(lambda: desk, state or MemoryState(ManualClock(), 1 << 20), lambda: 60.0)


def policy(redact="{}"):
    return load([("p", f"version: 1\nextends: safe-default\nredact: {redact}\n")])


def chat(*contents, **more):
    tools = [{"type": "function", "function": {"name": "read", "parameters": {}}}]
    messages = [{"role": "user", "content": "do"}]
    messages += [{"role": "tool", "tool_call_id": f"c{n}", "content": text} for n, text in enumerate(contents)]
    return flight({"messages": messages, "tools": tools, **more})


async def body(leaks, held, endpoint=CLOUD, redact="{}"):
    sent, _ = await leaks.sent(held, endpoint, policy(redact), None)
    return sent.exchange.body


async def test_nothing_found_is_the_very_flight():
    held = chat("nothing")
    sent, change = await made().sent(held, CLOUD, policy(), None)
    assert sent is held
    assert change is None
    assert held.leaks == {}


async def test_the_flight_itself_stays_as_it_was():
    held = chat(f"x {TOKEN}", "y")
    before = held.exchange.body
    leaks = made()
    sent, _ = await leaks.sent(held, CLOUD, policy(), None)
    assert held.exchange.body is before
    assert TOKEN.encode() not in sent.exchange.body
    assert sent.exchange.view.messages[2] == held.exchange.view.messages[2]
    assert sent.hops is held.hops  # what outlives a hop is shared
    assert json.loads(sent.exchange.body)["messages"][1]["content"].startswith("x [secret:github_token:")
    assert held.leaks["cloud/big"].kinds == {"github_token": 1}
    assert leaking.recorded(held) == {}  # it was not called
    held.hops.append(SimpleNamespace(model="cloud/big"))
    told = json.loads(leaking.recorded(held)["leaks"])
    assert told == {"cloud/big": {"masked": {"github_token": 1}, "new": {"github_token": 1}}}
    await leaks.sent(held, CLOUD, policy(), None)
    assert json.loads(leaking.recorded(held)["leaks"]) == told  # tried again


async def test_own_servers_see_everything_unless_the_policy_says_otherwise():
    held = chat(TOKEN)
    assert TOKEN.encode() in await body(made(), held, OWN)
    assert TOKEN.encode() not in await body(made(), held, OWN, "{secrets: {own: mask}}")


async def test_an_appended_turn_is_looked_at_alone(monkeypatch):
    looked = []
    scan = Detectors.scan
    monkeypatch.setattr(Detectors, "scan", lambda self, raw, *a, **k: looked.append(raw) or scan(self, raw, *a, **k))
    dialect, readings, leaks, held_policy = registry.by_name("chat"), Readings(1 << 20), made(), policy()
    contents = []
    for turn in range(4):
        contents.append(f"{turn} {TOKEN}")
        held = chat(*contents)
        reading = readings.read(dialect, "k", (), held.exchange.body)
        held.exchange = restruct(held.exchange, reading=reading, view=reading.view)
        looked.clear()
        sent, _ = await leaks.sent(held, CLOUD, held_policy, None)
        assert TOKEN.encode() not in sent.exchange.body
        assert len(looked) == (2 if turn == 0 else 1)
        again, _ = await leaks.sent(held, CLOUD, held_policy, None)
        assert again.exchange.body == sent.exchange.body
        assert len(looked) == (2 if turn == 0 else 1)


async def test_items_are_known_by_their_digest_in_a_rewritten_history(monkeypatch):
    leaks, held_policy = made(), policy()
    await leaks.sent(chat("a", f"b {TOKEN}"), CLOUD, held_policy, None)
    looked = []
    monkeypatch.setattr(Detectors, "scan", lambda self, raw, *a, **k: looked.append(raw) or ())
    sent, _ = await leaks.sent(chat("new", f"b {TOKEN}"), CLOUD, held_policy, None)
    # Positions changed nothing: the same item has another id here, so it is new; the first one is not.
    assert [json.loads(raw)["content"] for raw in looked] == ["new"]
    assert TOKEN.encode() not in sent.exchange.body


async def test_a_changed_policy_looks_again():
    leaks, held = made(), chat(TOKEN)
    assert TOKEN.encode() in await body(leaks, held, redact="{secrets: off}")
    assert TOKEN.encode() not in await body(leaks, held, redact="{}")


async def test_the_log_hears_of_a_mask_once_per_session():
    desk = Desk()
    leaks, held_policy = made(desk), policy()
    for session in ("one", "one", "two"):
        held = chat(TOKEN)
        held.exchange = restruct(held.exchange, session=Session(session))
        await leaks.sent(held, CLOUD, held_policy, None)
        assert held.leaks["cloud/big"].kinds == {"github_token": 1}
    assert desk.heard == [("mask", "cloud/big", 1, {"github_token": 1})] * 2


async def test_deny_names_no_value():
    desk = Desk()
    with pytest.raises(PolicyDenied) as caught:
        await body(made(desk), chat(TOKEN), redact="{secrets: deny}")
    assert "[secret:github_token:" in caught.value.message
    assert TOKEN not in caught.value.message
    assert desk.heard[0][0] == "deny"


async def test_ask_remembers_what_was_said():
    desk, state = Desk(), MemoryState(ManualClock(), 1 << 20)
    leaks = made(desk, state)
    with pytest.raises(ApprovalRequired, match="apr_1"):
        await body(leaks, chat(TOKEN), redact="{secrets: ask}")
    desk.answer = Release("granted", "apr_1")
    assert TOKEN.encode() in await body(leaks, chat(TOKEN), redact="{secrets: ask}")
    desk.answer = Release("denied", "apr_2")
    other = "glpat-" + "x1Y2z3" * 4
    told = await body(made(desk, state), chat(TOKEN, other), redact="{secrets: ask}")  # another worker
    assert TOKEN.encode() in told
    assert other.encode() not in told
    assert [len(masks) for _, masks, _ in desk.asked] == [1, 1, 1]
    assert other.encode() not in await body(leaks, chat(other), redact="{secrets: ask}")
    assert len(desk.asked) == 3


async def test_a_store_that_is_away_asks_again():
    class Away:
        async def get(self, ns, key):
            raise StateUnavailable("away")

        async def put(self, ns, key, value, ttl_s):
            raise StateUnavailable("away")

    desk = Desk(answer=Release("granted", "apr_1"))
    leaks = made(desk, Away())
    for _ in range(2):
        assert TOKEN.encode() in await body(leaks, chat(TOKEN), redact="{secrets: ask}")
    assert len(desk.asked) == 2


async def test_pins_name_the_lanes():
    leaks = made()
    assert await leaks.pinned(chat(TOKEN).exchange, policy()) == ()
    assert await leaks.pinned(chat("x").exchange, policy("{secrets: local}")) == ()
    assert "leak:mid" in await leaks.pinned(chat(TOKEN).exchange, policy("{secrets: local}"))
    only = await leaks.pinned(chat(TOKEN).exchange, policy("{secrets: {cloud: mask, frontier: local}}"))
    assert only == ("leak:frontier",)


async def test_turns_of_this_very_request_are_masked_too():
    """An own model repeated a secret in calls that were refused, or in text that broke off; the cloud goes on."""
    held = chat("nothing")
    held.guard = Guard(ScriptedJudge(), held.exchange)
    held.guard.again = (
        ir.Message("assistant", (ir.Text(f"it is {TOKEN}"), ir.ToolCall("c", "bash", f'{{"x": "{TOKEN}"}}'))),
        ir.Message("tool", (ir.ToolResult("c", (ir.Text(f"refused {TOKEN}"),)),)),
    )

    class Longer:
        def request(self, request):
            return replace(request, messages=(*request.messages, ir.Message("assistant", (ir.Text(f"so {TOKEN}"),))))

        def body(self, body):
            return body + b" "

    sent, change = await made().sent(held, CLOUD, policy(), Longer())
    assert TOKEN not in repr(sent.asked_again)
    assert TOKEN in repr(held.asked_again)
    assert TOKEN not in repr(change.request(held.request()))
    assert change.body(b"x") == b"x "


@pytest.mark.parametrize(
    ("dialect", "sent"),
    [
        ("responses", {"model": "m", "input": f'a "é" {TOKEN}\n'}),
        ("responses", {"model": "m", "input": [{"role": "user", "content": f"a {TOKEN}"}]}),
        ("chat", {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": TOKEN}]}]}),
        ("messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": TOKEN}]}),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
async def test_every_shape_of_a_body(dialect, sent, indent):
    raw = json.dumps(sent, ensure_ascii=False, indent=indent).encode()
    view = registry.by_name(dialect).read(raw)
    leaks, detectors = made(), policy().leaks
    found = await leaks._look(view.messages, detectors, bare=True)
    told = masking.masked(raw, view, found, lambda part: detectors.scan(part, b"k" * 32, every=True))
    (mask,) = {leak.mask for _, leaks in found for leak in leaks}
    assert told == raw.replace(TOKEN.encode(), mask)
    assert not await leaks.clean(view, CLOUD, policy())
    assert await leaks.clean(view, OWN, policy())


async def test_much_new_text_is_looked_at_off_the_loop():
    text = "plain words\n" * (leaking.THREAD_BYTES // 10)
    assert TOKEN.encode() not in await body(made(), chat(text + TOKEN))
