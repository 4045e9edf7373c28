"""What only the store in a file has: it is swept. The rest is tests/integration/state, one suite over all stores."""

from gateway.adapters.state.sqlite import SWEEP_EVERY, SqliteState
from gateway.testing.clock import ManualClock


async def test_what_expired_is_removed_in_time(tmp_path):
    clock = ManualClock()
    store = SqliteState(clock, tmp_path / "s")
    await store.put_many("ns", {f"old{n}": b"x" for n in range(10)}, 5)
    await clock.advance(10)
    for number in range(SWEEP_EVERY):
        await store.put("ns", f"new{number % 7}", b"x", 600)
    left = await store._run(lambda db: db.execute("SELECT count(*) FROM state").fetchone()[0])
    assert left == 7
    await store.aclose()


async def test_closing_twice_and_unused(tmp_path):
    store = SqliteState(ManualClock(), tmp_path / "s")
    await store.aclose()
    assert not (tmp_path / "s").exists()


async def test_many_keys_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.adapters.state.sqlite.KEYS_MAX", 3)
    clock = ManualClock()
    store = SqliteState(clock, tmp_path / "s")
    await store.put_many("ns", {f"k{n}": b"%d" % n for n in range(8)}, 60)
    await store.put("ns", "old", b"x", 5)
    await store.put("other", "k9", b"x", 60)
    await store.add("ns", "n", 5, 60)
    await clock.advance(10)
    keys = ["k7", "k0", "old", "k0", "k9", "n", "k3", "none"]
    assert await store.get_many("ns", keys) == [b"7", b"0", None, b"0", None, b"5", b"3", None]
    await store.aclose()
