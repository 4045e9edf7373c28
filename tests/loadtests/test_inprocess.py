"""What is counted is a whole answer of the whole gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests import inprocess


@pytest.mark.parametrize("kind", inprocess.KINDS)
async def test_every_request_is_answered_whole(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inprocess, "WARM", 2)
    switched: list[bool] = []
    client = await inprocess.drive(kind, 3, switched.append, tmp_path)
    assert switched == [True, False]
    assert (client.status, client.finished) == (200, True)
    got = b"".join(client.got)
    told = {"json": b"x" * 700, "asks": b"x" * 700, "stream": b"word199 ", "tool": b'"finish_reason": "tool_calls"'}
    assert told[kind] in got
    if kind in ("stream", "tool"):
        assert got.endswith(b"data: [DONE]\n\n")
        assert got.count(b": interlock {") == 1
    if kind == "tool":  # released, not refused
        assert got.count(b'"arguments"') == inprocess.PIECES + 1
