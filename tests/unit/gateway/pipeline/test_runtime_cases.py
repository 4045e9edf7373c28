"""The runtime is one value: its endpoints are those of its table."""

from gateway.config.settings import Settings
from gateway.pipeline.runtime import Runtime
from tests.unit.gateway.routing.made import TRIO, routes


def test_endpoints_are_the_tables() -> None:
    table = routes()
    runtime = Runtime(Settings(), table, {}, None)
    assert list(runtime.endpoints) == [e.name for e in TRIO]
    assert runtime.endpoints is table.endpoints


def test_what_one_runtime_learns_another_does_not_know() -> None:
    first, second = (Runtime(Settings(), routes(), {}, None) for _ in range(2))
    first.missing_wires["box/coder"] = frozenset({"messages"})
    assert second.missing_wires == {}
