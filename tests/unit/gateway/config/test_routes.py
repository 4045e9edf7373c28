"""Routes: matchers and their bounds."""

import pytest
from pydantic import ValidationError

from gateway.config.routes import RetryConfig, RouteConfig, WhenConfig


def test_nothing_asked_is_always():
    assert RouteConfig.model_validate({"id": "a", "to": "m"}).when.always
    assert not WhenConfig.model_validate({"images": False}).always
    assert not WhenConfig.model_validate({"call": "main"}).always


@pytest.mark.parametrize(
    "when",
    [
        {"call": "shout"},
        {"task": "sing"},
        {"lane": "fast"},
        {"hour": "25-3"},
        {"context_tokens": {"min": 2, "max": 1}},
        {"context_tokens": 5},
        {"images": "perhaps"},
        {"expr": "x" * 5000},
        {"colour": "red"},
    ],
)
def test_matchers_that_are_refused(when: dict[str, object]):
    with pytest.raises(ValidationError):
        WhenConfig.model_validate(when)


@pytest.mark.parametrize("route", [{"id": "", "to": "m"}, {"id": "a b", "to": "m"}, {"id": "a", "to": []}, {"id": "a"}])
def test_routes_that_are_refused(route: dict[str, object]):
    with pytest.raises(ValidationError):
        RouteConfig.model_validate(route)


def test_a_range_may_be_open():
    when = WhenConfig.model_validate({"context_tokens": {"min": 5}})
    assert when.context_tokens is not None
    assert (when.context_tokens.min, when.context_tokens.max) == (5, None)


def test_retries_are_bounded():
    with pytest.raises(ValidationError):
        RetryConfig.model_validate({"max_attempts": 100})


def test_a_stall_needs_somebody_who_goes_on():
    with pytest.raises(ValidationError, match=r"stall_s has no effect without `continue_on: \[stall\]`"):
        RouteConfig.model_validate({"id": "r", "to": "m", "stall_s": 5, "continue_on": "cut"})
    found = RouteConfig.model_validate({"id": "r", "to": "m", "stall_s": 5, "continue_on": "stall"})
    assert (found.continue_on, found.hedge_after_s) == (("stall",), None)


@pytest.mark.parametrize("wrong", [{"continue_on": "crash"}, {"hedge_after_s": 0}, {"stall_s": -1}])
def test_guards_of_streams_are_checked(wrong):
    with pytest.raises(ValidationError):
        RouteConfig.model_validate({"id": "r", "to": "m", **wrong})
