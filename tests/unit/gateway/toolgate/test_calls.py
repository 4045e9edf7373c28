from gateway.ir.events import BlockStart, BlockStop, Delta, Finished
from gateway.ir.request import Opaque, Text, Tool, ToolCall
from gateway.toolgate.calls import Calls, calls_of


def collected(*events, **more):
    return list(calls_of(events, frozenset({"f"}), more.get("known")).values())


def test_pieces_become_a_call():
    (found,) = collected(
        BlockStart(0, Text("")),
        Delta(0, "text"),
        BlockStart(1, ToolCall("c1", "f", "")),
        Delta(1, '{"a":'),
        Delta(1, '"ä"}'),
        BlockStop(1),
        Finished("tool_calls"),
    )
    assert (found.call.id, found.call.name, found.call.arguments) == ("c1", "f", '{"a":"ä"}'.encode())
    assert found.call.known == {"f"}
    assert found.part == ToolCall("c1", "f", '{"a":"ä"}')


def test_calls_may_come_mixed():
    found = collected(
        BlockStart(0, ToolCall("a", "f", "")),
        BlockStart(1, ToolCall("b", "g", "")),
        Delta(1, "2"),
        Delta(0, "1"),
        BlockStop(1),
        BlockStop(0),
    )
    assert [(c.call.id, c.wire) for c in found] == [("a", b"1"), ("b", b"2")]


def test_what_is_open_is_not_told():
    calls = Calls()
    calls.feed(BlockStart(0, ToolCall("a", "f", "")))
    assert calls.any_open
    assert calls.take() == {}


def test_a_free_text_tool_that_was_sent_as_a_function_is_shown_as_free_text():
    known = {"patch": Tool("patch", kind="custom")}
    (found,) = collected(BlockStart(0, ToolCall("c", "patch", '{"input":"*** Begin"}')), BlockStop(0), known=known)
    assert (found.call.custom, found.call.arguments, found.wrapped) == (True, b"*** Begin", True)
    assert found.wire == b'{"input":"*** Begin"}'


def test_tools_have_the_name_that_the_client_gave_them():
    known = {"mcp__x__long_1234abcd": Tool("mcp__x__long_name", namespace="mcp__x", inner="long_name")}
    (found,) = collected(BlockStart(0, ToolCall("c", "mcp__x__long_1234abcd", "{}")), BlockStop(0), known=known)
    assert (found.call.namespace, found.call.name) == ("mcp__x", "long_name")


def test_what_a_vendor_asks_the_client_to_do_is_a_call():
    raw = b'{"type":"local_shell_call","call_id":"c9","action":{"command":["ls"]}}'
    (found,) = collected(BlockStart(0, Opaque("responses", "local_shell_call", raw)), BlockStop(0))
    assert (found.call.id, found.call.name, found.call.arguments, found.part) == ("c9", "local_shell_call", raw, None)
    assert collected(BlockStart(0, Opaque("responses", "web_search_call", b"{}")), BlockStop(0)) == []


def test_a_lone_surrogate_is_no_text():
    (found,) = collected(BlockStart(0, ToolCall("c", "f", '"\ud800"')), BlockStop(0))
    assert found.call.arguments == b'"\xed\xa0\x80"'


def test_nothing_is_kept_of_what_is_refused_anyway():
    calls = Calls()
    calls.feed(BlockStart(0, ToolCall("a", "f", "")))
    calls.dropping = True
    assert calls.feed(Delta(0, "x" * 100)) == 0
    calls.feed(BlockStop(0))
    assert calls.take()[0].wire == b""


def test_a_beginning_is_told():
    told = []
    calls = Calls(begun=lambda: told.append(1))
    calls.feed(BlockStart(0, Text("")))
    calls.feed(Delta(0, "text"))
    assert told == []
    calls.feed(BlockStart(1, ToolCall("a", "f", "")))
    assert told == [1]
    calls.feed(Delta(1, "x"))
    assert told == [1]
