"""Errors of upstreams in words for people: the model, the limit, and the setting that holds it."""

from types import SimpleNamespace

import pytest

from gateway.errors import UpstreamConnect, UpstreamRejected, UpstreamTimeout
from gateway.pipeline import refusal
from gateway.ports import Timeouts

ENDPOINT = SimpleNamespace(name="up/model", provider="vendor", timeouts=Timeouts(1, 2, 4, 5), first_token_s=3.0)


@pytest.mark.parametrize(
    ("phase", "streamed", "text"),
    [
        ("connect", True, "1 s (timeouts.connect_s)"),
        ("first_byte", True, "2 s (timeouts.first_byte_s)"),
        ("first_token", True, "3 s (timeouts.first_token_s)"),
        ("idle", False, "4 s in the middle of its answer (timeouts.idle_s)"),
        ("total", False, "5 s (timeouts.total_s)"),
    ],
)
def test_timeouts_name_model_limit_and_setting(phase, streamed, text):
    error = UpstreamTimeout("raw", phase=phase)
    refusal.tell(error, ENDPOINT, streamed=streamed)
    assert error.message.startswith("up/model: ")
    assert text in error.message


def test_the_limit_that_really_held_is_named():
    """A stream's head has to come before its first token."""
    hasty = SimpleNamespace(name="m", timeouts=Timeouts(first_byte_s=600), first_token_s=3.0)
    error = UpstreamTimeout("raw", phase="first_byte")
    refusal.tell(error, hasty, streamed=True)
    assert error.phase == "first_token"
    whole = UpstreamTimeout("raw", phase="first_byte")
    refusal.tell(whole, hasty, streamed=False)
    assert whole.phase == "first_byte"


def test_the_model_is_named_once():
    error = UpstreamConnect("connection refused")
    for _ in range(2):
        refusal.tell(error, ENDPOINT, streamed=False)
    assert error.message == "up/model: connection refused"


def test_a_stall_of_the_route_is_called_by_its_name():
    error = UpstreamTimeout("raw", phase="idle")
    refusal.tell(error, ENDPOINT, streamed=True, stall_s=0.5)
    assert error.message == "up/model: silent for 0.5 s in the middle of its answer (stall_s of the route)"
    refusal.tell(error, ENDPOINT, streamed=True, stall_s=60.0)
    assert "timeouts.idle_s" in error.message, "the shorter limit held"


class Reply:
    def __init__(self, status, body=b"{}"):
        self.status, self.headers, self.body = status, (), body

    async def read(self, limit_bytes):
        assert limit_bytes == refusal.ERROR_BODY_BYTES_MAX
        return self.body


def reading(status):
    def read(told, headers, body, name):
        return UpstreamRejected(body.decode(), status=told, upstream_code="theirs", try_next=False)

    return SimpleNamespace(**vars(ENDPOINT), read_error=read), SimpleNamespace(dialect="chat")


async def test_a_refusal_is_read_in_its_vendors_words():
    endpoint, wire = reading(400)
    error = await refusal.read(Reply(400, b"too long"), endpoint, wire)
    assert (error.status, error.message, error.dialect, error.try_next) == (400, "too long", "chat", False)


@pytest.mark.parametrize("status", [401, 403])
async def test_our_credentials_are_not_the_callers(status):
    endpoint, wire = reading(status)
    error = await refusal.read(Reply(status, b"bad key"), endpoint, wire)
    assert (error.status, error.try_next) == (403, True)
    assert "vendor refused the gateway's credentials for up/model" in error.message
