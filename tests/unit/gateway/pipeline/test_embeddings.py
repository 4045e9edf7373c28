"""Embeddings: one call, one row, whatever becomes of it."""

import asyncio
import json

import pytest

from gateway.testing.scripted import ScriptedModel, ScriptedUpstream
from tests.support.gateways import eventually, one_model, staged


class Upstream(ScriptedUpstream):
    def __init__(self, status=200, body=b'{"object":"list","data":[],"usage":{"prompt_tokens":7}}', wait_s=0.0):
        super().__init__(ScriptedModel())
        self.status, self.body, self.wait_s, self.sent = status, body, wait_s, []

    async def send(self, request):
        self.sent.append(request)
        await asyncio.sleep(self.wait_s)
        return type("R", (), {"status": self.status, "headers": (), "read": self._read, "aclose": self._close})()

    async def _read(self, *_):
        return self.body

    async def _close(self, *_): ...


async def embedded(tmp_path, upstream, **body):
    async with staged(tmp_path, one_model(), upstream=upstream) as stage:
        reply = await stage.client.post("/v1/embeddings", {"model": "auto", "input": "x", **body})
        return reply, stage.row


async def test_only_the_model_is_ours(tmp_path):
    upstream = Upstream()
    reply, row = await embedded(tmp_path, upstream, dimensions=5, odd={"a": [1, 2.50]})
    assert reply.status == 200
    sent = json.loads(upstream.sent[0].body)
    assert sent == {"model": "scripted-large", "input": "x", "dimensions": 5, "odd": {"a": [1, 2.5]}}
    assert (row.usage.input_tokens, row.usage.source, row.cost_usd_micros) == (7, "reported", 7)
    assert row.hops[0].lane == "mid"


async def test_without_usage_there_is_no_bill(tmp_path):
    _, row = await embedded(tmp_path, Upstream(body=b'{"data":[]}'))
    assert (row.usage.source, row.cost_usd_micros, row.outcome) == ("none", 0, "ok")


@pytest.mark.parametrize(
    ("upstream", "status", "outcome"),
    [
        (Upstream(status=500), 500, "upstream_overloaded"),
        (Upstream(status=429), 429, "upstream_rate_limited"),
        (Upstream(body=b"<html>"), 502, "upstream_protocol"),
        (Upstream(body=b"\xff"), 502, "upstream_protocol"),
    ],
    ids=["500", "429", "html", "bytes"],
)
async def test_failures_are_rows_too(tmp_path, upstream, status, outcome):
    reply, row = await embedded(tmp_path, upstream)
    assert reply.status == status
    assert row.outcome == "upstream_error"
    assert row.hops[0].outcome == outcome
    assert row.error.startswith(outcome)
    assert row.status == status


async def test_a_client_that_leaves(tmp_path):
    upstream = Upstream(wait_s=30)
    async with staged(tmp_path, one_model(), upstream=upstream) as stage:
        body = json.dumps({"model": "auto", "input": "x"}).encode()
        async with stage.client.open("POST", "/v1/embeddings", body):
            await eventually(lambda: upstream.sent)
        assert stage.row.outcome == "client_left"
        assert stage.row.hops[0].outcome == "cancelled"
