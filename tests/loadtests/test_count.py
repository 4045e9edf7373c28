"""Reading callgrind's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests import count


def test_only_the_event_loops_thread_counts(tmp_path: Path) -> None:
    for name, total in (("callgrind-01", 1000), ("callgrind.1-01", 200), ("callgrind-02", 77), ("callgrind", 5)):
        (tmp_path / name).write_text(f"version: 1\nfn=(1) x\n1 1\nsummary: 0\ntotals: {total}\n")
    assert count.first_thread(tmp_path.iterdir()) == 1200


def test_nothing_counted_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "callgrind-02").write_text("totals: 3\n")
    with pytest.raises(RuntimeError, match="counted nothing"):
        count.first_thread(tmp_path.iterdir())


def test_what_the_watched_program_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count, "command", lambda *_: ["sh", "-c", "echo no such thing >&2; exit 3"])
    with pytest.raises(RuntimeError, match="json: no such thing"):
        count.counted("json", 1, tmp_path)
