"""The audit log on disk: append-only JSON lines, chained (policies.audit), written in batches by one thread that owns
the file.

`record` only queues, so the event loop never waits for the disk. The file is locked while it is open: a second writer
would break the chain. When the queue is full the record is counted, and the log says how many are missing at that
place.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from gateway.telemetry import LOG
from policies import audit

QUEUE_RECORDS_MAX = 10_000
"""A record is 1 to 40 KB; a disk that stands still for a minute at 100 calls a second stays below it."""
BATCH_MAX = 200
BATCH_WAIT_S = 0.02
"""How long the first record waits for company: the disk is asked once for all, and the thread does not take the
interpreter's lock at the very moment when the call is released. A `kill -9` loses the records of so long."""
_TAIL_BYTES = 65_536

Record = dict[str, Any]
Entry = Record | Callable[[], Record] | threading.Event | None

_log = logging.getLogger(LOG)


class Held(ConfigError):
    """Another process writes this log; a chain has one writer."""


class AuditLog:
    """`now` gives Unix seconds. After `start`, `record` may be called from any thread."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._queue: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._hurry = threading.Event()
        self._file: int | None = None
        self._head = audit.GENESIS
        self._sequence = 0
        self._missed = 0
        self.lost = 0
        """Records that never reached the file."""

    @property
    def head(self) -> str:
        """Digest of the last line written."""
        return self._head

    async def start(self) -> None:
        """ConfigError when the file cannot be used, is held by another process, or does not end in a record."""
        await asyncio.to_thread(self._open)
        self._thread.start()

    def record(self, record: Record | Callable[[], Record]) -> None:
        """A record, or what makes it: then that work is done in the log's thread too."""
        if self._queue.qsize() < QUEUE_RECORDS_MAX:
            self._queue.put(record)  # in C: a tenth of what a bounded Queue costs
        else:
            self.lost += 1
            self._missed += 1
            _log.error("audit queue full, record kept in the log only: %r", _made(record))

    async def flush(self) -> None:
        """Returns when everything recorded so far is on disk."""
        done = threading.Event()
        self._hurry.set()
        self._queue.put(done)
        await asyncio.to_thread(done.wait)
        self._hurry.clear()

    async def aclose(self) -> None:
        if self._thread.is_alive():
            self._hurry.set()
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join, 30)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # --- in the thread ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)  # type: ignore[arg-type]  # it was opened: the lock is what failed
            self._file = None
            raise Held(f"the audit log {self._path} is held by another process", where=str(self._path)) from None
        except OSError as error:
            raise self._problem(f"cannot be used: {error.strerror or error}") from None
        last = last_line(self._path)
        if last:
            held = audit.verify([last])
            if held.head == audit.GENESIS:
                raise self._problem("does not end in a record: move it away, or see `interlock audit verify`")
            self._head, self._sequence = held.head, _sequence(last)

    def _problem(self, what: str) -> ConfigError:
        return ConfigError(f"the audit log {self._path} {what}", where=str(self._path))

    def _run(self) -> None:
        while True:
            batch = self._batch()
            records = [_made(entry) for entry in batch if isinstance(entry, dict) or callable(entry)]
            if records or self._missed:
                self._write(records)
            for entry in batch:
                if isinstance(entry, threading.Event):
                    entry.set()
            if None in batch:
                return

    def _batch(self) -> list[Entry]:
        batch = [self._queue.get()]
        if isinstance(batch[0], dict) or callable(batch[0]):
            self._hurry.wait(BATCH_WAIT_S)
        while len(batch) < BATCH_MAX and batch[-1] is not None:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, records: list[dict[str, Any]]) -> None:
        missed, self._missed = self._missed, 0
        gap = [audit.event("gap", self._now(), missing=missed)] if missed else []
        head, sequence, lines = self._head, self._sequence, list[bytes]()
        for record in (*records, *gap):
            sequence += 1
            made = audit.chained(record, sequence, head)
            lines.append(made.line)
            head = made.head
        try:
            self._append(b"".join(lines))
        except OSError as error:
            self.lost += len(records)
            self._missed = missed + len(records)
            _log.error(
                "the audit log cannot be written: %s; %d records kept in the log only: %r", error, len(records), records
            )
            return
        self._head, self._sequence = head, sequence

    def _append(self, data: bytes) -> None:
        """All of it or nothing: what was written of a batch that failed half-way is taken back."""
        assert self._file is not None
        size = os.fstat(self._file).st_size
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise


def _made(record: Record | Callable[[], Record]) -> Record:
    if isinstance(record, dict):
        return record
    try:
        return record()
    except Exception as error:  # noqa: BLE001 - logged below with its trace
        # The edge of the log's thread: a record that cannot be made must not end the log, nor vanish from it.
        _log.exception("an audit record could not be made")
        return {"kind": "unmade", "error": type(error).__name__}


def last_line(path: Path) -> bytes:
    """The last line of a file, b"" for an empty one."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        step = _TAIL_BYTES
        while True:
            start = max(0, size - step)
            file.seek(start)
            lines = file.read(size - start).splitlines(keepends=True)
            if start == 0 or len(lines) > 1:
                return lines[-1] if lines else b""
            step *= 4


def read(path: Path) -> Iterator[bytes]:
    """Lines of a log, each with its end."""
    with path.open("rb") as file:
        yield from file


def _sequence(line: bytes) -> int:

    return int(json.loads(line)["seq"])
