import json
from types import SimpleNamespace

import pytest

from gateway.dialects import registry
from gateway.errors import (
    Draining,
    ModelNotAllowed,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamRejected,
)
from gateway.pipeline import serve
from gateway.ports import Caller
from tests.support.rows import hop

CHAT = registry.by_name("chat")


class Sink:
    async def whole(self, status, headers, body):
        self.status, self.headers, self.body = status, dict(headers), body


async def refused(error, dialect=CHAT, from_dialect=None):
    sink = Sink()
    if from_dialect is not None:
        error.dialect = from_dialect
    await serve.refuse(sink, dialect, error, "req_1")
    return sink


@pytest.mark.parametrize(("micros", "text"), [(0, b"0.000000"), (1, b"0.000001"), (12_345_678, b"12.345678")])
def test_dollars_are_exact(micros, text):
    assert serve.usd(micros) == text


async def test_an_upstreams_own_words_pass_in_its_own_dialect():
    body = b'{"error": {"message": "prompt is too long", "extra": 1}}'
    error = UpstreamRejected("x", status=400, body=body)
    assert (await refused(error, from_dialect="chat")).body == body
    other = await refused(UpstreamRejected("x", status=400, body=body), from_dialect="messages")
    assert other.body != body


@pytest.mark.parametrize("body", [b"<html>", b"", b"Bad Gateway", b"[1]"])
async def test_what_is_no_error_object_does_not_pass(body):
    sink = await refused(UpstreamOverloaded("down", body=body), from_dialect="chat")
    assert json.loads(sink.body)["error"]["message"]


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (UpstreamRateLimited("r", retry_after_s=2.2), {b"retry-after": b"3"}),
        (UpstreamRateLimited("r", retry_after_s=0.1), {b"retry-after": b"1"}),
        (UpstreamRateLimited("r", quota=True), {b"x-should-retry": b"false"}),
        (
            UpstreamOverloaded("o", may_retry=False, retry_after_s=9),
            {b"x-should-retry": b"false", b"retry-after": b"9"},
        ),
        (ModelNotAllowed("no"), {b"x-should-retry": b"false"}),
        (Draining("bye"), {}),
    ],
)
async def test_what_clients_may_do_about_it(error, headers):
    sink = await refused(error)
    told = {n: v for n, v in sink.headers.items() if n in (b"retry-after", b"x-should-retry")}
    assert told == headers
    assert sink.headers[b"x-request-id"] == b"req_1"


def test_tags_are_bounded():
    runtime = SimpleNamespace(tags=("site",))
    sent = b", ".join(b"t%d" % n for n in range(50)) + b", " + b"x" * 200
    tags = serve._tags({b"x-interlock-tags": sent}, Caller("k", tags=("key", "site")), runtime)
    assert tags[:2] == ("site", "key")
    assert len(tags) <= 18
    assert all(len(t) <= 64 for t in tags)
    assert serve._tags({}, Caller("k"), runtime) == ("site",)


@pytest.mark.parametrize(
    ("value", "read"), [(b" a ", "a"), (b"", None), (b"  ", None), (b"x" * 999, "x" * 256), (b"\xff", "ÿ")]
)
def test_header_values(value, read):
    assert serve._header({b"h": value}, b"h") == read
    assert serve._header({}, b"h") is None


def test_the_closing_comment_is_one_line_of_json():
    flight = SimpleNamespace(hops=[hop()], exchange=SimpleNamespace(request_id="req_1"), served="m", plan=None)
    comment = serve.closing_comment(flight, 42)
    assert comment.startswith(b": interlock ")
    assert comment.endswith(b"\n\n")
    assert comment.count(b"\n") == 2
    told = json.loads(comment.removeprefix(b": interlock "))
    assert told["cost_usd"] == "0.000042"
    assert told["usage"]["input_tokens"] == 100
