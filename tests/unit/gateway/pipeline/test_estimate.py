import json

import pytest

from gateway.dialects import registry
from gateway.pipeline import estimate


def sized(messages, **more):
    body = json.dumps({"model": "m", "messages": messages, **more}).encode()
    return len(body), estimate.size(body, registry.by_name("chat").read(body))


def test_four_bytes_are_a_token():
    length, (tokens, images) = sized([{"role": "user", "content": "x" * 4000}])
    assert tokens == length // 4
    assert not images


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_costs_tokens_not_bytes(count):
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    _, (tokens, images) = sized([{"role": "user", "content": [part] * count}])
    assert images
    assert count * estimate.IMAGE_TOKENS <= tokens < count * estimate.IMAGE_TOKENS + 200


def test_an_image_by_address():
    _, (tokens, images) = sized(
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]
    )
    assert images
    assert tokens > estimate.IMAGE_TOKENS


def test_a_tool_that_speaks_of_images_is_none():
    tool = {"type": "function", "function": {"name": "view", "description": 'takes {"type": "image"} and "image_url"'}}
    _, (_, images) = sized([{"role": "user", "content": "x"}], tools=[tool])
    assert not images


def test_long_words_in_plain_text_are_text():
    length, (tokens, _) = sized([{"role": "user", "content": "A" * 5000}])
    assert tokens == length // 4
