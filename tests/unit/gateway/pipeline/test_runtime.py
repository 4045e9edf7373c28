from gateway.config.settings import Settings
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
