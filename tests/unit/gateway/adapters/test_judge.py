"""The judge behind the port: nothing passes that the engine did not allow, whatever goes wrong."""

import asyncio
import json

import pytest

from gateway.adapters import judge as judging
from gateway.adapters.approvals import Approvals
from gateway.adapters.hooks import HookRunner
from gateway.adapters.judge import PolicyJudge
from gateway.adapters.state.memory import MemoryState
from gateway.config.settings import Settings
from gateway.errors import StateUnavailable
from gateway.testing.clock import ManualClock
from policies.hooks import HookAnswer
from policies.load import load
from policies.verdict import ToolCall
from tests.support.turns import exchange

POLICY = load([])
KNOWN = frozenset({"bash", "read", "webfetch"})


def read(path="/repo/a.py", id_="c1"):
    return ToolCall(id_, "read", json.dumps({"filePath": path}).encode(), known=KNOWN)


def fetch(url="https://x.example", id_="c1"):
    return ToolCall(id_, "webfetch", json.dumps({"url": url}).encode(), known=KNOWN)


class Broken(MemoryState):
    async def get(self, ns, key):
        raise StateUnavailable("away")


class Bench:
    def __init__(self, folder, policy=POLICY, state=None, **more):
        self.clock = ManualClock()
        self.approvals = Approvals(folder / "a.sqlite", self.clock)
        self.state = state or MemoryState(self.clock, 1 << 20)
        self.records = []
        self.told = []
        settings = more.pop("settings", Settings())
        self.judge = PolicyJudge(
            lambda: policy, lambda: settings, self.clock, self.state, self.approvals, lambda make: self.records.append(make()),
            mask_key=b"k" * 32, hold_s=lambda: 60.0, told=self.told.append, **more,
        )  # fmt: skip

    async def verdicts(self, *calls, asked=None):
        return await self.judge.judge(calls, asked or exchange())

    async def decision(self, call, **more):
        (verdict,) = await self.verdicts(call, **more)
        return verdict.decision


@pytest.fixture
async def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    await made.approvals.aclose()


async def test_each_verdict_is_recorded(bench):
    verdicts = await bench.verdicts(read(), read("/home/u/.ssh/id_rsa"), fetch())
    assert [v.decision for v in verdicts] == ["allow", "deny", "ask"]
    assert [r["decision"] for r in bench.records] == ["allow", "deny", "ask"]
    assert [r["request"] for r in bench.records] == ["req_1"] * 3
    assert bench.records[0]["cwd"] == "/repo"
    assert bench.records[2]["approval"] == bench.told[0].id


async def test_a_plain_call_never_suspends(bench):
    await bench.decision(read())
    step = bench.judge.judge([read()], exchange())
    with pytest.raises(StopIteration) as stop:
        step.send(None)
    assert stop.value.value[0].decision == "allow"


async def test_whatever_fails_is_a_refusal(bench, monkeypatch):
    for error in (KeyError("x"), RecursionError(), StateUnavailable("away"), ZeroDivisionError()):
        with monkeypatch.context() as patch:
            patch.setattr(judging, "judge", lambda *a, error=error: (_ for _ in ()).throw(error))
            (verdict,) = await bench.verdicts(read())
        assert verdict.decision == "deny"
        assert "could not be applied" in verdict.reason
        assert bench.records[-1]["decision"] == "deny"


async def test_without_what_is_known_of_a_session_nothing_passes(tmp_path):
    clock = ManualClock()
    bench = Bench(tmp_path, state=Broken(clock, 1 << 20))
    assert await bench.decision(read()) == "deny"


async def test_no_policy_allows_nothing(tmp_path):
    assert await Bench(tmp_path, policy=None).decision(read()) == "deny"


async def test_approvals_that_are_away_leave_an_ask(bench, monkeypatch):
    async def away(*_, **__):
        raise StateUnavailable("the disk is full")

    monkeypatch.setattr(bench.approvals, "request", away)
    (verdict,) = await bench.verdicts(fetch())
    assert verdict.decision == "ask"
    assert "nobody can be asked" in verdict.reason


async def test_a_session_with_too_many_open_ones_gets_no_more(tmp_path):
    bench = Bench(tmp_path, settings=Settings.model_validate({"approvals": {"open_max": 1}}))
    await bench.verdicts(fetch())
    (verdict,) = await bench.verdicts(fetch("https://y.example"))
    assert verdict.decision == "ask"
    assert "1 calls of this session wait" in verdict.reason
    await bench.approvals.aclose()


