"""The command line of the scripted vendor."""

from __future__ import annotations

import json

import pytest

from gateway.testing.scripted import ScriptedModel
from gateway.testing.scripted.__main__ import _arguments, summary


def test_arguments() -> None:
    options = _arguments(["--fault", "cut", "--dialect-profile", "anthropic", "--max-seconds", "5"])
    assert (options.fault, options.profile, options.max_seconds, options.port) == ("cut", "anthropic", 5.0, 0)
    with pytest.raises(SystemExit):
        _arguments(["--profile", "nobody"])


def test_a_request_in_a_line_holds_no_header_and_no_body() -> None:
    model = ScriptedModel()
    model.answer("POST", "/v1/chat/completions", ((b"authorization", b"Bearer secret"),), b'{"messages": []}')
    line = json.dumps(summary(model.requests[0]))
    assert "secret" not in line
    assert json.loads(line)["reply"] == "plain"
