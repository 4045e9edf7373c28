"""The settings models: defaults work, scalars and lists mean the same, unknown keys and secrets are refused."""

from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from gateway.config.models import ModelConfig, ProfileOverrides, profile_changes
from gateway.config.settings import Settings
from gateway.ir.profile import Profile


def model(**more: object) -> dict[str, object]:
    return {"provider": "vllm", "lane": "local", **more}


def test_defaults_are_a_working_gateway():
    settings = Settings()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 4242)
    assert settings.server.max_body_bytes == 32 * 1024 * 1024
    assert settings.keys.required == "auto"
    assert settings.session.sticky


def test_every_field_is_described():
    seen: set[type[BaseModel]] = set()

    def walk(cls: type[BaseModel]) -> None:
        if cls in seen or cls is ProfileOverrides:
            return
        seen.add(cls)
        for name, field in cls.model_fields.items():
            assert field.description, f"{cls.__name__}.{name}"
            for sub in submodels(field.annotation):
                walk(sub)

    walk(Settings)
    assert len(seen) > 14


def submodels(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [sub for arg in get_args(annotation) for sub in submodels(arg)]


def test_scalar_and_list_mean_the_same():
    one = Settings.model_validate({"routes": [{"id": "a", "when": {"call": "title", "tools": "Bash"}, "to": "m"}]})
    many = Settings.model_validate(
        {"routes": [{"id": "a", "when": {"call": ["title"], "tools": ["Bash"]}, "to": ["m"]}]}
    )
    assert one == many


def test_frozen():
    with pytest.raises(ValidationError):
        Settings().server.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"api_key": "sk-verysecret"},
        {"headers": {"Authorization": "Bearer verysecret"}},
        {"headers": {"X-Api-Key": "verysecret"}},
        {"base_url": "http://user:verysecret@host"},
        {"proxy": "http://user:verysecret@host:3128"},
    ],
)
def test_literal_secrets_are_refused_and_not_repeated(change: dict[str, object]):
    with pytest.raises(ValidationError) as caught:
        ModelConfig.model_validate(model(**change))
    assert "verysecret" not in str(caught.value)
    assert "env:NAME" in str(caught.value)


def test_password_in_state_url_is_refused_but_a_reference_is_taken():
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"state": {"kind": "redis", "url": "redis://:verysecret@h:6379/0"}})
    assert "verysecret" not in str(caught.value)
    assert Settings.model_validate({"state": {"kind": "redis", "url": "env:REDIS_URL"}}).state.url == "env:REDIS_URL"


def test_safe_default_is_in_force_unless_the_file_says_otherwise():
    assert Settings().policies == ("safe-default",)
    assert Settings.model_validate({"policies": []}).policies == ()
    assert Settings.model_validate({"policies": "ci"}).policies == ("ci",)


def test_a_webhook_has_a_secret_that_is_not_in_the_file():
    hook = {"url": "https://x.test/in?team=a", "secret": "env:HOOK"}
    assert Settings.model_validate({"approvals": {"webhook": hook}}).approvals.webhook.url == hook["url"]
    for wrong in (
        {"secret": "hunter2"},
        {"url": "ftp://x"},
        {"url": "https://a:b@x.test"},
        {"url": "https://x.test/#a"},
    ):
        with pytest.raises(ValidationError):
            Settings.model_validate({"approvals": {"webhook": hook | wrong}})


def test_profile_overrides_follow_the_dataclass():
    config = ModelConfig.model_validate(model(profile={"sampling": False, "thinking_modes": ["adaptive"]}))
    assert profile_changes(config.profile) == {"sampling": False, "thinking_modes": ("adaptive",)}
    assert set(ProfileOverrides.model_fields) == set(Profile.__dataclass_fields__)
    with pytest.raises(ValidationError, match="samplng"):
        ModelConfig.model_validate(model(profile={"samplng": False}))


@pytest.mark.parametrize(
    "cost",
    [{"usd_per_hour": 1, "input_usd_per_mtok": 1}, {}, {"input_usd_per_mtok": 1}, {"usd_per_hour": -1}],
)
def test_costs_that_make_no_price(cost: dict[str, float]):
    with pytest.raises(ValidationError):
        ModelConfig.model_validate(model(cost=cost))


def test_base_url_loses_its_slash_and_must_be_http():
    assert ModelConfig.model_validate(model(base_url="http://h:8000/")).base_url == "http://h:8000"
    for bad in ("h:8000", "ftp://h", "http://", "http://h:99999", "http://h?x=1"):
        with pytest.raises(ValidationError):
            ModelConfig.model_validate(model(base_url=bad))


def test_names_lanes_and_aliases():
    settings = Settings.model_validate(
        {
            "models": {
                "a": model(aliases="claude-haiku-4-5"),
                "b": model(enabled=False, aliases=["bee"]),
                "c": {"provider": "x", "lane": "mid"},
            }
        }
    )
    assert settings.lane("local") == ("a",)
    assert settings.resolve_name("claude-haiku-4-5") == "a"
    assert settings.resolve_name("b") is None
    assert settings.resolve_name("bee") is None
    assert settings.resolve_name("nope") is None
