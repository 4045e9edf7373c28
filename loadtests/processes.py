"""Start, watch and end the processes of one target: CPU time and resident memory of a whole process tree, from /proc.

CPU time is user + system of every thread, ended ones included, in nanoseconds (the POSIX clock of each process), and of
children that ended and were waited for (in the kernel's ticks, 10 ms).
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
PAGE_MIB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20
STOP_S: Final = 10.0


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago, for programs that cannot tell which one they took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def raise_file_limit() -> None:
    """A thousand streams are two thousand sockets; children inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def spawn(
    words: Sequence[str], log: Path, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that all it starts can be ended with it; its output goes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            list(words),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the child's whole group, then SIGKILL to what is left of it."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
            process.wait(STOP_S)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _stat(pid: int) -> list[str]:
    """Fields 3 and on of /proc/PID/stat (man 5 proc); empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
    except OSError:
        return []


def tree(root: int) -> list[int]:
    """`root` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _cpu_of(pid: int) -> float:
    fields = _stat(pid)
    if not fields:
        return 0.0
    try:
        own = time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)
    except OSError:
        own = (int(fields[11]) + int(fields[12])) * TICK_S
    return own + (int(fields[13]) + int(fields[14])) * TICK_S


def cpu_s(root: int) -> float:
    """CPU seconds that the tree has used since it started."""
    return sum(map(_cpu_of, tree(root)))


def rss_mib(root: int) -> float:
    """Resident memory of the tree in MiB; pages shared by several of its processes count for each."""
    total = 0.0
    for pid in tree(root):
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MIB
        except OSError:
            continue
    return total


class Peak:
    """The highest resident memory of a tree while the block runs, looked at five times a second."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.mib = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while True:
            self.mib = max(self.mib, rss_mib(self.root))
            if self._done.wait(0.2):
                return

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.mib = max(self.mib, rss_mib(self.root))
