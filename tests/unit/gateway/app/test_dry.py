"""The dry run without a gateway: decides as a running one would, and opens nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gateway.app.dry import NoLedger, dry_run
from gateway.dialects import registry
from gateway.errors import MalformedRequest
from tests.support.gateways import loaded

CONFIG = {
    "models": {
        "small": {"provider": "sim", "model": "small", "lane": "local"},
        "big": {"provider": "sim", "model": "big", "lane": "frontier"},
    },
    "routes": [{"id": "by-tag", "when": {"harness": ["aider"]}, "to": ["big"]}, {"id": "rest", "to": ["small"]}],
    "policies": [],
}


def body(model: str = "auto") -> bytes:
    return json.dumps(
        {"model": model, "messages": [{"role": "user", "content": "Rename the flag --quiet to -q."}]}
    ).encode()


async def test_the_decision_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chat = registry.by_name("chat")
    told = await dry_run(loaded(CONFIG), body(), chat)
    assert (told["model"], told["lane"], told["route"], told["sticky"]) == ("small", "local", "rest", False)
    assert told["task"] == "single_file_edit"
    told = await dry_run(loaded(CONFIG), body(), chat, ((b"user-agent", b"aider/0.86"),))
    assert (told["model"], told["route"], told["harness"]) == ("big", "by-tag", "aider")
    assert (await dry_run(loaded(CONFIG), body("big"), chat))["route"] == "named"
    assert os.listdir(tmp_path) == []


async def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(MalformedRequest):
        await dry_run(loaded(CONFIG), b"{", registry.by_name("chat"))


async def test_nothing_is_booked() -> None:
    ledger = NoLedger()
    ledger.opened("req", lambda: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(AssertionError, match="no bill"):
        ledger.record(None)  # type: ignore[arg-type]
    await ledger.flush()
    await ledger.aclose()
