import json
import subprocess
import threading

import pytest

from policies.edge import shfmt
from policies.edge.shfmt import Shfmt, ShfmtMissing, answered, find_binary
from policies.shell import reading


@pytest.fixture
def parser():
    with Shfmt() as found:
        yield found


def script(tmp_path, text):
    """A program that stands in for shfmt."""
    path = tmp_path / "fake"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_tree_comes_back(parser):
    assert json.loads(parser.parse("a $b") or b"")["Type"] == "File"


def test_text_that_is_no_bash_has_no_tree(parser):
    assert parser.parse("a 'b") is None
    assert parser.parse("\ud800") is None


def test_an_answer_is_remembered(parser, monkeypatch):
    first = parser.parse("a $b")
    refused = parser.parse("a 'b")
    monkeypatch.setattr(parser, "_ask", lambda source: pytest.fail("asked again"))
    assert parser.known("a $b")
    assert parser.parse("a $b") == first
    assert parser.parse("a 'b") is refused
    assert not parser.known("c $d")


def test_the_memory_is_bounded(parser, monkeypatch):
    monkeypatch.setattr(shfmt, "MEMO_MAX", 2)
    for text in ("a $b", "c $d", "e $f"):
        parser.parse(text)
    assert [parser.known(text) for text in ("a $b", "c $d", "e $f")] == [False, True, True]


def test_large_answers_are_not_remembered(parser, monkeypatch):
    monkeypatch.setattr(shfmt, "MEMO_BYTES_MAX", 10)
    assert parser.parse("a $b") is not None
    assert not parser.known("a $b")


def test_large_texts_are_not_sent(parser, monkeypatch):
    monkeypatch.setattr(parser, "_ask", lambda source: pytest.fail("sent"))
    assert parser.parse("a" * (shfmt.TEXT_BYTES_MAX + 1)) is None


def test_a_slow_parser_is_ended(tmp_path):
    with Shfmt(script(tmp_path, "exec sleep 60"), ready=0, timeout_s=0.2) as slow:
        assert slow.parse("a") is None
        assert not slow.known("a")


def test_a_parser_that_dies_gives_nothing_and_is_asked_again(tmp_path):
    with Shfmt(script(tmp_path, "kill -9 $$"), ready=0) as dying:
        assert dying.parse("a") is None
        assert not dying.known("a")


def test_too_much_output_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(shfmt, "OUTPUT_BYTES_MAX", 3)
    with Shfmt(script(tmp_path, "echo abcdef"), ready=0) as chatty:
        assert chatty.parse("a") is None


def test_a_missing_binary_is_said(monkeypatch):
    monkeypatch.setattr(shfmt.sysconfig, "get_path", lambda name: "/nonexistent")
    monkeypatch.setattr(shfmt.shutil, "which", lambda name: None)
    with pytest.raises(ShfmtMissing, match="shfmt-py"):
        find_binary()
    with Shfmt("/nonexistent/shfmt", ready=0) as broken:
        assert broken.parse("a") is None


def test_waiting_processes_are_used_and_ended():
    parser = Shfmt(ready=1)
    parser.parse("a $b")
    for _ in range(200):
        with parser._lock:
            waiting = list(parser._ready)
        if waiting:
            break
        threading.Event().wait(0.02)
    assert waiting, "no process was made ready"
    assert waiting[0].poll() is None
    assert parser.parse("c $d") is not None
    parser.close()
    assert waiting[0].wait(5) is not None
    assert parser.parse("e $f") is not None  # closed means: none is kept ready


def test_many_threads_get_their_own_answers(parser):
    answers: dict[int, bytes | None] = {}

    def ask(number: int) -> None:
        answers[number] = parser.parse(f"a{number} $b")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 24
    assert all(f"a{number}".encode() in (tree or b"") for number, tree in answers.items())


def test_nothing_is_left_running():
    with Shfmt(ready=2) as parser:
        parser.parse("a $b")
        held = parser._take()
        assert isinstance(held, subprocess.Popen)
        shfmt._end(held)
        assert held.returncode is not None


def test_a_reading_is_driven_to_its_end(parser):
    found = answered(reading("bash -c 'rm -rf $X; ls *'", cwd="/repo"), parser)
    assert [command.program for command in found.commands] == ["rm", "ls"]
