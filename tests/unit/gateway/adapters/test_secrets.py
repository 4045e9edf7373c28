"""References to values: environment, files, and everything that can be wrong with them."""

from pathlib import Path

import pytest

from gateway.adapters.secrets import fetch, read, resolve, too_open
from gateway.config.settings import Settings
from gateway.errors import ConfigError

VALUE = "hunter2hunter2"


def settings(**models: str) -> Settings:
    return Settings.model_validate(
        {"models": {name: {"provider": "x", "lane": "mid", "api_key": ref} for name, ref in models.items()}}
    )


def test_environment_and_files(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(f"  {VALUE}\n")
    file.chmod(0o600)
    secrets, told = resolve(settings(a="env:KEY", b=f"file:{file}"), {"KEY": f"{VALUE}\n"})
    assert dict(secrets) == {"env:KEY": VALUE, f"file:{file}": VALUE}
    assert told == ()
    assert VALUE not in repr(secrets)
    assert VALUE not in str(secrets)


def test_what_is_missing_is_told_with_its_place_and_left_out(tmp_path: Path):
    secrets, told = resolve(settings(a="env:KEY", b=f"file:{tmp_path}/none", c="env:KEY"), {})
    assert len(secrets) == 0
    assert told == (
        "models.a.api_key: the environment variable KEY is not set",
        f"models.b.api_key: the file {tmp_path}/none cannot be read: No such file or directory",
    )


def test_a_file_that_everybody_may_read_is_told(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(VALUE)
    file.chmod(0o644)
    secrets, told = resolve(settings(a=f"file:{file}"), {})
    assert secrets[f"file:{file}"] == VALUE
    assert "mode 0644" in told[0]
    assert "chmod 600" in told[0]
    file.chmod(0o640)
    assert too_open(f"file:{file}") is None
    assert too_open("env:A") is None
    assert too_open(f"file:{tmp_path}/none") is None


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb", b"\xff", b"x" * 70_000])
def test_files_that_hold_no_secret(tmp_path: Path, content: bytes):
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        fetch(f"file:{file}")
    assert "xxxx" not in str(caught.value)


def test_a_directory_is_no_secret(tmp_path: Path):
    with pytest.raises(ValueError, match="cannot be read"):
        fetch(f"file:{tmp_path}")


def test_read_takes_text_as_it_is():
    assert read("redis://h", {}) == "redis://h"
    assert read("env:R", {"R": "redis://:pw@h"}) == "redis://:pw@h"
    with pytest.raises(ConfigError, match="not set"):
        read("env:R", {})
