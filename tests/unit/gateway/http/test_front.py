import pytest

from gateway.errors import MalformedRequest
from gateway.http.front import _secrets, content_length, dialect_of


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "chat"),
        ("/v1/messages", "messages"),
        ("/v1/messages/count_tokens", "messages"),
        ("/v1/responses", "responses"),
        ("/v1/responses/resp_1/cancel", "responses"),
        ("/v1/responses/input_tokens", "responses"),
        ("/v1/completions", "chat"),
        ("/v1/embeddings", "chat"),
        ("/anything", "chat"),
        ("", "chat"),
    ],
)
def test_each_path_answers_in_the_words_of_its_family(path, name):
    assert dialect_of(path).name == name


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ((), None),
        (((b"content-length", b"12"),), 12),
        (((b"content-length", b"twelve"),), None),
        (((b"content-length", b"-1"),), None),
        (((b"content-encoding", b"identity"), (b"content-length", b"1")), 1),
        (((b"content-encoding", b""),), None),
    ],
)
def test_the_announced_length(headers, length):
    assert content_length(headers) == length


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"\xff", b"x" * 1000])
def test_compressed_bodies_are_refused_by_name(encoding):
    with pytest.raises(MalformedRequest, match="content-encoding") as caught:
        content_length(((b"content-encoding", encoding),))
    assert caught.value.where == "content-encoding"
    assert len(caught.value.text()) < 200


@pytest.mark.parametrize(
    ("headers", "secrets"),
    [
        ({}, []),
        ({b"authorization": b"Bearer abc"}, ["abc"]),
        ({b"authorization": b"bearer  abc "}, ["abc"]),
        ({b"authorization": b"Basic abc"}, []),
        ({b"x-api-key": b" abc "}, ["abc"]),
        ({b"x-api-key": b"  "}, []),
        ({b"authorization": b"Bearer placeholder", b"x-api-key": b"real"}, ["placeholder", "real"]),
        ({b"authorization": b"Bearer \xff"}, ["\xff"]),
    ],
)
def test_where_keys_are_looked_for(headers, secrets):
    assert list(_secrets(headers)) == secrets
