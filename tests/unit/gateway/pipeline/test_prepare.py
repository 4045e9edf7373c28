from types import SimpleNamespace

import pytest

from gateway.errors import GatewayError
from gateway.pipeline import prepare
from gateway.ports import Timeouts

AWAY = GatewayError("away")


class Store:
    def __init__(self, error=None):
        self.error, self.asked = error, []

    async def get_many(self, ns, keys):
        self.asked.append((ns, keys))
        if self.error:
            raise self.error
        return [b"x"] * len(keys)

    async def get(self, ns, key):
        return (await self.get_many(ns, [key]))[0]


async def test_memory_that_is_away_is_no_memory(caplog):
    assert await prepare.recalled_many(Store(), "ns", ["a", "b"]) == [b"x", b"x"]
    assert await prepare.recalled(Store(), "ns", "a") == b"x"
    assert await prepare.recalled_many(Store(AWAY), "ns", ["a", "b"]) is None
    assert await prepare.recalled(Store(AWAY), "ns", "a") is None
    assert "not recalled" in caplog.text


@pytest.mark.parametrize(
    ("first_token_s", "stream", "limit_s"), [(5.0, True, 5.0), (5.0, False, 10.0), (50.0, True, 10.0)]
)
def test_the_head_of_a_stream_comes_before_its_first_token(first_token_s, stream, limit_s):
    endpoint = SimpleNamespace(timeouts=Timeouts(1, 10, 3, 4), first_token_s=first_token_s)
    assert prepare._timeouts(endpoint, stream=stream) == Timeouts(1, limit_s, 3, 4)


def test_only_the_dialects_own_headers_go_on():
    headers = (
        (b"anthropic-beta", b"a"), (b"openai-organization", b"o"), (b"user-agent", b"u"), (b"authorization", b"secret"),
        (b"x-api-key", b"secret"), (b"cookie", b"c"), (b"x-interlock-tags", b"t"), (b"host", b"h"),
    )  # fmt: skip
    assert [n for n, _ in prepare.forwarded_headers(headers)] == [
        b"anthropic-beta",
        b"openai-organization",
        b"user-agent",
    ]
