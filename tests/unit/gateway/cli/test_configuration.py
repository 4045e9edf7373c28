"""Which file is the configuration."""

from pathlib import Path

import pytest

from gateway.cli._configuration import locate, read
from gateway.errors import ConfigError


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_order(tmp_path: Path):
    home = tmp_path / "home"
    environment = {"XDG_CONFIG_HOME": str(home)}
    assert locate(None, environment) is None
    (home / "interlock").mkdir(parents=True)
    (home / "interlock" / "interlock.yaml").write_text("")
    assert locate(None, environment) == home / "interlock" / "interlock.yaml"
    Path("interlock.yaml").write_text("")
    assert locate(None, environment) == Path("interlock.yaml")
    assert locate(None, {**environment, "INTERLOCK_CONFIG": "/else.yaml"}) == Path("/else.yaml")
    assert locate("given.yaml", {**environment, "INTERLOCK_CONFIG": "/else.yaml"}) == Path("given.yaml")


def test_a_file_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path)
    assert "Is a directory" in caught.value.problems[0]
