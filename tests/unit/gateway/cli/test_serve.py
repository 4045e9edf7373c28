"""What `serve` decides before it listens. The running server is driven by tests/integration and tests/harness."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import _configuration, main, serve
from gateway.config.load import Loaded, load
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
        self.family, self.closed, self.inheritable, self.shared = family, False, False, False
        self.address: tuple[str, int] | None = None
        made.append(self)

    def setsockopt(self, _: int, option: int, value: int) -> None:
        self.shared |= option == socket.SO_REUSEPORT and bool(value)

    def bind(self, address: tuple[str, int]) -> None:
        if error is not None:
            raise error
        self.address = address

    def getsockname(self) -> tuple[str, int] | None:
        return self.address

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


def loaded(text: str) -> Loaded:
    return load(text, file="f.yaml", catalog=_configuration.catalog())


def test_workers_of_the_command_line_are_those_of_the_settings() -> None:
    found = serve.with_workers(loaded("models: {a: {provider: sim, lane: mid}}"), 3)
    assert found.settings.server.workers == 3
    assert found.settings.models.keys() == {"a"}
    with pytest.raises(ConfigError) as caught:
        serve.with_workers(loaded("state: {kind: memory}"), 3)
    (problem,) = caught.value.problems
    assert problem.startswith("--workers: server.workers: several workers cannot share")


def start(path: Path, **more: object) -> serve.Start:
    async def read() -> Loaded:
        return loaded(path.read_text())  # noqa: ASYNC240 - a test

    return serve.Start(loaded(path.read_text()), read, path, path.parent, "127.0.0.1", 0, ())


def test_the_supervisor_keeps_the_last_good_configuration(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("tags: [one]")
    current = serve.Current(start(file))
    assert not current.changed()
    file.write_text("tags: [one, two]")
    assert current.changed()
    assert not current.changed()
    current.load()
    assert current.start.settings.tags == ("one", "two")
    file.write_text("tagz: [no]")
    current.load()
    assert current.start.settings.tags == ("one", "two")
    assert not current.changed(), "what was read is no change later"
    file.unlink()
    assert not current.changed(), "editors replace files"


def test_a_socket_for_each_worker(binding: pytest.MonkeyPatch) -> None:
    first = serve.bind("127.0.0.1", 4242)
    assert first is not None
    with serve.Listeners(first, 3) as sockets:
        one, *mine = made
        assert one.closed, "it has proven that the port is free"
        assert [found.shared for found in mine] == [True] * 3
        assert {found.address for found in mine} == {("127.0.0.1", 4242)}
        sockets.close(1)
        assert [found.closed for found in mine] == [False, True, False]
        sockets.open(1)
        sockets.open(1)
        assert len(made) == 5, "opened once"
        assert sockets.only(1) is made[4]
        assert [found.closed for found in made[1:]] == [True, True, True, False]
    assert all(found.closed for found in made)


async def test_a_policy_that_a_reload_names_is_watched_too(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("policies: []")
    latest = serve.Latest(start(file))
    assert latest.files() == [str(file)]
    file.write_text("policies: [own.yaml]")
    assert latest.files() == [str(file)], "not read yet"
    await latest.start.load()
    assert latest.files() == [str(file), "own.yaml"]
    file.write_text("policies: [:]")
    with pytest.raises(ConfigError):
        await latest.start.load()
    assert latest.files() == [str(file), "own.yaml"]
