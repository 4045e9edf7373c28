"""`interlock disconnect`: byte for byte, and never over the user's own edits without being told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.connect import CONNECTABLE
from gateway.harnesses.registry import all_harnesses
from tests.unit.gateway.cli.test_connect import run

AIDER = ".aider.conf.yml"
BEFORE = {
    "json": b'\xef\xbb\xbf{\r\n  // mine\r\n  "theme": "dark",\r\n}',
    "yaml": b"# mine\r\nname: x\r\ndark-mode: true",
    "toml": b'# mine\r\n\r\napproval_policy = "never"\r\n\r\n[projects."/w"]\r\ntrust_level = "trusted"',
}


def before_of(name: str) -> bytes:
    return BEFORE["toml" if name.endswith("toml") else "yaml" if name.endswith(("yml", "yaml")) else "json"]


@pytest.mark.parametrize("harness", CONNECTABLE)
def test_an_existing_configuration_comes_back_to_the_byte(tmp_path: Path, harness: str) -> None:
    """Byte order mark, CRLF, comments and a missing last line break included."""
    connect = all_harnesses()[harness].connect
    assert connect is not None
    for name in connect.files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(before_of(name))
        (tmp_path / name).chmod(0o644)
    connected = run(tmp_path, "connect", harness, "--yes")
    assert connected.exit_code == 0, connected.output
    assert all((tmp_path / name).read_bytes() != before_of(name) for name in connect.files)
    run(tmp_path, "connect", harness, "--yes", "--model", "auto:local")
    assert run(tmp_path, "disconnect", harness).exit_code == 0
    for name in connect.files:
        assert (tmp_path / name).read_bytes() == before_of(name)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("harness", CONNECTABLE)
def test_what_was_not_there_is_gone_again(tmp_path: Path, harness: str) -> None:
    run(tmp_path, "connect", harness, "--yes")
    said = run(tmp_path, "disconnect", harness)
    assert "is as it was" in said.output
    assert [p for p in tmp_path.iterdir() if p.name != "state"] == []
    assert "is not connected" in run(tmp_path, "disconnect", harness).output


def test_later_edits_are_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / AIDER).write_text("dark-mode: true\n")
    run(tmp_path, "connect", "aider", "--yes")
    text = (tmp_path / AIDER).read_text() + "vim: true\n"
    (tmp_path / AIDER).write_text(text)
    said = run(tmp_path, "disconnect", "aider")
    assert said.exit_code == 1
    assert all(choice in said.output for choice in ("--merge", "--restore", "--keep"))
    assert (tmp_path / AIDER).read_text() == text


@pytest.mark.parametrize(
    ("choice", "after"),
    [("--merge", "dark-mode: true\nvim: true\n"), ("--restore", "dark-mode: true\n"), ("--keep", None)],
)
def test_three_ways(tmp_path: Path, choice: str, after: str | None) -> None:
    (tmp_path / AIDER).write_text("dark-mode: true\n")
    run(tmp_path, "connect", "aider", "--yes")
    text = (tmp_path / AIDER).read_text() + "vim: true\n"
    (tmp_path / AIDER).write_text(text)
    assert run(tmp_path, "disconnect", "aider", choice).exit_code == 0
    assert (tmp_path / AIDER).read_text() == (text if after is None else after)
    assert "is not connected" in run(tmp_path, "disconnect", "aider").output


def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path, "connect", "aider", "--yes")
    text = (tmp_path / AIDER).read_text().replace("openai/auto", "openai/mine")
    (tmp_path / AIDER).write_text(text)
    said = run(tmp_path, "disconnect", "aider", "--merge")
    assert said.exit_code == 1
    assert "--restore or --keep" in said.output
    assert (tmp_path / AIDER).read_text() == text


def test_a_file_deleted_since_stays_deleted_in_a_merge_and_comes_back_in_a_restore(tmp_path: Path) -> None:
    for choice, there in (("--merge", False), ("--restore", True)):
        (tmp_path / AIDER).write_text("dark-mode: true\n")
        run(tmp_path, "connect", "aider", "--yes")
        (tmp_path / AIDER).unlink()
        assert run(tmp_path, "disconnect", "aider", choice).exit_code == 0
        assert (tmp_path / AIDER).exists() is there


def test_an_edit_between_two_connects_is_remembered(tmp_path: Path) -> None:
    """The backup is older than the edit: putting it back would lose the edit."""
    run(tmp_path, "connect", "aider", "--yes")
    (tmp_path / AIDER).write_text((tmp_path / AIDER).read_text() + "vim: true\n")
    run(tmp_path, "connect", "aider", "--yes", "--model", "auto:local")
    assert run(tmp_path, "disconnect", "aider").exit_code == 1
    assert "vim: true" in (tmp_path / AIDER).read_text()
