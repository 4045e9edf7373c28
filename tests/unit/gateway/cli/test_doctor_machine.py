"""Port, state directory and coding agents: each trouble is named with its cure."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gateway.cli import _doctor_machine as d
from tests.unit.gateway.cli.test_connect import run

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def fake_proc(root: Path, port: int, state: str = "0A") -> Path:
    """A /proc with one program, pid 77, that holds socket 5150."""
    (root / "net").mkdir(parents=True)
    line = f"   0: 0100007F:{port:04X} 00000000:0000 {state} 0:0 00:0 0  1000        0 5150 1 0\n"
    (root / "net/tcp").write_text(HEADER + line)
    (root / "77/fd").mkdir(parents=True)
    (root / "77/comm").write_text("llama-server\n")
    (root / "77/fd/0").symlink_to("/dev/null")
    (root / "77/fd/3").symlink_to("socket:[5150]")
    return root


def test_who_holds_a_port(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, 4242)
    assert d.holder(4242, proc) == "llama-server (pid 77)"
    assert d.holder(4243, proc) is None
    assert d.holder(4242, tmp_path / "missing") is None


def test_a_client_connection_does_not_hold_a_port(tmp_path: Path) -> None:
    assert d.holder(4242, fake_proc(tmp_path, 4242, state="01")) is None


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d, "bindable", lambda host, number: False)
    monkeypatch.setattr(d, "holder", lambda number: "nginx (pid 5)")


async def test_a_foreign_program_on_the_port(taken: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(host: str, number: int) -> None:
        return None

    monkeypatch.setattr(d, "_gateway_at", nobody)
    found = await d.port("127.0.0.1", 4242)
    assert (found.level, found.text) == ("problem", "port 127.0.0.1:4242 is taken by nginx (pid 5)")
    assert "--port" in found.cure


async def test_the_gateway_itself_on_the_port(taken: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def us(host: str, number: int) -> str:
        return "0.1.0"

    monkeypatch.setattr(d, "_gateway_at", us)
    found = await d.port("127.0.0.1", 4242)
    assert (found.level, found.text) == ("ok", "the gateway runs on 127.0.0.1:4242 (version 0.1.0)")


async def test_an_address_of_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: str, number: int) -> bool:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(d, "bindable", refuse)
    found = await d.port("192.0.2.1", 4242)
    assert found.level == "problem"
    assert "server.host" in found.cure


def test_the_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert d.state_directory(tmp_path).level == "ok"
    assert d.state_directory(tmp_path / "a/b").text.endswith("can be made")
    (tmp_path / "file").write_text("")
    assert d.state_directory(tmp_path / "file/x").level == "problem"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    refused = d.state_directory(tmp_path)
    assert refused.level == "problem"
    assert "--state-dir" in refused.cure


def test_a_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d, "FREE_BYTES_MIN", 1 << 80)
    assert d.state_directory(tmp_path).level == "warning"


@pytest.mark.parametrize(
    ("url", "other", "number", "same"),
    [
        ("http://127.0.0.1:4242/v1", "http://localhost:4242", None, True),
        ("http://[::1]:4242", "127.0.0.1", 4242, True),
        ("https://gw.test/v1", "gw.test", 443, True),
        ("http://gw.test", "http://GW.test:80/", None, True),
        ("http://127.0.0.1:4243", "127.0.0.1", 4242, False),
        ("http://127.0.0.1:99999", "127.0.0.1", 4242, False),
        ("nonsense", "127.0.0.1", 4242, False),
        ("http://[::1", "127.0.0.1", 4242, False),  # no URL at all
    ],
)
def test_one_server(url: str, other: str, number: int | None, same: bool) -> None:
    assert d.same(url, other, number) is same


def test_a_connected_harness_is_followed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert d.harnesses(tmp_path, state, "127.0.0.1", 4242, {}) == []
    run(tmp_path, "connect", "aider", "--yes")
    (found,) = d.harnesses(tmp_path, state, "127.0.0.1", 4242, {})
    assert found.level == "ok"
    (moved,) = d.harnesses(tmp_path, state, "127.0.0.1", 5000, {})
    assert "--base-url http://127.0.0.1:5000" in moved.cure
    file = tmp_path / ".aider.conf.yml"
    text = file.read_text()
    file.write_text(text.replace("127.0.0.1:4242", "api.example.test"))
    (elsewhere,) = d.harnesses(tmp_path, state, "127.0.0.1", 4242, {})
    assert "points at http://api.example.test/v1 now" in elsewhere.text
    assert "connect aider" in elsewhere.cure
    file.unlink()
    (gone,) = d.harnesses(tmp_path, state, "127.0.0.1", 4242, {})
    assert "no address any more" in gone.text
    file.write_text("a: [")
    (broken,) = d.harnesses(tmp_path, state, "127.0.0.1", 4242, {})
    assert "is not YAML" in broken.text


def test_a_variable_that_overrides_a_connected_harness(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environment = {"ANTHROPIC_BASE_URL": "https://api.example.test", "OPENAI_BASE_URL": "http://localhost:4242/v1"}
    assert d.harnesses(tmp_path, state, "127.0.0.1", 4242, environment) == []
    run(tmp_path, "connect", "claude-code", "--yes")
    found = d.harnesses(tmp_path, state, "127.0.0.1", 4242, environment)
    assert [f.cure for f in found if f.level == "warning"] == ["unset ANTHROPIC_BASE_URL"]
