import msgspec
import pytest

from gateway.dialects._messages_count import IMAGE_TOKENS, MESSAGE_TOKENS, PDF_TOKENS, count_body, countable
from gateway.errors import MalformedRequest


def count(*content, **fields):
    body = {"model": "m", "messages": [{"role": "user", "content": list(content)}], **fields}
    return countable(msgspec.json.encode(body))


def test_texts_are_listed():
    texts, extra = count(
        {"type": "text", "text": "a\n"},
        {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": "r"}]},
        {"type": "tool_use", "id": "x", "name": "n", "input": {"k": 1}},
        {"type": "thinking", "thinking": "not counted", "signature": ""},
        {"type": "document", "source": {"type": "text", "data": "doc"}},
        {"type": "search_result", "source": "s"},
        system="S",
        tools=[{"name": "t"}],
    )
    assert texts == [
        b'{"name":"t"}',
        b"S",
        b"a\n",
        b"r",
        b"n",
        b'{"k":1}',
        b"doc",
        b'{"type":"search_result","source":"s"}',
    ]
    assert extra == MESSAGE_TOKENS


def test_media_cost_a_fixed_number():
    _, extra = count(
        {"type": "image", "source": {"type": "base64", "data": "x" * 10}},
        {"type": "document", "source": {"type": "base64", "data": "x" * 150_000}},
        {"type": "document", "source": {"type": "url", "url": "https://x"}},
    )
    assert extra == MESSAGE_TOKENS + IMAGE_TOKENS + 3 * PDF_TOKENS


@pytest.mark.case("3E.70")
def test_count_tokens_has_an_answer():
    """count_tokens is answered locally for any model, in the shape that clients read.
    litellm#13252 (404 on count_tokens)."""
    assert msgspec.json.decode(count_body(42)) == {"input_tokens": 42}
    assert countable(b'{"model":"m","messages":[{"role":"user","content":"hi"}]}') == ([b"hi"], MESSAGE_TOKENS)


def test_bad_input_names_its_path():
    with pytest.raises(MalformedRequest) as caught:
        count({"type": "text", "text": 5})
    assert caught.value.where == "$.messages[0].content[0].text"
