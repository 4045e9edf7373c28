"""`interlock config check | explain | schema`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.adapters import discovery
from gateway.cli import main

GOOD = "models: {m: {provider: anthropic, model: claude-opus-5-5, lane: frontier, api_key: env:NO_SUCH_KEY_1}}\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object, **__: object) -> tuple[()]:
        return ()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("INTERLOCK_CONFIG", raising=False)
    monkeypatch.setattr(discovery, "probe", nobody)
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "DEEPSEEK_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def run(*args: str):
    return CliRunner().invoke(main, ["config", *args])


def test_check_of_a_good_file():
    Path("interlock.yaml").write_text(GOOD)
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout == "interlock.yaml: ok (1 models, 0 routes)\n"
    assert "NO_SUCH_KEY_1 is not set" in result.stderr


def test_check_of_a_bad_file_tells_all_and_exits_1():
    Path("x.yaml").write_text("versoin: 1\nmodels: {m: {provider: sin, lane: locl}}\n")
    result = run("check", "x.yaml")
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines[:3]] == ["x.yaml:1:1", "x.yaml:2:24", "x.yaml:2:35"]
    assert lines[-1] == "3 problems in x.yaml"


def test_check_of_a_missing_file_and_of_none():
    result = run("check", "none.yaml")
    assert (result.exit_code, result.stderr) == (1, "none.yaml: No such file or directory\n")
    assert run("check").exit_code == 0


def test_explain_a_file():
    Path("interlock.yaml").write_text(GOOD)
    result = run("explain", "models.m.")
    assert result.exit_code == 0
    assert "env:NO_SUCH_KEY_1 (NOT SET)" in result.stdout
    assert all(line.startswith("models.m.") for line in result.stdout.splitlines())


def test_explain_what_is_discovered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", "hunter2hunter2")
    result = run("explain", "--json")
    rows = {row["path"]: row for row in json.loads(result.stdout)}
    assert rows["models.deepseek/deepseek-v4-flash.api_key"]["value"] == "env:DEEPSEEK_API_KEY (set)"
    assert rows["models.deepseek/deepseek-v4-flash.lane"]["origin"] == "found: key in DEEPSEEK_API_KEY"
    assert "hunter2" not in result.output


def test_explain_a_file_without_models_adds_what_is_found():
    Path("interlock.yaml").write_text("server: {port: 5000}\n")
    rows = {row["path"]: row for row in json.loads(run("explain", "--json").stdout)}
    assert rows["server.port"] == {"path": "server.port", "value": "5000", "origin": "interlock.yaml:1"}
    assert rows["models.sim/local.lane"]["origin"] == "found: built in"


def test_explain_of_a_bad_file():
    Path("interlock.yaml").write_text("a: 1\n")
    assert run("explain").exit_code == 1


def test_schema_is_json():
    assert json.loads(run("schema").stdout)["title"] == "interlock.yaml"


def test_check_knows_harnesses():
    Path("interlock.yaml").write_text(
        GOOD + "routes: [{id: a, when: {harness: [opencod, codex, unknown, 'cl*']}, to: m}]\n"
    )
    result = run("check")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "Did you mean opencode?" in result.stderr
