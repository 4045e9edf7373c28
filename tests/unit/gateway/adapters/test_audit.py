"""The audit log on disk: chained over restarts, held by one writer, whole or not at all."""

import json
import os

import pytest

from gateway.adapters.audit import AuditLog, last_line, read
from gateway.errors import ConfigError
from policies import audit


async def written(path, *notes, log=None):
    log = log or AuditLog(path, lambda: 5.0)
    await log.start()
    for note in notes:
        log.record(audit.event("reload", 1.0, note=note))
    await log.aclose()
    return log


async def test_the_chain_goes_on_after_a_restart(tmp_path):
    path = tmp_path / "state" / "audit.jsonl"
    await written(path, "a", "b")
    log = await written(path, "c")
    found = audit.verify(read(path))
    assert (found.lines, found.findings, found.head) == (3, (), log.head)
    assert path.stat().st_mode & 0o077 == 0


async def test_flush_means_on_disk(tmp_path):
    log = AuditLog(tmp_path / "a", lambda: 5.0)
    await log.start()
    for number in range(500):
        log.record(audit.event("reload", 1.0, note=str(number)))
    await log.flush()
    assert audit.verify(read(tmp_path / "a")).lines == 500
    await log.aclose()


async def test_one_writer(tmp_path):
    log = AuditLog(tmp_path / "a", lambda: 5.0)
    await log.start()
    with pytest.raises(ConfigError, match="another process"):
        await AuditLog(tmp_path / "a", lambda: 5.0).start()
    await log.aclose()


async def test_a_file_that_is_no_log(tmp_path):
    (tmp_path / "a").write_text("hello\n")
    with pytest.raises(ConfigError, match="does not end in a record"):
        await AuditLog(tmp_path / "a", lambda: 5.0).start()
    with pytest.raises(ConfigError, match="cannot be used"):
        await AuditLog(tmp_path, lambda: 5.0).start()


async def test_a_full_queue_leaves_a_gap_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.adapters.audit.QUEUE_RECORDS_MAX", 2)
    log = AuditLog(tmp_path / "a", lambda: 5.0)
    for number in range(5):
        log.record(audit.event("reload", 1.0, note=str(number)))
    assert log.lost == 3
    await log.start()
    await log.flush()
    await log.aclose()
    records = [json.loads(line) for line in read(tmp_path / "a")]
    assert [record["kind"] for record in records] == ["reload", "reload", "gap"] or [r["kind"] for r in records] == [
        "reload",
        "gap",
        "reload",
    ]
    assert sum(record.get("missing", 0) for record in records) == 3
    assert audit.verify(read(tmp_path / "a")).findings == ()


async def test_a_disk_that_fails_breaks_no_chain(tmp_path, monkeypatch):
    log = AuditLog(tmp_path / "a", lambda: 5.0)
    await log.start()
    real, failing = os.write, [True]

    def write(file, data):
        if failing[0]:
            real(file, bytes(data)[:10])
            raise OSError(28, "No space left on device")
        return real(file, data)

    monkeypatch.setattr("gateway.adapters.audit.os.write", write)
    log.record(audit.event("reload", 1.0, note="lost"))
    await log.flush()
    assert log.lost == 1
    failing[0] = False
    log.record(audit.event("reload", 1.0, note="kept"))
    await log.flush()
    await log.aclose()
    found = audit.verify(read(tmp_path / "a"))
    assert (found.lines, found.findings) == (2, ())


def test_last_line(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"")
    assert last_line(path) == b""
    path.write_bytes(b"a\n" + b"x" * 200_000 + b"\n")
    assert last_line(path) == b"x" * 200_000 + b"\n"
