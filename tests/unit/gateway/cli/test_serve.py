"""What `serve` decides before it listens. The running server is driven by tests/integration and tests/harness."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main, serve
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("localhost.example.org", False),
        ("box", False),
    ],
)
def test_only_loopback_needs_no_key(host: str, local: bool) -> None:
    assert serve.is_loopback(host) is local


class FakeSocket:
    """Stands for `socket.socket`: unit tests open none."""

    def __init__(self, family: int, kind: int, protocol: int = 0) -> None:
        self.family, self.closed, self.inheritable = family, False, False
        made.append(self)

    def setsockopt(self, *_: int) -> None: ...

    def bind(self, address: tuple[str, int]) -> None:
        if error is not None:
            raise error

    def close(self) -> None:
        self.closed = True

    def set_inheritable(self, value: bool) -> None:
        self.inheritable = value


made: list[FakeSocket] = []
error: OSError | None = None


@pytest.fixture
def binding(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    made.clear()
    monkeypatch.setattr(serve.socket, "socket", FakeSocket)
    return monkeypatch


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("localhost", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_a_bound_socket(binding: pytest.MonkeyPatch, host: str, family: int) -> None:
    assert serve.bind(host, 4242) is not None
    assert (made[0].family, made[0].closed) == (family, False)


@pytest.mark.parametrize("number", [98, 48])
def test_a_taken_port_is_no_error_of_the_configuration(binding: pytest.MonkeyPatch, number: int) -> None:
    binding.setattr(f"{__name__}.error", OSError(number, "Address already in use"))
    assert serve.bind("127.0.0.1", 4242) is None
    assert made[0].closed


def test_an_address_of_somebody_else_is_one(binding: pytest.MonkeyPatch) -> None:
    binding.setattr(f"{__name__}.error", OSError(99, "Cannot assign requested address"))
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:80: Cannot assign"):
        serve.bind("192.0.2.1", 80)
    assert made[0].closed


def test_an_ipv6_address_is_shown_in_brackets() -> None:
    assert [serve._shown(host) for host in ("::1", "127.0.0.1")] == ["[::1]", "127.0.0.1"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("modles: {}\n", "modles: unknown key"),
        ("server: {workers: 2}\nstate: {kind: memory}\nmodels: {a: {provider: sim, lane: mid}}\n", "server.workers"),
    ],
)
def test_a_bad_configuration_is_told_and_nothing_is_served(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "interlock.yaml"
    file.write_text(text)
    result = CliRunner().invoke(main, ["serve", "--config", str(file), "--state-dir", str(tmp_path / "state")])
    assert result.exit_code == 1
    assert problem in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "state").exists()
