"""Every provider declares what it must; model families and cards change profiles as their vendors say."""

from dataclasses import fields

import pytest

from gateway.ir.profile import Profile
from gateway.providers.registry import all_providers, card_of, catalog, error_reader, resolve_profile

PROFILE_FIELDS = {f.name for f in fields(Profile)}


def profile(provider: str, dialect, model: str, **overrides: object) -> Profile:
    return resolve_profile(all_providers()[provider], dialect, model, overrides)


def test_the_promised_providers_are_there():
    assert set(all_providers()) == {
        "anthropic",
        "anthropic_compatible",
        "deepseek",
        "gemini",
        "llamacpp",
        "lmstudio",
        "ollama",
        "openai",
        "openai_compatible",
        "openrouter",
        "sim",
        "vllm",
    }


@pytest.mark.parametrize("name", sorted(all_providers()))
def test_declarations_are_whole(name: str):
    p = all_providers()[name]
    assert set(p.paths) == set(p.dialects)
    assert all(path.startswith("/") for path in p.paths.values())
    assert p.base_url is None or not p.base_url.endswith(("/", "/v1"))
    assert bool(p.mint) != p.name.endswith("_compatible"), "nobody knows who is behind a generic address"
    assert p.read_error is not None
    assert error_reader(p) is p.read_error
    assert set(p.profiles) <= set(p.dialects)
    assert bool(p.ports) == p.local
    for change in (*(f.changes for f in p.families), *(c.profile for c in p.cards)):
        assert set(change) <= PROFILE_FIELDS
    for card in p.cards:
        assert 0 < card.max_output_tokens < card.context_tokens


def test_mints_are_not_shared():
    mints = [p.mint for p in all_providers().values() if p.mint]
    assert len(set(mints)) == len(mints)


@pytest.mark.parametrize(
    ("model", "sampling", "prefill", "modes", "forced"),
    [
        ("claude-3-5-haiku-latest", True, True, ("enabled", "disabled"), True),
        ("claude-sonnet-4-20250514", True, True, ("enabled", "disabled"), True),
        ("claude-opus-4-1", True, True, ("enabled", "disabled"), True),
        ("claude-sonnet-4-5-20250929", True, True, ("enabled", "disabled"), True),
        ("claude-haiku-4-5", True, True, ("enabled", "disabled"), True),
        ("claude-sonnet-4-6", True, False, ("adaptive", "enabled", "disabled"), True),
        ("claude-opus-4-7", False, False, ("adaptive", "disabled"), True),
        ("claude-opus-4-8", False, False, ("adaptive", "disabled"), True),
        ("claude-sonnet-5", False, False, ("adaptive", "disabled"), True),
        ("claude-opus-5", False, False, ("adaptive", "disabled"), True),
        ("claude-opus-5-5", False, False, ("adaptive",), False),
        ("claude-sonnet-5-5", False, False, ("adaptive",), False),
        ("claude-opus-6", False, False, ("adaptive", "disabled"), True),
    ],
)
@pytest.mark.parametrize("prefix", ["anthropic:", "openrouter:anthropic/", "anthropic_compatible:eu.anthropic."])
def test_claude_generations(
    prefix: str, model: str, sampling: bool, prefill: bool, modes: tuple[str, ...], forced: bool
):
    provider, _, head = prefix.partition(":")
    p = profile(provider, "messages", head + model)
    assert (p.sampling, p.prefill, p.thinking_modes, p.forced_tool_choice) == (sampling, prefill, modes, forced)


def test_dots_and_dashes_are_one_id():
    assert profile("openrouter", "chat", "anthropic/claude-opus-4.5").sampling
    assert not profile("openrouter", "chat", "anthropic/claude-opus-5.5").sampling


def test_effort_only_where_it_is_understood():
    assert profile("anthropic", "messages", "claude-opus-4-5").output_config
    assert not profile("anthropic", "messages", "claude-sonnet-4-5").output_config


def test_system_in_mid_conversation_only_on_newer_opus():
    assert profile("anthropic", "messages", "claude-opus-4-8").mid_system
    assert not profile("anthropic", "messages", "claude-sonnet-5-5").mid_system


def test_openai_generations():
    new, old = profile("openai", "chat", "gpt-6.1-sol"), profile("openai", "chat", "gpt-4o-mini")
    assert (new.max_tokens_field, new.sampling, new.effort_field) == ("max_completion_tokens", False, "none")
    assert (old.sampling, old.stop_max, old.custom_tools) == (True, 4, False)
    responses = profile("openai", "responses", "gpt-6.1-sol")
    assert (responses.encrypted_reasoning, responses.effort_field) == (True, "reasoning_effort")
    assert not profile("openai", "responses", "gpt-4.1").encrypted_reasoning


def test_the_operator_has_the_last_word():
    assert profile("anthropic", "messages", "claude-opus-5-5", sampling=True).sampling


def test_deepseek_replays_reasoning_of_tool_turns():
    p = profile("deepseek", "chat", "deepseek-v4-flash")
    assert (p.echo_reasoning, p.reasoning_field, p.disable_thinking) == (
        "tool_turns",
        "reasoning_content",
        b'{"type":"disabled"}',
    )


def test_only_anthropic_itself_keeps_the_billing_block():
    keeping = {n for n, p in all_providers().items() for d in p.dialects if p.profile_for(d).billing_header == "keep"}
    assert keeping == {"anthropic"}


def test_cards_agree_with_the_price_table():
    from genai_prices.data import providers as priced

    tables = {p.id: p for p in priced}
    for provider in all_providers().values():
        if provider.price_id is None:
            continue
        for card in provider.cards:
            model = tables[provider.price_id].find_model(card.id)
            assert model is not None, card.id
            assert model.context_window in (None, card.context_tokens), card.id


def test_catalog_tells_the_configuration_what_it_needs():
    facts = catalog().providers
    assert facts["anthropic"].needs_key
    assert not facts["vllm"].needs_key
    assert facts["openai_compatible"].base_url is None
    card = facts["deepseek"].card("deepseek-v4-flash")
    assert card is not None
    assert (card.lane, card.context_tokens) == ("mid", 1_000_000)
    assert card_of(all_providers()["deepseek"], "nope") is None


@pytest.mark.parametrize(
    ("model", "sealed"), [("gemini-2.5-pro", False), ("gemini-3.8-flash", True), ("gemini-4-argon", True)]
)
def test_calls_are_sealed_from_gemini_3_on(model: str, sealed: bool):
    assert (profile("gemini", "chat", model).call_seal is not None) is sealed
