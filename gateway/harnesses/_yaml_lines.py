"""Set top-level keys of a YAML file as text, keeping comments; what comes out is proven by parsing it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from gateway.harnesses.contract import by_hand, unreadable


def parsed(text: str, where: str) -> dict[str, Any]:
    """The mapping; an empty file is an empty one. ConfigError otherwise."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f"line {place.line + 1}" if place else where
        raise unreadable(where, "YAML", line) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise unreadable(where, "a settings file", "it is no mapping")
    return found


def put(text: str, values: Mapping[str, str | bool], where: str) -> str:
    """The text with each key of the top level set; a key that is not there is added at the end."""
    before = parsed(text, where)
    wanted = {**before, **values}
    if wanted == before:
        return text
    for key, value in values.items():
        if before.get(key) != value or key not in before:
            text = _line(text, key, json.dumps(value, ensure_ascii=False), there=key in before)
    if parsed(text, where) != wanted:
        raise by_hand(where, ", ".join(f"{key}: {json.dumps(value)}" for key, value in values.items()))
    return text


def _line(text: str, key: str, value: str, *, there: bool) -> str:
    """JSON scalars are YAML scalars. A key that is there in another form is not touched, which fails the proof: a second
    one would silently win over it."""
    line = re.compile(rf"^({re.escape(key)}[ \t]*:)(?:[ \t]+[^\n#]*?)?([ \t]+#[^\n]*)?$", re.MULTILINE)
    new, count = line.subn(lambda found: f"{found[1]} {value}{found[2] or ''}", text, count=1)
    if count or there:
        return new
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}{key}: {value}\n"
