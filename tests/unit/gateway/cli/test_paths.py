"""Where state lives."""

from pathlib import Path

import pytest

from gateway.cli._paths import state_dir_of


@pytest.mark.parametrize(
    ("given", "xdg", "expected"),
    [
        ("/given", "/xdg", "/given"),
        (None, "/xdg", "/xdg/interlock"),
        (None, "", "/home/me/.local/state/interlock"),
        (None, None, "/home/me/.local/state/interlock"),
    ],
)
def test_order(given: str | None, xdg: str | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_STATE_HOME", xdg)
    assert state_dir_of(given) == Path(expected)
