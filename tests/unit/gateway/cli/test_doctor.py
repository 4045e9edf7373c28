"""`interlock doctor`: one list, cures under what is wrong, exit 1 on problems only."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import _doctor_machine, _doctor_upstream, main
from gateway.cli._finding import Finding, ok, problem

CONFIG = """version: 1
models:
  local/a: {provider: vllm, base_url: "http://127.0.0.1:1", model: m1, lane: local}
"""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket: the port and the upstreams are told."""

    async def port(host: str, number: int) -> Finding:
        return ok(f"port {host}:{number} is free")

    async def upstreams(endpoints: object) -> list[Finding]:
        return [problem("local/a: cannot be reached", "start the server")]

    monkeypatch.setattr(_doctor_machine, "port", port)
    monkeypatch.setattr(_doctor_upstream, "check", upstreams)


def run(tmp_path: Path, config: str, *words: str) -> Result:
    file = tmp_path / "interlock.yaml"
    file.write_text(config)
    places = ("--state-dir", str(tmp_path / "state"), "--home", str(tmp_path))
    return CliRunner().invoke(main, ["doctor", "--config", str(file), *places, *words])


def test_a_problem_and_its_cure(tmp_path: Path) -> None:
    said = run(tmp_path, CONFIG)
    assert said.exit_code == 1
    assert "PROBLEM local/a: cannot be reached\n        → start the server" in said.output
    assert "port 127.0.0.1:4242 is free" in said.output
    assert said.output.endswith("1 problem\n")


def test_all_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fine(endpoints: object) -> list[Finding]:
        return [ok("local/a: served")]

    monkeypatch.setattr(_doctor_upstream, "check", fine)
    said = run(tmp_path, CONFIG, "--port", "5001")
    assert said.exit_code == 0
    assert "interlock.yaml is right" in said.output
    assert "127.0.0.1:5001" in said.output
    assert said.output.endswith("no problems\n")


def test_a_broken_configuration_names_every_problem_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    said = run(tmp_path, "version: 1\nmodels:\n  a: {provider: vlm, lane: local}\n")
    assert said.exit_code == 1
    assert "vllm" in said.output  # the nearest known name
    assert "port 127.0.0.1:4242 is free" in said.output
    assert "state directory" in said.output


def test_a_secret_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    said = run(tmp_path, CONFIG.replace("lane: local", "lane: local, api_key: env:NOT_SET_ANYWHERE"))
    assert "PROBLEM" in said.output
    assert "NOT_SET_ANYWHERE" in said.output
