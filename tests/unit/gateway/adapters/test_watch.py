"""Watching files: changes, replacements, disappearances, SIGHUP, failing reloads."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from gateway.adapters.watch import Watcher, stamp

INTERVAL_S = 0.02


class Told:
    def __init__(self) -> None:
        self.reasons: asyncio.Queue[str] = asyncio.Queue()
        self.error: Exception | None = None

    async def __call__(self, reason: str) -> None:
        self.reasons.put_nowait(reason)
        if self.error:
            raise self.error

    async def next(self) -> str:
        return await asyncio.wait_for(self.reasons.get(), 5)

    async def nothing(self) -> bool:
        await asyncio.sleep(INTERVAL_S * 6)
        return self.reasons.empty()


async def test_a_write_is_told_once(tmp_path: Path):
    file, told = tmp_path / "c", Told()
    file.write_text("a")
    async with Watcher(lambda: [str(file)], told, interval_s=INTERVAL_S, sighup=False):
        assert await told.nothing()
        file.write_text("ab")
        assert await told.next() == f"changed: {file}"
        assert await told.nothing()


async def test_replacing_and_vanishing(tmp_path: Path):
    file, told = tmp_path / "c", Told()
    file.write_text("a")
    async with Watcher(lambda: [str(file)], told, interval_s=INTERVAL_S, sighup=False):
        file.unlink()
        assert await told.nothing()
        file.write_text("b")
        assert await told.next()
        other = tmp_path / "d"
        other.write_text("c")
        os.utime(other, ns=(stamp(str(file))[0],) * 2)  # type: ignore[index]
        os.replace(other, file)
        assert await told.next()


async def test_a_symlink_that_is_swapped(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    link, told = tmp_path / "c", Told()
    link.symlink_to("one")
    async with Watcher(lambda: [str(link)], told, interval_s=INTERVAL_S, sighup=False):
        fresh = tmp_path / "fresh"
        fresh.symlink_to("two")
        os.replace(fresh, link)
        assert await told.next()


async def test_sighup_tells_without_a_change(tmp_path: Path):
    told = Told()
    async with Watcher(lambda: [str(tmp_path / "none")], told, interval_s=60):
        os.kill(os.getpid(), signal.SIGHUP)
        assert await told.next() == "SIGHUP"
    assert asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP) is False


async def test_a_failing_reload_does_not_end_it(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    told = Told()
    told.error = RuntimeError("no")
    watcher = Watcher(lambda: [], told, interval_s=60, sighup=False)
    async with watcher:
        watcher.ask()
        await told.next()
        watcher.ask()
        assert await told.next() == "SIGHUP"
    assert "the reload failed" in caplog.text


async def test_it_ends_at_once():
    async with asyncio.timeout(1):
        async with Watcher(lambda: [], Told(), interval_s=3600, sighup=False):
            pass


async def test_the_list_may_change(tmp_path: Path):
    """A file that joins it is looked at from then on; that it is there is no change."""
    one, two, told = tmp_path / "one", tmp_path / "two", Told()
    one.write_text("1")
    two.write_text("2")
    paths = [str(one)]
    async with Watcher(lambda: tuple(paths), told, interval_s=INTERVAL_S, sighup=False):
        paths.append(str(two))
        assert await told.nothing()
        two.write_text("22")
        assert await told.next() == f"changed: {two}"
        paths.remove(str(one))
        one.write_text("11")
        assert await told.nothing()
