"""Samples are added up by function."""

from __future__ import annotations

from pathlib import Path

from loadtests import profile

STACKS = """\
run (main.py:1);serve (gateway/serve.py:10);parse (gateway/parse.py:5) 30
run (main.py:1);serve (gateway/serve.py:12);parse (gateway/parse.py:9) 10
run (main.py:1);serve (gateway/serve.py:12) 50
run (main.py:1);walk (gateway/walk.py:3);walk (gateway/walk.py:4) 10
run (main.py:1);_bootstrap (threading.py:5);_worker (concurrent/futures/thread.py:81) 900

py-spy says something else
"""


def test_lines_of_a_function_are_one_and_a_recursion_counts_once() -> None:
    found = profile.added_up(STACKS.splitlines())
    assert found.samples == 100
    assert found.own == {"serve (gateway/serve.py)": 50, "parse (gateway/parse.py)": 40, "walk (gateway/walk.py)": 10}
    assert found.total["run (main.py)"] == 100
    assert found.total["serve (gateway/serve.py)"] == 90
    assert found.total["walk (gateway/walk.py)"] == 10


def test_the_dearest_come_first() -> None:
    lines = profile.text(profile.added_up(STACKS.splitlines()), "small_c16").splitlines()
    assert lines[0] == "small_c16"
    assert lines[4] == "  50.0%  serve (gateway/serve.py)"
    assert "  90.0%  serve (gateway/serve.py)" in lines


def test_py_spy_is_there_and_its_options_are_said() -> None:
    words = profile.command(42, Path("x.stacks"), kind="raw", seconds=0.2, native=True)
    assert Path(words[0]).exists()
    assert words[words.index("--pid") + 1] == "42"
    assert words[words.index("--duration") + 1] == "1"
    assert words[-1] == "--native"


def test_nothing_sampled_is_said() -> None:
    assert "no samples" in profile.text(profile.added_up([]), "small_c16")
