"""Files of harnesses are written whole or not at all, remembered exactly, and put back to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import _connections as c
from gateway.errors import ConfigError
from gateway.harnesses.registry import all_harnesses

AIDER = all_harnesses()["aider"]
FILE = ".aider.conf.yml"


def test_of_alternative_spellings_the_one_that_exists_is_taken(tmp_path: Path) -> None:
    connect = all_harnesses()["opencode"].connect
    assert connect is not None
    assert c.located(connect, tmp_path) == [".config/opencode/opencode.json"]
    (tmp_path / ".config/opencode").mkdir(parents=True)
    (tmp_path / ".config/opencode/opencode.jsonc").write_text("{}")
    assert c.located(connect, tmp_path) == [".config/opencode/opencode.jsonc"]


def test_new_files_are_their_owners_alone_and_old_ones_keep_their_mode(tmp_path: Path) -> None:
    record = c.apply(AIDER, tmp_path, {FILE: "x: 1\n"}, None)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert record.files[0].before is None
    (tmp_path / FILE).chmod(0o640)
    c.apply(AIDER, tmp_path, {FILE: "x: 2\n"}, None)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Dotfile managers link settings into a repository."""
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/aider.yml").write_text("a: 1\n")
    (tmp_path / FILE).symlink_to("dotfiles/aider.yml")
    c.apply(AIDER, tmp_path, {FILE: "a: 2\n"}, None)
    assert (tmp_path / FILE).is_symlink()
    assert (tmp_path / "dotfiles/aider.yml").read_text() == "a: 2\n"


def test_the_first_state_is_kept_over_several_connects(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"before\r\n\xff")
    first = c.apply(AIDER, tmp_path, {FILE: "one\n"}, None)
    second = c.apply(AIDER, tmp_path, {FILE: "two\n"}, first)
    assert second.files[0].before == b"before\r\n\xff"
    assert not second.edited
    assert c.edited_since(second, tmp_path) == []
    (tmp_path / FILE).write_text("mine\n")
    assert c.edited_since(second, tmp_path) == [FILE]
    assert c.apply(AIDER, tmp_path, {FILE: "three\n"}, second).edited


def test_folders_made_for_a_file_go_with_it_unless_something_came_into_them(tmp_path: Path) -> None:
    for extra in (False, True):
        record = c.apply(AIDER, tmp_path, {"a/b/f": "x"}, None)
        if extra:
            (tmp_path / "a/own").write_text("mine")
        c.put_back(record.files[0], tmp_path, None)
        assert (tmp_path / "a").exists() is extra
        assert not (tmp_path / "a/b").exists()


def test_a_record_survives_its_file_and_belongs_to_one_home(tmp_path: Path) -> None:
    record = c.apply(AIDER, tmp_path, {FILE: "x"}, None)
    path = c.record_path(tmp_path / "state", "aider", tmp_path)
    c.save(path, record)
    assert c.load(path) == record
    assert c.all_records(tmp_path / "state") == [record]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path != c.record_path(tmp_path / "state", "aider", tmp_path / "other")


def test_an_unreadable_record_is_not_taken_for_none(tmp_path: Path) -> None:
    """It guards the user's file: losing it silently would lose the way back."""
    path = c.record_path(tmp_path, "aider", tmp_path)
    assert c.load(path) is None
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        c.load(path)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "big").write_bytes(b"x" * (c.FILE_BYTES_MAX + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("folder", "big"):
        with pytest.raises(ConfigError):
            c.read(tmp_path, name)
    with pytest.raises(ConfigError, match="UTF-8"):
        c.texts(tmp_path, ["binary"])


def test_a_failed_write_leaves_the_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(ConfigError, match="No space left"):
        c.write(tmp_path / FILE, b"new", 0o600)
    assert [p.name for p in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).read_text() == "old"
