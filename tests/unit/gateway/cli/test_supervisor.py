"""What the supervisor decides, on an operating system that the test plays."""

from __future__ import annotations

import logging
import signal
from collections import deque
from collections.abc import Callable

import pytest

from gateway.adapters.board import Board
from gateway.cli._supervisor import BACKOFF_MAX_S, KILL_AFTER_S, WELL_S, Supervisor, ending, pause_s


class Stage:
    """Implements `System`. `script` says what happens at each wait: a signal, a death (pid, code), or a pause in seconds."""

    def __init__(self, *script: object, size: int = 2, stubborn: bool = False) -> None:
        self.script = deque(script)
        self.time, self.next_pid = 0.0, 100
        self.forks: list[tuple[float, int]] = []
        self.kills: list[tuple[int, int]] = []
        self.dead: list[tuple[int, int]] = []
        self.left: list[int] = []
        self.told: list[float] = []
        self.loads, self.dirty, self.stubborn = 0, False, stubborn
        self.unready: set[int] = set()
        self.mute: set[int] = set()
        self.board = Board(size)
        self.supervisor = Supervisor(
            self, self.board, size, 5.0, lambda: self.told.append(self.time), fatal=frozenset({1})
        )

    def run(self) -> int:
        return self.supervisor.run()

    def fork(self, slot: int) -> int:
        self.forks.append((self.time, slot))
        self.unready.add(slot)
        self.next_pid += 1
        return self.next_pid

    def wait(self, seconds: float) -> int | None:
        assert seconds > 0
        if not self.script:
            self.time += seconds
            return None
        match step := self.script.popleft():
            case signal.Signals():
                return step
            case (int(pid), int(code)):
                self.dead.append((pid, code))
                return signal.SIGCHLD
            case float():
                self.time += min(seconds, step)
                if step > seconds:
                    self.script.appendleft(step - seconds)
                return None
            case _ if isinstance(step, Callable):  # type: ignore[arg-type]
                step()  # type: ignore[operator]
                return None
        raise AssertionError(step)

    def reap(self) -> list[tuple[int, int]]:
        found, self.dead = self.dead, []
        return found

    def kill(self, pid: int, number: int) -> None:
        self.kills.append((pid, number))
        if number == signal.SIGKILL:
            self.dead.append((pid, -9))
        elif number == signal.SIGTERM and not self.stubborn:
            self.dead.append((pid, 0))

    def leave(self, slot: int) -> None:
        self.left.append(slot)

    def ready(self) -> set[int]:
        found = self.unready - self.mute
        self.unready = self.unready & self.mute
        return found

    def changed(self) -> bool:
        found, self.dirty = self.dirty, False
        return found

    def load(self) -> None:
        self.loads += 1

    def now(self) -> float:
        return self.time


def test_all_serve_then_all_end() -> None:
    stage = Stage(0.01, 5.0, signal.SIGTERM)
    assert stage.run() == 0
    assert [slot for _, slot in stage.forks] == [0, 1]
    assert len(stage.told) == 1
    assert stage.kills == [(101, signal.SIGTERM), (102, signal.SIGTERM)]
    assert not stage.board.alive(0)
    assert not stage.board.alive(1)


def test_it_is_not_said_before_all_serve() -> None:
    stage = Stage(0.5, lambda: stage.mute.clear(), 0.5, signal.SIGTERM)
    stage.mute = {1}
    stage.run()
    assert stage.told[0] >= 0.5


def test_a_dead_worker_comes_back_after_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "interlock")
    stage = Stage(0.1, (101, -9), 2.0, (103, -9), 2.0, signal.SIGTERM)
    assert stage.run() == 0
    assert [slot for _, slot in stage.forks] == [0, 1, 0, 0]
    times = [at for at, _ in stage.forks]
    assert times[2] == pytest.approx(0.1 + 0.5, abs=0.05)
    assert times[3] == pytest.approx(0.1 + 2.0 + 1.0, abs=0.05)
    assert stage.left == [0], "the second death in a row: its share goes to the others meanwhile"
    assert stage.board.restarts() == 2
    assert "worker 0 (pid 101) was ended by SIGKILL; it starts again in 0.5 s" in caplog.text
    assert "worker 0 starts again (pid 103)" in caplog.text


