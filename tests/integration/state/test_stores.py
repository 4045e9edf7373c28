"""One suite over all state stores: memory, a file, and a real Redis answer alike."""

import asyncio
import time

import pytest

from gateway.adapters.state.behind import WriteBehindState
from gateway.adapters.state.memory import MemoryState
from gateway.adapters.state.redis import RedisState
from gateway.adapters.state.sqlite import SqliteState
from gateway.errors import StateUnavailable
from gateway.testing.clock import ManualClock
from tests.support.redis import redis_server

KINDS = ["memory", "behind", "sqlite", pytest.param("redis", marks=pytest.mark.redis)]


class RealClock:
    """Redis has a clock of its own, so time passes for real there."""

    def now(self):
        return time.time()

    async def advance(self, seconds):
        await asyncio.sleep(seconds)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


class Case:
    """A store, a clock that moves its time, and the time to live to test with."""

    def __init__(self, store, clock, ttl_s):
        self.store, self.clock, self.ttl_s = store, clock, ttl_s


@pytest.fixture(params=KINDS)
async def case(request, tmp_path):
    if request.param == "redis":
        store = RedisState(request.getfixturevalue("redis_url"))
        await store._redis.flushdb()
        found = Case(store, RealClock(), 0.15)
    else:
        clock = ManualClock()
        path = tmp_path / "sub" / "state.sqlite"
        if request.param == "memory":
            store = MemoryState(clock, 1 << 20)
        elif request.param == "sqlite":
            store = SqliteState(clock, path)
        else:
            store = WriteBehindState(clock, path, 1 << 20)
            await store.start()
        found = Case(store, clock, 60.0)
    yield found
    await store.aclose()


async def test_what_is_put_can_be_had(case):
    for value in (b"", b"x", bytes(range(256)), b"\x00" * 100_000):
        await case.store.put("ns", "key", value, 60)
        assert await case.store.get("ns", "key") == value


async def test_namespaces_are_apart(case):
    await case.store.put("a", "k", b"1", 60)
    await case.store.put("b", "k", b"2", 60)
    assert await case.store.get("a", "k") == b"1"
    assert await case.store.get("b", "k") == b"2"
    assert await case.store.get("c", "k") is None


async def test_keys_are_any_text(case):
    for key in ("", "a:b", "ünïcode 你好", "k" * 500, "a|b\nc"):
        await case.store.put("ns", key, key.encode() or b"empty", 60)
    for key in ("", "a:b", "ünïcode 你好", "k" * 500, "a|b\nc"):
        assert await case.store.get("ns", key) == (key.encode() or b"empty")


async def test_many_in_the_order_of_the_question(case):
    await case.store.put_many("ns", {"a": b"1", "b": b"2", "c": b"3"}, 60)
    assert await case.store.get_many("ns", ["c", "x", "a", "c"]) == [b"3", None, b"1", b"3"]
    assert await case.store.get_many("ns", []) == []
    await case.store.put_many("ns", {}, 60)


async def test_everything_expires(case):
    await case.store.put("ns", "put", b"1", case.ttl_s)
    await case.store.put_many("ns", {"many": b"1"}, case.ttl_s)
    await case.store.put_if_absent("ns", "absent", b"1", case.ttl_s)
    await case.store.add("ns", "counter", 5, case.ttl_s)
    await case.store.put("ns", "long", b"1", 600)
    await case.clock.advance(case.ttl_s * 1.2)
    assert await case.store.get_many("ns", ["put", "many", "absent", "counter", "long"]) == [None] * 4 + [b"1"]
    assert await case.store.add("ns", "counter", 1, 60) == 1
    assert await case.store.put_if_absent("ns", "absent", b"2", 60)
    assert not await case.store.delete("ns", "put")


async def test_a_new_value_has_a_new_life(case):
    await case.store.put("ns", "k", b"1", case.ttl_s)
    await case.store.put("ns", "k", b"2", 600)
    await case.clock.advance(case.ttl_s * 1.2)
    assert await case.store.get("ns", "k") == b"2"


async def test_only_the_first_puts_if_absent(case):
    done = await asyncio.gather(*(case.store.put_if_absent("ns", "k", b"%d" % n, 60) for n in range(10)))
    assert sum(done) == 1
    assert await case.store.get("ns", "k") == b"%d" % done.index(True)


async def test_deleting_says_whether_it_was_there(case):
    await case.store.put("ns", "k", b"1", 60)
    assert await case.store.delete("ns", "k") is True
    assert await case.store.delete("ns", "k") is False
    assert await case.store.get("ns", "k") is None


async def test_counters(case):
    assert await case.store.add("ns", "n", 3, 60) == 3
    assert await case.store.add("ns", "n", -5, 60) == -2
    assert await case.store.get("ns", "n") == b"-2"
    sums = await asyncio.gather(*(case.store.add("ns", "m", 1, 60) for _ in range(20)))
    assert sorted(sums) == list(range(1, 21))


async def test_a_counters_life_begins_with_it(case):
    await case.store.add("ns", "n", 1, case.ttl_s)
    await case.clock.advance(case.ttl_s * 0.6)
    await case.store.add("ns", "n", 1, case.ttl_s)
    await case.clock.advance(case.ttl_s * 0.6)
    assert await case.store.get("ns", "n") is None


# --- each on its own ---------------------------------------------------------------------------------------------


async def test_a_file_outlives_its_process(tmp_path):
    clock = ManualClock()
    first = SqliteState(clock, tmp_path / "s")
    await first.put("ns", "k", b"kept", 60)
    await first.aclose()
    second = SqliteState(clock, tmp_path / "s")
    assert await second.get("ns", "k") == b"kept"
    await second.aclose()


async def test_two_processes_share_a_file(tmp_path):
    clock = ManualClock()
    one, two = SqliteState(clock, tmp_path / "s"), SqliteState(clock, tmp_path / "s")
    done = await asyncio.gather(*(s.add("ns", "n", 1, 60) for s in (one, two) for _ in range(25)))
    assert sorted(done) == list(range(1, 51))
    await one.aclose()
    await two.aclose()


@pytest.mark.redis
async def test_a_redis_that_is_away_says_so_soon(tmp_path):
    with redis_server(tmp_path) as url:
        store = RedisState(url)
        await store.put("ns", "k", b"1", 60)
    began = time.monotonic()
    for work in (
        store.get("ns", "k"),
        store.put("ns", "k", b"", 1),
        store.add("ns", "n", 1, 1),
        store.delete("ns", "k"),
    ):
        with pytest.raises(StateUnavailable, match="did not answer"):
            await work
    assert time.monotonic() - began < 10
    await store.aclose()
