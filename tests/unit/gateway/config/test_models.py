"""One model of the configuration: what may be said of it."""

import pytest
from pydantic import ValidationError

from gateway.config.models import CostConfig, ModelConfig, profile_changes


def model(**more: object) -> ModelConfig:
    return ModelConfig.model_validate({"provider": "vllm", "lane": "local", **more})


def test_profile_changes_are_only_what_was_written():
    assert profile_changes(model().profile) == {}
    assert profile_changes(model(profile={"stop_max": 2, "reasoning_field": None}).profile) == {
        "stop_max": 2,
        "reasoning_field": None,
    }


def test_profile_values_are_typed():
    with pytest.raises(ValidationError):
        model(profile={"stop_max": "many"})
    with pytest.raises(ValidationError):
        model(profile={"cache": "sometimes"})


@pytest.mark.parametrize(
    "headers",
    [
        {"bad name": "x"},
        {"": "x"},
        {"x": "a\nb"},
        {"x": "a\0"},
        {"cookie": "a=b"},
        {"X-Auth-Token": "abc"},
        {"apikey": "abc"},
    ],
)
def test_headers_that_are_refused(headers: dict[str, str]):
    with pytest.raises(ValidationError):
        model(headers=headers)


def test_headers_that_are_taken():
    headers = {"x-team": "platform", "Cookie": "env:COOKIE", "x-api-key": "file:/k"}
    assert model(headers=headers).headers == headers


def test_costs():
    assert CostConfig.model_validate({"usd_per_hour": 0}).usd_per_hour == 0
    priced = CostConfig.model_validate({"input_usd_per_mtok": 1, "output_usd_per_mtok": 2, "cached_usd_per_mtok": 0})
    assert priced.cached_usd_per_mtok == 0


@pytest.mark.parametrize(
    "change",
    [
        {"lane": "fast"},
        {"dialect": "smoke"},
        {"context_tokens": 10},
        {"timeouts": {"connect_s": 0}},
        {"timeouts": {"idle": 5}},
        {"tags": [1]},
    ],
)
def test_values_out_of_bounds(change: dict[str, object]):
    with pytest.raises(ValidationError):
        model(**change)


@pytest.mark.parametrize("name", ["disable_thinking", "continue_fields", "call_seal"])
def test_raw_json_of_a_profile_is_json(name: str):
    config = {"provider": "vllm", "lane": "local", "profile": {name: '{"a": 1}'}}
    assert profile_changes(ModelConfig.model_validate(config).profile) == {name: b'{"a": 1}'}
    for wrong in ("x", '{"a":', "{} {}"):
        with pytest.raises(ValidationError, match="not JSON"):
            ModelConfig.model_validate({**config, "profile": {name: wrong}})
