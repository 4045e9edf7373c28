"""What a provider fills in, and what it leaves alone."""

from gateway.config.normalise import LOCAL_FIRST_TOKEN_S, normalise
from gateway.config.settings import Settings
from gateway.providers.registry import catalog


def filled(**model: object) -> tuple[object, dict[tuple[object, ...], str]]:
    settings, origins = normalise(Settings.model_validate({"models": {"x/y": model}}), catalog())
    return settings.models["x/y"], dict(origins)


def test_a_cloud_model_gets_all_but_its_dialect():
    model, origins = filled(provider="anthropic", model="claude-opus-5-5", lane="frontier")
    assert model.base_url == "https://api.anthropic.com"
    assert model.api_key == "env:ANTHROPIC_API_KEY"
    assert model.context_tokens == 1_000_000
    assert model.price_id == "anthropic"
    assert model.capabilities.images is True
    assert model.dialect is None
    assert origins[("models", "x/y", "api_key")] == "provider anthropic"
    assert origins[("models", "x/y", "context_tokens")] == "card of anthropic claude-opus-5-5"


def test_what_is_written_stays():
    written = {"base_url": "http://h", "api_key": "env:MINE", "context_tokens": 5000, "price_id": "azure"}
    model, origins = filled(
        provider="anthropic", model="claude-opus-5-5", lane="mid", capabilities={"images": False}, **written
    )
    assert {key: getattr(model, key) for key in written} == written
    assert model.capabilities.images is False
    assert model.capabilities.reasoning is True
    assert ("models", "x/y", "base_url") not in origins
    assert ("models", "x/y", "capabilities", "images") not in origins


def test_local_models_need_no_key_and_get_time():
    model, _ = filled(provider="vllm", lane="local")
    assert (model.model, model.api_key, model.timeouts.first_token_s) == ("y", None, LOCAL_FIRST_TOKEN_S)
    model, _ = filled(provider="vllm", lane="local", timeouts={"first_token_s": 9})
    assert model.timeouts.first_token_s == 9


def test_an_unknown_provider_is_left_to_the_check():
    model, origins = filled(provider="nobody", lane="local")
    assert model.base_url is None
    assert origins == {}


def test_twice_is_once():
    settings, _ = normalise(
        Settings.model_validate({"models": {"a": {"provider": "openai", "lane": "mid"}}}), catalog()
    )
    assert normalise(settings, catalog())[0] == settings
