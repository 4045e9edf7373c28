"""Upstream error bodies as vendors write them, and the leaf each becomes."""

import pytest

from gateway.errors import UpstreamOverloaded, UpstreamRateLimited, UpstreamRejected
from gateway.providers._errors import clean, parse, reader, retry_after_s, shared
from gateway.providers.registry import all_providers, error_reader

OPENAI_429 = b'{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}'
OPENAI_QUOTA = (
    b'{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}'
)


def read(provider: str, status: int, body: bytes = b"", *headers: tuple[bytes, bytes]):
    return error_reader(all_providers()[provider])(status, headers, body, "m/x")


def test_rate_limit_carries_the_wait():
    error = read("openai", 429, OPENAI_429, (b"retry-after", b"3"), (b"retry-after-ms", b"1500"))
    assert isinstance(error, UpstreamRateLimited)
    assert (error.retry_after_s, error.quota, error.status, error.trips_breaker) == (1.5, False, 429, False)
    assert error.message == "m/x: Rate limit reached"
    assert error.body == OPENAI_429


@pytest.mark.parametrize(
    ("provider", "status", "body"),
    [
        ("openai", 429, OPENAI_QUOTA),
        (
            "deepseek",
            402,
            b'{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}',
        ),
        ("openrouter", 402, b'{"error":{"message":"Insufficient credits","code":402}}'),
        (
            "anthropic",
            400,
            b'{"type":"error","error":{"type":"invalid_request_error","message":"credit balance is too low"}}',
        ),
        ("anthropic", 402, b'{"type":"error","error":{"type":"billing_error","message":"payment"}}'),
    ],
)
def test_spent_money_is_a_quota_and_never_retried_there(provider: str, status: int, body: bytes):
    error = read(provider, status, body)
    assert isinstance(error, UpstreamRateLimited)
    assert error.quota
    assert error.try_next


def test_gemini_wraps_in_a_list_and_says_the_wait_inside():
    body = (
        b'[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":'
        b'[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}]'
    )
    error = read("gemini", 429, body)
    assert isinstance(error, UpstreamRateLimited)
    assert (error.quota, error.retry_after_s) == (False, 34.0)


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_servers_in_trouble_are_overloaded(status: int):
    error = read("anthropic", status, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert isinstance(error, UpstreamOverloaded)
    assert (error.status, error.may_retry, error.trips_breaker, error.try_next) == (status, True, True, True)


def test_x_should_retry_false_is_obeyed():
    error = read("anthropic", 500, b"", (b"x-should-retry", b"false"))
    assert isinstance(error, UpstreamOverloaded)
    assert not error.may_retry
    assert error.message == "m/x: the upstream answered 500"


@pytest.mark.parametrize(
    ("provider", "status", "message"),
    [
        ("openai", 400, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"),
        ("openai", 400, "Your input exceeds the context window of this model. Please adjust your input and try again."),
        ("anthropic", 400, "prompt is too long: 208310 tokens > 200000 maximum"),
        ("anthropic", 400, "input length and `max_tokens` exceed context limit: 197202 + 21333 > 200000"),
        ("vllm", 422, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        ("llamacpp", 400, "the request exceeds the available context size. try increasing the context size"),
        ("gemini", 400, "The input token count (1500000) exceeds the maximum number of tokens allowed (1048576)."),
        ("lmstudio", 400, "The number of tokens to keep from the initial prompt is greater than the context length."),
        ("openai_compatible", 413, "Input is too long for requested model."),
    ],
)
def test_context_errors_are_recognised_in_every_wording(provider: str, status: int, message: str):
    import json

    error = read(
        provider, status, json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
    )
    assert isinstance(error, UpstreamRejected)
    assert (error.upstream_code, error.try_next, error.status) == ("context_length_exceeded", True, status)


def test_a_plain_400_is_final_and_keeps_its_body():
    body = (
        b'{"type":"error","error":{"type":"invalid_request_error","message":"messages.1: bad block"},"request_id":"r"}'
    )
    error = read("anthropic", 400, body)
    assert isinstance(error, UpstreamRejected)
    assert (error.try_next, error.upstream_code, error.body, error.trips_breaker) == (
        False,
        "invalid_request_error",
        body,
        False,
    )


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_show_no_key_and_let_another_hop_try(status: int):
    body = (
        b'{"error":{"message":"Incorrect API key provided: sk-proj-abcd****wxyz. Find it at","code":"invalid_api_key"}}'
    )
    error = read("openai", status, body)
    assert isinstance(error, UpstreamRejected)
    assert error.try_next
    assert error.body == b""
    assert "abcd" not in error.text()
    assert "not about yours" in error.message


def test_unknown_model_upstream_lets_another_hop_try():
    error = read(
        "vllm", 404, b'{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}'
    )
    assert isinstance(error, UpstreamRejected)
    assert (error.try_next, error.upstream_code) == (True, "NotFoundError")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"model not found, try pulling it"}', "model not found, try pulling it"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body"],"msg":"x"}]}', '[{"loc":["body"],"msg":"x"}]'),
        (b"<html><body>502 Bad Gateway</body></html>", ""),
        (b"upstream connect error\nmore", "upstream connect error"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"[]", "[]"),
        (b"{" * 100_000, "{" * 2000),
        (b'{"error":{"message":["not","text"]}}', ""),
    ],
)
def test_any_body_is_read_without_a_complaint(body: bytes, message: str):
    assert parse(body).message == message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((), None),
        (((b"retry-after", b"7"),), 7.0),
        (((b"retry-after", b"soon"),), None),
        (((b"retry-after", b"nan"),), None),
        (((b"retry-after", b"-3"),), None),
        (((b"retry-after", b"1e12"),), 86_400.0),
        (
            ((b"date", b"Sat, 21 Nov 2026 09:00:00 GMT"), (b"retry-after", b"Sat, 21 Nov 2026 09:00:30 GMT")),
            30.0,
        ),
        (((b"retry-after", b"Sat, 21 Nov 2026 09:00:30 GMT"),), None),
        *(
            (((b"date", b"Sat, 21 Nov 2026 09:00:00 GMT"), (b"retry-after", strange)), None)
            for strange in (b"Sat, 21 Nov 2026 09:00:30 +999999999999999999", b"Sat, 99999999999999999999 Nov 2026")
        ),
    ],
)
def test_retry_after(headers: tuple[tuple[bytes, bytes], ...], seconds: float | None):
    assert retry_after_s(headers) == seconds


def test_messages_are_one_bounded_line():
    assert clean("a\n  b") == "a b"
    assert len(clean("x" * 10_000)) == 600
    assert clean("skipping the task") == "skipping the task"


def test_a_redirect_is_nobodys_success():
    error = shared(302, (), b"", "m")
    assert isinstance(error, UpstreamRejected)
    assert error.status == 502


def test_statuses_can_be_declared_busy():
    assert isinstance(reader(busy_statuses=(409,))(409, (), b"", "m"), UpstreamOverloaded)


def test_bodies_in_a_vendors_private_words_are_not_handed_on():
    told = b"This model's maximum context length is 65536 tokens."
    error = read("vllm", 400, b'{"error":{"message":"' + told + b'","type":"BadRequestError","code":400}}')
    assert isinstance(error, UpstreamRejected)
    assert (error.body, error.upstream_code) == (b"", "context_length_exceeded")
    assert told.decode() in error.message
