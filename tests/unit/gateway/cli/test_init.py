"""`interlock init` writes what was found, never over a file, never a secret."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.adapters import discovery
from gateway.cli import main
from gateway.config.load import load
from gateway.providers.registry import catalog


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object, **__: object) -> tuple[()]:
        return ()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(discovery, "probe", nobody)
    for facts in catalog().providers.values():
        for name in facts.env_keys:
            monkeypatch.delenv(name, raising=False)


def run(*args: str):
    return CliRunner().invoke(main, ["init", *args])


def test_writes_a_file_that_loads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter2hunter2")
    result = run()
    assert result.exit_code == 0
    assert "anthropic/claude-opus-5-5" in result.stdout
    text = Path("interlock.yaml").read_text()
    assert "hunter2" not in text + result.output
    loaded = load(text, file="f", catalog=catalog())
    assert list(loaded.settings.models) == ["anthropic/claude-sonnet-5-5", "anthropic/claude-opus-5-5"]
    assert loaded.settings.routes[-1].id == "default"
    assert [p.name for p in Path().iterdir()] == ["interlock.yaml"]


def test_an_existing_file_stays_unless_forced():
    Path("interlock.yaml").write_text("mine")
    result = run()
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert Path("interlock.yaml").read_text() == "mine"
    assert run("--force").exit_code == 0
    assert "SIMULATED" in Path("interlock.yaml").read_text()


def test_to_stdout():
    result = run("--output", "-")
    assert result.stdout.startswith("# Interlock")
    assert list(Path().iterdir()) == []


def test_where_it_cannot_write():
    result = run("--output", "no/such/place.yaml")
    assert (result.exit_code, result.stderr) == (1, "no/such/place.yaml: No such file or directory\n")
