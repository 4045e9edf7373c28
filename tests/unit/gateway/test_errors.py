"""Every error answers its five questions, and its text names place and cure."""

from __future__ import annotations

import inspect
import re

import pytest

from gateway import errors
from gateway.errors import (
    ConfigError,
    GatewayError,
    UnknownModel,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)


def tree(cls: type[GatewayError] = GatewayError) -> list[type[GatewayError]]:
    return [cls, *(below for sub in cls.__subclasses__() if sub.__module__ == errors.__name__ for below in tree(sub))]


FAMILIES = {"GatewayError", "DownstreamError", "PolicyError", "RoutingError", "UpstreamError"}
LEAVES = [cls for cls in tree() if cls.__name__ not in FAMILIES]


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf_answers_the_five_questions(leaf: type[GatewayError]) -> None:
    assert 400 <= leaf.status <= 599
    assert re.fullmatch(r"[a-z_]+", leaf.kind)
    assert re.fullmatch(r"[a-z_]+", leaf.code)
    assert isinstance(leaf.try_next, bool)
    assert isinstance(leaf.trips_breaker, bool)


def test_the_tree_is_drawn_in_the_docstring() -> None:
    drawn = set(re.findall(r"\b[A-Z][A-Za-z]+\b", errors.__doc__ or ""))
    assert {leaf.__name__ for leaf in LEAVES} <= drawn


def test_the_statuses_drawn_are_the_statuses_given() -> None:
    drawn = dict(re.findall(r"\b([A-Z][A-Za-z]+) (\d{3})\b", errors.__doc__ or ""))
    assert drawn
    for leaf in LEAVES:
        if leaf.__name__ in drawn:
            assert leaf.status == int(drawn[leaf.__name__]), leaf.__name__


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf is not ConfigError])
def test_their_fault_and_ours_differ(leaf: type[GatewayError]) -> None:
    """Only what an upstream did may be tried elsewhere or count against a breaker."""
    if leaf.try_next or leaf.trips_breaker:
        assert issubclass(leaf, errors.UpstreamError)


def test_the_text_names_place_and_cure() -> None:
    error = UnknownModel("no model 'x'", where="model", accepted="auto, local/coder")
    # The place is in the message already: it is not said twice.
    assert error.text() == "no model 'x'. Accepted: auto, local/coder"
    assert UnknownModel("bad tools[0]", where="tools[0]").text() == "bad tools[0]"
    assert UnknownModel("wrong type", where="$.n").text() == "wrong type at $.n"


def test_what_an_upstream_said_is_kept() -> None:
    limited = UpstreamRateLimited("slow down", retry_after_s=2.5, quota=True, body=b"{}", headers=((b"a", b"b"),))
    assert (limited.retry_after_s, limited.quota, limited.body, limited.headers) == (2.5, True, b"{}", ((b"a", b"b"),))
    rejected = UpstreamRejected("no", status=413, body=b"x", upstream_code="too_big", try_next=True)
    assert (rejected.status, rejected.body, rejected.upstream_code, rejected.try_next) == (413, b"x", "too_big", True)
    assert UpstreamRejected("no", status=400).try_next is False
    assert UpstreamTimeout("late", phase="first_token").phase == "first_token"


def test_one_answer_does_not_change_its_class() -> None:
    UpstreamRejected("no", status=499, try_next=True)
    assert UpstreamRejected.status == 502
    assert inspect.getattr_static(UpstreamRejected, "try_next") is True


def test_a_configuration_error_holds_all_problems() -> None:
    error = ConfigError("2 problems", problems=("a.yaml:1 x", "a.yaml:2 y"), where="a.yaml")
    assert error.problems == ("a.yaml:1 x", "a.yaml:2 y")
    assert error.text() == "2 problems at a.yaml"
