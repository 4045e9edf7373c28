"""What only memory with a file behind it has: a restart finds everything, and the file may be away for a while. The rest is
tests/integration/state, one suite over all stores."""

import asyncio
import contextlib
import sqlite3

import pytest

from gateway.adapters.state import behind
from gateway.adapters.state.behind import WriteBehindState
from gateway.errors import StateUnavailable
from gateway.testing.clock import ManualClock


@contextlib.asynccontextmanager
async def opened(path, clock=None, max_bytes=1 << 20):
    store = WriteBehindState(clock or ManualClock(), path, max_bytes)
    await store.start()
    try:
        yield store
    finally:
        await store.aclose()


async def written(path, key="k"):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()


async def test_a_restart_finds_it(tmp_path):
    clock = ManualClock()
    async with opened(tmp_path / "s", clock) as store:
        await store.put("ns", "k", b"value", 60)
        await store.put("ns", "gone", b"value", 60)
        assert await store.delete("ns", "gone")
        assert await store.add("ns", "n", 3, 60) == 3
    async with opened(tmp_path / "s", clock) as store:
        assert await store.get_many("ns", ["k", "gone", "never"]) == [b"value", None, None]
        assert await store.add("ns", "n", 4, 60) == 7
        assert not await store.put_if_absent("ns", "k", b"other", 60)
        await clock.advance(61)
        assert await store.get("ns", "k") is None
        assert await store.put_if_absent("ns", "k", b"other", 60)


async def test_it_is_in_the_file_soon_without_being_closed(tmp_path):
    """So a process that is killed loses at most the last moment."""
    async with opened(tmp_path / "s") as store:
        await store.put("ns", "k", b"1", 60)
        await store.put("ns", "k", b"2", 60)
        await asyncio.sleep(behind.FLUSH_S * 3)
        assert await written(tmp_path / "s") == (b"2",)
        await store.put("ns", "k", b"3", 60)
        await asyncio.sleep(behind.FLUSH_S * 3)
        assert await written(tmp_path / "s") == (b"3",)


async def test_a_key_that_is_in_neither_asks_nobody(tmp_path, monkeypatch):
    async with opened(tmp_path / "s") as store:
        monkeypatch.setattr(store, "_fetch", None)  # would fail if it were called
        assert await store.get("ns", "new") is None
        await store.put("ns", "k", b"x", 60)
        assert await store.get("ns", "k") == b"x"


async def test_what_memory_pushed_out_is_still_there(tmp_path):
    async with opened(tmp_path / "s", max_bytes=1000) as store:
        for number in range(20):
            await store.put("ns", str(number), b"x" * 100 + str(number).encode(), 60)
            if number == 10:
                await asyncio.sleep(behind.FLUSH_S * 3)
        for number in (0, 11, 19):  # in the file, waiting for it, in memory
            assert await store.get("ns", str(number)) == b"x" * 100 + str(number).encode()


async def test_a_file_that_fails_costs_memory_nothing(tmp_path, caplog):
    async with opened(tmp_path / "s") as store:
        with contextlib.closing(sqlite3.connect(tmp_path / "s")) as db:
            db.execute("ALTER TABLE state RENAME TO elsewhere")
        await store.put("ns", "k", b"kept", 60)
        await asyncio.sleep(behind.FLUSH_S * 5)
        assert "in memory only" in caplog.text
        assert caplog.text.count("in memory only") == 1
        assert await store.get("ns", "k") == b"kept"
        with contextlib.closing(sqlite3.connect(tmp_path / "s")) as db:
            db.execute("ALTER TABLE elsewhere RENAME TO state")
        await asyncio.sleep(behind.FLUSH_S * 3)
        assert await written(tmp_path / "s") == (b"kept",)


async def test_a_file_that_cannot_be_read_is_no_empty_one(tmp_path):
    async with opened(tmp_path / "s") as store:
        await store.put("ns", "k", b"v", 60)
    async with opened(tmp_path / "s") as store:
        with contextlib.closing(sqlite3.connect(tmp_path / "s")) as db:
            db.execute("ALTER TABLE state RENAME TO elsewhere")
        with pytest.raises(StateUnavailable, match="did not answer"):
            await store.get("ns", "k")
        with contextlib.closing(sqlite3.connect(tmp_path / "s")) as db:
            db.execute("ALTER TABLE elsewhere RENAME TO state")


async def test_what_expired_leaves_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(behind, "SWEEP_EVERY", 10)
    clock = ManualClock()
    async with opened(tmp_path / "s", clock) as store:
        await store.put("ns", "k", b"v", 5)
        await asyncio.sleep(behind.FLUSH_S * 3)
        await clock.advance(10)
        await store.put_many("ns", {str(n): b"x" for n in range(10)}, 60)
    assert await written(tmp_path / "s") is None


async def test_a_bound_on_what_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(behind, "DIRTY_MAX", 5)
    async with opened(tmp_path / "s") as store:
        await store.put_many("ns", {str(n): b"x" for n in range(9)}, 60)
        assert len(store._dirty) == 5
        assert await store.get("ns", "0") == b"x"