async def test_a_grant_lets_one_call_pass_and_resets_the_breaker(bench):
    (asked,) = await bench.verdicts(fetch())
    assert bench.told[0].id in asked.reason
    await bench.approvals.decide(bench.told[0].id, "grant", "anna")
    (allowed,) = await bench.verdicts(fetch())
    assert (allowed.decision, allowed.granted_by) == ("allow", bench.told[0].id)
    assert await bench.decision(fetch()) == "ask"
    assert len(bench.told) == 2


async def test_a_grant_is_of_one_key_session_and_directory(bench):
    await bench.verdicts(fetch())
    await bench.approvals.decide(bench.told[0].id, "grant", "anna")
    assert await bench.decision(fetch(), asked=exchange(session="ses_2")) == "ask"
    from msgspec.structs import replace as changed

    other = exchange()
    other = changed(other, identity=changed(other.identity, key_id="key_2"))
    assert await bench.decision(fetch(), asked=other) == "ask"
    assert await bench.decision(fetch("https://x.example/other")) == "ask"
    assert await bench.decision(fetch()) == "allow"


async def test_two_calls_with_one_id_have_a_request_each(bench):
    verdicts = await bench.verdicts(fetch("https://a.example"), fetch("https://b.example"))
    assert len({told.id for told in bench.told}) == 2
    assert [told.id in verdict.reason for told, verdict in zip(bench.told, verdicts, strict=True)] == [True, True]


async def test_refusals_are_counted_over_requests_and_trip(bench):
    secret = read("/home/u/.ssh/id_rsa")
    for _ in range(3):
        assert await bench.decision(secret) == "deny"
    (verdict,) = await bench.verdicts(read())
    assert (verdict.decision, verdict.rules[0].rule) == ("ask", "default/breaker")
    assert await bench.decision(read(), asked=exchange(session="ses_2")) == "allow"
    await bench.approvals.decide(bench.told[-1].id, "grant", "anna")
    assert await bench.decision(read()) == "allow"
    assert await bench.decision(read("/repo/b.py")) == "allow"


async def test_after_the_breaker_a_refusal_ends_the_turn(bench):
    secret = read("/home/u/.ssh/id_rsa")
    early = [(await bench.verdicts(secret))[0] for _ in range(2)]
    assert [told.refusal for told in early] == [None, None], "the harness's own form"
    third, fourth = [(await bench.verdicts(secret))[0] for _ in range(2)]
    assert (third.refusal, fourth.refusal) == ("text", "text")
    words = "3 calls in a row were refused; a human must look at this session first: stop here and tell the user."
    assert third.context == (words,)
    (plain,) = await bench.verdicts(read())
    assert (plain.decision, plain.refusal, plain.context) == ("ask", "text", ()), "its reason says so already"
    assert "3 calls" in plain.reason or "4 calls" in plain.reason


async def test_a_form_that_ends_the_turn_anyway_is_kept(tmp_path):
    policy = load([("p", "version: 1\ndefaults: {refusal: {'*': error}}\nrules: {a: [{id: no, deny: {tool: read}}]}")])
    bench = Bench(tmp_path, policy=policy)
    told = [(await bench.verdicts(read()))[0].refusal for _ in range(4)]
    assert told == ["error"] * 4
    await bench.approvals.aclose()


async def test_secrets_are_masked_for_those_who_decide(bench):
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    await bench.verdicts(fetch(f"https://x.example/?t={key}"))
    shown = [told.shown for told in bench.told]
    assert all(key not in text for text in shown)
    assert key not in json.dumps(bench.records)


async def test_hooks_are_those_of_the_policy_in_force(tmp_path):
    def policy(code):
        hook = {"on": "pre_tool_use", "id": "h", "command": ["/bin/sh", "-c", f"exit {code}"]}
        return load([("p", f"version: 1\nextends: safe-default\nhooks: [{json.dumps(hook)}]\n")])

    held = [policy(2)]
    made = []

    def runner(hooks):
        made.append(HookRunner(hooks))
        return made[-1]

    bench = Bench(tmp_path, hooks=runner)
    bench.judge._policy = lambda: held[0]
    assert [await bench.decision(read()) for _ in range(2)] == ["deny", "deny"]
    held[0] = policy(0)
    assert await bench.decision(read()) == "allow"
    assert len(made) == 2
    await bench.judge.aclose()


