import msgspec
import pytest

from gateway.dialects._messages_errors import error_body, error_event, error_of
from gateway.errors import BudgetExceeded, MalformedRequest, UpstreamRejected, UpstreamTimeout

OWN = b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 5 > 4"},"request_id":"req_1"}'


def test_our_errors_in_anthropics_shape():
    body = msgspec.json.decode(error_body(MalformedRequest("wrong", where="$.model", accepted="a string"), "req_9"))
    assert body == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "wrong at $.model. Accepted: a string",
            "details": {"error_code": "malformed_request"},
        },
        "request_id": "req_9",
    }
    assert msgspec.json.decode(error_body(BudgetExceeded("spent"), ""))["error"]["type"] == "rate_limit_error"
    assert (
        msgspec.json.decode(error_body(UpstreamTimeout("slow", phase="idle"), ""))["error"]["type"] == "timeout_error"
    )


def test_an_upstreams_refusal_is_handed_on_unchanged():
    assert error_body(UpstreamRejected("x", status=400, body=OWN), "req_9") == OWN


def test_a_refusal_with_types_of_its_own_is_said_anew():
    body = b'{"type":"error","error":{"type":"BadRequestError","message":"prompt is too long"}}'
    told = msgspec.json.decode(error_body(UpstreamRejected("the words", status=400, body=body), "req_9"))
    assert told["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"error":{"message":"no type"}}', b'{"type":"error","error":"x"}', b"\xff"]
)
def test_a_refusal_of_another_shape_is_said_anew(body):
    told = msgspec.json.decode(error_body(UpstreamRejected("the words", status=400, body=body), "req_9"))
    assert told["error"]["message"] == "the words"


def test_an_error_event_is_one_event_and_the_last():
    event = error_event(BudgetExceeded("spent"), "req_9")
    assert event.startswith(b'event: error\ndata: {"type":"error"')
    assert event.endswith(b"\n\n")
    assert event.count(b"\n\n") == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (OWN, ("prompt is too long: 5 > 4", "invalid_request_error")),
        (b'{"error":{"message":"m","code":"c","type":"t"}}', ("m", "c")),
        (b'{"error":{"message":"m","type":"t","details":{"error_code":"d"}}}', ("m", "d")),
        (b'{"error":"m"}', ("m", None)),
        (b'{"message":"m"}', ("m", None)),
        (b'{"detail":"m"}', ("m", None)),
        (b"oops", ("oops", None)),
        (b"", ("the upstream answered with status 502", None)),
        (b"{}", ("the upstream answered with status 502", None)),
        (b'{"error":{}}', ("the upstream answered with status 502", None)),
        (b"[" * 20000, (("[" * 500), None)),
    ],
)
def test_reading_error_bodies(body, told):
    assert error_of(502, body) == told
