"""How big a request is, without a tokenizer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gateway.dialects.chat import DIALECT as CHAT
from gateway.pipeline.estimate import IMAGE_TOKENS, size


def sized(content: Any, tools: list[Any] | None = None) -> tuple[int, int, bool]:
    """(tokens estimated, bytes of the body, images seen)"""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], "tools": tools or []}).encode()
    tokens, images = size(body, CHAT.read(body))
    return tokens, len(body), images


PIXELS = base64.b64encode(bytes(300_000)).decode()
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXELS}"}}


def test_text_is_four_bytes_a_token() -> None:
    tokens, length, images = sized("word " * 1000)
    assert (tokens, images) == (length // 4, False)


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_costs_what_an_image_costs_not_its_base64(count: int) -> None:
    tokens, length, images = sized([PICTURE] * count)
    assert images
    assert tokens == (length - count * len(PIXELS)) // 4 + count * IMAGE_TOKENS


def test_an_image_by_address_counts_too() -> None:
    tokens, length, images = sized([{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}])
    assert (tokens, images) == (length // 4 + IMAGE_TOKENS, True)


@pytest.mark.parametrize(
    ("content", "tools"),
    [
        ("see ![a](b.png) and image_url", None),
        ("x", [{"type": "function", "function": {"name": "f", "parameters": {"type": "image_url"}}}]),
        ("x", [{"type": "function", "function": {"name": "f", "description": 'takes {"type": "image"}'}}]),
        (f"a long hash: {PIXELS}", None),  # base64 that is no image is text, and costs as much
    ],
)
def test_talk_of_images_is_no_image(content: str, tools: list[Any] | None) -> None:
    tokens, length, images = sized(content, tools)
    assert (tokens, images) == (length // 4, False)
