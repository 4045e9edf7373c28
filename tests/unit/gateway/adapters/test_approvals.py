"""Approvals: one line per call, decided once, spent once, over two connections as over one."""

import asyncio
import stat

import pytest

from gateway.adapters.approvals import ApprovalFile, Approvals, Wanted
from gateway.errors import Conflict, NotFound, StateUnavailable
from gateway.testing.clock import ManualClock

OPEN = {"open_s": 600.0, "open_max": 3}


def wanted(digest="d1", **more):
    base = {
        "digest": digest, "key_id": "k", "session": "s", "harness": "opencode", "agent": "", "tool": "bash", "shown": "git push",
        "reason": "no rule", "rules": ("net",), "cwd": "/repo", "policy": "p", "ttl_s": 100.0, "uses": 1,
    }  # fmt: skip
    return Wanted(**{**base, **more})


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def file(tmp_path, clock):
    made = ApprovalFile(tmp_path / "a.sqlite", clock)
    yield made
    made.close()


@pytest.fixture
def other(tmp_path, clock):
    made = ApprovalFile(tmp_path / "a.sqlite", clock)
    yield made
    made.close()


def test_a_call_is_asked_about_once(file, other):
    first, new = file.request(wanted(), **OPEN)
    assert new
    assert (first.state, first.rules, first.shown) == ("pending", ("net",), "git push")
    assert other.request(wanted(), **OPEN) == (first, False)
    for changed in ({"digest": "d2"}, {"key_id": "k2"}, {"session": "s2"}):
        assert other.request(wanted(**changed), **OPEN)[1]


def test_the_file_is_its_owners_alone(file, tmp_path):
    file.request(wanted(), **OPEN)
    assert stat.S_IMODE((tmp_path / "a.sqlite").stat().st_mode) == 0o600


def test_a_grant_is_spent_once_over_all_processes(file, other):
    asked, _ = file.request(wanted(), **OPEN)
    assert not file.spend(asked.id)
    granted = other.decide(asked.id, "grant", "anna", note="fine")
    assert (granted.state, granted.decided_by, granted.note, granted.uses_left) == ("granted", "anna", "fine", 1)
    assert [file.spend(asked.id), other.spend(asked.id), file.spend(asked.id)] == [True, False, False]
    assert file.find(asked.id).state == "used"
    assert file.request(wanted(), **OPEN)[1]  # the next one needs a word of its own


def test_uses_and_time_of_a_grant(file, clock):
    asked, _ = file.request(wanted(), **OPEN)
    file.decide(asked.id, "grant", "anna", uses=2, ttl_s=50)
    assert file.spend(asked.id)
    clock._passed_s += 51
    assert not file.spend(asked.id)
    assert file.find(asked.id).state == "expired"


def test_a_denial_stands_as_long_as_a_grant_would(file, clock):
    asked, _ = file.request(wanted(), **OPEN)
    file.decide(asked.id, "deny", "anna")
    assert not file.spend(asked.id)
    assert file.request(wanted(), **OPEN)[0].state == "denied"
    clock._passed_s += 101
    assert file.request(wanted(), **OPEN)[0].state == "pending"


def test_what_is_decided_or_over_is_not_decided_again(file, clock):
    asked, _ = file.request(wanted(), **OPEN)
    file.decide(asked.id, "deny", "anna")
    with pytest.raises(Conflict, match="denied already"):
        file.decide(asked.id, "grant", "bob")
    with pytest.raises(NotFound):
        file.decide("apr_none", "grant", "bob")
    late, _ = file.request(wanted("d2"), **OPEN)
    clock._passed_s += 601
    with pytest.raises(Conflict, match="expired"):
        file.decide(late.id, "grant", "bob")


def test_a_session_has_a_bounded_number_of_open_ones(file, clock):
    for number in range(3):
        assert file.request(wanted(f"d{number}"), **OPEN)[1]
    assert file.request(wanted("d9"), **OPEN) == (None, False)
    assert file.request(wanted("d9", session="s2"), **OPEN)[1]
    clock._passed_s += 601
    assert file.request(wanted("d9"), **OPEN)[1]


def test_listed_newest_first(file, clock):
    for number in range(3):
        file.request(wanted(f"d{number}"), **OPEN)
        clock._passed_s += 1
    ids = [row.digest for row in file.listed()]
    assert ids == ["d2", "d1", "d0"]
    file.decide(file.listed()[0].id, "deny", "anna")
    assert [row.digest for row in file.listed("pending")] == ["d1", "d0"]
    assert [row.digest for row in file.listed("denied")] == ["d2"]
    assert len(file.listed(limit=1)) == 1


def test_what_is_a_month_old_is_forgotten(file, clock):
    asked, _ = file.request(wanted(), **OPEN)
    clock._passed_s += 31 * 86_400
    file.request(wanted("d2"), **OPEN)
    assert file.find(asked.id) is None


def test_a_file_that_cannot_be_used(tmp_path, clock):
    (tmp_path / "a.sqlite").write_bytes(b"this is no database, and never was one" * 100)
    with pytest.raises(StateUnavailable, match="did not answer"):
        ApprovalFile(tmp_path / "a.sqlite", clock).find("x")


class Quick(ManualClock):
    """Sleeps are real, time is short."""

    async def sleep(self, seconds):
        await asyncio.sleep(min(seconds, 0.01))
        self._passed_s += seconds


async def test_waiting_for_a_decision(tmp_path):
    clock = Quick()
    approvals = Approvals(tmp_path / "a.sqlite", clock)
    await approvals.start()
    other = ApprovalFile(tmp_path / "a.sqlite", clock)
    asked, _ = await approvals.request(wanted(), **OPEN)
    assert await approvals.decided(asked.id, 1.0) is None  # nobody did
    waiting = asyncio.ensure_future(approvals.decided(asked.id, 1000.0))
    await asyncio.sleep(0.02)
    await asyncio.to_thread(other.decide, asked.id, "grant", "anna")  # another process
    assert (await waiting).state == "granted"
    second, _ = await approvals.request(wanted("d2"), **OPEN)
    waiting = asyncio.ensure_future(approvals.decided(second.id, 1000.0))
    await asyncio.sleep(0.02)
    await approvals.decide(second.id, "deny", "bob")
    assert (await waiting).state == "denied"
    other.close()
    await approvals.aclose()
