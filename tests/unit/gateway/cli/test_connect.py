"""`interlock connect`: shows, asks, writes; twice is once; what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.connect import CONNECTABLE


def run(tmp_path: Path, *words: str, answer: str | None = None) -> Result:
    places = ("--home", str(tmp_path), "--state-dir", str(tmp_path / "state"))
    return CliRunner().invoke(main, [words[0], words[1], *places, *words[2:]], input=answer)


def test_all_nine_harnesses_can_be_connected() -> None:
    assert set(CONNECTABLE) == {
        "opencode", "aider", "cline", "codex", "claude-code", "continue", "qwen-code", "kilo", "pi",
    }  # fmt: skip


@pytest.mark.parametrize("harness", CONNECTABLE)
def test_twice_is_once(tmp_path: Path, harness: str) -> None:
    first = run(tmp_path, "connect", harness, "--yes")
    assert first.exit_code == 0, first.output
    assert "asks http://127.0.0.1:4242 for auto now" in first.output
    files = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    second = run(tmp_path, "connect", harness, "--yes")
    assert "Nothing to change" in second.output
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == files


def test_nothing_is_written_before_yes(tmp_path: Path) -> None:
    said = run(tmp_path, "connect", "aider", answer="n\n")
    assert said.exit_code == 1
    assert "+openai-api-base:" in said.output
    assert list(tmp_path.iterdir()) == []
    assert run(tmp_path, "connect", "aider", answer="y\n").exit_code == 0
    assert (tmp_path / ".aider.conf.yml").exists()


def test_the_key_is_written_but_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    said = run(tmp_path, "connect", "codex", "--key", "env:MY_KEY", "--yes")
    assert "sk-very-secret" not in said.output
    assert "sk-very-secret" in (tmp_path / ".codex/config.toml").read_text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("codex", "--dialect", "chat"), "Codex CLI does not speak chat; it speaks responses"),
        (("aider", "--base-url", "127.0.0.1:4242"), "is no address"),
        (("aider", "--key", "env:NOT_SET_ANYWHERE"), "the variable is not set"),
        (("aider", "--key", "a b"), "--key must be"),
        (("aider", "--model", ""), "--model must be"),
    ],
)
def test_wrong_wishes_are_explained(tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    said = run(tmp_path, "connect", *words, "--yes")
    assert said.exit_code == 1
    assert text in said.output
    assert list(tmp_path.iterdir()) == []


def test_an_address_with_v1_is_understood(tmp_path: Path) -> None:
    run(tmp_path, "connect", "aider", "--base-url", "http://gw.test:80/v1/", "--yes")
    assert '"http://gw.test:80/v1"' in (tmp_path / ".aider.conf.yml").read_text()


def test_a_file_that_is_not_understood_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text("{ not json")
    said = run(tmp_path, "connect", "claude-code", "--yes")
    assert said.exit_code == 1
    assert "line 1, column 3" in said.output
    assert (tmp_path / ".claude/settings.json").read_text() == "{ not json"
    assert not (tmp_path / "state").exists()
