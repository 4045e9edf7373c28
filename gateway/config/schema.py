"""The JSON schema of `interlock.yaml`, for editors (yaml-language-server) and other tools."""

from __future__ import annotations

from typing import Any

from gateway.config.base import ENV_REF, FILE_REF
from gateway.config.catalog import Catalog
from gateway.config.settings import Settings


def json_schema(catalog: Catalog) -> dict[str, Any]:
    """Draft 2020-12. Says what the models say, and besides: which providers there are, the form of secret references, and
    that a scalar may stand for a list of one."""
    schema = Settings.model_json_schema(mode="validation")
    definitions: dict[str, Any] = schema["$defs"]
    for definition in (schema, *definitions.values()):
        for key, value in definition.get("properties", {}).items():
            definition["properties"][key] = _scalar_too(value)
    model = definitions["ModelConfig"]["properties"]
    model["provider"]["enum"] = sorted(catalog.providers)
    reference = f"{_open(ENV_REF.pattern)}|{_open(FILE_REF.pattern)}"
    model["api_key"]["anyOf"][0]["pattern"] = f"^(?:{reference})$"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "interlock.yaml",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _open(pattern: str) -> str:
    """Python's end anchor is not ECMA's."""
    return pattern.removesuffix(r"\Z").replace(r"\0", r"\u0000")


def _scalar_too(value: dict[str, Any]) -> dict[str, Any]:
    """Lists of scalars accept one scalar (gateway.config.base.OneOrMany)."""
    items = value.get("items")
    if value.get("type") != "array" or not isinstance(items, dict) or "$ref" in items:
        return value
    shared: dict[str, Any] = {key: value[key] for key in ("description", "default", "title") if key in value}
    rest = {key: entry for key, entry in value.items() if key not in shared}
    return {**shared, "anyOf": [rest, items]}
