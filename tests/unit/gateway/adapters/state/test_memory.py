"""What only the store in memory has: a bound. The rest is tests/integration/state, one suite over all stores."""

from gateway.adapters.state.memory import ENTRY_OVERHEAD_BYTES, MemoryState
from gateway.testing.clock import ManualClock


async def test_the_least_recently_used_goes_first():
    store = MemoryState(ManualClock(), 3 * (ENTRY_OVERHEAD_BYTES + 103))
    for key in "abc":
        await store.put("ns", key, b"x" * 100, 60)
    await store.get("ns", "a")
    await store.put("ns", "d", b"x" * 100, 60)
    assert [v is not None for v in await store.get_many("ns", list("abcd"))] == [True, False, True, True]


async def test_replaced_and_deleted_values_free_their_bytes():
    store = MemoryState(ManualClock(), 10_000)
    for _ in range(100):
        await store.put("ns", "k", b"x" * 5000, 60)
        await store.add("ns", "n", 7, 60)
    assert store._bytes < 6000
    await store.delete("ns", "k")
    await store.delete("ns", "n")
    assert store._bytes == 0


async def test_the_newest_stays_even_when_it_is_too_large():
    store = MemoryState(ManualClock(), 1000)
    await store.put("ns", "old", b"x", 60)
    await store.put("ns", "big", b"x" * 5000, 60)
    assert await store.get("ns", "old") is None
    assert await store.get("ns", "big") is not None
