import time

from gateway.adapters.system import SystemClock, SystemRandom


async def test_the_clock_is_the_real_one():
    clock = SystemClock()
    assert abs(clock.now() - time.time()) < 1
    began = clock.monotonic()
    await clock.sleep(0.02)
    assert 0.015 <= clock.monotonic() - began < 1


def test_chance():
    random = SystemRandom()
    assert all(0 <= random.uniform() < 1 for _ in range(100))
    tokens = {random.token(12) for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(t) == 24 and set(t) <= set("0123456789abcdef") for t in tokens)
