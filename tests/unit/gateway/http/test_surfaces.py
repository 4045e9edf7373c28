import json
from types import SimpleNamespace

import pytest

from gateway.dialects import registry
from gateway.dialects._completions import COMPLETIONS
from gateway.errors import MalformedRequest, NotAvailable
from gateway.http import surfaces
from gateway.http.sink import AsgiSink
from gateway.pipeline.serve import RawRequest
from gateway.ports import Caller


class Pipeline:
    def __init__(self):
        self.served = []

    async def serve(self, raw, dialect, sink):
        self.served.append(dialect)

    async def route(self, raw, dialect):
        return {"dialect": dialect.name}


def asked(path, body, query=""):
    raw = RawRequest("req_1", path, query, (), json.dumps(body).encode(), Caller("anonymous"))
    messages = []

    async def send(message):
        messages.append(message)

    return raw, AsgiSink(send), messages


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
async def test_the_dry_run_takes_the_dialect_of_the_query(dialect):
    raw, sink, sent = asked("/v1/route", {}, f"dialect={dialect}")
    await surfaces.dry_run(SimpleNamespace(pipeline=Pipeline()), raw, registry.by_name("chat"), sink)
    assert json.loads(sent[1]["body"]) == {"dialect": dialect}
    assert (b"x-request-id", b"req_1") in sent[0]["headers"]


async def test_an_unknown_dialect_names_the_known():
    raw, sink, _ = asked("/v1/route", {}, "dialect=" + "x" * 1000)
    with pytest.raises(MalformedRequest) as caught:
        await surfaces.dry_run(SimpleNamespace(pipeline=Pipeline()), raw, registry.by_name("chat"), sink)
    assert "messages" in caught.value.text()
    assert len(caught.value.text()) < 200


async def test_background_is_refused_before_anything_is_called():
    pipeline = Pipeline()
    responses = registry.by_name("responses")
    raw, sink, _ = asked("/v1/responses", {"model": "m", "input": "x", "background": True})
    with pytest.raises(NotAvailable):
        await surfaces.respond(SimpleNamespace(pipeline=pipeline), raw, responses, sink)
    assert not pipeline.served
    raw, sink, _ = asked("/v1/responses", {"model": "m", "input": "x", "background": False})
    await surfaces.respond(SimpleNamespace(pipeline=pipeline), raw, responses, sink)
    assert pipeline.served == [responses]


async def test_completions_are_a_dialect_of_their_own():
    pipeline = Pipeline()
    raw, sink, _ = asked("/v1/completions", {})
    await surfaces.complete(SimpleNamespace(pipeline=pipeline), raw, registry.by_name("chat"), sink)
    assert pipeline.served == [COMPLETIONS]
