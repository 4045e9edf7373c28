from gateway.ir.events import BlockStart, BlockStop, Delta, Finished, Response
from gateway.ir.request import Opaque, Text, ToolCall
from gateway.toolgate import mend_neutral
from gateway.toolgate.mend_neutral import NeutralMender
from gateway.toolgate.values import Item
from tests.unit.gateway.toolgate.told import ruled


class Told:
    """An encoder that writes down what it is told."""

    def __init__(self):
        self.events = []

    def feed(self, event):
        self.events.append(event)
        return b"."

    def close(self):
        return b""


CALL = (BlockStart(1, ToolCall("c1", "bash", "")), Delta(1, "{}"), BlockStop(1))


def settled(ruling, *more):
    encoder = Told()
    mender = NeutralMender(encoder)
    data = mender.settled([Item(b"", (*CALL, *more), frozenset({1}), call=True)], {1: ruling})
    assert data == b"." * len(encoder.events)
    return encoder.events


def test_allowed_calls_go_on_as_they_are():
    assert settled(ruled(), Finished("tool_calls")) == [*CALL, Finished("tool_calls")]


def test_a_refused_call_becomes_text_at_its_place():
    text = [BlockStart(1, Text("")), Delta(1, "no."), BlockStop(1)]
    assert settled(ruled(form="text"), Finished("tool_calls")) == [*text, Finished("stop")]


def test_other_arguments_come_at_once():
    assert settled(ruled(arguments=b'{"a":1}')) == [CALL[0], Delta(1, '{"a":1}'), CALL[2]]


def test_the_end_is_told_right_even_when_it_comes_later():
    encoder = Told()
    mender = NeutralMender(encoder)
    mender.settled([Item(b"", CALL, frozenset({1}), call=True)], {1: ruled(form="text")})
    mender.passed(b"", [Finished("tool_calls")])
    mender.passed(b"", [Finished("length")])
    assert encoder.events[-2:] == [Finished("stop"), Finished("length")]


def test_whole_replies():
    parts = (Text("a"), ToolCall("c1", "bash", "{}"), Opaque("responses", "local_shell_call", b"{}"))
    reply = Response("r", "m", parts, Finished("tool_calls"))
    assert mend_neutral.whole(reply, {1: ruled(), 2: ruled("c2")}) == reply
    mixed = mend_neutral.whole(reply, {1: ruled(form="text"), 2: ruled("c2", arguments=b'{"x":1}')})
    assert mixed.parts == (Text("a"), Text("no."), Opaque("responses", "local_shell_call", b'{"x":1}'))
    assert mixed.finish.reason == "tool_calls"
    empty = mend_neutral.whole(reply, {1: ruled(form="text"), 2: ruled("c2", form="text")})
    assert empty.finish.reason == "stop"
    assert mend_neutral.whole(reply, {1: ruled(arguments=b"[]"), 2: ruled()}).parts[1] == ToolCall("c1", "bash", "[]")
