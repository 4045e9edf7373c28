"""Errors as each vendor words them."""

from __future__ import annotations

import json

import pytest

from gateway.testing.scripted.faults import FAULTS, parse
from gateway.testing.scripted.memory import Memory
from gateway.testing.scripted.vendor_errors import Complaint, answer, html_502, of_fault, stream_error

TEAPOT = Complaint("no", 400)


def test_shapes_by_vendor() -> None:
    chat = json.loads(answer(TEAPOT, "chat", "openai", Memory()).body)["error"]
    assert chat == {"message": "no", "type": "invalid_request_error", "param": None, "code": None}
    vllm = json.loads(answer(TEAPOT, "chat", "vllm", Memory()).body)["error"]
    assert (vllm["type"], vllm["code"]) == ("BadRequestError", 400)
    own = answer(TEAPOT, "messages", "anthropic", Memory())
    body = json.loads(own.body)
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    assert dict(own.headers)[b"request-id"].decode() == body["request_id"]


@pytest.mark.parametrize(
    "name", [name for name, fault in FAULTS.items() if fault.kind == "status" and name != "html502"]
)
def test_every_status_fault_is_a_complaint(name: str) -> None:
    found = of_fault(parse(name), "messages")
    assert found is not None
    assert found.status == int(name[:3])


def test_the_rest() -> None:
    assert of_fault(parse("cut"), "chat") is None
    assert html_502().status == 502
    assert stream_error("messages")[1]["error"]["type"] == "overloaded_error"
    assert stream_error("responses")[0] == "response.failed"
    assert stream_error("chat")[1]["error"]["message"]
