from dataclasses import replace

import pytest

from gateway.config.settings import Settings
from gateway.harnesses import registry
from gateway.pipeline.runtime import Runtime
from gateway.routing.table import RouteTable


def test_endpoints_are_those_of_the_table():
    endpoints = {"a": object()}
    runtime = Runtime(Settings(), RouteTable(endpoints, (), {}), {}, None)
    assert runtime.endpoints is endpoints


def test_what_was_learned_belongs_to_one_generation():
    one, two = (Runtime(Settings(), RouteTable({}, (), {}), {}, None) for _ in range(2))
    one.missing_wires["a"] = frozenset({"messages"})
    assert two.missing_wires == {}


def test_each_harness_is_refused_in_its_own_form(monkeypatch):
    runtime = Runtime(Settings(), RouteTable({}, (), {}), {}, None)
    assert runtime.manner_for("nobody") is runtime.manner
    known = dict(registry.all_harnesses())
    known["opencode"] = replace(known["opencode"], refusal="text")
    monkeypatch.setattr(registry, "all_harnesses", lambda: known)
    assert runtime.manner_for("opencode") == replace(runtime.manner, form="text")
    assert runtime.manner_for("codex").form == "shim"


@pytest.mark.parametrize("harness", sorted(registry.all_harnesses()))
def test_no_harness_is_told_by_an_error(harness):
    assert registry.all_harnesses()[harness].refusal in ("text", "shim", "retry")
