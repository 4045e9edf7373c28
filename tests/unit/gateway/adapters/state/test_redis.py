"""Without a server: how keys are named, how lives are counted. The rest is tests/integration/state, against a real one."""

import pytest
from redis.exceptions import ConnectionError as RedisAway

from gateway.adapters.state import redis as module


class Fake:
    def __init__(self):
        self.asked = []

    async def get(self, key):
        self.asked.append(key)
        raise RedisAway("no")

    async def aclose(self): ...


async def test_a_failure_is_named_and_tells_no_address():
    store = module.RedisState("redis://:secret@127.0.0.1:1/0")
    store._redis = fake = Fake()
    with pytest.raises(module.StateUnavailable) as caught:
        await store.get("session", "ses_1")
    assert fake.asked == ["interlock:session:ses_1"]
    assert "secret" not in caught.value.text()
    assert caught.value.status == 503


def test_lives_are_at_least_a_millisecond():
    assert module._ms(0.0) == 1
    assert module._ms(1.5) == 1500


async def test_nothing_asked_nothing_answered():
    store = module.RedisState("redis://127.0.0.1:1/0")
    assert await store.get_many("ns", []) == []
    await store.aclose()
