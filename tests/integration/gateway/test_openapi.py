"""schemathesis against our own OpenAPI document, in process: whatever a generator makes of it, there is no 500."""

import asyncio
import functools
import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.http.operations import make
from gateway.testing.asgi import AsgiClient
from tests.support.gateways import one_model, staged

EXAMPLES = 12
"""Per operation, positive and negative each; more find nothing new and cost seconds."""


class Running:
    """A gateway on a loop of its own: hypothesis calls synchronously."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.context = staged(folder, one_model(), fault_times=-1)
        self.stage = self.loop.run_until_complete(self.context.__aenter__())

    def request(self, method, path, body=b"", headers=None):
        client = AsgiClient(self.stage.gateway.front)
        return self.loop.run_until_complete(client.request(method, path, body, headers))

    def close(self):
        self.loop.run_until_complete(self.context.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("openapi"))
    yield running
    running.close()


@functools.cache
def schema():
    """The document as the app makes it; nothing of a gateway is needed for that."""
    return make(SimpleNamespace(version="0"), None).openapi()


OPERATIONS = [
    (method.upper(), path)
    for path, methods in sorted(schema()["paths"].items())
    for method in sorted(methods)
    if method in ("get", "post", "delete", "put", "patch", "head")
]


def test_every_inference_path_is_described():
    described = {path for _, path in OPERATIONS}
    assert {
        "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/v1/completions",
        "/v1/embeddings", "/v1/models", "/v1/route", "/v1/responses/{response_id}", "/v1/responses/input_tokens",
        "/v1/responses/{response_id}/input_items", "/health", "/ready", "/metrics", "/v1/stats",
    } <= described  # fmt: skip


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_500(gateway, method, path, mode):
    operation = schemathesis.openapi.from_dict(schema())[path][method]
    generation = schemathesis.GenerationMode.POSITIVE if mode == "positive" else schemathesis.GenerationMode.NEGATIVE
    if mode == "negative" and not (operation.body or operation.query):
        return  # nothing that could be wrong

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=generation))
    def check(case):
        sent = case.as_transport_kwargs(base_url="http://gateway.test")
        reply = gateway.request(*_request(sent, method))
        assert reply.status != 500, (sent, reply.body)
        if reply.status >= 400:
            assert reply.json()["error"]["message"]

    check()


def _request(sent, method):
    target = quote(sent["url"].removeprefix("http://gateway.test"), safe="/%")
    if params := sent.get("params"):
        target += "?" + urlencode(params, doseq=True, errors="replace")
    body = b""
    if "json" in sent:
        body = json.dumps(sent["json"], default=str).encode("utf-8", "replace")
    elif isinstance(sent.get("data"), bytes | str):
        body = sent["data"] if isinstance(sent["data"], bytes) else sent["data"].encode("utf-8", "replace")
    headers = {
        n: v for n, v in dict(sent.get("headers") or {}).items() if n.lower() != "content-length" and v.isascii()
    }
    return method, target, body, headers


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=400), path=st.sampled_from([p for m, p in OPERATIONS if m == "POST" and "{" not in p]))
def test_bytes_at_random(gateway, path, body):
    reply = gateway.request("POST", path, body)
    assert 400 <= reply.status < 500
    assert reply.json()["error"]["message"]
