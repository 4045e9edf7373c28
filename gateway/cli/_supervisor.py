"""Several workers on one listening socket: starts them, starts those that die again, passes signals on, ends them all.

The process that does this holds no event loop, no thread and no request: it waits for signals, forks, and reaps. Workers are
forked, not executed, so all have the very configuration that was found once, and the code they share is in memory once.
`Supervisor` decides; `System` is what it asks of the operating system, so that the decisions can be tested without one.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.telemetry import LOG

_log = logging.getLogger(LOG)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

TICK_S = 1.0
"""The configuration file is looked at as often."""
START_TICK_S = 0.02

BACKOFF_BASE_S = 0.5
BACKOFF_MAX_S = 30.0
WELL_S = 60.0
"""A worker that lived for as long was well: its death begins a new count."""

KILL_AFTER_S = 10.0
"""Beyond `server.drain_s`: time for the last words, the last rows, and the end."""


class System(Protocol):
    def fork(self, slot: int) -> int:
        """Starts the worker of a slot; its process id."""

    def leave(self, slot: int) -> None:
        """No connection is given to that slot until its worker is started again."""

    def wait(self, seconds: float) -> int | None:
        """The next signal; None when none came in that time."""

    def reap(self) -> list[tuple[int, int]]:
        """(process id, exit code, negative for a signal) of every child that ended."""

    def kill(self, pid: int, number: int) -> None: ...

    def ready(self) -> set[int]:
        """Slots whose workers have said that they serve since this was last asked."""

    def changed(self) -> bool:
        """The configuration file is another one than at the last look."""

    def load(self) -> None:
        """Takes the configuration as it is now for workers that are started from now on, if it is a good one."""

    def now(self) -> float:
        """Seconds that never step."""


@dataclass(slots=True)
class Worker:
    """One slot. `deaths` in a row; `again_at` when it may be started again, while it is dead."""

    slot: int
    pid: int | None = None
    since: float = 0.0
    deaths: int = 0
    again_at: float | None = None
    ready: bool = False


class Crewing(Protocol):
    """Who lives; `adapters.board.Board` for the workers to see."""

    def began(self, slot: int) -> None: ...

    def ended(self, slot: int) -> None: ...


def pause_s(deaths: int) -> float:
    """Before the start after that many deaths in a row."""
    return min(BACKOFF_BASE_S * float(2 ** (min(deaths, 16) - 1)), BACKOFF_MAX_S)


@dataclass
class Supervisor:
    """`drain_s` is asked at the end, `serving` called once when all workers serve for the first time."""

    system: System
    board: Crewing
    size: int
    drain_s: float
    serving: Callable[[], None]
    fatal: frozenset[int] = frozenset()
    """Exit codes by which a worker says, before it has ever served, that no worker can."""
    workers: list[Worker] = field(default_factory=list)
    _told: bool = False

    def run(self) -> int:
        """Until a stop is asked for; the exit code of the whole."""
        self.workers = [Worker(slot) for slot in range(self.size)]
        for worker in self.workers:
            self._start(worker)
        while True:
            match self.system.wait(self._tick_s()):
                case signal.SIGTERM | signal.SIGINT:
                    return self._stop()
                case signal.SIGHUP:
                    self._reload("SIGHUP")
                case _:
                    if self._told and self.system.changed():
                        self._reload("the configuration file changed")
            if (code := self._reap()) is not None:
                self._stop()
                return code
            self._mark_ready()
            self._start_again()

    # --- the workers ------------------------------------------------------------------------------------------

    def _start(self, worker: Worker) -> None:
        """Where the machine has no memory or no process left for it, it is tried again: the others serve on."""
        worker.again_at, worker.since, worker.ready = None, self.system.now(), False
        self.board.began(worker.slot)
        try:
            worker.pid = self.system.fork(worker.slot)
        except OSError as error:
            self.board.ended(worker.slot)
            worker.deaths += 1
            pause = pause_s(worker.deaths)
            worker.again_at = self.system.now() + pause
            _log.error("worker %d cannot be started (%s); it is tried again in %.1f s", worker.slot, error, pause)

    def _start_again(self) -> None:
        now = self.system.now()
        for worker in self.workers:
            if worker.again_at is not None and worker.again_at <= now:
                self._start(worker)
                if worker.pid is not None:
                    _log.info("worker %d starts again (pid %d)", worker.slot, worker.pid)

    def _reap(self) -> int | None:
        """Takes note of the dead. The exit code when there is no sense in going on."""
        for pid, code in self.system.reap():
            worker = next((w for w in self.workers if w.pid == pid), None)
            if worker is None:
                continue
            self.board.ended(worker.slot)
            worker.pid = None
            if not self._told and code in self.fatal:
                return code
            now = self.system.now()
            worker.deaths = 1 if worker.ready and now - worker.since >= WELL_S else worker.deaths + 1
            pause = pause_s(worker.deaths)
            worker.again_at = now + pause
            if worker.deaths > 1:  # after the first one it will be back before anybody who waits there gives up
                self.system.leave(worker.slot)
            _log.error("worker %d (pid %d) %s; it starts again in %.1f s", worker.slot, pid, ending(code), pause)
        return None

    def _mark_ready(self) -> None:
        for slot in self.system.ready():
            self.workers[slot].ready = True
        if not self._told and all(worker.ready for worker in self.workers):
            self._told = True
            self.serving()

    def _reload(self, why: str) -> None:
        _log.info("%s: all workers load it", why)
        self.system.load()
        for worker in self.workers:
            if worker.pid is not None:
                self.system.kill(worker.pid, signal.SIGHUP)

    def _stop(self) -> int:
        """All drain at the same time; what is left after the limit is killed. 0 when every worker ended well."""
        alive = {w.pid: w for w in self.workers if w.pid is not None}
        for pid in alive:
            self.system.kill(pid, signal.SIGTERM)
        _log.info("draining: %d workers", len(alive))
        limit, killed, code = self.system.now() + self.drain_s + KILL_AFTER_S, False, 0
        while True:
            for pid, ended in self.system.reap():
                worker = alive.pop(pid, None)
                if worker is not None:
                    self.board.ended(worker.slot)
                    if ended:
                        _log.error("worker %d (pid %d) %s while draining", worker.slot, pid, ending(ended))
                        code = 1
            if not alive:
                return code
            if self.system.now() >= limit and not killed:
                killed = True
                for pid in alive:
                    self.system.kill(pid, signal.SIGKILL)
            self.system.wait(START_TICK_S if killed else min(TICK_S, max(limit - self.system.now(), START_TICK_S)))

    def _tick_s(self) -> float:
        if not self._told:
            return START_TICK_S
        now = self.system.now()
        waits = [worker.again_at - now for worker in self.workers if worker.again_at is not None]
        unready = any(worker.pid is not None and not worker.ready for worker in self.workers)
        return max(START_TICK_S, min([TICK_S / 10 if unready else TICK_S, *waits]))


def ending(code: int) -> str:
    """How a process ended, for people."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


