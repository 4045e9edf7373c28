"""What people say about sending something out, and the audit log's lines about what was kept back."""

import asyncio

import pytest

from gateway.adapters.approvals import Approvals
from gateway.adapters.releases import MASKS_MAX, Releases
from gateway.adapters.system import SystemClock
from gateway.config.settings import Settings
from gateway.errors import StateUnavailable
from gateway.testing.clock import ManualClock
from policies.load import load
from tests.support.gateways import eventually
from tests.support.turns import exchange

MASKS = ("[secret:card:00000000]",)


@pytest.fixture
async def approvals(tmp_path):
    held = Approvals(tmp_path / "approvals.sqlite", ManualClock())
    await held.start()
    yield held
    await held.aclose()


def made(approvals, records=None, told=None, clock=None):
    records, told = records if records is not None else [], told if told is not None else []
    return Releases(
        approvals, records.append, told.append, clock or ManualClock(), Settings, mask_key=b"k" * 32, hold_s=lambda: 3.0
    )


def policy(text=""):
    return load([("p", f"version: 1\nextends: safe-default\n{text}")])


async def test_granted_once_and_only_for_these_values(approvals):
    told = []
    desk = made(approvals, told=told)
    for _ in range(2):
        release = await desk.released(exchange(), policy(), "cloud/big", MASKS, {"card": 1})
        assert (release.state, release.ticket) == ("open", told[0].id)
    assert len(told) == 1
    assert "cloud/big" in told[0].shown
    assert MASKS[0] in told[0].shown
    await approvals.decide(told[0].id, "grant", "anna")
    assert (
        await desk.released(exchange(), policy(), "cloud/big", ("[secret:card:11111111]",), {"card": 1})
    ).state == "open"
    assert (await desk.released(exchange(session="other"), policy(), "cloud/big", MASKS, {"card": 1})).state == "open"
    assert (await desk.released(exchange(), policy(), "cloud/top", MASKS, {"card": 1})).state == "open"
    assert (await desk.released(exchange(), policy(), "cloud/big", MASKS, {"card": 1})).state == "granted"
    assert (await desk.released(exchange(), policy(), "cloud/big", MASKS, {"card": 1})).state == "open"  # one use


async def test_denied_is_an_answer(approvals):
    told = []
    desk = made(approvals, told=told)
    await desk.released(exchange(), policy(), "cloud/big", MASKS, {"card": 1})
    await approvals.decide(told[0].id, "deny", "anna")
    assert (await desk.released(exchange(), policy(), "cloud/big", MASKS, {"card": 1})).state == "denied"


async def test_where_the_policy_holds_the_request_waits(tmp_path):
    clock = SystemClock()
    approvals = Approvals(tmp_path / "held.sqlite", clock)
    await approvals.start()
    held, told = policy("defaults: {ask: hold, ask_timeout_s: 20}\n"), []
    waiting = asyncio.ensure_future(
        made(approvals, told=told, clock=clock).released(exchange(), held, "cloud/big", MASKS, {"card": 1})
    )
    await eventually(lambda: told)
    await approvals.decide(told[0].id, "grant", "anna")
    assert (await waiting).state == "granted"
    short = policy("defaults: {ask: hold, ask_timeout_s: 0.1}\n")
    late = await made(approvals, clock=clock).released(exchange(), short, "cloud/top", MASKS, {"card": 1})
    assert late.state == "open"
    await approvals.aclose()


async def test_nobody_to_ask_keeps_it_back():
    class Away:
        async def request(self, wanted, **more):
            raise StateUnavailable("away")

    release = await made(Away()).released(exchange(), policy(), "cloud/big", MASKS, {"card": 1})
    assert (release.state, release.why) == ("open", "Nobody can be asked at the moment")


async def test_too_many_open_questions(approvals):
    desk = made(approvals)
    settings = Settings().approvals.open_max
    for number in range(settings):
        await desk.released(exchange(), policy(), "cloud/big", (f"[secret:card:{number:08x}]",), {"card": 1})
    release = await desk.released(exchange(), policy(), "cloud/big", MASKS * 2, {"card": 1})
    assert "wait for an approval already" in release.why


async def test_the_record_is_bounded_and_names_no_value(approvals):
    records = []
    masks = [f"[secret:card:{number:08x}]" for number in range(200)]
    made(approvals, records).told("mask", exchange(), "cloud/big", masks, {"card": 200})
    (record,) = records
    assert (record["kind"], record["action"], record["kinds"]) == ("leak", "mask", {"card": 200})
    assert record["masks"] == masks[:MASKS_MAX]
    assert (record["session"], record["key"], record["harness"]) == ("ses_1", "key_1", "opencode")
