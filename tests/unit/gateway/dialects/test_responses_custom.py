from __future__ import annotations

import json
import time

import pytest

from gateway.dialects._responses_custom import InputExtractor, unwrap
from gateway.dialects._shared import wrap_custom

PATCH = '*** Begin Patch\n*** Update File: a.py\n@@\n-print("a\\n")\n+x = "\t/é你😀"\n*** End Patch'


def extracted(arguments: str, size: int) -> str:
    extractor = InputExtractor()
    pieces = [extractor.feed(arguments[i : i + size]) for i in range(0, len(arguments), size)]
    return "".join(pieces) + extractor.close()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_text_comes_out_whatever_the_pieces(size: int, ascii_only: bool) -> None:
    assert extracted(json.dumps({"input": PATCH}, ensure_ascii=ascii_only), size) == PATCH


def test_text_is_released_while_it_comes() -> None:
    extractor = InputExtractor()
    assert extractor.feed('{"inp') == ""
    assert extractor.feed('ut" : "*** Beg') == "*** Beg"
    assert extractor.feed("in\\") == "in"
    assert extractor.feed("n+a\\u00") == "\n+a"
    assert extractor.feed('e9"') == "é"
    assert extractor.feed("}") == ""
    assert extractor.close() == ""


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("", ""),
        ("*** Begin Patch", "*** Begin Patch"),
        ('{"patch": "x\\ny"}', "x\ny"),
        ('{"why": "because", "input": "x"}', "x"),
        ('{"input": "x", "why": "because"}', "x"),
        ('"just text"', "just text"),
        ('{"input": {"a": 1}}', '{"input": {"a": 1}}'),
        ('{"a": "x", "b": "y"}', '{"a": "x", "b": "y"}'),
        ("[1]", "[1]"),
        ('{"input": "cut off', "cut off"),
        ('{"input": "cut \\', "cut \\"),
        ('{"input": "odd \\q \\uZZZZ"}', "odd \\q \\uZZZZ"),
        ('{"input": "\\ud83d\\ude00"}', "😀"),
        ('{"input": "lone \\ud83d!"}', "lone \ufffd!"),
        ('{"input": "low \\ude00"}', "low \ufffd"),
        ('{"input": "end \\ud83d', "end \ufffd"),
    ],
)
def test_what_models_make_of_it(arguments: str, text: str) -> None:
    assert {extracted(arguments, size) for size in (1, 4, 999)} == {text}


def test_whole_arguments_unwrap_like_streamed_ones() -> None:
    assert unwrap(wrap_custom(PATCH)) == PATCH
    assert unwrap('{"input": 3}') == '{"input": 3}'
    assert unwrap("\ud800") == "\ud800"


def test_a_long_input_takes_linear_time() -> None:
    arguments = json.dumps({"input": "ab\n" * 300_000})
    blank = " " * 300_000
    started = time.perf_counter()
    assert len(extracted(arguments, 8)) == 900_000
    assert extracted(blank, 8) == blank
    assert time.perf_counter() - started < 10
