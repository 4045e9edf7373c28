"""The shared field types of settings."""

import pytest

from gateway.config.base import http_url, is_ref, secret_ref, url_or_ref


@pytest.mark.parametrize("text", ["env:A", "env:_a1", "file:/run/secrets/x", "file:/a b"])
def test_references(text: str):
    assert secret_ref(text) == text
    assert is_ref(text)


@pytest.mark.parametrize(
    "text", ["env:", "env:1A", "env:A B", "env:A\n", "file:relative", "file:", "sk-1", "", "ENV:A", "$A", "file:/a\nb"]
)
def test_what_is_no_reference(text: str):
    with pytest.raises(ValueError, match="env:NAME"):
        secret_ref(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h", "http://h"),
        ("http://h:1/v1", "http://h:1"),
        ("http://h:1/v1/", "http://h:1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api"),
        ("https://h/v1beta/openai/", "https://h/v1beta/openai"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses(text: str, url: str):
    assert http_url(text) == url


@pytest.mark.parametrize(
    "text",
    ["h", "//h", "ftp://h", "http://", "http://h:99999", "http://h:x", "http://u@h", "http://h?a", "http://[::1"],
)
def test_what_is_no_address(text: str):
    with pytest.raises(ValueError):
        http_url(text)


def test_urls_that_may_need_a_password():
    assert url_or_ref("redis://h:6379/0") == "redis://h:6379/0"
    assert url_or_ref("env:REDIS_URL") == "env:REDIS_URL"
    for bad in ("redis://:pw@h", "h:6379", "http://[::1"):
        with pytest.raises(ValueError):
            url_or_ref(bad)