def hooked(*hooks, more=""):
    text = f"version: 1\nextends: safe-default\n{more}hooks: {json.dumps(hooks)}\n"
    return load([("p", text)])


class Answering:
    """Runs no hook: answers each by its id."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __call__(self, hooks):
        return self

    async def run(self, id_, payload):
        self.asked.append((id_, json.loads(payload)))
        answer = self.answers[id_]
        return await answer() if callable(answer) else answer

    async def aclose(self):
        """Nothing is open."""


PRE = {"id": "pre", "on": "pre_tool_use", "command": ["x"]}
FIRST = {"id": "first", "on": "permission_request", "command": ["x"]}


@pytest.mark.parametrize(("on_timeout", "asked"), [("ask", 1), ("deny", 0)])
async def test_a_verdict_that_takes_too_long_is_on_timeout(tmp_path, monkeypatch, on_timeout, asked):
    monkeypatch.setattr(judging, "verdict_s", lambda policy: 0.05)
    policy = hooked(PRE, more=f"defaults: {{on_timeout: {on_timeout}, ask: delegate}}\n")

    async def hangs():
        await asyncio.sleep(30)

    bench = Bench(tmp_path, policy=policy, hooks=Answering(pre=hangs))
    (verdict,) = await bench.verdicts(read())
    assert (verdict.decision, verdict.floor, verdict.ask) == (on_timeout, True, "ticket")
    assert "within 0.05 s" in verdict.reason
    assert len(bench.told) == asked


def test_the_time_for_a_verdict_covers_its_hooks_twice():
    assert judging.verdict_s(hooked()) == judging.VERDICT_S
    assert judging.verdict_s(hooked(PRE, {**PRE, "id": "b", "timeout_ms": 2000})) == judging.VERDICT_S + 14


async def test_a_permission_hook_is_no_way_around_another_hook(tmp_path):
    answers = Answering(pre=HookAnswer("ask", "hm"), first=HookAnswer("allow", "ok"))
    bench = Bench(tmp_path, policy=hooked(PRE, FIRST), hooks=answers)
    assert await bench.decision(read()) == "ask"
    (told,) = bench.told
    assert answers.asked[1][1]["ticket"] == told.id


async def test_a_person_who_is_faster_than_a_hook(tmp_path):
    bench = Bench(tmp_path, policy=hooked(FIRST), hooks=Answering(first=None))

    async def meanwhile():
        (waiting,) = await bench.approvals.listed()
        await bench.approvals.decide(waiting.id, "grant", "anna")
        return HookAnswer("deny", "no")

    bench.judge._make_hooks = Answering(first=meanwhile)
    (verdict,) = await bench.verdicts(fetch())
    assert verdict.decision == "allow"
    assert "granted by anna" in verdict.reason


async def test_what_is_decided_is_announced(tmp_path):
    heard = []
    bench = Bench(tmp_path, decided=heard.append)
    await bench.verdicts(fetch())
    assert heard == []
    await bench.approvals.decide(bench.told[0].id, "grant", "anna")
    await bench.verdicts(fetch())
    assert [(told.id, told.decided_by) for told in heard] == [(bench.told[0].id, "anna")]


async def test_context_of_released_calls_is_kept_for_the_next_request(tmp_path):
    answers = Answering(pre=HookAnswer(context="mind"))
    bench = Bench(tmp_path, policy=hooked(PRE), hooks=answers)
    await bench.verdicts(read())
    await bench.verdicts(fetch())  # asked: the refusal tells it
    assert json.loads(await bench.state.get(judging.CONTEXT, "ses_1")) == ["mind"]
    for _ in range(10):
        await bench.verdicts(read())
    assert len(json.loads(await bench.state.get(judging.CONTEXT, "ses_1"))) == judging.CONTEXTS_MAX


async def test_only_a_policy_in_mode_auto_prepares_anything(tmp_path):
    class Approver:
        def foresee(self, made):
            return lambda: None

    for text, wanted in (
        ("defaults: {mode: auto}\nauto_approve: {}\n", True),
        ("defaults: {mode: auto}\n", False),
        ("defaults: {mode: manual}\nauto_approve: {}\n", False),
    ):
        policy = load([("p.yaml", "version: 1\n" + text)])
        made = Bench(tmp_path, policy, approver=Approver)
        assert (made.judge.foresee(exchange()) is not None) is wanted
        assert Bench(tmp_path, policy).judge.foresee(exchange()) is None
        await made.approvals.aclose()
