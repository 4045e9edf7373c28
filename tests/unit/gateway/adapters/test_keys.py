import contextlib
import sqlite3

import pytest

from gateway.adapters.keys import PREFIX, SqliteKeys, digest_of
from gateway.testing.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def keys(tmp_path, clock):
    store = SqliteKeys(tmp_path / "sub" / "keys.sqlite", clock)
    store.refresh()
    return store


def test_none_is_needed_until_there_is_one(keys):
    assert not keys.required()
    assert keys.find("anything") is None
    secret, caller = keys.create("ci", models=("a",), lanes=("local",), tags=("t",))
    keys.refresh()
    assert keys.required()
    assert keys.find(secret) == caller
    assert (caller.models, caller.lanes, caller.tags) == (("a",), ("local",), ("t",))
    assert keys.find(secret[:-1]) is None
    assert keys.find("") is None


def test_secrets_are_unguessable_and_not_stored(keys, tmp_path):
    secrets = {keys.create("same name")[0] for _ in range(20)}
    assert len(secrets) == 20
    assert all(s.startswith(PREFIX) and len(s) == len(PREFIX) + 43 for s in secrets)
    for path in (tmp_path / "sub").iterdir():
        data = path.read_bytes()
        assert not any(s.encode() in data for s in secrets)
    with sqlite3.connect(tmp_path / "sub" / "keys.sqlite") as db:
        assert {d for (d,) in db.execute("SELECT digest FROM keys")} == {digest_of(s) for s in secrets}
    assert (tmp_path / "sub" / "keys.sqlite").stat().st_mode & 0o077 == 0


def test_the_snapshot_is_read_again_only_when_the_file_changed(keys, monkeypatch):
    read = []
    rows = keys._rows
    monkeypatch.setattr(keys, "_rows", lambda db: read.append(1) or rows(db))
    for _ in range(5):
        keys.refresh()
    assert len(read) <= 1
    keys.create("new")
    keys.refresh()
    assert keys.required()


def test_revoked_keys_still_count(keys, clock):
    secret, caller = keys.create("ci")
    assert keys.revoke("ci") == 1
    assert keys.revoke("ci") == 0
    assert keys.revoke("nobody") == 0
    keys.refresh()
    assert keys.find(secret) is None
    assert keys.required()
    (row,) = keys.all_keys()
    assert row.caller.key_id == caller.key_id
    assert row.revoked_s == clock.now()


async def test_expiry_is_told_by_the_clock(keys, clock):
    secret, _ = keys.create("ci", expires_s=clock.now() + 10)
    keys.refresh()
    assert keys.find(secret) is not None
    await clock.advance(10)
    assert keys.find(secret) is None


def test_another_process_sees_it(keys, tmp_path, clock):
    other = SqliteKeys(tmp_path / "sub" / "keys.sqlite", clock)
    other.refresh()
    secret, caller = keys.create("ci")
    other.refresh()
    assert other.find(secret) == caller
    keys.revoke(caller.key_id)
    other.refresh()
    assert other.find(secret) is None


def test_hostile_secrets(keys):
    keys.create("ci")
    keys.refresh()
    for secret in ("\x00", "ÿ" * 10_000, "' OR 1=1 --", "ilk_"):
        assert keys.find(secret) is None


def test_a_key_is_for_models_or_for_approvals_never_for_both(tmp_path):
    keys = SqliteKeys(tmp_path / "keys.sqlite", ManualClock())
    boss, _ = keys.create("boss", role="approver")
    keys.refresh()
    assert not keys.required()  # an approver alone closes nothing on loopback
    assert keys.approver(boss).name == "boss"
    assert keys.find(boss) is None
    agent, _ = keys.create("agent")
    keys.refresh()
    assert keys.required()
    assert keys.approver(agent) is None
    assert keys.find(agent).name == "agent"
    assert [row.role for row in keys.all_keys()] == ["approver", "agent"]
    keys.revoke("boss")
    keys.refresh()
    assert keys.approver(boss) is None


def test_a_file_of_before_approvals_gets_the_column(tmp_path):
    path = tmp_path / "keys.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE keys (id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, name TEXT NOT NULL, created_s REAL NOT NULL, "
            "expires_s REAL, revoked_s REAL, models TEXT NOT NULL, lanes TEXT NOT NULL, tags TEXT NOT NULL)"
        )
        db.execute(
            "INSERT INTO keys VALUES ('key_1', ?, 'old', 1, NULL, NULL, '[]', '[]', '[]')", (digest_of("ilk_x"),)
        )
        db.commit()
    keys = SqliteKeys(path, ManualClock())
    keys.refresh()
    assert keys.find("ilk_x").name == "old"
    assert keys.all_keys()[0].role == "agent"
