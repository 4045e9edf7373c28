"""Arguments that could mean two things to two readers are refused."""

import pytest

from policies.validate import ARGUMENT_BYTES_MAX, DEPTH_MAX, hidden, offered, read
from policies.verdict import ToolCall


def problem(raw, name="bash", **more):
    return read(ToolCall("1", name, raw, **more)).problem


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b'{"a":1,"a":2}', "stands twice"),
        (b'{"x":{"a":1,"a":2}}', "stands twice"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{", "not JSON"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":1}{"b":2}', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a":"\\ud800"}', "half a character"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (b" " * (ARGUMENT_BYTES_MAX + 1), "larger than"),
    ],
)
def test_refused(raw, what):
    assert what in problem(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"  ", b"{}", b'{"a":"\\ud83d\\ude00"}', '{"ü":"[[[["}'.encode(), b'{"a":"' + b"[" * 500 + b'"}']
)
def test_read(raw):
    assert problem(raw) == ""


def test_depth_counts_brackets_outside_of_texts():
    assert problem(b'{"a":' + b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1) + b"}") == ""
    assert "nested" in problem(b'{"q":"\\"","a":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}")


def test_names():
    assert problem(b"{}", "")
    assert problem(b"{}", "x" * 300)
    assert problem(b"{}", "b\u0430sh")
    assert problem(b"{}", "multi.tool-x_1") == ""


def test_custom_tools_take_text():
    assert read(ToolCall("1", "apply_patch", b"*** x", custom=True)).value == "*** x"
    assert problem(b"a\0b", custom=True)


def test_offered():
    assert offered(ToolCall("1", "a", b""))
    assert offered(ToolCall("1", "a", b"", known=frozenset({"a"})))
    assert not offered(ToolCall("1", "A", b"", known=frozenset({"a"})))
    assert offered(ToolCall("1", "a", b"", "ns", known=frozenset({"ns.a"})))


@pytest.mark.parametrize(
    "text", ["rm\u200b -rf", "a\u202eb", "x\u00adx", "\x1b[2J", "a\x00", "tag\U000e0041", "\ufeffls"]
)
def test_hidden(text):
    assert "invisible" in hidden(text)


@pytest.mark.parametrize("text", ["ls\n\tx", "naïve 日本 ü", "git commit -m '⚠️ fix'", "👨‍👩‍👧"])
def test_not_hidden(text):
    assert hidden(text) == ""
