"""Usage and finish reasons: one table for streams and whole replies."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects._chat_words import finish_in, finish_out, usage_in, usage_of_body, usage_out
from gateway.ir.events import Finished
from gateway.ir.usage import Usage


def _counts(prompt: int | None = None, completion: int | None = None, **more: Any) -> bytes:
    told = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return msgspec.json.encode({key: value for key, value in told.items() if value is not None})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (_counts(10, 3, total_tokens=13), Usage(10, output_tokens=3)),
        (_counts(10, 3, prompt_tokens_details={"cached_tokens": 8, "cache_write_tokens": 1}), Usage(10, 8, 1, 0, 3)),
        (_counts(10, 3, prompt_tokens_details={"cached_tokens": 4, "created_cache_tokens": 6}), Usage(10, 4, 6, 0, 3)),
        (_counts(10, 3, prompt_cache_hit_tokens=7, prompt_cache_miss_tokens=3), Usage(10, 7, output_tokens=3)),
        (_counts(None, 3, prompt_cache_hit_tokens=7, prompt_cache_miss_tokens=3), Usage(10, 7, output_tokens=3)),
        (_counts(10, 3, cached_tokens=2), Usage(10, 2, output_tokens=3)),
        (_counts(5, 9, completion_tokens_details={"reasoning_tokens": 4}), Usage(5, 0, 0, 0, 9, 4)),
        (_counts(5, 1, total_tokens=26, completion_tokens_details={"reasoning_tokens": 20}), Usage(5, 0, 0, 0, 21, 20)),
        (_counts(5, 1, prompt_tokens_details={"cached_tokens": 50}), Usage(5, 5, output_tokens=1)),
        (_counts(-5, -1), Usage()),
        (b'{"prompt_tokens":5,"completion_tokens":null,"prompt_tokens_details":null}', Usage(5)),
        (b"null", None),
        (b"{}", None),
        (b'{"prompt_tokens":"many"}', None),
        (b'{"prompt_tokens":1e999}', None),
        (b'{"prompt_tokens":' + b"9" * 400 + b"}", None),
    ],
)
def test_usage_of_every_vendor_has_one_meaning(raw: bytes, expected: Usage | None) -> None:
    assert usage_in(raw) == expected
    assert usage_of_body(b'{"choices":[],"usage":' + raw + b"}") == expected


@pytest.mark.case("3A.10")
def test_cached_tokens_are_counted_once() -> None:
    """prompt_tokens includes the cached ones: reading and writing usage again changes no count.

    gateways.md 3A.10 (envoyproxy/ai-gateway#2236, #2239)."""
    usage = Usage(100, 60, 30, output_tokens=7, reasoning_tokens=2)
    written = usage_out(usage)
    assert written["prompt_tokens"] == 100
    assert written["total_tokens"] == 107
    assert usage.fresh_tokens == 10


def test_no_body_no_usage() -> None:
    assert usage_of_body(b"not json") is None
    assert usage_of_body(b'{"choices":[]}') is None


@pytest.mark.parametrize(
    ("word", "called", "refused", "stop_reason", "expected"),
    [
        ("stop", False, False, None, Finished("stop")),
        ("stop", True, False, None, Finished("tool_calls")),
        ("stop", False, True, None, Finished("refusal")),
        ("stop", False, False, "END", Finished("stop_sequence", "END")),
        ("stop", False, False, 151645, Finished("stop")),
        ("length", True, False, None, Finished("length")),
        ("function_call", True, False, None, Finished("tool_calls")),
        ("SAFETY", False, False, None, Finished("content_filter")),
        ("made_up", False, False, None, Finished("stop", detail="made_up")),
        ("made_up", True, False, None, Finished("tool_calls", detail="made_up")),
    ],
)
def test_finish_words_in(
    word: str, called: bool, refused: bool, stop_reason: str | int | None, expected: Finished
) -> None:
    assert finish_in(word, called=called, refused=refused, stop_reason=stop_reason) == expected


@pytest.mark.parametrize(
    ("reason", "called", "refused", "expected"),
    [
        ("stop", False, False, "stop"),
        ("stop", True, False, "tool_calls"),
        ("tool_calls", False, False, "stop"),
        ("stop_sequence", False, False, "stop"),
        ("length", True, False, "length"),
        ("pause", False, False, "length"),
        ("context_window", False, False, "length"),
        ("content_filter", False, False, "content_filter"),
        ("refusal", False, False, "content_filter"),
        ("refusal", False, True, "stop"),
    ],
)
def test_finish_words_out(reason: str, called: bool, refused: bool, expected: str) -> None:
    assert finish_out(Finished(reason), called=called, refused=refused) == expected  # type: ignore[arg-type]
