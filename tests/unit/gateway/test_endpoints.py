"""What a configured model becomes as an endpoint, and which wire of it a request takes."""

from __future__ import annotations

import pytest

from gateway.config.settings import Settings
from gateway.endpoints import Endpoint, Wire, build
from gateway.errors import ConfigError, UpstreamProtocol
from gateway.ir.profile import DEFAULT
from gateway.ir.request import DialectName
from gateway.ports import Timeouts
from gateway.providers.registry import all_providers


def wire(dialect: DialectName) -> Wire:
    return Wire(dialect, f"/{dialect}", DEFAULT)


def endpoint(*dialects: DialectName) -> Endpoint:
    return Endpoint(
        name="local/coder",
        provider="vllm",
        model="m",
        lane="local",
        origin="http://127.0.0.1:8000",
        wires=tuple(wire(dialect) for dialect in dialects),
        headers=(),
        timeouts=Timeouts(),
        first_token_s=60.0,
        read_error=lambda status, headers, body, model: UpstreamProtocol(f"{status} from {model}"),
        mint="",
    )


def test_the_client_s_own_dialect_wins_over_the_preferred_one() -> None:
    assert endpoint("chat", "messages").wire_for("messages") == wire("messages")


def test_another_dialect_takes_the_preferred_wire() -> None:
    assert endpoint("chat", "messages").wire_for("responses") == wire("chat")


def test_a_wire_that_the_server_turned_out_not_to_serve_is_avoided() -> None:
    vllm = endpoint("messages", "chat")
    assert vllm.wire_for("messages", frozenset({"messages"})) == wire("chat")


def test_with_nothing_left_the_preferred_wire_is_tried_again() -> None:
    assert endpoint("chat").wire_for("chat", frozenset({"chat"})) == wire("chat")


def built(dialect: str | None, provider: str = "vllm") -> Endpoint:
    model = {"provider": provider, "base_url": "http://127.0.0.1:8000/box/v1", "lane": "local", "dialect": dialect}
    settings = Settings.model_validate({"models": {"local/coder": model}})
    return build(settings, all_providers(), {}, {})["local/coder"]


def test_tokens_are_counted_where_replies_are_asked_in_another_dialect() -> None:
    for dialect in (None, "chat", "messages", "responses"):
        counter = built(dialect).count_tokens
        assert counter is not None
        assert (counter.dialect, counter.target) == ("messages", "/box/v1/messages/count_tokens")


def test_a_provider_without_a_counter_has_none() -> None:
    assert built(None, "openai").count_tokens is None


def one(provider: str = "openai", secrets: dict[str, str] | None = None, **model: object) -> Endpoint:
    settings = Settings.model_validate({"models": {"a/b": {"provider": provider, "lane": "mid", **model}}})
    return build(settings, all_providers(), secrets or {}, {"a/b": "the file"})["a/b"]


def test_only_enabled_models_in_the_order_of_the_configuration() -> None:
    models = {n: {"provider": "openai", "lane": "mid", "enabled": n != "x"} for n in ("z", "x", "a")}
    assert list(build(Settings.model_validate({"models": models}), all_providers(), {}, {})) == ["z", "a"]


def test_the_upstreams_name_is_the_last_part_of_ours_unless_said() -> None:
    assert [one().model, one(model="gpt-x").model] == ["b", "gpt-x"]
    assert one().found == "the file"


def test_addresses() -> None:
    for base in ("https://h:1/box", "https://h:1/box/", "https://h:1/box/v1", "https://h:1/box/v1/"):
        made = one(base_url=base)
        assert (made.origin, made.wires[0].target) == ("https://h:1", "/box/v1/responses")
        assert made.embeddings_target == "/box/v1/embeddings"
    assert one("gemini").wires[0].target.startswith("/v1beta/openai/")


def test_credentials_go_where_the_provider_wants_them() -> None:
    key, secrets = "env:KEY", {"env:KEY": "sk-1"}
    assert (b"authorization", b"Bearer sk-1") in one(api_key=key, secrets=secrets).headers
    assert (b"x-api-key", b"sk-1") in one("anthropic", api_key=key, secrets=secrets).headers
    assert {name for name, _ in one(api_key=key).headers} == set()


def test_the_operators_headers_win_and_an_unreadable_one_is_left_out() -> None:
    made = one(
        "anthropic",
        headers={"Anthropic-Version": "2099-01-01", "X-Token": "env:T", "X-Gone": "env:GONE"},
        secrets={"env:T": "t"},
    )
    headers = dict(made.headers)
    assert headers[b"anthropic-version"] == b"2099-01-01"
    assert headers[b"x-token"] == b"t"
    assert b"x-gone" not in headers


def test_a_proxy_is_never_silently_left_out() -> None:
    assert one(proxy="http://p:1").proxy == "http://p:1"
    assert one(proxy="env:P", secrets={"env:P": "http://u:x@p:1"}).proxy == "http://u:x@p:1"
    with pytest.raises(ConfigError, match=r"models\.a/b\.proxy: env:P cannot be read"):
        one(proxy="env:P")


def test_patience_is_longer_at_home_unless_it_was_said() -> None:
    assert one("vllm").first_token_s == 600.0
    assert one("openai").first_token_s == 120.0
    assert one("vllm", timeouts={"first_token_s": 5}).first_token_s == 5.0


def test_what_a_card_knows_holds_unless_the_configuration_says_otherwise() -> None:
    (card, *_) = all_providers()["anthropic"].cards
    known = one("anthropic", model=card.id)
    assert (known.context_tokens, known.images) == (card.context_tokens, card.images)
    said = one("anthropic", model=card.id, context_tokens=4096, capabilities={"images": False, "tools": False})
    assert (said.context_tokens, said.images, said.tools) == (4096, False, False)
    assert one("vllm").context_tokens == 0


def test_who_mints_reasoning_is_the_vendor_or_the_very_server() -> None:
    assert one("anthropic").mint == one("anthropic", base_url="https://bridge.example").mint
    assert one("openai_compatible", base_url="http://a").mint != one("openai_compatible", base_url="http://b").mint


def test_a_simulated_endpoint_says_so() -> None:
    assert (one("sim").simulated, one("openai").simulated) == (True, False)