class Sockets(Protocol):
    def open(self, slot: int) -> None: ...

    def close(self, slot: int) -> None: ...


class Files(Protocol):
    """The configuration, seen from the supervisor."""

    def changed(self) -> bool: ...

    def load(self) -> None: ...


class Processes:
    """`System` on the real one. `work` runs in the child with (slot, what to call when it serves, a file descriptor that
    reaches its end when the supervisor is gone) and returns its exit code; it finds `SIGNALS` blocked."""

    def __init__(self, work: Callable[[int, Callable[[], None], int], int], sockets: Sockets, files: Files) -> None:
        self._work = work
        self._sockets = sockets
        self.leave, self.changed, self.load = sockets.close, files.changed, files.load
        self._ready_read, self._ready_write = os.pipe()
        self._life_read, self._life_write = os.pipe()
        os.set_blocking(self._ready_read, False)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def fork(self, slot: int) -> int:
        self._sockets.open(slot)
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.close(self._life_write)
            os.close(self._ready_read)
            code = self._work(slot, lambda: self._say(slot), self._life_read)
        except BaseException:  # noqa: BLE001 - the edge of the process: told, then it ends here and not in the parent's code
            _log.exception("worker %d failed", slot)
        finally:
            logging.shutdown()
            os._exit(code)

    def _say(self, slot: int) -> None:
        os.write(self._ready_write, bytes([slot]))

    def wait(self, seconds: float) -> int | None:
        found = signal.sigtimedwait(SIGNALS, seconds)
        return None if found is None else found.si_signo

    def reap(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if pid == 0:
                return found
            found.append((pid, os.waitstatus_to_exitcode(status)))

    def kill(self, pid: int, number: int) -> None:
        os.kill(pid, number)

    def ready(self) -> set[int]:
        try:
            return set(os.read(self._ready_read, 4096))
        except BlockingIOError:
            return set()

    def now(self) -> float:
        return time.monotonic()