def test_a_worker_that_was_well_begins_a_new_count() -> None:
    stage = Stage(0.1, (101, -9), 2.0, WELL_S, (103, -9), 2.0, signal.SIGTERM)
    stage.run()
    times = [at for at, _ in stage.forks]
    assert times[3] - (0.1 + 2.0 + WELL_S) == pytest.approx(0.5, abs=0.05)
    assert stage.left == []


def test_pauses_double_up_to_a_bound() -> None:
    assert [pause_s(n) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert pause_s(7) == pause_s(1000) == BACKOFF_MAX_S


def test_a_worker_that_cannot_start_at_all_ends_everything() -> None:
    stage = Stage((101, 1))
    assert stage.run() == 1
    assert stage.kills == [(102, signal.SIGTERM)]


def test_once_they_served_the_same_code_is_a_death_like_any_other() -> None:
    stage = Stage(0.1, (101, 1), 2.0, signal.SIGTERM)
    assert stage.run() == 0
    assert len(stage.forks) == 3


def test_a_hangup_and_a_changed_file_reach_everybody() -> None:
    stage = Stage(0.1, signal.SIGHUP, 0.1, lambda: setattr(stage, "dirty", True), 1.5, signal.SIGTERM)
    stage.run()
    assert stage.loads == 2
    assert [pid for pid, number in stage.kills if number == signal.SIGHUP] == [101, 102, 101, 102]


def test_who_does_not_end_is_killed_and_that_is_no_clean_end(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(0.1, signal.SIGTERM, stubborn=True)
    assert stage.run() == 1
    assert [pid for pid, number in stage.kills if number == signal.SIGKILL] == [101, 102]
    assert stage.time == pytest.approx(0.1 + 5.0 + KILL_AFTER_S, abs=0.1)
    assert "was ended by SIGKILL while draining" in caplog.text


def test_a_stop_while_one_is_dead_waits_for_nobody() -> None:
    stage = Stage(0.1, (101, -11), signal.SIGTERM)
    assert stage.run() == 0
    assert stage.kills == [(102, signal.SIGTERM)]


def test_a_child_of_somebody_else_is_nobodys_business() -> None:
    stage = Stage(0.1, (999, -9), signal.SIGTERM)
    assert stage.run() == 0
    assert len(stage.forks) == 2


def test_how_it_ended() -> None:
    assert [ending(code) for code in (3, -11, -250)] == [
        "ended with code 3",
        "was ended by SIGSEGV",
        "was ended by signal 250",
    ]


def test_a_worker_that_cannot_be_forked_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """No memory or no process left: the other worker serves on, and nobody is killed."""
    stage = Stage(0.1, (101, -9), 4.0, signal.SIGTERM)
    forks, refused = stage.fork, [OSError(12, "Cannot allocate memory")] * 2

    def fork(slot: int) -> int:
        if stage.time > 0.2 and refused:
            stage.forks.append((stage.time, slot))
            raise refused.pop()
        return forks(slot)

    stage.fork = fork  # type: ignore[method-assign]
    assert stage.run() == 0
    assert [slot for _, slot in stage.forks] == [0, 1, 0, 0, 0]
    times = [at for at, _ in stage.forks]
    assert times[3] - times[2] == pytest.approx(1.0, abs=0.05)
    assert times[4] - times[3] == pytest.approx(2.0, abs=0.05)
    assert "worker 0 cannot be started ([Errno 12] Cannot allocate memory); it is tried again in 1.0 s" in caplog.text
    assert sorted(stage.kills) == [(102, signal.SIGTERM), (103, signal.SIGTERM)]
