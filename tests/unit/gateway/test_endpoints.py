"""Which wire of an endpoint a request takes."""

from __future__ import annotations

from gateway.config.settings import Settings
from gateway.endpoints import Endpoint, Wire, build
from gateway.errors import UpstreamProtocol
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
