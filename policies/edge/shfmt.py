"""mvdan/sh through the shfmt program (shfmt-py): text in, syntax tree out. One process per text, because shfmt reads one
text and ends; processes that wait for their text are kept ready, which takes starting one (2 to 3 ms) off the way of a call.

Bounds: seconds and bytes of one answer, processes at a time, answers remembered. At each bound the answer is None, which the
engine takes as "not read": the call asks.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sysconfig
import threading
from collections import OrderedDict, deque
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

from policies.verdict import NeedParse

TIMEOUT_S = 2.0
"""Of one answer; shfmt needs 2 ms for what people and models write."""
TEXT_BYTES_MAX = 400_000
"""UTF-8; the engine reads 100,000 characters at most."""
OUTPUT_BYTES_MAX = 64 * 1024 * 1024
PROCESSES_MAX = 8
"""At work at a time; further callers wait, `TIMEOUT_S` at most."""
MEMO_MAX = 512
MEMO_BYTES_MAX = 256 * 1024
"""Larger answers are not remembered."""
READY = 2
"""Processes that wait for their text."""
_ARGUMENTS = ("--to-json", "-ln=bash")

Result = TypeVar("Result")


class ShfmtMissing(RuntimeError):
    """The shfmt program is not installed: without it no command beyond plain words could be read."""


def find_binary() -> str:
    """Path of the program that the dependency shfmt-py installs beside Python. ShfmtMissing when it is not there."""
    beside = Path(sysconfig.get_path("scripts")) / "shfmt"
    found = str(beside) if beside.is_file() else shutil.which("shfmt")
    if found is None:
        raise ShfmtMissing("the program shfmt is not installed; it comes with the package shfmt-py")
    return found


class Shfmt:
    """Safe for threads. `close` ends the processes that wait; a parser that is thrown away ends them too."""

    def __init__(self, binary: str | None = None, *, ready: int = READY, timeout_s: float = TIMEOUT_S) -> None:
        self._binary = binary or find_binary()
        self._ready_max = ready
        self._timeout_s = timeout_s
        self._memo: OrderedDict[bytes, bytes | None] = OrderedDict()
        self._ready: deque[subprocess.Popen[bytes]] = deque()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(PROCESSES_MAX)
        self._wake = threading.Event()
        self._closed = False
        self._keeper: threading.Thread | None = None

    def parse(self, text: str) -> bytes | None:
        """The tree as JSON; None when shfmt refuses the text, or at a bound."""
        try:
            source = text.encode("utf-8")
        except UnicodeEncodeError:
            return None
        if len(source) > TEXT_BYTES_MAX:
            return None
        key = hashlib.sha256(source).digest()
        known = self.remembered(key)
        if known is not _ABSENT:
            return known if isinstance(known, bytes) else None
        tree, sure = self._ask(source)
        if sure:
            self._remember(key, tree)
        return tree

    def known(self, text: str) -> bool:
        """Whether the answer is remembered, so that `parse` takes microseconds."""
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        return self.remembered(key) is not _ABSENT

    def remembered(self, key: bytes) -> bytes | object | None:
        with self._lock:
            if key not in self._memo:
                return _ABSENT
            self._memo.move_to_end(key)
            return self._memo[key]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            waiting = list(self._ready)
            self._ready.clear()
        self._wake.set()
        for process in waiting:
            _end(process)

    def __enter__(self) -> Shfmt:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- one question --------------------------------------------------------------------------------------------------

    def _ask(self, source: bytes) -> tuple[bytes | None, bool]:
        """The tree, and whether it would be the same next time."""
        if not self._slots.acquire(timeout=self._timeout_s):
            return None, False
        try:
            process = self._take()
            try:
                output, _ = process.communicate(source, timeout=self._timeout_s)
            except subprocess.TimeoutExpired:
                return None, False
            finally:
                _end(process)
        except OSError:
            return None, False
        finally:
            self._slots.release()
        if process.returncode != 0:
            return None, process.returncode > 0
        return (output, True) if len(output) <= OUTPUT_BYTES_MAX else (None, True)

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            process = self._ready.popleft() if self._ready else None
            if self._keeper is None and self._ready_max and not self._closed:
                self._keeper = threading.Thread(target=self._keep, name="shfmt", daemon=True)
                self._keeper.start()
        self._wake.set()
        if process is not None and process.poll() is None:
            return process
        return self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # our own binary with constant arguments
            [self._binary, *_ARGUMENTS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            close_fds=False,
        )

    def _keep(self) -> None:
        """Keep processes ready; runs in a thread of its own until `close`."""
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            while not self._closed and len(self._ready) < self._ready_max:
                try:
                    process = self._start()
                except OSError:
                    break
                with self._lock:
                    kept = not self._closed
                    if kept:
                        self._ready.append(process)
                if not kept:
                    _end(process)

    def _remember(self, key: bytes, tree: bytes | None) -> None:
        if tree is not None and len(tree) > MEMO_BYTES_MAX:
            return
        with self._lock:
            self._memo[key] = tree
            while len(self._memo) > MEMO_MAX:
                self._memo.popitem(last=False)


_ABSENT = object()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                pass
    process.wait()


def answered(steps: Generator[NeedParse, bytes | None, Result], parser: Shfmt) -> Result:
    """Drive a reading (`policies.shell.reading`) to its end."""
    try:
        need = next(steps)
        while True:
            need = steps.send(parser.parse(need.text))
    except StopIteration as stop:
        result: Result = stop.value
        return result
