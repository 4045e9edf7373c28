"""Checks of this machine: the port and who holds it, the state directory, and where coding agents point."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from gateway.cli import _connections
from gateway.cli._finding import Finding, ok, problem, warning
from gateway.errors import ConfigError
from gateway.harnesses.contract import Connect, Harness
from gateway.harnesses.registry import all_harnesses

ASK_S = 3.0
PROC = Path("/proc")
FREE_BYTES_MIN = 50 * 1024 * 1024


# --- the port ----------------------------------------------------------------------------------------------------


async def port(host: str, number: int) -> Finding:
    """Free, ours (the gateway runs), or taken, then by whom."""
    where = f"{host}:{number}"
    try:
        free = bindable(host, number)
    except OSError as error:
        return problem(f"{host} is no address of this machine: {error.strerror}", "correct server.host")
    if free:
        return ok(f"port {where} is free")
    version = await _gateway_at(host, number)
    if version is not None:
        return ok(f"the gateway runs on {where} (version {version})")
    who = holder(number)
    text = f"port {where} is taken" + (f" by {who}" if who else "")
    return problem(text, "end that program, or choose another port with --port or server.port")


def bindable(host: str, number: int) -> bool:
    """OSError for an address that is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, number))
        except OSError as error:
            if error.errno in (98, 48, 13):  # in use (Linux, macOS), not permitted (below 1024)
                return False
            raise
    return True


async def _gateway_at(host: str, number: int) -> str | None:
    """The version that a gateway there tells; None for anything else."""
    name = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1", "": "127.0.0.1"}.get(host, host)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S)) as session,
            session.get(f"http://{name}:{number}/health") as reply,
        ):
            body = await reply.json(content_type=None)
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
        return None
    return str(body.get("version", "unknown")) if isinstance(body, dict) and "version" in body else None


def holder(number: int, proc: Path = PROC) -> str | None:
    """Program and pid that listen on a TCP port, from /proc; None where that cannot be read."""
    inodes = _listening(number, proc)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in proc.glob("[0-9]*/fd"):
        if wanted & _links(folder):
            try:
                name = (folder.parent / "comm").read_text().strip()
            except OSError:
                name = "a program"
            return f"{name} (pid {folder.parent.name})"
    return None


def _links(folder: Path) -> set[str]:
    """What the open files of a process are; those that vanish meanwhile, or are not ours to look at, are left out."""
    found = set()
    try:
        for entry in os.scandir(folder):
            try:
                found.add(os.readlink(entry.path))
            except OSError:
                continue
    except OSError:
        pass
    return found


def _listening(number: int, proc: Path) -> set[str]:
    """Inodes of sockets that listen on the port (state 0A of /proc/net/tcp, columns as in proc(5))."""
    found = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            cells = line.split()
            if len(cells) > 9 and cells[3] == "0A" and int(cells[1].rpartition(":")[2], 16) == number:
                found.add(cells[9])
    return found


# --- the state directory -----------------------------------------------------------------------------------------


def state_directory(state: Path) -> Finding:
    """It or the nearest folder above it that exists must be ours to write."""
    folder = state
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder != state and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return ok(f"state directory {state} can be made")
    if not folder.is_dir():
        return problem(f"{folder} is no folder", f"remove it, or name another place with --state-dir (wanted: {state})")
    if not os.access(folder, os.W_OK | os.X_OK):
        return problem(
            f"{folder} may not be written", f"make it yours (chown), or name another with --state-dir (wanted: {state})"
        )
    disk = os.statvfs(folder)
    full = disk.f_bavail * disk.f_frsize
    if full < FREE_BYTES_MIN:
        return warning(
            f"state directory {state} has {full // 2**20} MiB left", "make room: the ledger stops when the disk is full"
        )
    return ok(f"state directory {state} can be written")


# --- coding agents -----------------------------------------------------------------------------------------------

_VARIABLES = {
    "ANTHROPIC_BASE_URL": ("claude-code", "qwen-code"),
    "OPENAI_BASE_URL": ("qwen-code", "aider"),
    "OPENAI_API_BASE": ("aider",),
    "AIDER_OPENAI_API_BASE": ("aider",),
}
"""Environment variables that override the files of the harnesses named."""


def harnesses(home: Path, state: Path, host: str, number: int, environment: Mapping[str, str]) -> list[Finding]:
    """Those that were connected and point elsewhere now, and those whose address is not this gateway's."""
    found = []
    connected = set()
    for name, harness in all_harnesses().items():
        if harness.connect is None:
            continue
        try:
            record = _connections.load(_connections.record_path(state, name, home))
            texts = _connections.texts(home, _connections.located(harness.connect, home))
            target = harness.connect.points_at(texts) if any(texts.values()) else None
        except ConfigError as error:
            found.append(warning(f"{harness.title}: {error.message}", "correct that file, then run connect again"))
            continue
        if record is not None:
            connected.add(name)
            found.append(_connected(harness, target, record.base_url, host, number))
    for variable, readers in _VARIABLES.items():
        value = environment.get(variable)
        affected = connected.intersection(readers)
        if value and affected and not same(value, host, number):
            found.append(
                warning(
                    f"{variable}={value} overrides the settings of {', '.join(sorted(affected))}", f"unset {variable}"
                )
            )
    return found


def _connected(harness: Harness, target: str | None, written: str, host: str, number: int) -> Finding:
    assert isinstance(harness.connect, Connect)
    again = f"run `interlock connect {harness.name}` again, or `interlock disconnect {harness.name}`"
    if target is None:
        return warning(f"{harness.title} was connected, but its settings name no address any more", again)
    if not same(target, written):
        return warning(f"{harness.title} was connected to {written}, but points at {target} now", again)
    if not same(target, host, number):
        cure = f"run `interlock connect {harness.name} --base-url http://{host}:{number}`"
        return warning(f"{harness.title} points at {target}, not at {host}:{number}", cure)
    return ok(f"{harness.title} points at this gateway ({target})")


def same(url: str, other: str, number: int | None = None) -> bool:
    """One server: same host (all names of loopback are one) and port. `other` is a URL, or a host with `number`."""
    return _server(url) == (_server(other) if number is None else (_name(other), number))


def _server(url: str) -> tuple[str, int]:
    """What is no URL (an open bracket, a port that is no number) is a server of its own name."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, 0
    try:
        given = parts.port
    except ValueError:
        given = None
    return _name(parts.hostname or ""), given or (443 if parts.scheme == "https" else 80)


def _name(host: str) -> str:
    return "loopback" if host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::") else host.lower()
