"""A finding that is not fine always says its cure."""

from __future__ import annotations

from gateway.cli._finding import Finding, ok, problem, warning


def test_levels_and_cures() -> None:
    assert ok("fine") == Finding("ok", "fine")
    assert warning("odd", "look") == Finding("warning", "odd", "look")
    assert problem("bad", "mend") == Finding("problem", "bad", "mend")
