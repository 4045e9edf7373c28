from gateway.errors import PolicyDenied
from gateway.ir import request as ir
from gateway.ir.events import BlockStart, BlockStop, Delta
from gateway.toolgate.values import Item, answered, denied
from tests.unit.gateway.toolgate.told import ruled


def test_what_a_ruling_leaves_of_a_call():
    free, rewritten, gone, shim = (
        ruled(),
        ruled(arguments=b"{}"),
        ruled(form="text"),
        ruled(form="shim", arguments=b"{}"),
    )
    assert [r.untouched for r in (free, rewritten, gone, shim)] == [True, False, False, False]
    assert [r.gone for r in (free, rewritten, gone, shim)] == [False, False, True, False]
    assert free.out == free.call.arguments
    assert rewritten.out == shim.out == b"{}"


def test_what_is_spare_where_calls_are_not_released():
    assert Item(b"x", (Delta(0, "a"),), frozenset({0}), call=True).spare
    assert Item(b"x", (), frozenset({0}), call=True, framed=True).spare
    assert not Item(b"x", (BlockStart(0, ir.ToolCall("c", "f", "")),), frozenset({0}), call=True).spare
    assert not Item(b"x", (BlockStop(0),), frozenset({0}), call=True).spare
    assert not Item(b": ping\n\n").spare


def test_a_refused_turn_is_answered_in_the_conversation():
    part = ir.ToolCall("c1", "bash", "{}")
    told = ruled(form="retry")
    told = type(told)(told.call, told.verdict, "retry", None, "no.", b"{}", part)
    said, result = answered([told], [ir.Reasoning("hm", signature="s")])
    assert said == ir.Message("assistant", (ir.Reasoning("hm", signature="s"), part))
    assert result.role == "tool"
    assert result.parts == (ir.ToolResult("c1", (ir.Text("no."),), True, "function", "bash"),)


def test_an_error_says_the_same_words():
    assert isinstance(denied(ruled(form="error")), PolicyDenied)
    assert denied(ruled(form="error")).message == "no."
