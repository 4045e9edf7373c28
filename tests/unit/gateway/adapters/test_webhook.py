"""Signatures of the webhook; deliveries are tried in tests/integration/gateway/test_policies.py."""

import asyncio
import hashlib
import hmac
import json
from types import SimpleNamespace

import msgspec

from gateway.adapters import webhook
from gateway.adapters.approvals import Approval
from gateway.adapters.tasks import TaskSet
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.testing.clock import START_S, ManualClock
from tests.unit.gateway.adapters.test_approvals import wanted

NOW = str(int(START_S))


def approval(**more):
    return Approval(
        **{
            **msgspec.structs.asdict(wanted()),
            "id": "apr_1",
            "created_s": 1.0,
            "open_until_s": 2.0,
            "state": "pending",
            **more,
        }
    )


def hook(configured=True, secret=lambda ref: "s3cret", **more):
    settings = (
        {"approvals": {"webhook": {"url": "http://127.0.0.1:9/x", "secret": "env:X", **more}}} if configured else {}
    )
    found = Settings.model_validate(settings)
    return webhook.Webhook(lambda: found, secret, ManualClock(), TaskSet("test"))


def test_the_signature_is_plain_hmac():
    expected = hmac.new(b"s3cret", b"12." + b"{}", hashlib.sha256).hexdigest()
    assert webhook.sign("s3cret", "12", b"{}") == f"v1={expected}"


def test_an_answer_is_proven_by_secret_time_and_body():
    good = webhook.sign("s3cret", NOW, b"{}")
    assert hook().signed(b"{}", NOW, good)
    assert not hook(configured=False).signed(b"{}", NOW, good)
    assert not hook(secret=lambda ref: "other").signed(b"{}", NOW, good)
    assert not hook().signed(b"{} ", NOW, good)
    for off, fits in ((299, True), (-299, True), (301, False), (-301, False)):
        stamp = str(int(START_S + off))
        assert hook().signed(b"{}", stamp, webhook.sign("s3cret", stamp, b"{}")) is fits
    for stamp in ("", "x", "-1", "1" * 40, "²"):
        assert not hook().signed(b"{}", stamp, webhook.sign("s3cret", stamp, b"{}"))


def test_a_secret_that_is_away_proves_nothing():
    def away(ref):
        raise ConfigError("X is not set")

    assert not hook(secret=away).signed(b"{}", NOW, webhook.sign("", NOW, b"{}"))


def test_the_message_says_what_a_person_must_know():
    told = json.loads(webhook.message(approval()))
    assert told["event"] == "approval.requested"
    assert (told["id"], told["call"], told["rules"]) == ("apr_1", "git push", ["net"])


async def test_nobody_is_told_without_a_webhook_and_a_crowd_is_bounded():
    silent = hook(configured=False)
    silent.tell(approval())
    assert silent._waiting == 0
    crowded = hook()
    spawned = []
    crowded._tasks = SimpleNamespace(spawn=lambda coro, name: (coro.close(), spawned.append(name)))
    for _ in range(webhook.DELIVERIES_MAX + 5):
        crowded.tell(approval())
    assert len(spawned) == webhook.DELIVERIES_MAX
    await asyncio.sleep(0)
