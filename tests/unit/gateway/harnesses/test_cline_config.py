"""Cline's provider file, in the form its own `auth` command writes."""

from __future__ import annotations

import json

from gateway.harnesses import _cline_config as config
from gateway.harnesses.cline import HARNESS
from tests.unit.gateway.harnesses.connecting import BASE, edited, only


def test_a_fresh_file() -> None:
    data = json.loads(only(edited(HARNESS, "chat")))
    assert data["version"] == 1
    assert data["lastUsedProvider"] == "openai-compatible"
    assert data["providers"]["openai-compatible"]["settings"]["baseUrl"] == BASE + "/v1"


def test_other_providers_and_clines_own_date_stay() -> None:
    first = json.loads(only(edited(HARNESS, "chat")))
    first["providers"]["openai-compatible"]["updatedAt"] = "2026-11-20T00:00:00.000Z"
    first["providers"]["mistral"] = {"settings": {"apiKey": "k"}}
    first["lastUsedProvider"] = "mistral"
    after = json.loads(only(edited(HARNESS, "chat", {config.FILE: json.dumps(first)})))
    assert after == first | {"lastUsedProvider": "openai-compatible"}
