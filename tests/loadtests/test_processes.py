"""CPU time and memory of a process tree are those of all its processes, ended children too."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtests import processes

BUSY = "import time\nend = time.process_time() + {s}\nwhile time.process_time() < end: pass\n"


def waited(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, "the child did not come so far"
        time.sleep(0.01)


def test_ended_and_living_children_count(tmp_path: Path) -> None:
    """0.3 s in a child that ended and was waited for, 0.3 s in one that lives, 0.3 s in a thread that ended."""
    done = tmp_path / "done"
    script = f"""
import pathlib, subprocess, sys, threading, time
subprocess.run([sys.executable, "-c", {BUSY.format(s=0.3)!r}])
living = subprocess.Popen([sys.executable, "-c", {BUSY.format(s=0.3)!r} + "import pathlib; pathlib.Path({str(done)!r} + '2').touch(); time.sleep(60)"])
def work():
    end = time.thread_time() + 0.3
    while time.thread_time() < end: pass
thread = threading.Thread(target=work)
thread.start()
thread.join()
pathlib.Path({str(done)!r}).touch()
time.sleep(60)
"""
    child = processes.spawn([sys.executable, "-c", script], tmp_path / "log")
    try:
        waited(done)
        waited(Path(f"{done}2"))
        assert len(processes.tree(child.pid)) == 2
        used = processes.cpu_s(child.pid)
        assert 0.9 <= used < 3.0
        assert processes.rss_mib(child.pid) > 8
    finally:
        processes.stop(child)
    assert (tmp_path / "log").read_text() == ""


def test_stop_ends_the_whole_group_even_one_that_will_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = tmp_path / "ready"
    script = "import signal, pathlib, sys, time; signal.signal(15, signal.SIG_IGN); pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    child = processes.spawn([sys.executable, "-c", script, str(ready)], tmp_path / "log")
    waited(ready)
    began = time.monotonic()
    monkeypatch.setattr(processes, "STOP_S", 0.2)
    processes.stop(child)
    assert child.returncode == -9
    assert time.monotonic() - began < 10


def test_a_process_that_is_gone_costs_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processes.cpu_s(child.pid) == 0
    assert processes.rss_mib(child.pid) == 0


def test_peak_sees_what_was_there_only_for_a_moment() -> None:
    with processes.Peak(os.getpid()) as peak:
        before = peak.mib or processes.rss_mib(os.getpid())
        held = bytearray(os.urandom(1) * (64 << 20))
        time.sleep(0.5)
        del held
    assert peak.mib > before + 50


def test_free_ports_are_free() -> None:
    assert processes.free_port() != processes.free_port()
