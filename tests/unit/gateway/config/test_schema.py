"""The JSON schema agrees with the loader about the case files, as far as a schema can say it."""

from pathlib import Path

import jsonschema_rs
import pytest

from gateway.config import document
from gateway.config.schema import json_schema
from gateway.providers.registry import catalog

SCHEMA = json_schema(catalog())
GOOD = ["anchors", "design", "everything", "expressions", "warnings", "yaml_1_2"]
BAD = ["secrets", "sections", "shape", "shapes", "typos"]


def value(name: str) -> object:
    text = Path(f"tests/golden/config/{name}.yaml").read_text(encoding="utf-8").partition("--- # expected\n")[0]
    return document.read(text).value


def test_it_is_a_schema():
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["properties"]["server"]["description"]


@pytest.mark.parametrize("name", GOOD)
def test_good_files_pass(name: str):
    assert [str(error) for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(value(name))] == []


@pytest.mark.parametrize("name", BAD)
def test_bad_files_fail(name: str):
    assert not jsonschema_rs.validator_for(SCHEMA).is_valid(value(name))


def test_literal_keys_and_unknown_providers_fail():
    validator = jsonschema_rs.validator_for(SCHEMA)
    model = {"provider": "openai", "lane": "mid", "api_key": "env:A"}
    assert validator.is_valid({"models": {"a": model}})
    assert not validator.is_valid({"models": {"a": {**model, "api_key": "sk-1"}}})
    assert not validator.is_valid({"models": {"a": {**model, "provider": "openay"}}})
