from types import SimpleNamespace

import pytest

from gateway.errors import (
    UnsupportedFeature,
    UpstreamConnect,
    UpstreamOverloaded,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from gateway.pipeline import hops
from gateway.ports import Timeouts

ENDPOINT = SimpleNamespace(name="up/model", timeouts=Timeouts(1, 2, 4, 5), first_token_s=3.0, wires=("first", "second"))


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ((UpstreamConnect("c"), UpstreamRateLimited("r"), UpstreamProtocol("p")), UpstreamRateLimited),
        ((UpstreamOverloaded("o"), UpstreamRejected("bad", status=400)), UpstreamRejected),
        ((UpstreamOverloaded("o"), UpstreamRejected("no model", status=404)), UpstreamOverloaded),
        ((UnsupportedFeature("u"), UpstreamConnect("c")), UpstreamConnect),
        ((UpstreamTimeout("t", phase="idle"), UpstreamProtocol("p")), UpstreamTimeout),
    ],
)
def test_the_error_that_the_caller_can_do_most_about(errors, told):
    assert isinstance(hops._telling(list(errors)), told)
    assert isinstance(hops._telling(list(reversed(errors))), told)


def test_of_equals_the_last():
    first, last = UpstreamConnect("first"), UpstreamConnect("last")
    assert hops._telling([first, last]) is last


@pytest.mark.parametrize(
    ("error", "wire", "unserved"),
    [
        (UpstreamRejected("Not Found", status=404), "second", True),
        (UpstreamRejected("Method Not Allowed", status=405), "second", True),
        (UpstreamRejected("the model `x` does not exist", status=404), "second", False),
        (UpstreamRejected("Not Found", status=404), "first", False),
        (UpstreamRejected("bad", status=400), "second", False),
        (UpstreamConnect("x"), "second", False),
    ],
)
def test_a_path_that_a_server_does_not_have(error, wire, unserved):
    wires = ("first", "second")
    endpoint = SimpleNamespace(wires=wires)
    assert hops._unserved(error, endpoint, wires[wires.index(wire)]) is unserved


@pytest.mark.parametrize(
    ("error", "repairable"),
    [
        (UpstreamRejected("Invalid `signature` in `thinking` block", status=400), True),
        (UpstreamRejected("Missing reasoning_content", status=400), True),
        (UpstreamRejected("x", status=400, upstream_code="invalid_encrypted_content"), True),
        (UpstreamRejected("temperature is too high", status=400), False),
        (UpstreamRejected("thinking", status=403), False),
        (UpstreamOverloaded("thinking about it"), False),
    ],
)
def test_reasoning_that_was_refused(error, repairable):
    assert hops._reasoning_refused(error) is repairable


@pytest.mark.parametrize(
    ("outcome", "error", "word"),
    [
        ("ok", None, "success"),
        ("cancelled", None, "neutral"),
        ("x", UpstreamConnect("c"), "failure"),
        ("x", UpstreamRateLimited("r"), "neutral"),
        ("x", UpstreamRejected("r", status=400), "neutral"),
        ("x", UpstreamTimeout("t", phase="idle"), "failure"),
    ],
)
def test_what_counts_against_the_breaker(outcome, error, word):
    assert hops._breaker_word(outcome, error) == word


def test_how_long_a_model_is_left_alone():
    assert hops._cool_s(UpstreamRateLimited("r", retry_after_s=7)) == 7
    assert hops._cool_s(UpstreamRateLimited("r")) == 0
    assert hops._cool_s(UpstreamRateLimited("r", quota=True)) == hops.QUOTA_COOL_S
