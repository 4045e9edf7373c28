"""Helpers of all dialects: what they refuse, and that they say where."""

from __future__ import annotations

import msgspec
import pytest

from gateway.dialects import _shared as shared
from gateway.dialects.contract import ReplyContext
from gateway.errors import MalformedRequest, UpstreamOverloaded, UpstreamProtocol, UpstreamRateLimited, UpstreamRejected
from gateway.ir.events import Failed
from gateway.ir.request import Request, Tool

_numbers = msgspec.json.Decoder(list[dict[str, int]])


@pytest.mark.parametrize(
    ("raw", "at", "where"),
    [
        (b'[{"a":"x"}]', "$.messages", "$.messages[0][...]"),
        (b"{}", "$", "$"),
        (b"[", "$.tools", "$.tools"),
        (b'[{"a":1},{"b":null}]', "$", "$[1][...]"),
        (b"[{" + b'"a":[' * 5000, "$.messages[3]", "$.messages[3][0][...]"),
    ],
)
def test_a_parse_error_names_the_place_in_the_whole_body(raw: bytes, at: str, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        shared.parsed(_numbers, raw, at)
    assert caught.value.where == where


def test_utf8_is_checked_where_the_parser_would_not_look() -> None:
    shared.check_utf8('{"a":"é"}'.encode())
    with pytest.raises(MalformedRequest, match="UTF-8"):
        shared.check_utf8(b'{"a":"\xff"}')


def test_a_known_key_may_stand_once_and_an_unknown_one_twice() -> None:
    shared.check_repeated(["a", "x", "x"], frozenset({"a"}))
    with pytest.raises(MalformedRequest) as caught:
        shared.check_repeated(["a", "x", "a"], frozenset({"a"}))
    assert caught.value.where == "$.a"


def test_minted_ids_are_stable_and_differ_by_every_seed() -> None:
    assert shared.minted("call_", b"x", 1) == shared.minted("call_", b"x", 1)
    assert len({shared.minted("call_", *s) for s in [(b"x", 1), (b"x", 2), (b"y", 1), (b"x1",)]}) == 4
    assert shared.minted("call_", b"x").startswith("call_")


def test_names_are_kept_or_shortened_the_same_way_every_time() -> None:
    assert shared.short_name("read_file") == "read_file"
    long = "mcp__server__" + "x" * 80
    short = shared.short_name(long)
    assert len(short) == 64
    assert short == shared.short_name(long) != shared.short_name(long + "y")
    assert shared.short_name("a.b") != shared.short_name("a_b")
    request = Request(origin="messages", model="m", messages=(), tools=(Tool(long), Tool("ok")))
    assert shared.long_names(request) == {short: long}
    assert shared.long_names(ReplyContext(reply_id="", model="", created_s=0).request) == {}


def test_a_custom_tool_becomes_a_function_and_its_input_comes_back() -> None:
    tool = shared.custom_as_function(Tool("patch", "Edits.", kind="custom", format=b'{"type":"text"}'))
    assert tool.kind == "function"
    assert msgspec.json.decode(tool.parameters or b"")["required"] == ["input"]
    assert "Edits." in (tool.description or "")
    assert '{"type":"text"}' in (tool.description or "")
    text = '*** Begin\n"quoted" é'
    assert shared.unwrap_custom(shared.wrap_custom(text)) == text


@pytest.mark.parametrize("text", ["plain", '{"other":1}', '{"input":5}', "", '{"input":'])
def test_arguments_that_wrap_nothing_are_the_input_themselves(text: str) -> None:
    assert shared.unwrap_custom(text) == text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"no","type":"t","code":"c"}}', ("no", "c", "t")),
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            ("Overloaded", None, "overloaded_error"),
        ),
        (b'[{"error":{"message":"no","code":429,"status":"EXHAUSTED"}}]', ("no", "429", "EXHAUSTED")),
        (b'{"object":"error","message":"no","type":"BadRequestError","code":400}', ("no", "400", "BadRequestError")),
        (b'{"detail":"no"}', ("no", None, None)),
        (b'{"error":"no"}', ("no", None, None)),
        (b"<html>no</html>", ("<html>no</html>", None, None)),
        (b"\xff\xfe", ("\ufffd\ufffd", None, None)),
        (b"", ("the upstream sent an error without a body", None, None)),
        (b"[" * 5000, ("[" * 500, None, None)),
    ],
)
def test_error_bodies_of_all_shapes_are_read(body: bytes, expected: tuple[str, str | None, str | None]) -> None:
    assert shared.read_error(body) == expected


@pytest.mark.parametrize(
    ("kind", "code", "message", "status"),
    [
        ("overloaded_error", None, "", 529),
        (None, "rate_limit_exceeded", "", 429),
        (None, "insufficient_quota", "", 429),
        (None, "502", "", 502),
        (None, 400, "", 400),
        (None, "context_length_exceeded", "", 400),
        (None, None, "The engine is Overloaded", 529),
        (None, None, "Rate limit reached", 429),
        ("server_error", None, "boom", 500),
        (None, "9999", "", 500),
    ],
)
def test_the_status_of_an_error_inside_a_stream_is_told_by_its_words(
    kind: str | None, code: str | int | None, message: str, status: int
) -> None:
    assert shared.status_of_words(kind, code, message) == status


@pytest.mark.parametrize(
    ("status", "leaf"),
    [(429, UpstreamRateLimited), (529, UpstreamOverloaded), (500, UpstreamOverloaded), (400, UpstreamRejected)],
)
def test_a_failed_event_becomes_the_leaf_of_its_status(status: int, leaf: type[Exception]) -> None:
    assert isinstance(shared.error_of_failed(Failed("x", status=status)), leaf)
    quota = shared.error_of_failed(Failed("x", code="insufficient_quota", status=429))
    assert isinstance(quota, UpstreamRateLimited)
    assert quota.quota


def test_types_by_status() -> None:
    assert [shared.type_of_status(s) for s in (400, 418, 429, 500, 529)] == [
        "invalid_request_error",
        "invalid_request_error",
        "rate_limit_error",
        "api_error",
        "overloaded_error",
    ]


def test_raw_helpers() -> None:
    assert shared.bytes_of(shared.RAW_NULL) is None
    assert shared.bytes_of(msgspec.Raw(b" 1")) == b" 1"
    assert shared.raw(None) is None
    assert shared.one_line(b'{"a":\n 1}') == b'{"a":1}'
    assert shared.one_line(b'{"a": 1}') == b'{"a": 1}'
    with pytest.raises(UpstreamProtocol, match="the thing cannot be read"):
        shared.understood(_numbers, b"nope", "the thing")
    with pytest.raises(MalformedRequest):
        shared.refuse("no")
