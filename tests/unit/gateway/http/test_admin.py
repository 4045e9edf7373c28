"""The approvals routes: who may call them, and what is refused before anything is decided."""

from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from gateway.errors import GatewayError
from gateway.http import admin
from gateway.ports import Caller
from gateway.testing.asgi import AsgiClient
from tests.unit.gateway.adapters.test_webhook import approval

BOSS = {"authorization": "Bearer ila_boss"}
URL = "/admin/v1/approvals"


class Judging:
    def __init__(self):
        self.done = []

    async def listed(self, state, limit):
        self.done.append(("listed", state, limit))
        return [approval()]

    async def find(self, id_):
        return approval() if id_ == "apr_1" else None

    async def decide(self, *words, **more):
        self.done.append((*words, more))
        return approval(state="granted")

    def signed(self, body, timestamp, signature):
        return signature == "good"


@pytest.fixture
def judging():
    return Judging()


@pytest.fixture
def client(judging):
    def approver(secret):
        return Caller("key_b", "boss") if secret == "ila_boss" else None

    app = FastAPI()
    app.include_router(
        admin.router(SimpleNamespace(judging=judging, ports=SimpleNamespace(keys=SimpleNamespace(approver=approver))))
    )

    @app.exception_handler(GatewayError)
    async def told(request, error):
        return JSONResponse({"error": error.text()}, status_code=error.status)

    return AsgiClient(app)


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer ilk_agent"}, {"authorization": "ila_boss"}, {"x-api-key": "ila_boss"}]
)
async def test_only_approvers(client, judging, headers):
    for answer in (
        await client.get(URL, headers),
        await client.get(f"{URL}/apr_1", headers),
        await client.post(f"{URL}/apr_1/grant", {}, headers),
        await client.post(f"{URL}/apr_1/deny", {}, headers),
    ):
        assert answer.status == 401
    assert judging.done == []


async def test_decisions_carry_who_and_how(client, judging):
    assert (await client.get(f"{URL}?state=all&limit=5", BOSS)).json()["data"][0]["id"] == "apr_1"
    assert (await client.get(f"{URL}/apr_1", BOSS)).json()["shown"] == "git push"
    assert (await client.get(f"{URL}/apr_2", BOSS)).status == 404
    await client.post(f"{URL}/apr_1/grant", {"uses": 2, "ttl_s": 60, "note": "go"}, BOSS)
    await client.post(f"{URL}/apr_1/deny", {"note": "no"}, BOSS)
    who = "boss (key_b)"
    assert judging.done == [
        ("listed", None, 5),
        ("apr_1", "grant", who, {"note": "go", "ttl_s": 60, "uses": 2}),
        ("apr_1", "deny", who, {"note": "no"}),
    ]


@pytest.mark.parametrize("body", [{"uses": 0}, {"ttl_s": -1}, {"forever": True}, {"note": "x" * 501}])
async def test_what_a_grant_may_not_say(client, judging, body):
    assert (await client.post(f"{URL}/apr_1/grant", body, BOSS)).status == 422
    assert judging.done == []


async def test_the_webhook_is_proven_by_its_signature(client, judging):
    good = b'{"id": "apr_1", "decision": "grant", "by": "pager"}'
    for body, signature, status in (
        (good, "bad", 401),
        (good, "", 401),
        (b"no json", "good", 400),
        (b'{"id": "apr_1", "decision": "maybe"}', "good", 400),
        (b" " * (admin.WEBHOOK_BYTES_MAX + 1), "good", 400),
        (good, "good", 200),
    ):
        answer = await client.request("POST", f"{URL}/webhook", body, {"x-interlock-signature": signature})
        assert answer.status == status
    assert judging.done == [("apr_1", "grant", "webhook: pager", {"note": "", "ttl_s": None, "uses": None})]
